//! Where a request can carry its session, and in which order the places count.

use std::borrow::Cow;

use http::{HeaderMap, header};

use super::cookie::{self, CookieName};
use super::token::SigningKey;

/// A credential as the client sent it: found, not believed.
#[non_exhaustive]
pub enum Credential<'a> {
    /// The raw value of the session cookie.
    SessionCookie(&'a [u8]),
    /// `token.signature` from the Authorization header.
    Bearer(Cow<'a, str>),
    /// A session token without a signature from the Authorization header.
    BareToken(Cow<'a, str>),
}

/// Which session tokens are read from the Authorization header: Better Auth's bearer plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bearer {
    /// None.
    #[default]
    Off,
    /// Those with their signature: the plugin with `requireSignature`.
    Signed,
    /// Unsigned ones too, as the plugin does unless told otherwise: whoever reads the session table is everybody.
    Unsigned,
}

impl<'a> Credential<'a> {
    /// The credential in these headers, if there is one. A bearer token stands before the cookie, as in Better Auth.
    #[must_use]
    pub(super) fn find(
        headers: &'a HeaderMap,
        name: &CookieName,
        bearer: Bearer,
        key: &SigningKey,
    ) -> Option<Self> {
        let bearing = match bearer {
            Bearer::Off => None,
            Bearer::Signed | Bearer::Unsigned => Self::bearer(headers, bearer, key),
        };
        bearing.or_else(|| Self::cookie(headers, name))
    }

    /// The session cookie of that name, if there is one.
    #[must_use]
    pub fn cookie(headers: &'a HeaderMap, name: &CookieName) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        cookie::find(lines, name).map(Self::SessionCookie)
    }

    /// The bearer token that Better Auth would put in the place of the cookie. A signed one that is not genuine is as
    /// if it were not there: the cookie counts then. Source: better-auth 1.7.25 `plugins/bearer`.
    fn bearer(headers: &'a HeaderMap, bearer: Bearer, key: &SigningKey) -> Option<Self> {
        let token = bearer_token(headers)?;
        if !token.contains(&b'.') {
            // What Better Auth would sign itself is taken as it stands: no escapes, no more than its Latin-1 text.
            let text = || Cow::Owned(token.iter().copied().map(char::from).collect());
            return (bearer == Bearer::Unsigned).then(|| Self::BareToken(text()));
        }
        let text = cookie::text(token);
        key.vouches_for_bearer(&text).then_some(Self::Bearer(text))
    }

    /// The names of all cookies in these headers, for telling an operator which one was there instead.
    pub fn cookie_names(headers: &'a HeaderMap) -> impl Iterator<Item = Cow<'a, str>> {
        let lines = headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        lines.flat_map(cookie::pairs).map(|(name, _)| String::from_utf8_lossy(name))
    }

    /// The text that it is: `token.signature`, or the token alone.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::SessionCookie(value) => cookie::text(value),
            Self::Bearer(text) | Self::BareToken(text) => Cow::Borrowed(text),
        }
    }
}

/// What stands after `Bearer ` in the Authorization header; `None` if nothing does.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    let token = cookie::trim(token);
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}
