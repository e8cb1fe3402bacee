//! Tokens of Better Auth's jwt plugin: judged by its public keys, remembered once they proved genuine.
//!
//! What is remembered is keyed by the whole token, signature included, so a token that hits was judged before. Forged
//! ones are not remembered at all: they cost a signature check each and push out nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth::{Jwt, JwtDigest, JwtRefusal, JwtRules, Session};
use crate::clock::UnixMillis;
use crate::keys::{KeyRing, Published};

/// Judges tokens of one issuer.
pub struct Jwts {
    rules: JwtRules,
    keys: Arc<KeyRing<Published>>,
    genuine: moka::sync::Cache<JwtDigest, Arc<Session>>,
}

/// What comes of a token.
#[derive(Debug)]
pub enum Judged {
    /// It acts for this user, as long as this session lasts.
    Opens(Arc<Session>),
    /// It does not count, for good.
    Refused(JwtRefusal),
    /// There are no keys to judge it by.
    Unknown,
}

/// Most tokens remembered: some hundred megabytes, at a kilobyte each.
const CAPACITY: u64 = 100_000;

impl Jwts {
    /// Tokens that `rules` accept and one of `keys` signed. One that proved genuine is believed for `ttl` without
    /// looking at the keys again, and never beyond its own end: so one whose key was withdrawn passes for that long after
    /// `keys` have noticed.
    #[must_use]
    pub fn new(rules: JwtRules, keys: Arc<KeyRing<Published>>, ttl: Duration) -> Self {
        let genuine = moka::sync::Cache::builder().max_capacity(CAPACITY).time_to_live(ttl).build();
        Self { rules, keys, genuine }
    }

    /// The session of a token that proved genuine a short time ago.
    #[must_use]
    pub fn remembered(&self, token: &Jwt<'_>) -> Option<Arc<Session>> {
        self.genuine.get(token.digest())
    }

    /// Judges a token. Newer keys are asked for if it names one that is not known, at a bounded rate.
    pub async fn judge(&self, token: &Jwt<'_>, now: impl Fn() -> UnixMillis) -> Judged {
        let asked = Instant::now();
        let Ok(keys) = self.keys.current(asked).await else { return Judged::Unknown };
        let claims = match (self.rules.verify(token.text(), &keys, now()), JwtRules::key_id(token.text())) {
            (Err(JwtRefusal::UnknownKey), Some(kid)) => match self.keys.after_unknown(&kid, asked).await {
                Ok(newer) => self.rules.verify(token.text(), &newer, now()),
                Err(_) => return Judged::Unknown,
            },
            (judged, _) => judged,
        };
        match claims {
            Ok(claims) => {
                let session = Arc::new(claims.into_session());
                self.genuine.insert(*token.digest(), Arc::clone(&session));
                Judged::Opens(session)
            }
            Err(refusal) => Judged::Refused(refusal),
        }
    }
}
