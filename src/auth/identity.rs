//! Who a session belongs to, as header values that are safe to send and made once.

use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::session::SessionRecord;

/// What may be told of a session. Which header carries it is the dialect's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityField {
    /// `user.id`.
    UserId,
    /// `user.email`.
    UserEmail,
    /// `user.name`.
    UserName,
    /// `session.id`, never the token.
    SessionId,
    /// `session.expiresAt`, RFC 3339 in UTC with milliseconds.
    SessionExpires,
}

/// An identity from a live session, ready to be written into an answer.
///
/// A field without a value is left out, never empty: apps read an empty header as a value.
#[derive(Debug)]
pub struct Identity(Box<[(IdentityField, HeaderValue)]>);

/// What is escaped besides bytes outside ASCII: control characters and `%` itself, so that decoding gives back
/// exactly what was stored.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// A name or address longer than this, escaped, is left out: nginx takes 4 KiB for the whole head of an answer
/// (`proxy_buffer_size`), and what somebody calls themselves must not turn each of their requests into a 500.
const TEXT_BYTES_MAX: usize = 1024;

impl Identity {
    pub(super) fn of(record: &SessionRecord) -> Self {
        let free = |text: &Option<String>| {
            text.as_deref().map(escape).filter(|escaped| escaped.len() <= TEXT_BYTES_MAX)
        };
        let texts = [
            (IdentityField::UserId, Some(escape(&record.user_id))),
            (IdentityField::UserEmail, free(&record.user_email)),
            (IdentityField::UserName, free(&record.user_name)),
            (IdentityField::SessionId, Some(escape(&record.session_id))),
            (IdentityField::SessionExpires, Some(record.expires_at.to_string())),
        ];
        Self(values(&texts))
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
    let present = || {
        texts.iter().filter_map(|(field, text)| {
            text.as_deref().filter(|text| !text.is_empty()).map(|text| (*field, text))
        })
    };
    let buffer: Bytes = present().map(|(_, text)| text).collect::<String>().into();
    let mut rest = buffer;
    present()
        .filter_map(|(field, text)| {
            let value = HeaderValue::from_maybe_shared(rest.split_to(text.len())).ok()?;
            Some((field, value))
        })
        .collect()
}

/// Printable ASCII without a space at either end, which HTTP would trim away.
fn escape(text: &str) -> String {
    let escaped: String = utf8_percent_encode(text, ESCAPED).collect();
    let inner = escaped.trim_matches(' ');
    if inner.len() == escaped.len() {
        return escaped;
    }
    let before = escaped.len() - escaped.trim_start_matches(' ').len();
    let after = escaped.len() - before - inner.len();
    format!("{}{inner}{}", "%20".repeat(before), "%20".repeat(after))
}
