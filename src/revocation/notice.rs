//! Revocations as JSON: what `POST /revoke` takes, and what replicas tell each other.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use super::Heard;
use crate::auth::{IdDigest, Revocation, TokenDigest};
use crate::clock::UnixMillis;

/// What may no longer be believed, as somebody says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// One or more.
    pub what: Vec<Revocation>,
    /// When it happened, if that is said.
    pub at: Option<UnixMillis>,
}

/// Why a body is no notice. It quotes nothing of it: what stands in the wrong place may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// No JSON, or another kind of it.
    #[error("the body is no JSON object")]
    NoObject,
    /// A key twice.
    #[error("a key is there twice")]
    Twice,
    /// A key that means nothing.
    #[error("there is a key other than token_digest, session_id, user_id, everything and at")]
    UnknownKey,
    /// Not the SHA-256 of a token.
    #[error("token_digest is neither 64 hexadecimal digits nor a list of such texts")]
    TokenDigest,
    /// No id of a session.
    #[error("session_id is neither a text nor a list of texts, or one is empty")]
    SessionId,
    /// No id of a user.
    #[error("user_id is neither a text nor a list of texts, or one is empty")]
    UserId,
    /// No switch.
    #[error("everything is neither true nor false")]
    Everything,
    /// No instant.
    #[error("at is no number of milliseconds since 1970")]
    At,
    /// Too many.
    #[error("more than {MOST} are named; say everything instead")]
    TooMany,
    /// Nothing at all.
    #[error("nothing is named: there is neither token_digest, session_id, user_id nor everything")]
    Nothing,
}

/// Beyond this many, a cache is emptied sooner than it is gone through.
const MOST: usize = 1000;

/// The pairs of an object as they stand there: a map would keep the last of two and forget the first.
struct Pairs(Vec<(String, Value)>);

impl Notice {
    /// Reads the body of `POST /revoke`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self, NoticeError> {
        let pairs: Pairs = serde_json::from_slice(body).map_err(|_| NoticeError::NoObject)?;
        let mut notice = Self { what: Vec::new(), at: None };
        for (number, (key, value)) in pairs.0.iter().enumerate() {
            if pairs.0.iter().take(number).any(|(other, _)| other == key) {
                return Err(NoticeError::Twice);
            }
            match key.as_str() {
                "token_digest" => {
                    let token = |text: &str| TokenDigest::from_hex(text).map(Revocation::Token);
                    notice.name(value, NoticeError::TokenDigest, token)?;
                }
                "session_id" => {
                    let session = |text: &str| id(text).map(Revocation::Session);
                    notice.name(value, NoticeError::SessionId, session)?;
                }
                "user_id" => {
                    notice.name(value, NoticeError::UserId, |text| id(text).map(Revocation::User))?;
                }
                "everything" => {
                    if value.as_bool().ok_or(NoticeError::Everything)? {
                        notice.what.push(Revocation::Everything);
                    }
                }
                "at" => notice.at = Some(instant(value).ok_or(NoticeError::At)?),
                _ => return Err(NoticeError::UnknownKey),
            }
        }
        if notice.what.is_empty() { Err(NoticeError::Nothing) } else { Ok(notice) }
    }

    /// What one `value` or a list of them names.
    fn name(
        &mut self,
        value: &Value,
        error: NoticeError,
        read: impl Fn(&str) -> Option<Revocation>,
    ) -> Result<(), NoticeError> {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if self.what.len() + values.len() > MOST {
            return Err(NoticeError::TooMany);
        }
        for value in values {
            self.what.push(value.as_str().and_then(&read).ok_or(error)?);
        }
        Ok(())
    }

    /// For the other replicas: digests alone.
    #[must_use]
    pub fn to_message(&self) -> String {
        let (mut tokens, mut sessions, mut users) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_everything = false;
        for what in &self.what {
            match what {
                Revocation::Token(token) => tokens.push(hex(token.as_bytes())),
                Revocation::Session(session) => sessions.push(hex(session.as_bytes())),
                Revocation::User(user) => users.push(hex(user.as_bytes())),
                Revocation::Everything => is_everything = true,
            }
        }
        let at = self.at.map(UnixMillis::get);
        json!({"tokens": tokens, "sessions": sessions, "users": users, "everything": is_everything, "at": at})
            .to_string()
    }

    /// What another replica told. Whatever cannot be understood, as of a later version, stands for everything.
    #[must_use]
    pub fn of_message(message: &[u8]) -> Vec<Heard> {
        let everything = Heard { what: Revocation::Everything, at: None };
        understood(message).filter(|heard| !heard.is_empty()).unwrap_or_else(|| vec![everything])
    }
}

fn understood(message: &[u8]) -> Option<Vec<Heard>> {
    let pairs: Pairs = serde_json::from_slice(message).ok()?;
    let (mut what, mut at) = (Vec::new(), None);
    for (key, value) in &pairs.0 {
        let read: fn(&str) -> Option<Revocation> = match key.as_str() {
            "tokens" => |text| TokenDigest::from_hex(text).map(Revocation::Token),
            "sessions" => |text| IdDigest::from_hex(text).map(Revocation::Session),
            "users" => |text| IdDigest::from_hex(text).map(Revocation::User),
            "everything" => {
                what.extend(value.as_bool()?.then_some(Revocation::Everything));
                continue;
            }
            "at" => {
                at = if value.is_null() { None } else { Some(instant(value)?) };
                continue;
            }
            _ => return None,
        };
        for digest in value.as_array()? {
            what.push(read(digest.as_str()?)?);
        }
    }
    Some(what.into_iter().map(|what| Heard { what, at }).collect())
}

fn id(text: &str) -> Option<IdDigest> {
    (!text.is_empty()).then(|| IdDigest::of(text))
}

fn instant(value: &Value) -> Option<UnixMillis> {
    value.as_i64().filter(|millis| *millis >= 0).map(UnixMillis::new)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Object)
    }
}
