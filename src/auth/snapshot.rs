//! The cookie cache: a session that Better Auth wrote into a cookie of its own, so that no store has to be asked.
//!
//! Decides whether the `session_data` cookie of a request opens, is of the token that the request proved, and is still
//! fresh: all without a lookup. What it hides (sign-outs, bans, changed users) it hides until its time is over, as in
//! Better Auth. Source: better-auth 1.7.25 `api/routes/session.ts` and `cookies/`; vectors in
//! `tests/vectors/cookie-cache.json`. Stricter where text can be read in two ways: see [`Unusable::Ambiguous`].

mod collect;
mod compact;
mod date;
mod jose;
mod json;
mod jwe;
mod jwt;
mod payload;

use std::fmt;

use http::HeaderMap;

use self::compact::CompactKey;
pub use self::json::stringify;
use self::jwe::JweKeys;
use self::jwt::JwtKeys;
use self::payload::Payload;
use super::cookie::CookieName;
use super::session::Fields;
use super::token::VerifiedToken;
use crate::clock::UnixMillis;
use crate::secret::Secret;

/// How Better Auth protects the cookie: its option `session.cookieCache.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// JSON beside its HMAC-SHA256; what Better Auth does when nothing is said.
    Compact,
    /// A JWT that the secret signed.
    Jwt,
    /// A JWT that a key derived from the secret encrypted; what Better Auth does without a database.
    Jwe,
    /// A JWT that a key of the `jwt` plugin signed, where that has `sessionCookieCache`.
    Jwks,
}

/// The public keys of Better Auth's `jwt` plugin.
pub trait PublicKeys {
    /// Whether the key of the id `kid` made this signature by the algorithm `alg`, and signs by no other one.
    fn verify(&self, kid: &str, alg: &str, signing_input: &[u8], signature: &[u8]) -> bool;
}

/// Which cookie holds the session, and how it is opened. Keys are derived once.
pub struct SnapshotRules {
    name: CookieName,
    version: Box<str>,
    lock: Lock,
}

enum Lock {
    Compact(CompactKey),
    Jwt(Box<JwtKeys>),
    Jwe(JweKeys),
    Jwks { issuer: Option<Box<str>> },
}

/// A session and its user as Better Auth wrote them, fit to be believed until they are no longer fresh.
///
/// The fields are those and in the order that Better Auth answers from its cache. The session's hold its token, so
/// nothing of them is in the debug form.
pub struct Snapshot {
    /// Of the session.
    pub session: Fields,
    /// Of the user.
    pub user: Fields,
    /// When the session ends.
    pub expires_at: UnixMillis,
    /// The last instant at which the cookie may stand in for the store.
    pub fresh_until: UnixMillis,
    /// When the cookie was written.
    pub updated_at: UnixMillis,
}

