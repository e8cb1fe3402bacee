//! The decision, pure: no I/O, no clock, no log. Time comes in as an argument, the answer goes out as a value.
//!
//! [`Rules::begin`] reads the request and either is done or names the session to look up;
//! [`Pending::finish`] takes what was found and decides. Everything between the two is the caller's.

mod ambiguous;
mod api_key;
mod cookie;
mod credential;
mod decision;
mod digest;
mod host;
mod identity;
mod jws;
mod jwt;
mod keys;
mod origin;
mod path;
mod pattern;
mod policy;
mod request;
mod revocation;
mod routes;
mod session;
mod snapshot;
mod token;

use std::sync::Arc;
use std::time::Duration;

pub use self::ambiguous::Ambiguous;
pub use self::api_key::{ApiKey, KeyVerdict};
pub use self::cookie::{CookieName, CookieNameError, cookie_value};
pub use self::credential::{Bearer, Credential};
pub use self::decision::{Decision, Denial, Grant};
pub use self::digest::{Digest, IdDigest, JwtDigest, KeyDigest, TokenDigest};
pub use self::host::{HostPattern, HostPatternError};
pub use self::identity::{Identity, IdentityField};
pub use self::jws::JwsError;
pub use self::jwt::{Claims, JWT_BYTES_MAX, Jwt, JwtRefusal, JwtRules, JwtRulesError};
pub use self::keys::{DEFAULT_GRACE, KEY_SET_BYTES_MAX, KEYS_MAX, KeyError, KeyRow, KeySet, KeySetError};
pub use self::origin::{
    AllowedOrigins, AllowedOriginsError, FetchSites, FetchSitesError, Provenance, SameOrigin,
};
pub use self::pattern::{Pattern, PatternError};
pub use self::policy::{Access, Policies, Policy, PolicyError, Requirement, age_told};
pub use self::request::{CheckRequest, Scheme};
pub use self::revocation::{Marks, Revocation};
pub use self::routes::{Found, Methods, Route, RouteConflict, Routes};
pub use self::session::{
    ActiveSession, Body, Fields, Impersonation, NotASession, Session, SessionHandle, SessionRecord,
};
pub use self::snapshot::{PublicKeys, Snapshot, SnapshotRules, Strategy, Unusable, stringify};
pub use self::token::{SigningKey, Unverified, VerifiedToken};

use crate::clock::UnixMillis;

/// What this gateway was configured to accept.
#[derive(Debug)]
pub struct Rules {
    cookie: CookieName,
    key: SigningKey,
    previous: Option<(SigningKey, UnixMillis)>,
    bearer: Bearer,
    refuse_banned: bool,
    pass_preflights: bool,
    same_origin: Option<SameOrigin>,
}

/// How far a request got without a lookup.
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Decided: no store needs to be asked.
    Done(Decision),
    /// The credential is genuine; only its session can tell the rest.
    Lookup(Pending),
}

/// A request with a genuine token, waiting for its session.
#[must_use]
pub struct Pending {
    token: VerifiedToken,
    refuse_banned: bool,
}

impl Rules {
    /// Accepts the session cookie of that one name, signed with that one key, as Better Auth does, of users who are
    /// not banned.
    #[must_use]
    pub fn new(cookie: CookieName, key: SigningKey) -> Self {
        Self {
            cookie,
            key,
            previous: None,
            bearer: Bearer::Off,
            refuse_banned: true,
            pass_preflights: false,
            same_origin: None,
        }
    }

    /// Accepts signatures of another key too, until an instant: while a secret is being replaced.
    #[must_use]
    pub fn with_previous_key(self, key: SigningKey, until: UnixMillis) -> Self {
        Self { previous: Some((key, until)), ..self }
    }

    /// Reads session tokens from the Authorization header, before the cookie.
    #[must_use]
    pub fn with_bearer(self, bearer: Bearer) -> Self {
        Self { bearer, ..self }
    }

    /// Lets banned users pass as long as their sessions live, as Better Auth does.
    #[must_use]
    pub fn with_banned(self) -> Self {
        Self { refuse_banned: false, ..self }
    }

    /// Lets CORS preflights by as nobody: browsers send no credential with them, and without an answer to them no page
    /// of another origin can ask anything.
    #[must_use]
    pub fn with_preflights(self) -> Self {
        Self { pass_preflights: true, ..self }
    }

    /// Takes the session cookie only where a page of one of these origins sent it, on requests that change something.
    #[must_use]
    pub fn with_same_origin(self, same_origin: SameOrigin) -> Self {
        Self { same_origin: Some(same_origin), ..self }
    }

