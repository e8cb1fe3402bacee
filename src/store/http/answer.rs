//! What get-session's answers mean. Only what Better Auth would write is believed: whatever stands between may answer
//! 200 with a page, 401 with a form or 403 with a reason of its own.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::super::StoreError;
use crate::auth::{Body, Fields, KeyVerdict, SessionRecord, VerifiedToken};

/// A session, as an answer tells it.
pub(super) struct Told {
    pub(super) record: SessionRecord,
    /// What `deferSessionRefresh` adds.
    pub(super) needs_refresh: bool,
}

impl Told {
    /// An answer about somebody else's session, from a cache on the way, must not pass as this one's. custom-session
    /// may leave the token out.
    pub(super) fn check_token(&self, asked: &VerifiedToken) -> Result<(), StoreError> {
        match self.record.session.get("token") {
            Some(Value::String(token)) if token == asked.as_str() => Ok(()),
            None => Ok(()),
            Some(_) => Err(malformed("it is about another session than was asked for")),
        }
    }
}

/// The session in an answer; `None` if it is `null`, which is how Better Auth says that nobody is signed in.
pub(super) fn read(answer: &Response<Bytes>) -> Result<Option<Told>, StoreError> {
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::TOO_MANY_REQUESTS => return Err(StoreError::RateLimited),
        status => {
            return Err(StoreError::Refused(format!("get-session was answered with {}", status.as_u16())));
        }
    }
    let mut members = match serde_json::from_slice(answer.body()) {
        Ok(Value::Null) => return Ok(None),
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(malformed("it is JSON, but neither null nor an object")),
        Err(_) => return Err(malformed("it is not JSON")),
    };
    let needs_refresh = members.get("needsRefresh") == Some(&Value::Bool(true));
    let (session, user) = (take(&mut members, "session")?, take(&mut members, "user")?);
    if !matches!(user.get("id"), Some(Value::String(_) | Value::Number(_))) {
        return Err(malformed("its user has no id"));
    }
    // What a missing expiry means in a database is known. Here it is an answer that somebody reshaped.
    if session.get("expiresAt").is_none_or(Value::is_null) {
        return Err(malformed("its session has no expiresAt"));
    }
    let record =
        SessionRecord::from_json(session, user).map_err(|error| StoreError::Malformed(error.to_string()))?;
    Ok(Some(Told { record, needs_refresh }))
}

/// The answer as it is kept: without what `deferSessionRefresh` adds, which is true of one instant.
pub(super) fn body(answer: &Response<Bytes>) -> Body {
    let text = answer.body();
    match text.strip_suffix(br#","needsRefresh":false}"#) {
        Some(rest) => Body::new(&[rest, b"}"].concat()),
        None => Body::new(text),
    }
}

/// The verdict in an answer that refuses a key; `None` if it is no such answer.
pub(super) fn refusal_of_key(answer: &Response<Bytes>) -> Option<KeyVerdict> {
    let code = code(answer);
    match (answer.status(), code.as_deref()) {
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(_)) => Some(KeyVerdict::Refused),
        // Better Auth's own rate limiter, which counts what sidegate asks, sends no code.
        (StatusCode::TOO_MANY_REQUESTS, Some("RATE_LIMITED" | "USAGE_EXCEEDED")) => Some(KeyVerdict::Limited),
        _ => None,
    }
}

/// Whether the session went while Better Auth prolonged it.
pub(super) fn says_that_it_vanished(answer: &Response<Bytes>) -> bool {
    answer.status() == StatusCode::UNAUTHORIZED && code(answer).as_deref() == Some("FAILED_TO_GET_SESSION")
}

/// The `code` of an error of Better Auth's.
fn code(answer: &Response<Bytes>) -> Option<String> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(answer.body()) else { return None };
    match members.remove("code") {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

fn take(members: &mut Fields, name: &str) -> Result<Fields, StoreError> {
    match members.remove(name) {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(malformed("it is an object without a session and a user")),
    }
}

fn malformed(what: &str) -> StoreError {
    StoreError::Malformed(what.to_owned())
}
