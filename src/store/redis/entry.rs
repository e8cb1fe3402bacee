//! What a key's value says of a session, and what the user's revocation marker says of it.
//!
//! Better Auth's own verdicts on damaged values are in `tests/vectors/secondary-storage.json`.

use serde_json::Value as Json;

use crate::auth::{Fields, Session, SessionRecord};
use crate::clock::UnixMillis;

/// What Redis holds for a token.
pub(in super::super) enum Entry {
    /// Nothing: a database that has the session too may be asked.
    Absent,
    /// Something that says no, whatever a database says.
    Denied,
    /// The session.
    Found(Session),
}

/// A key's value, by itself.
pub(super) enum Value {
    /// As good as no value.
    Nothing,
    /// No JSON, or nothing in it: Better Auth takes it for a session that is over.
    Denial,
    Session(Held),
}

/// A session as it is held, not yet known to be free of a revocation.
pub(super) struct Held {
    session: Fields,
    user: Fields,
    /// `session.userId`, which names the marker.
    pub(super) user_id: String,
}

/// Far above what a session with a full user agent takes, far below what it takes to be a nuisance.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Reads a value.
///
/// # Errors
/// What is wrong with it, where Better Auth fails or lets in what it never wrote.
pub(super) fn read(value: &[u8], token: &str) -> Result<Value, String> {
    if value.is_empty() {
        return Ok(Value::Nothing);
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!("the value has {} bytes", value.len()));
    }
    // As Node decodes what is not UTF-8.
    let text = String::from_utf8_lossy(value);
    let json = match serde_json::from_str(&text).or_else(|_| serde_json::from_str(&well_formed(&text))) {
        Ok(Json::Object(json)) => json,
        Ok(Json::Null | Json::Bool(false)) | Err(_) => return Ok(Value::Denial),
        Ok(Json::Number(number)) if number.as_f64() == Some(0.0) => return Ok(Value::Denial),
        Ok(Json::String(text)) if text.is_empty() => return Ok(Value::Denial),
        Ok(Json::Bool(true) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
            return Err("the value is no object".to_owned());
        }
    };
    held(json, token).map(Value::Session)
}

fn held(mut json: Fields, token: &str) -> Result<Held, String> {
    let mut object = |name: &str| match json.remove(name) {
        Some(Json::Object(fields)) => Ok(fields),
        Some(_) | None => Err(format!("{name} is no object")),
    };
    let (session, user) = (object("session")?, object("user")?);
    // Better Auth does not look. A token that happens to be another key, or a value that was copied, names nobody.
    match session.get("token") {
        None | Some(Json::Null) => {}
        Some(Json::String(own)) if own == token => {}
        Some(_) => return Err("session.token is another one".to_owned()),
    }
    id(&user, "id").ok_or("user.id is missing")?;
    let user_id = id(&session, "userId").ok_or("session.userId is missing")?;
    Ok(Held { session, user, user_id })
}

impl Held {
    /// Whether it began before the user's sessions were revoked. The millisecond of the marker is not before it.
    ///
    /// # Errors
    /// If either instant cannot be made out. Better Auth lets both pass, and writes neither.
    pub(super) fn is_revoked_by(&self, marker: &[u8]) -> Result<bool, String> {
        let marker = str::from_utf8(marker).map_or("?", str::trim);
        if marker.is_empty() {
            return Ok(false); // 0 to JavaScript
        }
        let revoked_before: i64 =
            marker.parse().map_err(|_| "the marker of revoked sessions is no whole number")?;
        let created_at = match self.session.get("createdAt") {
            Some(Json::String(text)) => UnixMillis::parse_iso(text),
            Some(Json::Number(millis)) => millis.as_i64().map(UnixMillis::new),
            Some(Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) | None => None,
        };
        let created_at = created_at.ok_or("session.createdAt is no date, and sessions were revoked")?;
        Ok(created_at.get() < revoked_before)
    }

    /// # Errors
    /// If its expiry cannot be made out.
    pub(super) fn into_record(self) -> Result<SessionRecord, String> {
        SessionRecord::from_json(self.session, self.user).map_err(|error| error.to_string())
    }
}

/// An id as JavaScript makes it part of a text: serial ids may be numbers.
fn id(fields: &Fields, name: &str) -> Option<String> {
    match fields.get(name) {
        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Json::Number(number)) => Some(number.to_string()),
        Some(Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) | None => None,
    }
}

/// The same JSON with U+FFFD for each half of a surrogate pair. JavaScript cuts texts in the middle of a character and
/// writes what is left as an escape, which is no character to anybody else.
fn well_formed(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let (length, is_half) =
            match (unit(escape), escape.get(5..).and_then(|after| after.strip_prefix('\\'))) {
                (Some(0xD800..=0xDBFF), Some(low)) if matches!(unit(low), Some(0xDC00..=0xDFFF)) => {
                    (11, false)
                }
                (Some(0xD800..=0xDFFF), _) => (5, true),
                (Some(_) | None, _) => (escape.chars().next().map_or(0, char::len_utf8), false),
            };
        let (escaped, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        if is_half {
            text.push_str("\\ufffd");
        } else {
            text.push('\\');
            text.push_str(escaped);
        }
        rest = after;
    }
    text + rest
}

/// The code unit of an escape, which begins after the backslash.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}
