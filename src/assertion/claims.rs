//! What an assertion says of a session: claims as plain text, what decides about access first.
//!
//! Names are those of RFC 7519 §4.1 (`iss` to `iat`), of `OpenID` Connect's Core §2 and §5.1 (`auth_time`, `email`,
//! `email_verified`, `name`), Front-Channel Logout §3 (`sid`) and Enterprise Extensions, draft 01 (`session_expiry`), and of
//! RFC 8693 §4.1 (`act`). The others are sidegate's own.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::percent_decode;
use serde_json::{Value, json};

use super::AssertionRules;
use super::jws::PAYLOAD_BYTES_MAX;
use super::memory::Occasion;
use crate::auth::{ActiveSession, Identity, IdentityField, Impersonation};
use crate::clock::UnixMillis;

/// A payload, and when it ends.
pub(super) struct Claims {
    pub(super) payload: String,
    /// `exp`.
    pub(super) expires_at: i64,
}

/// How long it may be believed: long enough for a request to arrive, short enough that what leaks is worth little.
const LIFE_SECONDS: i64 = 60;

/// From 1970 to the end of the year 9999: beyond it readers fail rather than tell a time.
const CALENDAR: RangeInclusive<i64> = 0..=253_402_300_799;

/// `None` if something does not fit that must be said.
pub(super) fn of(
    rules: &AssertionRules,
    session: &ActiveSession,
    occasion: &Occasion,
    now: UnixMillis,
) -> Option<Claims> {
    use IdentityField as Field;
    let identity = session.identity();
    let text = |field| text(identity, field);
    let issued_at = now.seconds();
    // The whole second before the session's end: what is signed must not outlive it.
    let expires_at = issued_at.saturating_add(LIFE_SECONDS).min(session.expires_at().seconds());

    let mut payload = Payload::new();
    payload.add("iss", rules.issuer.as_str())?;
    payload.add("aud", rules.audience.as_str())?;
    payload.add("sub", text(Field::UserId)?)?;
    payload.add_some("sid", text(Field::SessionId))?;
    payload.add("iat", issued_at)?;
    payload.add("exp", expires_at)?;
    let date = |at: UnixMillis| Some(at.seconds()).filter(|at| CALENDAR.contains(at));
    payload.add_some("auth_time", session.signed_in_at().and_then(date))?;
    // For what outlives the request, such as a WebSocket, which the app is to end by then.
    payload.add_some("session_expiry", date(session.expires_at()))?;
    payload.add_some("checked_at", occasion.checked_at)?;
    if session.impersonation() == Impersonation::Yes {
        // Who acts is part of who it is: an administrator must never pass as the user alone.
        payload.add("act", json!({ "sub": text(Field::ImpersonatedBy)? }))?;
    }
    payload.add_some("host", occasion.host.as_deref())?;
    payload.add_some("req", occasion.request.map(|digest| BASE64_URL_SAFE_NO_PAD.encode(digest)))?;

    // What follows is left out where it does not fit, each by itself: what is not told grants nothing.
    let flag = |field| identity.get(field).map(|_| Value::Bool(true));
    let listed = |field| text(field).and_then(|names| list(&names));
    let mut offer = |name, value: Option<Value>| payload.add_some(name, value).is_some();
    offer("two_factor", flag(Field::UserTwoFactor));
    offer("anonymous", flag(Field::UserAnonymous));
    offer("email_verified", flag(Field::UserEmailVerified));
    offer("roles", listed(Field::UserRole));
    // Roles and teams of an organization that is not named would be taken for those of another.
    let organization = text(Field::OrganizationId).map(Value::String);
    if organization.is_some() && offer("org_id", organization) {
        offer("org_roles", listed(Field::OrganizationRole));
        offer("team_id", text(Field::TeamId).map(Value::String));
    }
    offer("email", text(Field::UserEmail).map(Value::String));
    offer("name", text(Field::UserName).map(Value::String));
    Some(Claims { payload: payload.finish(), expires_at })
}

/// A field as it was stored.
fn text(identity: &Identity, field: IdentityField) -> Option<String> {
    let escaped = identity.get(field)?.as_bytes();
    percent_decode(escaped).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Roles, which Better Auth keeps in one text with commas between them and splits there, without trimming (1.7.25
/// `plugins/admin/has-permission`).
fn list(roles: &str) -> Option<Value> {
    let roles: Vec<_> = roles.split(',').filter(|role| !role.is_empty()).collect();
    (!roles.is_empty()).then(|| json!(roles))
}

/// A JSON object that grows as far as there is room.
struct Payload(String);

impl Payload {
    fn new() -> Self {
        Self(String::with_capacity(512))
    }

    /// `None` if it does not fit; then nothing of it is there. Names are words of ours, which nothing need escape.
    fn add(&mut self, name: &'static str, value: impl Into<Value>) -> Option<()> {
        let before = self.0.len();
        let separator = if before == 0 { '{' } else { ',' };
        // Writing to a String cannot fail.
        let _ = write!(self.0, r#"{separator}"{name}":{}"#, value.into());
        // A byte for the brace that closes it.
        if self.0.len() < PAYLOAD_BYTES_MAX {
            return Some(());
        }
        self.0.truncate(before);
        None
    }

    /// The same for what need not be known.
    fn add_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) -> Option<()> {
        value.map_or(Some(()), |value| self.add(name, value))
    }

    fn finish(self) -> String {
        self.0 + "}"
    }
}
