//! Where a request can carry its session, and in which order the places count.

use std::borrow::Cow;

use http::{HeaderMap, header};

use super::cookie::{self, CookieName};

/// A credential as the client sent it: found, not believed.
#[non_exhaustive]
pub enum Credential<'a> {
    /// The raw value of the session cookie.
    SessionCookie(&'a [u8]),
}

impl<'a> Credential<'a> {
    /// The credential in these headers, if there is one.
    #[must_use]
    pub fn find(headers: &'a HeaderMap, name: &CookieName) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        cookie::find(lines, name).map(Self::SessionCookie)
    }

    /// The names of all cookies in these headers, for telling an operator which one was there instead.
    pub fn cookie_names(headers: &'a HeaderMap) -> impl Iterator<Item = Cow<'a, str>> {
        let lines = headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        lines.flat_map(cookie::pairs).map(|(name, _)| String::from_utf8_lossy(name))
    }

    /// The signed text: `token.signature`.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Self::SessionCookie(value) => cookie::text(value),
        }
    }
}
