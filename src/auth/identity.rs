//! Who a session belongs to, as header values that are safe to send and made once.

use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::session::SessionRecord;
use crate::clock::UnixMillis;

/// What may be told of a session. Which header carries it is the dialect's affair.
///
/// In the order in which they are told: what decides about access stands before what people call themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityField {
    /// `user.id`.
    UserId,
    /// `session.id`, never the token.
    SessionId,
    /// `session.expiresAt`, RFC 3339 in UTC with milliseconds.
    SessionExpires,
    /// `session.impersonatedBy`: the administrator who acts as this user (admin plugin).
    ImpersonatedBy,
    /// `user.role`: one role, or several with commas between them (admin plugin).
    UserRole,
    /// `session.activeOrganizationId` (organization plugin).
    OrganizationId,
    /// The user's role in that organization, or several with commas between them.
    OrganizationRole,
    /// `session.activeTeamId` (organization plugin).
    TeamId,
    /// `true` if `user.isAnonymous` (anonymous plugin).
    UserAnonymous,
    /// `true` if `user.emailVerified`.
    UserEmailVerified,
    /// `true` if `user.twoFactorEnabled` (two-factor plugin).
    UserTwoFactor,
    /// `user.email`.
    UserEmail,
    /// `user.username` (username plugin).
    UserUsername,
    /// `user.phoneNumber` (phone-number plugin).
    UserPhone,
    /// `true` if `user.phoneNumberVerified` (phone-number plugin).
    UserPhoneVerified,
    /// `user.name`.
    UserName,
}

/// An identity from a live session, ready to be written into an answer.
///
/// A field without a value is left out, never empty: apps read an empty header as a value.
#[derive(Debug)]
pub struct Identity(Box<[(IdentityField, HeaderValue)]>);

/// What is escaped besides bytes outside ASCII: control characters and `%` itself, so that decoding gives back
/// exactly what was stored.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// What is longer than this, escaped, is left out, and so is what no longer fits into the sum: nginx takes 4 KiB for the
/// whole head of an answer (`proxy_buffer_size`), and what somebody calls themselves must not turn each of their
/// requests into a 500. A role that is not told grants nothing.
const TEXT_BYTES_MAX: usize = 1024;
const SUM_BYTES_MAX: usize = 2560;

impl IdentityField {
    /// All of them, in that order.
    pub const ALL: [Self; 16] = [
        Self::UserId,
        Self::SessionId,
        Self::SessionExpires,
        Self::ImpersonatedBy,
        Self::UserRole,
        Self::OrganizationId,
        Self::OrganizationRole,
        Self::TeamId,
        Self::UserAnonymous,
        Self::UserEmailVerified,
        Self::UserTwoFactor,
        Self::UserEmail,
        Self::UserUsername,
        Self::UserPhone,
        Self::UserPhoneVerified,
        Self::UserName,
    ];

    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::SessionId => "session_id",
            Self::SessionExpires => "session_expires",
            Self::ImpersonatedBy => "impersonated_by",
            Self::UserRole => "user_role",
            Self::OrganizationId => "organization_id",
            Self::OrganizationRole => "organization_role",
            Self::TeamId => "team_id",
            Self::UserAnonymous => "user_anonymous",
            Self::UserEmailVerified => "user_email_verified",
            Self::UserTwoFactor => "user_two_factor",
            Self::UserEmail => "user_email",
            Self::UserUsername => "user_username",
            Self::UserPhone => "user_phone",
            Self::UserPhoneVerified => "user_phone_verified",
            Self::UserName => "user_name",
        }
    }
}

