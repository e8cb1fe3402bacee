//! Columns that plugins add, zones, and tables that change under a running store, in a real SQLite file.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sidegate::auth::{ActiveSession, IdentityField as Field, Impersonation};
use sidegate::clock::UnixMillis;
use sidegate::store::{AnyStore, ColumnCase, Names, Schema, SessionStore as _, SqlName, StoreOptions};

use crate::better_auth::{Database, Expiry, default_names, named, options};
use crate::rig::{TOKEN, token};
use crate::store_sqlite::with_ada;

async fn active(store: &AnyStore) -> ActiveSession {
    let found = store.find(&token(TOKEN)).await.unwrap().unwrap();
    Arc::new(found).active_at(UnixMillis::EPOCH).unwrap()
}

async fn told(store: &AnyStore, field: Field) -> Option<String> {
    let value = active(store).await.identity().get(field).cloned();
    value.map(|value| value.to_str().unwrap().to_owned())
}

/// Ada as an owner in `org_1`, where she is active.
async fn with_member() -> Database {
    let mut database = with_ada().await;
    database
        .run(
            r#"alter table "session" add column "activeOrganizationId" text;
               create table "member" ("id" text not null primary key, "organizationId" text not null,
                   "userId" text not null, "role" text not null, "createdAt" date not null);
               update "session" set "activeOrganizationId" = 'org_1';
               insert into "member" values ('m2', 'org_1', 'usr_1', 'owner', '2026-01-01');"#,
        )
        .await;
    database
}

#[tokio::test]
async fn the_role_in_the_active_organization_is_told() {
    let database = with_member().await;

    assert_eq!(told(&database.store(), Field::OrganizationRole).await.as_deref(), Some("owner"));
}

#[tokio::test]
async fn a_membership_that_is_double_makes_no_second_session_and_the_first_id_counts() {
    let mut database = with_member().await;
    database
        .run(
            r#"insert into "member" values ('m3', 'org_1', 'usr_1', 'member', '2026-01-01');
               insert into "member" values ('m1', 'org_1', 'usr_1', 'admin,member', '2026-01-02');
               insert into "member" values ('m0', 'org_2', 'usr_1', 'owner', '2026-01-02');
               insert into "member" values ('m00', 'org_1', 'usr_2', 'owner', '2026-01-02');"#,
        )
        .await;

    assert_eq!(told(&database.store(), Field::OrganizationRole).await.as_deref(), Some("admin,member"));
}

