//! From a column's value to what Better Auth makes of it.
//!
//! Source: BETTER-AUTH 1.7.25 `db/adapter/factory`, `transformOutput`, and what its drivers (node-pg, mysql2,
//! better-sqlite3) hand to it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Number, Value};

use crate::clock::UnixMillis;

/// How a column that was asked for is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is.
    Text,
    /// A number, printed as JavaScript would.
    Number,
    /// True or false; 1 or another number where there are no booleans.
    Boolean,
    /// An instant.
    Date,
    /// JSON of the database's own type, which a driver parses.
    Json,
    /// JSON in a text, which Better Auth parses and looks through for dates.
    JsonText,
}

/// A text, or a value cast to one.
pub(super) fn of_text(text: String, reading: Reading) -> Value {
    match reading {
        Reading::Number => number(&text).unwrap_or(Value::String(text)),
        Reading::Boolean => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => number(&text).map_or(Value::String(text), |number| boolean(&number)),
        },
        // What does not parse stays the text that it is (`safeJSONParse`).
        Reading::Json => {
            serde_json::from_str(&text).map_or(Value::String(text), |value| tidied(value, false))
        }
        Reading::JsonText => serde_json::from_str(&text).map_or(Value::Null, |value| tidied(value, true)),
        Reading::Text | Reading::Date => Value::String(text),
    }
}

/// 1 is true, and no other number is.
pub(super) fn boolean(number: &Value) -> Value {
    Value::Bool(number.as_f64() == Some(1.0))
}

/// A number as JavaScript holds it: no 2.0, and beyond 2^53 what is nearest.
pub(super) fn number_of(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and far within the range")]
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn number(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().map(number_of)
}

/// A date as get-session tells it: one that no calendar holds is null.
pub(super) fn date(at: Option<UnixMillis>) -> Value {
    match at {
        Some(UnixMillis::NEVER) | None => Value::Null,
        Some(at) => Value::String(at.to_string()),
    }
}

/// A text that holds a date, or the milliseconds of one.
pub(super) fn instant_of_text(text: &str, zone: &TimeZone) -> Result<UnixMillis, String> {
    if let Ok(millis) = text.parse::<i64>() {
        return Ok(UnixMillis::new(millis));
    }
    // Better Auth would take text that is no date as an expiry that never comes.
    UnixMillis::parse_iso_in(text, zone).ok_or_else(|| "is text that is no date".to_owned())
}

/// What a clock on the wall showed, as milliseconds since 1970 on that wall.
pub(super) fn instant_of_wall(millis: i64, zone: &TimeZone) -> Result<UnixMillis, String> {
    if *zone == TimeZone::UTC {
        return Ok(UnixMillis::new(millis));
    }
    let since = jiff::SignedDuration::from_millis(millis);
    let at = DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(since);
    at.ok().and_then(|at| UnixMillis::of_civil(at, zone)).ok_or_else(|| "is beyond the calendar".to_owned())
}

/// Numbers as JavaScript prints them, and dates in texts as it writes them (`reviveDates` of Better Auth).
fn tidied(value: Value, revives: bool) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), number_of),
        Value::String(text) if revives && is_date(&text) => {
            UnixMillis::parse_iso(&text).map_or(Value::String(text), |at| Value::String(at.to_string()))
        }
        Value::Array(list) => list.into_iter().map(|value| tidied(value, revives)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, tidied(value, revives))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

/// `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$`
fn is_date(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let Some((head, rest)) = text.as_bytes().split_at_checked(FORM.len()) else { return false };
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let fraction = match rest {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    fraction && head.iter().zip(FORM).all(fits)
}
