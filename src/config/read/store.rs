//! Where sessions are kept, and how they are read there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::StoreSettings;
use super::super::error::ConfigError;
use super::Reader;
use crate::auth::CookieName;
use crate::secret::Secret;
use crate::store::{
    AdditionalField, ColumnCase, FieldKind, Names, SESSION_FIELDS, Schema, SqlName, StoreOptions, USER_FIELDS,
};

/// How soon a plugin's new column is noticed, for one more question to the database each time.
const PLAN_AGE: Duration = Duration::from_mins(1);

impl Reader<'_> {
    pub(super) fn store_url(&mut self) -> Option<Secret> {
        let url = self.given("store").map(|given| given.text.to_owned());
        let url = url.or_else(|| self.sources.environment().get("DATABASE_URL").map(str::to_owned));
        let Some(url) = url else {
            let what = "no session store is named: neither store nor DATABASE_URL is set";
            let hint =
                "set DATABASE_URL to the database that Better Auth uses, such as postgres://user@host/db";
            return self.mistake(ConfigError::new(what).hint(hint));
        };
        Some(Secret::new(url))
    }

    pub(in crate::config) fn store_settings(&mut self) -> Option<StoreSettings> {
        let url = self.store_url();
        let cookie = self.cookie_name();
        let options = self.store(cookie);
        Some(StoreSettings { options: options?, url: url? })
    }

    pub(super) fn store(&mut self, cookie: Option<CookieName>) -> Option<StoreOptions> {
        let names = self.names();
        let connections = self.count("store_connections", 1, 1000);
        let connect_timeout = self.duration("store_connect_timeout", Duration::from_millis(1));
        let timeout = self.store_timeout();
        let time_zone =
            self.value("time_zone", "write UTC or a name such as America/New_York", TimeZone::get);
        let redis_key_prefix = self.sources.given("redis_key_prefix").map_or("", |given| given.text);
        let bodies = self.switch("get_session");
        Some(StoreOptions {
            schema: Schema::new(names?),
            connections: u32::try_from(connections?).ok()?,
            connect_timeout: connect_timeout?,
            timeout: timeout?,
            time_zone: time_zone?,
            redis_key_prefix: redis_key_prefix.to_owned(),
            cookie: cookie?,
            bodies: bodies?,
            plan_age: PLAN_AGE,
        })
    }

    pub(super) fn store_timeout(&mut self) -> Option<Duration> {
        self.duration("store_timeout", Duration::from_millis(1))
    }

    fn names(&mut self) -> Option<Names> {
        let hint = "write the table's name, or schema.table";
        let session = self.value("session_table", hint, SqlName::path);
        let user = self.value("user_table", hint, SqlName::path);
        let member = self.value("member_table", hint, SqlName::path);
        let jwks = self.value("jwks_table", hint, SqlName::path);
        let case = self.value("column_case", "write camel or snake", |text| match text {
            "camel" => Ok(ColumnCase::Camel),
            "snake" => Ok(ColumnCase::Snake),
            _ => Err("there are two"),
        });
        let session_fields = self.fields("session_fields", &SESSION_FIELDS);
        let user_fields = self.fields("user_fields", &USER_FIELDS);
        let session_additional = self.additional("session_additional_fields", &SESSION_FIELDS);
        let user_additional = self.additional("user_additional_fields", &USER_FIELDS);
        Some(Names {
            session: session?,
            user: user?,
            member: member?,
            jwks: jwks?,
            case: case?,
            session_fields: session_fields?,
            user_fields: user_fields?,
            session_additional: session_additional?,
            user_additional: user_additional?,
        })
    }

    /// `expiresAt=valid_until,userId=owner`
    fn fields(&mut self, name: &'static str, known: &[&str]) -> Option<BTreeMap<String, SqlName>> {
        let hint =
            format!("write field=column with commas between them; the fields read are {}", known.join(", "));
        self.value(name, &hint, |text| {
            pairs(text)
                .map(|pair| {
                    let (field, column) = pair.split_once('=').ok_or_else(|| format!("{pair:?} has no ="))?;
                    if !known.contains(&field) {
                        return Err(format!("{field:?} is no field that is read"));
                    }
                    let column = SqlName::new(column).map_err(|error| format!("{field}: {error}"))?;
                    Ok((field.to_owned(), column))
                })
                .collect()
        })
    }

    /// `device:string,trust=trust_level:number`, and `device=string` as a table of TOML says it.
    fn additional(&mut self, name: &'static str, known: &[&str]) -> Option<Vec<AdditionalField>> {
        let hint = "write field:type or field=column:type with commas between them; types are string, number, \
                    boolean, date, json, string[] and number[]";
        self.value(name, hint, |text| {
            let mut fields: Vec<AdditionalField> = Vec::new();
            for pair in pairs(text) {
                let field = additional_field(pair)?;
                if known.contains(&field.name.as_str()) || fields.iter().any(|other| other.name == field.name)
                {
                    return Err(format!("{:?} is told already", field.name));
                }
                fields.push(field);
            }
            Ok(fields)
        })
    }
}

pub(super) fn pairs(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|pair| !pair.is_empty())
}

fn additional_field(pair: &str) -> Result<AdditionalField, String> {
    let (name, column, kind) = if let Some((name, rest)) = pair.split_once('=') {
        rest.rsplit_once(':').map_or((name, None, rest), |(column, kind)| (name, Some(column), kind))
    } else {
        let (name, kind) = pair.rsplit_once(':').ok_or_else(|| format!("{pair:?} has no type"))?;
        (name, None, kind)
    };
    let kind = match kind {
        "string" => FieldKind::Text,
        "number" => FieldKind::Number,
        "boolean" => FieldKind::Boolean,
        "date" => FieldKind::Date,
        "json" => FieldKind::Json,
        "string[]" | "number[]" => FieldKind::List,
        _ => return Err(format!("{kind:?} is no type")),
    };
    // The name is the column's too, where that has none of its own.
    SqlName::new(name).map_err(|error| format!("{name:?}: {error}"))?;
    let column = column.map(SqlName::new).transpose().map_err(|error| format!("{name}: {error}"))?;
    Ok(AdditionalField { name: name.to_owned(), column, kind })
}
