//! Better Auth's cookie cache in the place of a store that cannot say, or where there is no store at all.
//!
//! What the cookie says is as old as it is: each answer that rests on it is counted with its age.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;

use crate::auth::{Body, PublicKeys, Session, SessionRecord, SnapshotRules, Unusable, VerifiedToken};
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

    /// The session that these headers bring along for `token`.
    ///
    /// # Errors
    /// Why the cookie says nothing.
    pub async fn session(
        &self,
        headers: &HeaderMap,
        token: &VerifiedToken,
        now: impl Fn() -> UnixMillis,
    ) -> Result<Arc<Session>, Unusable> {
        // Keys that cannot be asked for now open nothing that those before them would not.
        let keys = match &self.keys {
            Some(ring) => ring.current(Instant::now()).await.ok().or_else(|| ring.known()),
            None => None,
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
        Ok(Arc::new(match body {
            Some(body) => session.with_body(body),
            None => session,
        }))
    }
}
