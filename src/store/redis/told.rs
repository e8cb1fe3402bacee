//! What get-session answers for a value in Redis.
//!
//! Better Auth answers with the value's own fields in the value's own order, but for those with `returned: false`, which
//! the value holds all the same. Nothing in Redis says which they are: only fields that are known are told.

use std::sync::Arc;

use serde_json::Value;

use super::super::{Schema, Table};
use crate::auth::{Body, Fields, SessionRecord};
use crate::clock::UnixMillis;

/// Dates that are made from whatever is there.
const SESSION_DATES: [&str; 3] = ["expiresAt", "createdAt", "updatedAt"];
const USER_DATES: [&str; 2] = ["createdAt", "updatedAt"];

/// The fields that are told.
#[derive(Clone)]
pub(super) struct Told {
    session: Arc<[String]>,
    user: Arc<[String]>,
}

impl Told {
    /// Better Auth's own, its plugins', and those that the settings name.
    pub(super) fn of(schema: &Schema) -> Self {
        let names = |table: &Table| table.fields.iter().map(|field| field.name.clone()).collect();
        Self { session: names(&schema.session), user: names(&schema.user) }
    }

    /// The answer for a record out of Redis.
    pub(super) fn body(&self, mut record: SessionRecord) -> Body {
        tell(&mut record.session, &self.session, &SESSION_DATES);
        tell(&mut record.user, &self.user, &USER_DATES);
        record.body()
    }
}

fn tell(fields: &mut Fields, told: &[String], dates: &[&str]) {
    fields.retain(|name, _| told.contains(name));
    for name in dates {
        let date = fields.entry(*name).or_insert(Value::Bool(false));
        *date = iso(date);
    }
    for value in fields.values_mut() {
        revive(value);
    }
}

/// `JSON.stringify(new Date(value))`
fn iso(value: &Value) -> Value {
    let instant = match value {
        Value::String(text) => UnixMillis::parse_iso(text),
        Value::Number(millis) => millis.as_i64().map(UnixMillis::new),
        Value::Null => Some(UnixMillis::EPOCH),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    instant.map_or(Value::Null, |instant| instant.to_string().into())
}

/// Every text of that form becomes a date when Better Auth reads it, and is written as one.
fn revive(value: &mut Value) {
    match value {
        Value::String(text) if is_iso(text) => {
            if let Some(instant) = UnixMillis::parse_iso(text) {
                *text = instant.to_string();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(revive),
        Value::Object(fields) => fields.values_mut().for_each(revive),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/`
fn is_iso(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00";
    let Some((seconds, rest)) = text.split_at_checked(FORM.len()) else {
        return false;
    };
    let fits = seconds.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    });
    let fraction = rest.strip_suffix('Z').map(|fraction| fraction.strip_prefix('.').unwrap_or(fraction));
    fits && fraction.is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.is_empty() == (rest == "Z"))
    })
}
