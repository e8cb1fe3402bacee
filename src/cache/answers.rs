//! Answers by name: bounded in number and age, with single flight.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::flight::Flights;
use crate::clock::UnixMillis;
use crate::store::StoreError;

/// How long answers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// A live session. Zero asks the store every time.
    pub session: Duration,
    /// The absence or the end of a session.
    pub absence: Duration,
}

/// Something that can be remembered of a lookup.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Whether it is a session that is live at `now`.
    fn is_live_at(&self, now: UnixMillis) -> bool;
}

/// A bounded memory of answers, in front of whoever gives them.
pub struct Answers<K, A> {
    entries: moka::sync::Cache<K, Entry<A>>,
    ages: Ages,
    flights: Flights<K, Landed<A>>,
}

/// What a lookup came back with. Shared, for a thousand requests may have waited for it.
pub type Landed<A> = Result<A, Arc<StoreError>>;

#[derive(Clone)]
struct Entry<A> {
    answer: A,
    asked: UnixMillis,
}

impl Ages {
    /// Whether an answer of the instant `asked` may still be given at `now`.
    ///
    /// A session that has ended is believed no longer than an absence: Better Auth may have prolonged it since. A
    /// clock that was set back makes every answer from its future worthless.
    fn allow(self, answer: &impl Answer, asked: UnixMillis, now: UnixMillis) -> bool {
        let limit = if answer.is_live_at(now) { self.session } else { self.absence };
        now.since(asked).is_some_and(|age| age < limit)
    }
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static, A: Answer> Answers<K, A> {
    /// An empty memory of at most `capacity` answers.
    #[must_use]
    pub fn new(capacity: u64, ages: Ages) -> Self {
        // moka's own clock is monotonic: whatever happens to the wall clock, nothing outlives this.
        let longest = ages.session.max(ages.absence).max(Duration::from_millis(1));
        let entries = moka::sync::Cache::builder().max_capacity(capacity).time_to_live(longest).build();
        Self { entries, ages, flights: Flights::default() }
    }

    /// The remembered answer, if it may still be given at `now`.
    #[must_use]
    pub fn get(&self, name: &K, now: UnixMillis) -> Option<A> {
        let entry = self.entries.get(name)?;
        self.ages.allow(&entry.answer, entry.asked, now).then_some(entry.answer)
    }

    /// Asks `lookup`, or waits for the answer if somebody is already asking for the same. Good answers are remembered,
    /// errors never are.
    ///
    /// # Errors
    /// The lookup's own, the same for all who waited for it.
    ///
    /// # Cancellation
    /// The lookup runs to its end even if every caller has gone. Its answer counts from the instant at which it was
    /// asked for, since the session may end while the store thinks.
    pub async fn load<L>(&self, name: K, now: impl Fn() -> UnixMillis, lookup: L) -> Landed<A>
    where
        L: Future<Output = Landed<A>> + Send + 'static,
    {
        let entries = self.entries.clone();
        let asked = now();
        let remembered = || self.get(&name, asked).map(Ok);
        let flight = async move {
            let landed = lookup.await;
            if let Ok(answer) = &landed {
                entries.insert(name, Entry { answer: answer.clone(), asked });
            }
            landed
        };
        self.flights
            .join(name, remembered, flight)
            .await
            .unwrap_or_else(|| Err(Arc::new(StoreError::BrokeOff)))
    }

    /// Puts what `change` makes of a remembered answer in its place, as old as it was.
    pub(super) fn change(&self, name: &K, change: impl FnOnce(&A) -> Option<A>) {
        self.entries.entry(*name).and_compute_with(|entry| {
            let entry = entry.map(moka::Entry::into_value);
            let changed = entry.and_then(|entry| Some((change(&entry.answer)?, entry.asked)));
            match changed {
                Some((answer, asked)) => moka::ops::compute::Op::Put(Entry { answer, asked }),
                None => moka::ops::compute::Op::Nop,
            }
        });
    }

    pub(super) fn forget(&self, name: &K) {
        self.entries.invalidate(name);
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