/// Why the cookie cache says nothing of this request: the store has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is no such cookie.
    #[error("there is no session_data cookie")]
    Absent,
    /// More than Better Auth writes.
    #[error("it has more than 100 parts or 64 KiB")]
    TooLarge,
    /// Better Auth answers such a compact cookie with an error, not from the store.
    #[error("it is not base64")]
    Base64,
    /// Not what this strategy makes: perhaps Better Auth is set to another one.
    #[error("it is not of the form that this strategy gives it")]
    Form,
    /// The signed content is not JSON, or has what JavaScript alone reads: half of a surrogate pair, a number beyond
    /// every double, more than 128 levels.
    #[error("its content is not JSON")]
    Json,
    /// Better Auth would read it, but not as other programs do, and writes no such thing by itself: a key `__proto__`,
    /// a date after 9999 or with more than nine digits behind the point.
    #[error("its content can be read in more than one way")]
    Ambiguous,
    /// A JOSE header that this strategy does not have.
    #[error("its header names another algorithm or type, or an extension")]
    Header,
    /// No configured secret and no public key has the id in its header.
    #[error("the key that it names is not known")]
    UnknownKey,
    /// Whatever is wrong, from the key to the padding, is told as this one reason.
    #[error("another secret or key made it, or it was changed")]
    Signature,
    /// `nbf` is to come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `exp`, or the compact form's `expiresAt`, has passed.
    #[error("its own time is over")]
    Stale,
    /// That registered claim of the JWT is not what it must be.
    #[error("its claim {0} is not what it must be")]
    Claim(&'static str),
    /// That field is missing or of another type.
    #[error("its field {0} is missing or of another type")]
    Field(&'static str),
    /// It belongs to another session than the session cookie does.
    #[error("it is of another session than the session cookie")]
    OtherSession,
    /// Another `session.cookieCache.version` wrote it.
    #[error("it was written for another version of the cookie cache")]
    OtherVersion,
    /// The session in it has ended.
    #[error("the session in it has ended")]
    SessionExpired,
}

/// What was signed, and until when it counts.
struct Opened {
    content: Fields,
    fresh_until: UnixMillis,
}

impl SnapshotRules {
    /// Opens the cookie of that name. `version` is Better Auth's `session.cookieCache.version`, `"1"` where none is set.
    ///
    /// `current` opens them all but [`Strategy::Jwks`]; `older` open [`Strategy::Jwe`] besides, for nothing else of
    /// Better Auth's outlives a change of the secret. `issuer` is what [`Strategy::Jwks`] must say in `iss`, Better
    /// Auth's `baseURL` as it was configured; `None` takes any.
    #[must_use]
    pub fn new(
        name: CookieName,
        strategy: Strategy,
        version: &str,
        current: &Secret,
        older: &[Secret],
        issuer: Option<&str>,
    ) -> Self {
        let lock = match strategy {
            Strategy::Compact => Lock::Compact(CompactKey::new(current)),
            Strategy::Jwt => Lock::Jwt(Box::new(JwtKeys::new(current))),
            Strategy::Jwe => Lock::Jwe(JweKeys::new(std::iter::once(current).chain(older))),
            Strategy::Jwks => Lock::Jwks { issuer: issuer.map(Box::from) },
        };
        Self { name, version: version_or_default(version).into(), lock }
    }

    /// The one cookie name that is read, parts `name.0`, `name.1`… aside.
    #[must_use]
    pub fn cookie_name(&self) -> &CookieName {
        &self.name
    }

    /// The public key that the cookie in these headers names, not believed; `None` for every strategy but
    /// [`Strategy::Jwks`], and where there is no such name.
    #[must_use]
    pub fn key_id(&self, headers: &HeaderMap) -> Option<String> {
        match &self.lock {
            Lock::Jwks { .. } => jwt::key_id(&collect::value(headers, &self.name).ok()?),
            Lock::Compact(_) | Lock::Jwt(_) | Lock::Jwe(_) => None,
        }
    }

    /// The session that these headers bring along, if it is that of `token` and still fresh at `now`.
    ///
    /// `keys` are what [`Strategy::Jwks`] is checked with; without them it opens nothing.
    ///
    /// # Errors
    /// Why the store has to be asked instead.
    pub fn open(
        &self,
        headers: &HeaderMap,
        token: &VerifiedToken,
        keys: Option<&dyn PublicKeys>,
        now: UnixMillis,
    ) -> Result<Snapshot, Unusable> {
        let text = collect::value(headers, &self.name)?;
        let opened = match &self.lock {
            Lock::Compact(key) => key.open(&text),
            Lock::Jwt(keys) => keys.open(&text, now),
            Lock::Jwe(keys) => keys.open(&text, now),
            Lock::Jwks { issuer } => jwt::open_public(&text, keys, issuer.as_deref(), now),
        }?;
        let Payload { token: of, version, snapshot } = Payload::read(opened, now)?;
        if of != token.as_str() {
            return Err(Unusable::OtherSession);
        }
        if version_or_default(&version) != &*self.version {
            return Err(Unusable::OtherVersion);
        }
        // Of both the last millisecond counts.
        if snapshot.fresh_until < now {
            return Err(Unusable::Stale);
        }
        if snapshot.expires_at < now {
            return Err(Unusable::SessionExpired);
        }
        Ok(snapshot)
    }
}

impl Snapshot {
    /// The answer of `GET /api/auth/get-session`, byte for byte.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = String::from("{\"session\":");
        json::write_object(&self.session, &mut body);
        body.push_str(",\"user\":");
        json::write_object(&self.user, &mut body);
        body.push('}');
        body
    }
}

impl fmt::Debug for SnapshotRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategy = match self.lock {
            Lock::Compact(_) => Strategy::Compact,
            Lock::Jwt(_) => Strategy::Jwt,
            Lock::Jwe(_) => Strategy::Jwe,
            Lock::Jwks { .. } => Strategy::Jwks,
        };
        f.debug_struct("SnapshotRules")
            .field("name", &self.name)
            .field("strategy", &strategy)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("expires_at", &self.expires_at)
            .field("fresh_until", &self.fresh_until)
            .finish_non_exhaustive()
    }
}

/// An empty version is none, and none is the first.
fn version_or_default(version: &str) -> &str {
    if version.is_empty() { "1" } else { version }
}

/// The last whole millisecond that is not after this one: `x < now` for a whole `now` is the same of both.
fn instant(millis: f64) -> UnixMillis {
    UnixMillis::new(whole(millis.floor()))
}

/// A number without a fraction. What no `i64` holds becomes the nearest one.
#[expect(clippy::cast_possible_truncation, reason = "it saturates, and there is no fraction to lose")]
fn whole(number: f64) -> i64 {
    number as i64
}
