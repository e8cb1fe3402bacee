//! Sliding expiry: a session that passes and is due is prolonged by asking Better Auth, as a visit there would do.
//!
//! Source: better-auth 1.7.25 `api/routes/session.mjs` (`BETTER-AUTH.md` §4). sidegate writes nothing itself. Whatever
//! goes wrong, the request that found its session due passes: it was allowed before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::auth::{CookieName, Session, TokenDigest, VerifiedToken};
use crate::cache::SessionCache;
use crate::clock::UnixMillis;
use crate::metrics::Lookups;
use crate::store::{BetterAuth, Renewal};

/// Better Auth's settings of sliding expiry, and what the proxy does with cookies.
#[derive(Clone, Debug)]
pub struct Sliding {
    /// Better Auth's `session.expiresIn`.
    pub expires_in: Duration,
    /// Better Auth's `session.updateAge`.
    pub update_age: Duration,
    /// Whether the proxy hands Set-Cookie on.
    pub relays: bool,
    /// The cookie that says not to.
    pub dont_remember: CookieName,
}

/// Has sessions prolonged.
pub struct Refresh {
    sliding: Sliding,
    /// A session with no more than this left, in milliseconds, is due.
    due_within: i64,
    better_auth: BetterAuth,
    /// When each session may be asked about again.
    pauses: moka::sync::Cache<TokenDigest, UnixMillis>,
    free: Arc<Semaphore>,
    lookups: Lookups,
}

/// What a request has of it.
#[derive(Debug)]
pub enum Refreshed {
    /// Nothing that it waits for: it passes as it is.
    Nothing,
    /// Its session lives longer, and its browser should be told by this cookie.
    Prolonged(Arc<Session>, Option<HeaderValue>),
    /// Better Auth knows of no such session: the store has to be asked again.
    Gone,
}

/// Most refreshes at once; what is due beyond them stays due until the next request.
const FLIGHTS: usize = 64;
/// Most sessions whose pauses are remembered: some ten megabytes.
const PAUSES: u64 = 100_000;
/// Until a session is asked about again when Better Auth could not be asked.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Until a session is asked about again when Better Auth left it as it was, at most.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// With an `updateAge` of 0 each request is due: once in this time is as good.
const PAUSE_AFTER_SUCCESS: Duration = Duration::from_secs(10);

impl Refresh {
    /// Prolongs by asking `better_auth`.
    #[must_use]
    pub fn new(sliding: Sliding, better_auth: BetterAuth, lookups: Lookups) -> Self {
        let due_within = millis(sliding.expires_in).saturating_sub(millis(sliding.update_age));
        let pauses = moka::sync::Cache::builder().max_capacity(PAUSES).time_to_live(PAUSE_MAX).build();
        Self { sliding, due_within, better_auth, pauses, free: Arc::new(Semaphore::new(FLIGHTS)), lookups }
    }

    /// Whether Better Auth would prolong this session at `now`, by its times alone.
    #[must_use]
    pub fn is_due(&self, session: &Session, now: UnixMillis) -> bool {
        session.expires_at().get().saturating_sub(self.due_within) <= now.get()
    }

    /// The cookie that says that a session is not to be prolonged.
    #[must_use]
    pub fn dont_remember(&self) -> &CookieName {
        &self.sliding.dont_remember
    }

    /// Has `session` prolonged, which is due at `now`: once, however many requests find it so. It is waited for, until
    /// `deadline`, where its cookie can be handed on.
    ///
    /// # Cancellation
    /// The refresh goes on without the request that began it.
    pub async fn prolong(
        &self,
        token: VerifiedToken,
        session: Arc<Session>,
        cache: Arc<SessionCache>,
        now: UnixMillis,
        deadline: tokio::time::Instant,
    ) -> Refreshed {
        if self.pauses.get(token.digest()).is_some_and(|until| now < until) {
            return Refreshed::Nothing;
        }
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            self.lookups.took("dropped", Duration::ZERO);
            return Refreshed::Nothing;
        };
        let pause = self.pauses.entry(*token.digest());
        if !pause.or_insert_with_if(|| after(now, PAUSE_AFTER_FAILURE), |until| *until <= now).is_fresh() {
            return Refreshed::Nothing;
        }
        let flight = tokio::spawn(self.flight(permit, token, session, cache, now));
        if !self.sliding.relays {
            return Refreshed::Nothing;
        }
        match timeout_at(deadline, flight).await {
            Ok(Ok(refreshed)) => refreshed,
            Ok(Err(_)) | Err(_) => Refreshed::Nothing,
        }
    }

    fn flight(
        &self,
        permit: OwnedSemaphorePermit,
        token: VerifiedToken,
        session: Arc<Session>,
        cache: Arc<SessionCache>,
        now: UnixMillis,
    ) -> impl Future<Output = Refreshed> + Send + 'static {
        let (better_auth, lookups, pauses) =
            (self.better_auth.clone(), self.lookups.clone(), self.pauses.clone());
        let after_success = PAUSE_AFTER_SUCCESS.min(self.sliding.expires_in / 10);
        let after_nothing = (self.sliding.update_age / 10).clamp(PAUSE_AFTER_FAILURE, PAUSE_MAX);
        async move {
            let asked = Instant::now();
            let renewal = better_auth.prolong(&token).await;
            let (result, pause, refreshed) = match renewal {
                Ok(Renewal::Until { expires_at, body, set_cookie }) if expires_at > session.expires_at() => {
                    let prolonged = Arc::new(session.prolonged(expires_at, body));
                    cache.replace(token.digest(), &session, &prolonged);
                    ("prolonged", after_success, Refreshed::Prolonged(prolonged, set_cookie))
                }
                Ok(Renewal::Until { .. }) => ("unchanged", after_nothing, Refreshed::Nothing),
                Ok(Renewal::Gone) => {
                    cache.forget(token.digest());
                    ("gone", PAUSE_AFTER_FAILURE, Refreshed::Gone)
                }
                Err(error) => {
                    let session = token.digest();
                    let why = error.detail();
                    tracing::warn!(reason = error.code(), %session, "session not prolonged by Better Auth: {why}");
                    (error.code(), PAUSE_AFTER_FAILURE, Refreshed::Nothing)
                }
            };
            lookups.took(result, asked.elapsed());
            pauses.insert(*token.digest(), after(now, pause));
            drop(permit);
            refreshed
        }
    }
}

fn after(now: UnixMillis, pause: Duration) -> UnixMillis {
    UnixMillis::new(now.get().saturating_add(millis(pause)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