#[tokio::test]
async fn members_are_read_under_their_own_names() {
    let mut database = with_member().await;
    database.run(r#"alter table "member" rename to "seats""#).await;
    let member = SqlName::path("seats").unwrap();

    let schema = Schema::new(Names { member, ..named("session", "user", ColumnCase::Camel) });

    let (there, elsewhere) = (database.store_with(schema), database.store());
    assert_eq!(told(&there, Field::OrganizationRole).await.as_deref(), Some("owner"));
    assert_eq!(told(&elsewhere, Field::OrganizationRole).await, None);
}

#[tokio::test]
async fn a_table_of_members_without_a_role_tells_none() {
    let mut database = with_member().await;
    database.run(r#"alter table "member" drop column "role""#).await;

    assert_eq!(told(&database.store(), Field::OrganizationRole).await, None);
}

#[tokio::test]
async fn the_sign_in_is_known_in_whatever_form_the_column_has_it_and_where_it_has_none_nothing_is_made_up() {
    // 2026-01-15T00:00:00.123Z
    const SIGNED_IN: UnixMillis = UnixMillis::new(1_768_435_200_123);
    for (value, known) in [
        ("'2026-01-15T00:00:00.123Z'", Some(SIGNED_IN)),
        ("'2026-01-15T01:00:00.123+01:00'", Some(SIGNED_IN)),
        ("1768435200123", Some(SIGNED_IN)),
        ("1768435200123.0", Some(SIGNED_IN)),
        ("'yesterday'", None),
        ("x'00'", None),
    ] {
        let mut database = with_ada().await;
        database.run(&format!(r#"update "session" set "createdAt" = {value}"#)).await;

        assert_eq!(signed_in_at(&database.store()).await, known, "{value}");
    }
    let mut without = with_ada().await;
    without.run(r#"alter table "session" drop column "createdAt""#).await;
    assert_eq!(signed_in_at(&without.store()).await, None, "a role that may not read it sees as much");
}

async fn signed_in_at(store: &AnyStore) -> Option<UnixMillis> {
    store.find(&token(TOKEN)).await.unwrap().unwrap().signed_in_at()
}

#[tokio::test]
async fn who_acts_in_a_session_is_known_where_a_column_tells() {
    let impersonation = async |database: &Database| active(&database.store()).await.impersonation();
    let mut database = with_ada().await;
    assert_eq!(impersonation(&database).await, Impersonation::No, "without the admin plugin nobody can");
    database.run(r#"alter table "session" add column "impersonatedBy" text"#).await;
    assert_eq!(impersonation(&database).await, Impersonation::No);
    database.run(r#"update "session" set "impersonatedBy" = 'adm_1'"#).await;
    assert_eq!(impersonation(&database).await, Impersonation::Yes);
}

#[tokio::test]
async fn a_ban_is_seen_in_whatever_form_the_column_has_it() {
    for (value, is_banned) in [("1", true), ("0", false), ("null", false), ("'true'", true), ("1.0", true)] {
        let mut database = with_ada().await;
        database.run(r#"alter table "user" add column "banned" integer"#).await;
        database.run(&format!(r#"update "user" set "banned" = {value}"#)).await;

        assert_eq!(active(&database.store()).await.is_banned_at(crate::rig::NOW), is_banned, "{value}");
    }
}

#[tokio::test]
async fn a_ban_ends_at_its_end_in_every_form_and_never_where_it_has_none_that_can_be_read() {
    // 2026-01-15T12:00:00.123Z is now.
    for (end, is_banned) in [
        ("null", true),
        ("'2026-01-15T12:00:00.123Z'", true),
        ("'2026-01-15T12:00:00.122Z'", false),
        ("1768478400123", true),
        ("1768478400122", false),
        ("'2026-01-15 11:59:59'", false),
        ("'soon'", true),
        ("x'00'", true),
    ] {
        let mut database = with_ada().await;
        database
            .run(
                r#"alter table "user" add column "banned" integer; alter table "user" add column "banExpires" date"#,
            )
            .await;
        database.run(&format!(r#"update "user" set "banned" = 1, "banExpires" = {end}"#)).await;

        assert_eq!(active(&database.store()).await.is_banned_at(crate::rig::NOW), is_banned, "{end}");
    }
}

/// What `new Date(…)` makes of each, computed by Node 20 with TZ set to New York: an hour that the clocks skip, one that
/// they show twice, and dates that say their zone or are alone.
#[tokio::test]
async fn a_date_without_a_zone_is_of_the_zone_that_is_set() {
    let mut database = with_ada().await;
    let time_zone = TimeZone::get("America/New_York").unwrap();
    let store =
        AnyStore::open(&database.url(), &StoreOptions { time_zone, ..options(default_names()) }).unwrap();
    for (text, millis) in [
        ("2026-01-22 12:00:00", 1_769_101_200_000),
        ("2026-01-22T12:00:00.123", 1_769_101_200_123),
        ("2026-07-22 12:00:00", 1_784_736_000_000),
        ("2026-03-08 02:30:00", 1_772_955_000_000),
        ("2026-11-01 01:30:00", 1_793_511_000_000),
        ("2026-01-22", 1_769_040_000_000),
        ("2026-01-22T12:00:00.123Z", 1_769_083_200_123),
        ("2026-01-22T13:00:00.123+01:00", 1_769_083_200_123),
    ] {
        database.add_session(text, text, "usr_1", &Expiry::Text(text.to_owned())).await;

        let session = store.find(&token(text)).await.unwrap().unwrap();

        assert_eq!(session.expires_at(), UnixMillis::new(millis), "{text}");
    }
}

#[tokio::test]
async fn a_column_that_comes_is_seen_once_the_plan_is_old() {
    let mut database = with_ada().await;
    let aging = |plan_age| {
        let options = StoreOptions { plan_age, ..options(default_names()) };
        AnyStore::open(&database.url(), &options).unwrap()
    };
    let (old, young) = (aging(Duration::ZERO), aging(Duration::from_hours(1)));
    assert_eq!((told(&old, Field::UserRole).await, told(&young, Field::UserRole).await), (None, None));

    database.run(r#"alter table "user" add column "role" text; update "user" set "role" = 'admin'"#).await;

    assert_eq!(told(&old, Field::UserRole).await.as_deref(), Some("admin"));
    assert_eq!(told(&young, Field::UserRole).await, None);
}

#[tokio::test]
async fn a_column_that_goes_costs_no_lookup() {
    let mut database = with_member().await;
    database.run(r#"alter table "user" add column "role" text; update "user" set "role" = 'admin'"#).await;
    let store = database.store();
    assert_eq!(told(&store, Field::UserRole).await.as_deref(), Some("admin"));

    database.run(r#"alter table "user" drop column "role"; drop table "member""#).await;

    assert_eq!(told(&store, Field::UserRole).await, None);
    assert_eq!(told(&store, Field::OrganizationRole).await, None);
    assert_eq!(told(&store, Field::OrganizationId).await.as_deref(), Some("org_1"));
}

#[tokio::test]
async fn tables_that_are_mended_are_read_at_once() {
    let mut database = with_ada().await;
    database.run(r#"alter table "session" rename to "gone""#).await;
    let store = database.store();
    assert_eq!(store.probe().await.unwrap_err().code(), "refused");

    database.run(r#"alter table "gone" rename to "session""#).await;

    store.probe().await.unwrap();
}

#[tokio::test]
async fn many_first_lookups_at_once_are_all_answered() {
    let database = with_member().await;
    let options = StoreOptions { connections: 8, ..options(default_names()) };
    let store = AnyStore::open(&database.url(), &options).unwrap();

    let lookups = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { told(&store, Field::OrganizationRole).await })
    });

    for lookup in lookups.collect::<Vec<_>>() {
        assert_eq!(lookup.await.unwrap().as_deref(), Some("owner"));
    }
}

#[tokio::test]
async fn a_survey_tells_each_table_with_its_columns() {
    let survey = with_member().await.store().survey().await.unwrap().unwrap();

    let names: Vec<_> = survey.tables.iter().map(|table| (table.path(), table.columns.len())).collect();

    assert_eq!(survey.lookup, Ok(()));
    let expected = [("member", 5), ("session", 9), ("user", 7)];
    assert_eq!(names, expected.map(|(name, columns)| (name.to_owned(), columns)));
}
