//! JSON as Better Auth's JavaScript reads it and writes it again: what was signed is what is written, not what was sent.
//!
//! Objects keep the order of their keys, but for those that are array indices, which come first; the last of equal keys
//! wins in the place of the first; numbers are doubles; dates are written in one form (see [`super::date`]).
//! Source: ECMA-262 `JSON.parse`, `JSON.stringify`, `OrdinaryOwnPropertyKeys`, `Number::toString`.

use std::fmt::Write as _;

use serde_json::Value;

use super::Unusable;
use super::date::{Revived, revive};
use crate::auth::session::Fields;

/// The value that `text` stands for, dates in the form in which they will be written.
pub(super) fn parse(text: &str) -> Result<Value, Unusable> {
    // TextDecoder drops one byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut value: Value = serde_json::from_str(text).map_err(|_| Unusable::Json)?;
    settle(&mut value)?;
    Ok(value)
}

/// `JSON.stringify`, of a value from Better Auth's JSON.
#[must_use]
pub fn stringify(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

pub(super) fn write_object(fields: &Fields, out: &mut String) {
    out.push('{');
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => write_object(fields, out),
    }
}

/// The escapes of `JSON.stringify`: those that JSON asks for and no others.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control @ '\0'..' ' => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// `Number::toString` of the double that the number is to JavaScript.
pub(super) fn number_text(number: &serde_json::Number) -> String {
    number
        .as_f64()
        .map_or_else(|| "null".to_owned(), |double| ryu_js::Buffer::new().format(double).to_owned())
}

/// Gives every object the order and every date the form that JavaScript gives them.
fn settle(value: &mut Value) -> Result<(), Unusable> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) => match revive(text) {
            Revived::Text => Ok(()),
            Revived::Date(at) => {
                *text = at.to_string();
                Ok(())
            }
            Revived::Doubtful => Err(Unusable::Ambiguous),
        },
        Value::Array(items) => items.iter_mut().try_for_each(settle),
        Value::Object(fields) => {
            // JavaScript takes it for the object's prototype at one step, and for a key at others.
            if fields.contains_key("__proto__") {
                return Err(Unusable::Ambiguous);
            }
            indices_first(fields);
            fields.values_mut().try_for_each(settle)
        }
    }
}

/// Moves the keys that are array indices before the others, in ascending order.
pub(super) fn indices_first(fields: &mut Fields) {
    if !fields.keys().any(|key| array_index(key).is_some()) {
        return;
    }
    let (mut indices, others): (Vec<_>, Vec<_>) =
        std::mem::take(fields).into_iter().partition(|(key, _)| array_index(key).is_some());
    indices.sort_by_key(|(key, _)| array_index(key));
    fields.extend(indices.into_iter().chain(others));
}

/// Up to 2^32 - 2, for the length of an array has 32 bits.
fn array_index(key: &str) -> Option<u32> {
    let canonical = key == "0" || !key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit());
    key.parse().ok().filter(|index| canonical && *index < u32::MAX)
}