    /// Finds the credential and checks its signature and where it comes from, before anything else is done with it.
    pub fn begin(&self, request: &CheckRequest<'_>, now: UnixMillis) -> Step {
        let Some(credential) = self.credential(request) else {
            return Step::Done(if self.pass_preflights && request.is_preflight() {
                Decision::Allow(Grant::anonymous())
            } else {
                Decision::Unauthenticated(Denial::NoCredential)
            });
        };
        match self.verify(&credential, now) {
            // Before the lookup: what another site's page sends does not reach the store.
            Ok(_) if self.is_cross_origin(request, &credential) => {
                Step::Done(Decision::Forbidden(Denial::CrossOrigin))
            }
            Ok(token) => Step::Lookup(Pending { token, refuse_banned: self.refuse_banned }),
            Err(_) => Step::Done(Decision::Unauthenticated(Denial::BadSignature)),
        }
    }

    /// The credential that `request` carries, found but not believed.
    #[must_use]
    pub fn credential<'a>(&self, request: &CheckRequest<'a>) -> Option<Credential<'a>> {
        Credential::find(request.headers, &self.cookie, self.bearer, &self.key)
    }

    /// Where `request` comes from; `None` if that makes no difference to `credential`: only cookies come along with what
    /// somebody else's page sends.
    #[must_use]
    pub fn provenance(&self, request: &CheckRequest<'_>, credential: &Credential<'_>) -> Option<Provenance> {
        let is_ambient = matches!(credential, Credential::SessionCookie(_));
        self.same_origin.as_ref().filter(|_| is_ambient).map(|rules| rules.provenance(request))
    }

    fn is_cross_origin(&self, request: &CheckRequest<'_>, credential: &Credential<'_>) -> bool {
        self.provenance(request, credential).is_some_and(|provenance| !provenance.is_allowed())
    }

    /// The token inside `credential`, if this gateway's key signed it.
    ///
    /// # Errors
    /// What is wrong with the value. Proxies are told only that it was refused.
    pub fn verify(&self, credential: &Credential<'_>, now: UnixMillis) -> Result<VerifiedToken, Unverified> {
        if let Credential::BareToken(token) = credential {
            return Ok(self.key.trust(token));
        }
        match (self.key.verify(credential.text()), &self.previous) {
            (Err(Unverified::SignatureMismatch), Some((previous, until))) if now <= *until => {
                // Signed anew, for Better Auth itself takes the present key alone.
                previous.verify(credential.text()).map(|token| self.key.trust(token.as_str()))
            }
            (verified, _) => verified,
        }
    }

    /// Decides for an API key on which Better Auth gave its verdict, at the instant *after* that.
    pub fn judge(&self, verdict: KeyVerdict, now: UnixMillis) -> Decision {
        match verdict {
            KeyVerdict::Opens(session) => decide(session, self.refuse_banned, now),
            KeyVerdict::Refused => Decision::Unauthenticated(Denial::ApiKeyRefused),
            KeyVerdict::Limited => Decision::Forbidden(Denial::ApiKeyLimited),
        }
    }

    /// Lets in whoever a session is of that something other than a store vouches for.
    pub fn admit(&self, session: Arc<Session>, now: UnixMillis) -> Decision {
        decide(session, self.refuse_banned, now)
    }

    /// Whether the request has a cookie of that name with a signature of this gateway's key, whatever its value.
    #[must_use]
    pub fn carries_signed(&self, request: &CheckRequest<'_>, name: &CookieName) -> bool {
        let lines = request.headers.get_all(http::header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        cookie::find(lines, name).is_some_and(|value| self.key.verify(cookie::text(value)).is_ok())
    }

    /// The one cookie name that is read.
    #[must_use]
    pub fn cookie_name(&self) -> &CookieName {
        &self.cookie
    }
}

impl Pending {
    /// The token whose session is to be looked up.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// Decides, given the session that the store holds for [`Pending::token`] and the instant *after* the lookup.
    pub fn finish(&self, found: Option<Arc<Session>>, now: UnixMillis) -> Decision {
        match found {
            Some(session) => decide(session, self.refuse_banned, now),
            None => Decision::Unauthenticated(Denial::NoSession),
        }
    }

    /// Decides on a session as it was known that long ago, while no store can be asked.
    pub fn finish_with(&self, known: Arc<Session>, age: Duration, now: UnixMillis) -> Decision {
        match decide(known, self.refuse_banned, now) {
            Decision::Allow(grant) => Decision::Allow(grant.stale(age)),
            other @ (Decision::Unauthenticated(_) | Decision::Forbidden(_) | Decision::Unavailable) => other,
        }
    }
}

fn decide(session: Arc<Session>, refuse_banned: bool, now: UnixMillis) -> Decision {
    match session.active_at(now) {
        Some(active) if refuse_banned && active.is_banned_at(now) => Decision::Forbidden(Denial::Banned),
        Some(active) => Decision::Allow(Grant::to(active)),
        None => Decision::Unauthenticated(Denial::Expired),
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("token", self.token.digest()).finish_non_exhaustive()
    }
}
