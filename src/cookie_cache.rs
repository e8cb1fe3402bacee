//! Better Auth's cookie cache in the place of a store that cannot say, or where there is no store at all.
//!
//! What the cookie says is as old as it is: each answer that rests on it is counted with its age.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::time::timeout_at;

use crate::auth::{Body, KeySet, PublicKeys, Session, SessionRecord, SnapshotRules, Unusable, VerifiedToken};
use crate::clock::UnixMillis;
use crate::keys::{KeyRing, Published};
use crate::metrics::CookieCacheAges;

/// Opens `session_data` cookies.
pub struct CookieCache {
    rules: SnapshotRules,
    keys: Option<Arc<KeyRing<Published>>>,
    /// Whether sessions are wanted with what get-session answers.
    bodies: bool,
    ages: CookieCacheAges,
}

/// Why a request's cookie cache tells of no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It says nothing that counts.
    #[error("{0}")]
    Unusable(#[from] Unusable),
    /// It may say something, but the key that it names is not known, and newer keys cannot be had.
    #[error("the key that it names is not known, and the source of public keys cannot be asked")]
    KeysUnavailable,
    /// It was written before something that is known by now, or too long ago for this place.
    #[error("it is older than what is known of its session, or than this place allows")]
    Outdated,
}

/// A session as a cookie tells it.
pub struct Told {
    /// The session.
    pub session: Arc<Session>,
    /// When Better Auth wrote the cookie, by its clock.
    pub written_at: UnixMillis,
}

impl Told {
    /// How old it is. What a clock ahead of ours wrote is new.
    #[must_use]
    pub fn age(&self, now: UnixMillis) -> Duration {
        now.since(self.written_at).unwrap_or_default()
    }
}

impl CookieCache {
    /// Cookies that `rules` open, with `keys` where they are signed by those of the jwt plugin.
    #[must_use]
    pub fn new(
        rules: SnapshotRules,
        keys: Option<Arc<KeyRing<Published>>>,
        bodies: bool,
        ages: CookieCacheAges,
    ) -> Self {
        Self { rules, keys, bodies, ages }
    }

    /// The session that these headers bring along for `token`. Public keys are waited for until `deadline`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn session(
        &self,
        headers: &HeaderMap,
        token: &VerifiedToken,
        deadline: tokio::time::Instant,
        now: impl Fn() -> UnixMillis,
    ) -> Result<Told, Silence> {
        let keys = match (&self.keys, self.rules.key_id(headers)) {
            (Some(ring), Some(kid)) => Some(keys_for(ring, &kid, deadline).await?),
            _ => None,
        };
        let keys = keys.as_deref().map(|keys| -> &dyn PublicKeys { keys });
        let now = now();
        let snapshot = self.rules.open(headers, token, keys, now)?;
        self.ages.told(now.since(snapshot.updated_at).unwrap_or_default());
        let body = self.bodies.then(|| Body::new(snapshot.body().as_bytes()));
        let session = Session::new(&SessionRecord {
            expires_at: snapshot.expires_at,
            session: snapshot.session,
            user: snapshot.user,
            organization_role: None,
        });
        let session = match body {
            Some(body) => session.with_body(body),
            None => session,
        };
        Ok(Told { session: Arc::new(session), written_at: snapshot.updated_at })
    }
}

/// The keys for a cookie that names `kid`: those in memory where none newer come in time, for they open nothing that
/// they would not have opened before.
async fn keys_for(
    ring: &KeyRing<Published>,
    kid: &str,
    deadline: tokio::time::Instant,
) -> Result<Arc<KeySet>, Silence> {
    let asked = Instant::now();
    let newest = async {
        let keys = ring.current(asked).await?;
        if keys.contains(kid) { Ok(keys) } else { ring.after_unknown(kid, asked).await }
    };
    match timeout_at(deadline, newest).await {
        Ok(Ok(keys)) => Ok(keys),
        Ok(Err(_)) | Err(_) => ring.known().filter(|keys| keys.contains(kid)).ok_or(Silence::KeysUnavailable),
    }
}
