//! Signed JSON in its compact form (RFC 7515 §7.1): three parts of base64url, of which nothing is believed here.
//!
//! Knows how the text is taken apart, and nothing of keys, claims or time. Where JavaScript's `jose` 6.2.18, which
//! Better Auth uses, is lenient, this is not: padding, white space and loose trailing bits in base64url are refused, and
//! so is a member that comes twice. No signer writes any of these, and one token has one spelling that way.

use std::fmt;

use super::session::Fields;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

/// A compact JWS, taken apart. It is genuine only if a key says so of [`Jws::signing_input`] and [`Jws::signature`].
pub(super) struct Jws<'a> {
    /// What the key and the algorithm are chosen by.
    pub(super) header: Header,
    /// What was signed: header and payload as they were written.
    pub(super) signing_input: &'a [u8],
    payload: &'a str,
    /// The bytes of the signature.
    pub(super) signature: Vec<u8>,
}

/// The members of a protected header that count.
pub(super) struct Header {
    /// `alg`, as the signer claims it.
    pub(super) algorithm: String,
    /// `kid`.
    pub(super) key_id: Option<String>,
    /// `typ`.
    pub(super) media_type: Option<String>,
}

/// Why a text is no compact JWS that could be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// It is longer than what anybody signs.
    #[error("it is too long")]
    TooLong,
    /// It has not three parts. Five are an encrypted token's.
    #[error("it is not of three parts")]
    Parts,
    /// A part holds what base64url without padding does not.
    #[error("a part is not base64url")]
    Encoding,
    /// The header is not a JSON object, lacks `alg`, or has a member twice or of the wrong type.
    #[error("the header is not that of a signed token")]
    Header,
    /// The header names an extension that must be understood (`crit`), and none is.
    #[error("the header demands an extension")]
    Critical,
    /// The payload is not a JSON object, or has a member twice.
    #[error("the payload is not a JSON object")]
    Payload,
}

impl<'a> Jws<'a> {
    /// Takes `text` apart, if it is no longer than `bytes_max`.
    ///
    /// # Errors
    /// If it has not the form.
    pub(super) fn parse(text: &'a str, bytes_max: usize) -> Result<Self, JwsError> {
        if text.len() > bytes_max {
            return Err(JwsError::TooLong);
        }
        let (input, signature) = text.rsplit_once('.').ok_or(JwsError::Parts)?;
        let (header, payload) = input.split_once('.').ok_or(JwsError::Parts)?;
        if payload.contains('.') {
            return Err(JwsError::Parts);
        }
        let header = Header::read(&object(&decode(header)?).ok_or(JwsError::Header)?)?;
        Ok(Self { header, signing_input: input.as_bytes(), payload, signature: decode(signature)? })
    }

    /// The members of the payload. To be asked for only once the signature was verified.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub(super) fn payload(&self) -> Result<Fields, JwsError> {
        object(&decode(self.payload)?).ok_or(JwsError::Payload)
    }
}

impl Header {
    fn read(members: &Fields) -> Result<Self, JwsError> {
        // Even an empty list: RFC 7515 §4.1.11 allows none, and of the extensions this knows none.
        if members.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        let text = |name| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(JwsError::Header),
        };
        let algorithm = text("alg")?.ok_or(JwsError::Header)?;
        Ok(Self { algorithm, key_id: text("kid")?, media_type: text("typ")? })
    }
}

/// Base64url without padding, in its one spelling.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, JwsError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Encoding)
}

/// The members of a JSON object; `None` if it is none or a member comes twice.
///
/// JSON readers differ on which of two they take, and the two that are signed may contradict each other (RFC 7519 §4).
/// Objects inside are data, and are read as JavaScript reads them.
pub(super) fn object(json: &[u8]) -> Option<Fields> {
    serde_json::from_slice(json).ok().map(|UniqueMembers(members)| members)
}

struct UniqueMembers(Fields);

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = UniqueMembers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without a member that comes twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Fields::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member comes twice"));
            }
        }
        Ok(UniqueMembers(members))
    }
}