impl Identity {
    /// Nobody's.
    pub(super) fn nobody() -> &'static Self {
        static NOBODY: LazyLock<Identity> = LazyLock::new(|| Identity(Box::default()));
        &NOBODY
    }

    pub(super) fn of(record: &SessionRecord) -> Self {
        use IdentityField as Field;
        let (session, user) = (&record.session, &record.user);
        let expires = Value::String(record.expires_at.to_string());
        let organization_role = record.organization_role.clone().map(Value::String);
        let texts = [
            (Field::UserId, user.get("id").and_then(text)),
            (Field::SessionId, session.get("id").and_then(text)),
            (Field::SessionExpires, text(&expires)),
            (Field::ImpersonatedBy, session.get("impersonatedBy").and_then(text)),
            (Field::UserRole, user.get("role").and_then(text)),
            (Field::OrganizationId, session.get("activeOrganizationId").and_then(text)),
            (Field::OrganizationRole, organization_role.as_ref().and_then(text)),
            (Field::TeamId, session.get("activeTeamId").and_then(text)),
            (Field::UserAnonymous, user.get("isAnonymous").and_then(flag)),
            (Field::UserEmailVerified, user.get("emailVerified").and_then(flag)),
            (Field::UserTwoFactor, user.get("twoFactorEnabled").and_then(flag)),
            (Field::UserEmail, user.get("email").and_then(text)),
            (Field::UserUsername, user.get("username").and_then(text)),
            (Field::UserPhone, user.get("phoneNumber").and_then(text)),
            (Field::UserPhoneVerified, user.get("phoneNumberVerified").and_then(flag)),
            (Field::UserName, user.get("name").and_then(text)),
        ];
        Self(values(&texts))
    }

    /// The same with another end of the session.
    #[must_use]
    pub(super) fn with_expiry(&self, expires_at: UnixMillis) -> Self {
        let until = HeaderValue::try_from(expires_at.to_string()).ok();
        let value = |field, value: &HeaderValue| match (field, &until) {
            (IdentityField::SessionExpires, Some(until)) => until.clone(),
            _ => value.clone(),
        };
        Self(self.fields().map(|(field, old)| (field, value(field, old))).collect())
    }

    /// Each field that has a value, with its value.
    pub fn fields(&self) -> impl Iterator<Item = (IdentityField, &HeaderValue)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// One field's value, escaped.
    #[must_use]
    pub fn get(&self, field: IdentityField) -> Option<&HeaderValue> {
        self.fields().find(|(candidate, _)| *candidate == field).map(|(_, value)| value)
    }
}

/// All values as slices of one buffer: a million sessions are a million allocations, not five.
fn values(texts: &[(IdentityField, Option<String>)]) -> Box<[(IdentityField, HeaderValue)]> {
    let mut room = SUM_BYTES_MAX;
    let present: Vec<_> = texts
        .iter()
        .filter_map(|(field, text)| {
            let text = text.as_deref().filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX)?;
            room = room.checked_sub(text.len())?;
            Some((*field, text))
        })
        .collect();
    let mut rest: Bytes = present.iter().map(|(_, text)| *text).collect::<String>().into();
    present
        .iter()
        .filter_map(|(field, text)| {
            let value = HeaderValue::from_maybe_shared(rest.split_to(text.len())).ok()?;
            Some((*field, value))
        })
        .collect()
}

/// A value as text, escaped. Serial ids are numbers in some stores.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(escape(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `true`, or nothing: what an app does not hear of it does not rely on.
fn flag(value: &Value) -> Option<String> {
    let is_true = match value {
        Value::Bool(flag) => *flag,
        // Where a store keeps no booleans, 1 is true and nothing else (`BETTER-AUTH.md` §2.1).
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => false,
    };
    is_true.then(|| "true".to_owned())
}

/// Printable ASCII without a space at either end, which HTTP would trim away.
pub(super) fn escape(text: &str) -> String {
    let escaped: String = utf8_percent_encode(text, ESCAPED).collect();
    let inner = escaped.trim_matches(' ');
    if inner.len() == escaped.len() {
        return escaped;
    }
    let before = escaped.len() - escaped.trim_start_matches(' ').len();
    let after = escaped.len() - before - inner.len();
    format!("{}{inner}{}", "%20".repeat(before), "%20".repeat(after))
}
