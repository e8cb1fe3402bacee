//! What `sidegate check` tells of tables and columns.

use jiff::tz::TimeZone;

use super::fit::Fit;
use crate::auth::IdentityField;
use crate::cli::say;
use crate::dialect::HeaderNames;
use crate::store::{Column, DateColumn, Field, Need, Survey, Table};

/// Tells what was found, and the settings that would fit it better. Whether a lookup is possible.
pub(super) fn tell(survey: &Survey, zone: &TimeZone, names: &HeaderNames) -> bool {
    let mut is_good = survey.lookup.is_ok();
    for (index, (table, found)) in survey.columns.tables(&survey.schema).into_iter().enumerate() {
        let is_required = index < 2;
        match (found.is_empty(), is_required) {
            (true, true) => {
                line("table", "FAIL", &format!("{} is not there, or may not be read", table.name()));
            }
            (true, false) => line("table", "none", &format!("{} is not there, and not missed", table.name())),
            (false, _) => tell_columns(survey, table, found, is_required),
        }
    }
    tell_headers(survey, names);
    is_good &= tell_dates(survey, zone);
    let fit = Fit::of(survey);
    if !fit.settings.is_empty() {
        let what = if is_good { "would have more read" } else { "would fit what is there" };
        say(&format!("\n# These settings {what}:\n{}\n\n", fit.settings.join("\n")));
    }
    for missing in &fit.missing {
        line("missing", "", missing);
    }
    is_good
}

fn tell_columns(survey: &Survey, table: &Table, found: &[Column], is_required: bool) {
    let column = |field: &Field| survey.columns.of_field(found, field);
    let needed = |field: &&Field| matches!(field.need, Need::Required | Need::Additional);
    let mut bad = 0;
    for field in table.fields.iter().filter(needed) {
        let what = match column(field) {
            None => "is not there",
            Some(column) if !column.is_readable => "may not be read by this role",
            Some(_) => continue,
        };
        bad += 1;
        let result = if is_required { "FAIL" } else { "none" };
        line("column", result, &format!("{}.{} {what}", table.name(), field.column.as_str()));
    }
    if bad == 0 {
        let names: Vec<_> = table.fields.iter().filter(needed).map(|field| field.column.as_str()).collect();
        line("table", "ok", &format!("{} has {}", table.name(), names.join(", ")));
    }
}

/// Which headers can be expected beyond those of every session.
fn tell_headers(survey: &Survey, names: &HeaderNames) {
    let (schema, columns) = (&survey.schema, &survey.columns);
    let has = |table: &Table, found: &[Column], name: &str| {
        let field = table.fields.iter().find(|field| field.name == name);
        field.and_then(|field| columns.of_field(found, field)).is_some_and(|column| column.is_readable)
    };
    let session = |name: &str| has(&schema.session, &columns.session, name);
    let user = |name: &str| has(&schema.user, &columns.user, name);
    let member = ["id", "organizationId", "userId", "role"];
    let has_member = member.iter().all(|name| has(&schema.member, &columns.member, name));
    let told = [
        ("user.emailVerified", user("emailVerified"), IdentityField::UserEmailVerified),
        ("user.role", user("role"), IdentityField::UserRole),
        ("session.impersonatedBy", session("impersonatedBy"), IdentityField::ImpersonatedBy),
        ("session.activeOrganizationId", session("activeOrganizationId"), IdentityField::OrganizationId),
        ("member.role", session("activeOrganizationId") && has_member, IdentityField::OrganizationRole),
        ("session.activeTeamId", session("activeTeamId"), IdentityField::TeamId),
        ("user.isAnonymous", user("isAnonymous"), IdentityField::UserAnonymous),
        ("user.twoFactorEnabled", user("twoFactorEnabled"), IdentityField::UserTwoFactor),
        ("user.username", user("username"), IdentityField::UserUsername),
        ("user.phoneNumber", user("phoneNumber"), IdentityField::UserPhone),
        ("user.phoneNumberVerified", user("phoneNumberVerified"), IdentityField::UserPhoneVerified),
    ];
    for (field, _, told) in told.into_iter().filter(|(_, is_there, _)| *is_there) {
        if let Some(header) = names.of(told) {
            line("header", "ok", &format!("{header} from {field}"));
        }
    }
    if user("banned") {
        line("bans", "ok", "user.banned is looked at (refuse_banned)");
    }
}

/// Whether all dates that decide are of types that can be read.
fn tell_dates(survey: &Survey, zone: &TimeZone) -> bool {
    let (schema, columns) = (&survey.schema, &survey.columns);
    let mut is_good = true;
    for (table, found, name) in
        [(&schema.session, &columns.session, "expiresAt"), (&schema.user, &columns.user, "banExpires")]
    {
        let field = table.fields.iter().find(|field| field.name == name);
        let Some(column) = field.and_then(|field| columns.of_field(found, field)) else { continue };
        let what = format!("{}.{} is {}", table.name(), column.name, column.sql_type);
        match (survey.date)(&column.sql_type) {
            DateColumn::Instant | DateColumn::Text => {}
            DateColumn::Wall => {
                let zone = zone.iana_name().unwrap_or("UTC");
                line(
                    "zone",
                    "note",
                    &format!(
                        "{what}, without a zone: read as {zone} (time_zone), which is Better Auth's process's if its sessions end when they should"
                    ),
                );
            }
            DateColumn::Unfit => {
                is_good = false;
                line("type", "FAIL", &format!("{what}, which holds no dates that Better Auth could read"));
            }
        }
    }
    is_good
}

fn line(what: &str, result: &str, why: &str) {
    say(&format!("{what:<9} {result:<5} {why}\n"));
}
