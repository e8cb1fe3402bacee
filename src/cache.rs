//! What is remembered of earlier lookups, and for how long it may be believed.
//!
//! Entries are keyed by digest, so that a dump of the cache holds no credential. Only tokens whose signature was
//! verified get here: a forged cookie costs neither memory nor a lookup.

mod flight;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Session, TokenDigest};
use crate::clock::UnixMillis;
use crate::store::StoreError;

use self::flight::Flights;

/// What a lookup came back with. Shared, for a thousand requests may have waited for it.
pub type Landed = Result<Option<Arc<Session>>, Arc<StoreError>>;

/// How long answers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// A live session. Zero asks the store every time.
    pub session: Duration,
    /// The absence or the end of a session.
    pub absence: Duration,
}

/// A bounded memory of sessions and of brief absences, in front of a store.
pub struct SessionCache {
    entries: moka::sync::Cache<TokenDigest, Entry>,
    ages: Ages,
    flights: Flights,
}

#[derive(Clone)]
struct Entry {
    found: Option<Arc<Session>>,
    asked: UnixMillis,
}

impl Ages {
    /// Whether an answer of the instant `asked` may still be given at `now`.
    ///
    /// A session that has ended is believed no longer than an absence: Better Auth may have prolonged it since. A
    /// clock that was set back makes every answer from its future worthless.
    fn allow(self, found: Option<&Session>, asked: UnixMillis, now: UnixMillis) -> bool {
        let limit = match found {
            Some(session) if session.is_active_at(now) => self.session,
            Some(_) | None => self.absence,
        };
        now.since(asked).is_some_and(|age| age < limit)
    }
}

impl SessionCache {
    /// An empty cache that holds at most `capacity` answers.
    #[must_use]
    pub fn new(capacity: u64, ages: Ages) -> Arc<Self> {
        // moka's own clock is monotonic: whatever happens to the wall clock, nothing outlives this.
        let longest = ages.session.max(ages.absence).max(Duration::from_millis(1));
        let entries = moka::sync::Cache::builder().max_capacity(capacity).time_to_live(longest).build();
        Arc::new(Self { entries, ages, flights: Flights::default() })
    }

    /// The remembered answer for a token, if it may still be given at `now`.
    #[must_use]
    pub fn get(&self, token: &TokenDigest, now: UnixMillis) -> Option<Option<Arc<Session>>> {
        let entry = self.entries.get(token)?;
        self.ages.allow(entry.found.as_deref(), entry.asked, now).then_some(entry.found)
    }

    /// Asks `lookup`, or waits for the answer if somebody is already asking for the same token. Good answers are
    /// remembered, errors never are.
    ///
    /// # Errors
    /// The lookup's own, the same for all who waited for it.
    ///
    /// # Cancellation
    /// The lookup runs to its end even if every caller has gone. Its answer counts from the instant at which it was
    /// asked for, since the session may end while the store thinks.
    pub async fn load<L>(
        self: &Arc<Self>,
        token: TokenDigest,
        now: impl Fn() -> UnixMillis,
        lookup: L,
    ) -> Landed
    where
        L: Future<Output = Result<Option<Session>, StoreError>> + Send + 'static,
    {
        let cache = Arc::clone(self);
        let asked = now();
        let remembered = || self.get(&token, asked).map(Ok);
        let flight = async move {
            let landed = lookup.await.map(|found| found.map(Arc::new)).map_err(Arc::new);
            match &landed {
                Ok(found) => cache.entries.insert(token, Entry { found: found.clone(), asked }),
                Err(error) => tracing::warn!(reason = error.code(), session = %token, "{error}"),
            }
            landed
        };
        self.flights.join(token, remembered, flight).await
    }

    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
