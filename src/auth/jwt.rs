//! Tokens of Better Auth's jwt plugin: which signed claims make a user of their bearer, and until when.
//!
//! Nobody is asked: such a token passes until it expires, whether or not its session was signed out since. Source:
//! better-auth 1.7.25 `plugins/jwt/sign.mjs` and `verify.mjs`, `jose` 6.2.18 `jwt_claims_set.js`; vectors in
//! `tests/vectors/jwt.json`. Stricter than both: `exp` must be there, `typ` and `crit` must not say that the token is
//! something else, no member may come twice, and `iat` may not be in the future.

use http::HeaderMap;
use serde_json::Value;

use super::credential::bearer_token;
use super::decision::Denial;
use super::digest::JwtDigest;
use super::jws::{Jws, JwsError};
use super::keys::{KeyError, KeySet};
use super::session::{Fields, Session, SessionRecord};
use crate::clock::UnixMillis;

/// Longest token that is read: Better Auth puts the whole user into it, and servers take headers of 8 to 16 KiB.
pub const JWT_BYTES_MAX: usize = 16 * 1024;

/// How far in the future `iat` may be. Better Auth never looks at it, and its clock may be ahead of ours: a new token
/// must not be refused for that. A token from further ahead is of a clock that cannot be trusted with `exp` either.
const ISSUED_AHEAD_SECONDS_MAX: i64 = 60;

/// Members that say something of the token rather than of the user (RFC 7519 §4.1).
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Whose tokens are accepted, and made out to whom.
#[derive(Clone, Debug)]
pub struct JwtRules {
    issuer: String,
    audiences: Vec<String>,
}

/// A token as the client sent it: found, not believed. It cannot be printed.
pub struct Jwt<'a> {
    text: &'a str,
    digest: JwtDigest,
}

impl<'a> Jwt<'a> {
    /// The bearer token in these headers, if it has the form of a JSON Web Token: what else is there is for others.
    #[must_use]
    pub fn find(headers: &'a HeaderMap) -> Option<Self> {
        let text = std::str::from_utf8(bearer_token(headers)?).ok()?;
        // `{"` in base64url, as each header begins.
        let is_one = text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2;
        is_one.then(|| Self { text, digest: JwtDigest::of(text) })
    }

    /// The token.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The name under which it may be remembered.
    #[must_use]
    pub fn digest(&self) -> &JwtDigest {
        &self.digest
    }
}

/// Why no token could ever be accepted by such rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRulesError {
    /// Better Auth writes an empty issuer where it knows no base URL: any installation's.
    #[error("the issuer is empty")]
    EmptyIssuer,
    /// There is no audience, or one that is empty.
    #[error("the audience is empty")]
    EmptyAudience,
}

/// What a genuine token says.
///
/// Nothing but [`JwtRules::verify`] makes one:
/// ```compile_fail
/// fn forge(user: sidegate::auth::Fields, now: sidegate::clock::UnixMillis) -> sidegate::auth::Claims {
///     sidegate::auth::Claims { user, user_id: "usr_1".to_owned(), expires_at: now }
/// }
/// ```
/// ```
/// fn read(claims: &sidegate::auth::Claims) -> &str {
///     claims.user_id()
/// }
/// ```
#[derive(Debug)]
pub struct Claims {
    user: Fields,
    user_id: String,
    expires_at: UnixMillis,
}

/// Why a token was refused. No variant holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// It is no compact JWS with an object in it.
    #[error("the token cannot be read: {0}")]
    Malformed(#[from] JwsError),
    /// Its `typ` says that it is for something else, such as the session cache.
    #[error("the token is not of type JWT")]
    Type,
    /// It names no key.
    #[error("the token names no key")]
    NoKeyId,
    /// It names a key that is not among those given. A newer set of keys may hold it.
    #[error("the token names a key that is not known")]
    UnknownKey,
    /// It claims an algorithm that is not its key's.
    #[error("the token's algorithm is not its key's")]
    Algorithm,
    /// Its key did not sign it.
    #[error("the signature does not match: another key made it, or the token was changed")]
    Signature,
    /// Another issuer's, or nobody's.
    #[error("the token is of another issuer")]
    Issuer,
    /// Made out to another audience, or to none.
    #[error("the token is for another audience")]
    Audience,
    /// It names no user.
    #[error("the token names no user")]
    Subject,
    /// It does not say when it ends, or a time in it is no number.
    #[error("the token has no end, or a time that is no number")]
    Times,
    /// It ended.
    #[error("the token has expired")]
    Expired,
    /// It does not count yet, or was issued later than now.
    #[error("the token is of the future")]
    NotYet,
}

