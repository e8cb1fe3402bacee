//! Proof of an identity that an app can check by itself: a JSON Web Token, signed here, for one audience, good for a minute.
//!
//! Plain headers are the proxy's word, and a proxy that is set up wrongly hands on the client's. Nobody but a holder of the
//! key can write this one. Decides what is claimed, for how long, and when a new one is signed; whether anybody may pass
//! was decided before, in `auth`. The form is RFC 7519's with RFC 7515's compact serialization, keys are RFC 8037's Ed25519
//! and RFC 7518's P-256.

mod claims;
mod jwks;
mod jws;
mod keys;
mod memory;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

pub use self::jwks::write_jwks;
pub use self::keys::{Algorithm, Key, KeyFileError, KeyRing, KeyRingError, MadeKeys};

use self::memory::{Memory, Occasion};
use crate::auth::{CheckRequest, Grant};
use crate::clock::UnixMillis;
use crate::metrics::{AssertionMetrics, AssertionOutcome};

/// What every assertion says, whoever it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionRules {
    /// `iss`.
    pub issuer: String,
    /// `aud`: the one app, or group of apps, that may believe it.
    pub audience: String,
    /// What of the request it is tied to besides.
    pub bind: Vec<Binding>,
}

/// What an assertion can be tied to, so that it proves nothing anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `host`: the host that the client asked for, in lower case, with its port if it had one.
    Host,
    /// `req`: method and path, as [`Binding::digest`] has them.
    Request,
}

/// Signs, and remembers what it signed.
pub struct Assertions {
    rules: AssertionRules,
    keys: Arc<KeyRing>,
    jwks: Bytes,
    memory: Memory,
    metrics: AssertionMetrics,
}

impl Assertions {
    /// By these rules, with the first of `keys`.
    #[must_use]
    pub fn new(rules: AssertionRules, keys: Arc<KeyRing>, metrics: AssertionMetrics) -> Self {
        let jwks = jwks::text(&keys).into();
        Self { rules, keys, jwks, memory: Memory::new(), metrics }
    }

    /// The proof of who passes by `grant`, for the app that `request` goes to. `None` for nobody's, and where what must be
    /// said of a session cannot be: its user has no id, or is longer than a header may be.
    #[must_use]
    pub fn of(&self, grant: &Grant, request: &CheckRequest<'_>, now: UnixMillis) -> Option<HeaderValue> {
        let session = grant.session()?;
        let occasion = Occasion::of(session, grant.stale_for(), request, &self.rules.bind, now);
        if let Some(known) = occasion.as_ref().and_then(|occasion| self.memory.recall(occasion, now)) {
            self.metrics.count(AssertionOutcome::Reused);
            return Some(known);
        }
        let signed = occasion.and_then(|occasion| {
            let claims = claims::of(&self.rules, session, &occasion, now)?;
            let assertion = jws::sign(&claims.payload, self.keys.signer())?;
            self.memory.keep(occasion, &assertion, &claims, now);
            Some(assertion)
        });
        self.metrics.count(if signed.is_some() {
            AssertionOutcome::Signed
        } else {
            AssertionOutcome::LeftOut
        });
        signed
    }

    /// The public keys as a JWK Set (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> Bytes {
        self.jwks.clone()
    }
}
