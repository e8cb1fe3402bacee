//! API keys: found here, judged by Better Auth.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::decision::Denial;
use super::session::Session;

/// A longer one is none: Better Auth's are 64 characters after their prefix.
const BYTES_MAX: usize = 1024;

/// An API key as the client sent it: found, not believed. It cannot be printed.
pub struct ApiKey {
    value: HeaderValue,
    digest: KeyDigest,
}

/// SHA-256 of an API key, after a word that keeps it apart from every other digest: cache key and log name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

/// What Better Auth says of a key.
#[derive(Clone, Debug)]
pub enum KeyVerdict {
    /// It acts for this user, in the session that Better Auth makes up for it.
    Opens(Arc<Session>),
    /// It is unknown, disabled, expired, or of no user.
    Refused,
    /// It was used too often, or is used up.
    Limited,
}

impl ApiKey {
    /// The key in these headers. An empty header is none, as for Better Auth.
    ///
    /// # Errors
    /// If there are several, or it is too long to be one: Better Auth would refuse them.
    pub fn find(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Denial> {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() || value.len() > BYTES_MAX {
            return Err(Denial::ApiKeyRefused);
        }
        Ok((!value.is_empty()).then(|| Self::new(value.clone())))
    }

    fn new(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        let digest = Sha256::new_with_prefix(b"sidegate api key\0").chain_update(value.as_bytes());
        Self { value, digest: KeyDigest(digest.finalize().into()) }
    }

    /// The key, for asking Better Auth.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// The name under which it may be remembered and spoken of.
    #[must_use]
    pub fn digest(&self) -> &KeyDigest {
        &self.digest
    }
}

impl KeyDigest {
    /// All 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The first eight bytes in hexadecimal.
impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}
