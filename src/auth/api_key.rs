//! API keys: found here, judged by Better Auth.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::decision::Denial;
use super::digest::KeyDigest;
use super::session::Session;

/// A longer one is none: Better Auth's are 64 characters after their prefix.
const BYTES_MAX: usize = 1024;

/// An API key as the client sent it: found, not believed. It cannot be printed.
pub struct ApiKey {
    value: HeaderValue,
    digest: KeyDigest,
}

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
        let digest = KeyDigest::of(&value);
        Self { value, digest }
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