impl JwtRules {
    /// Accepts tokens of that issuer that are made out to at least one of these audiences. Better Auth's plugin writes
    /// its base URL's origin for both, unless told otherwise.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn new(issuer: String, audiences: Vec<String>) -> Result<Self, JwtRulesError> {
        if issuer.is_empty() {
            return Err(JwtRulesError::EmptyIssuer);
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(JwtRulesError::EmptyAudience);
        }
        Ok(Self { issuer, audiences })
    }

    /// What `text` says, if one of `keys` signed it and it counts at `now`.
    ///
    /// # Errors
    /// Why it does not. On [`JwtRefusal::UnknownKey`] newer keys may tell otherwise; every other refusal is final.
    pub fn verify(&self, text: &str, keys: &KeySet, now: UnixMillis) -> Result<Claims, JwtRefusal> {
        let token = Jws::parse(text, JWT_BYTES_MAX)?;
        if !token.header.media_type.as_deref().is_none_or(is_jwt) {
            return Err(JwtRefusal::Type);
        }
        let kid = token.header.key_id.as_deref().ok_or(JwtRefusal::NoKeyId)?;
        keys.verify(kid, &token.header.algorithm, token.signing_input, &token.signature)?;
        self.judge(token.payload()?, now)
    }

    /// The key that `text` names, for asking whether there is a newer set that holds it: [`JwtRefusal::UnknownKey`] says
    /// nothing of the token.
    #[must_use]
    pub fn key_id(text: &str) -> Option<String> {
        Jws::parse(text, JWT_BYTES_MAX).ok()?.header.key_id
    }

    fn judge(&self, claims: Fields, now: UnixMillis) -> Result<Claims, JwtRefusal> {
        if text(&claims, "iss") != Some(self.issuer.as_str()) {
            return Err(JwtRefusal::Issuer);
        }
        if !self.is_audience(claims.get("aud")) {
            return Err(JwtRefusal::Audience);
        }
        let user_id = text(&claims, "sub").filter(|id| !id.is_empty()).ok_or(JwtRefusal::Subject)?.to_owned();
        let seconds = now.seconds();
        let ends = time(&claims, "exp")?.ok_or(JwtRefusal::Times)?;
        let (begins, issued) = (time(&claims, "nbf")?, time(&claims, "iat")?);
        // As `jose`: the second that `exp` names is the first at which the token is over, and there is no tolerance.
        if ends <= seconds {
            return Err(JwtRefusal::Expired);
        }
        let is_ahead = |at: Option<i64>, by: i64| at.is_some_and(|at| at > seconds.saturating_add(by));
        if is_ahead(begins, 0) || is_ahead(issued, ISSUED_AHEAD_SECONDS_MAX) {
            return Err(JwtRefusal::NotYet);
        }
        let expires_at = UnixMillis::new(ends.saturating_mul(1000).saturating_sub(1));
        let user = claims.into_iter().filter(|(name, _)| !REGISTERED.contains(&name.as_str())).collect();
        Ok(Claims { user, user_id, expires_at })
    }

    /// Whether `aud` holds one of the audiences (RFC 7519 §4.1.3: one text, or a list of them).
    fn is_audience(&self, claim: Option<&Value>) -> bool {
        let is_ours = |name: &Value| self.audiences.iter().any(|ours| name == ours);
        claim.is_some_and(|claim| {
            claim.as_array().map_or_else(|| is_ours(claim), |all| all.iter().any(is_ours))
        })
    }
}

impl Claims {
    /// The user as Better Auth wrote it, or what `definePayload` made of it: every member that is not one of RFC 7519's,
    /// in order.
    #[must_use]
    pub fn user(&self) -> &Fields {
        &self.user
    }

    /// `sub`, never empty: the user's id, unless the plugin's `getSubject` says otherwise.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The session that the token stands for. It has no id: a token names none, nor who acts in it.
    #[must_use]
    pub fn into_session(self) -> Session {
        let mut user = self.user;
        user.insert("id".to_owned(), self.user_id.into());
        let (expires_at, session) = (self.expires_at, Fields::new());
        let record = SessionRecord { expires_at, session, user, organization_role: None };
        Session::new(&record).with_impersonation_unknown()
    }

    /// The last millisecond at which the token passes, as `expiresAt` is a session's: the one before `exp`.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }
}

impl From<JwtRefusal> for Denial {
    fn from(refusal: JwtRefusal) -> Self {
        match refusal {
            JwtRefusal::Malformed(_)
            | JwtRefusal::NoKeyId
            | JwtRefusal::UnknownKey
            | JwtRefusal::Algorithm
            | JwtRefusal::Signature => Self::BadSignature,
            JwtRefusal::Expired => Self::Expired,
            JwtRefusal::Type
            | JwtRefusal::Issuer
            | JwtRefusal::Audience
            | JwtRefusal::Subject
            | JwtRefusal::Times
            | JwtRefusal::NotYet => Self::InvalidToken,
        }
    }
}

impl From<KeyError> for JwtRefusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::UnknownKey,
            KeyError::Algorithm => Self::Algorithm,
            KeyError::Signature => Self::Signature,
        }
    }
}

/// Whether `typ` says JWT, in either spelling (RFC 7515 §4.1.9).
fn is_jwt(media_type: &str) -> bool {
    ["JWT", "application/jwt"].iter().any(|name| media_type.eq_ignore_ascii_case(name))
}

fn text<'a>(claims: &'a Fields, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A time in whole seconds, rounded up: no whole second is at or past a fraction before it is past the next one.
fn time(claims: &Fields, name: &str) -> Result<Option<i64>, JwtRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is beyond 64 bits is as good as the last of them"
    )]
    let rounded = |seconds: f64| seconds.ceil() as i64;
    value.as_i64().or_else(|| value.as_f64().map(rounded)).map(Some).ok_or(JwtRefusal::Times)
}
