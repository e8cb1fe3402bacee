//! Answers by name: bounded in number and age, with single flight.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::flight::{Flights, alone};
use super::generations::{Generation, Generations, Hearing, Named};
use crate::auth::Marks;
use crate::clock::UnixMillis;
use crate::store::StoreError;

/// How long answers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// A live session, where nothing tells of revocations. Zero asks the store every time.
    pub session: Duration,
    /// A live session, while revocations are heard of.
    pub heard: Duration,
    /// A live session, while what told of revocations is out of reach.
    pub lost: Duration,
    /// The absence or the end of a session.
    pub absence: Duration,
    /// How much longer a live session is believed while the store cannot be asked.
    pub stale: Duration,
}

/// What somebody wants of an answer beyond what the ages grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// An answer of that age is too old, whatever it says; zero: whoever can tell is asked.
    pub max_staleness: Option<Duration>,
    /// How much longer a live session is believed while the store cannot be asked, where that is less.
    pub stale_if_error: Option<Duration>,
}

/// Something that can be remembered of a lookup.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Whether it is a session that is live at `now`.
    fn is_live_at(&self, now: UnixMillis) -> bool;

    /// By which it can be revoked, besides its name.
    fn marks(&self) -> Option<Marks>;
}

/// What answers are remembered by.
pub trait Name: Copy + Eq + Hash + Send + Sync + 'static {
    /// By which an answer of that name can be revoked.
    fn mark(&self) -> u32;
}

/// A bounded memory of answers, in front of whoever gives them.
pub struct Answers<K, A> {
    entries: moka::sync::Cache<K, Entry<A>>,
    ages: Ages,
    generations: Arc<Generations>,
    flights: Flights<K, Landed<(A, UnixMillis)>>,
    /// How many there were.
    questions: AtomicU64,
}

/// What a lookup came back with. Shared, for a thousand requests may have waited for it.
pub type Landed<A> = Result<A, Arc<StoreError>>;

/// So often is a question put again whose answer was revoked before it arrived.
const TRIES: usize = 3;

#[derive(Clone)]
struct Entry<A> {
    answer: A,
    asked: UnixMillis,
    since: Generation,
    /// Of the question. Instants will not do: a clock may be set back.
    number: u64,
}

impl Ages {
    /// The same whether or not revocations are heard of, and nothing beyond it.
    #[must_use]
    pub const fn plain(session: Duration, absence: Duration) -> Self {
        Self { session, heard: session, lost: session, absence, stale: Duration::ZERO }
    }

    /// How long an answer may be given, if it is given at `now`.
    ///
    /// A session that has ended is believed no longer than an absence: Better Auth may have prolonged it since.
    fn limit(self, answer: &impl Answer, now: UnixMillis, hearing: Hearing) -> Duration {
        if answer.is_live_at(now) { self.of_live(hearing) } else { self.absence }
    }

    const fn of_live(self, hearing: Hearing) -> Duration {
        match hearing {
            Hearing::None => self.session,
            Hearing::Now => self.heard,
            Hearing::Lost => self.lost,
        }
    }

    fn longest(self) -> Duration {
        let session = self.session.max(self.heard).max(self.lost) + self.stale;
        session.max(self.absence).max(Duration::from_millis(1))
    }
}

impl Wanted {
    /// What is left of an age that the ages grant.
    fn within(self, granted: Duration) -> Duration {
        self.max_staleness.map_or(granted, |wanted| wanted.min(granted))
    }
}

impl<K: Name, A: Answer> Answers<K, A> {
    /// An empty memory of at most `capacity` answers, which `generations` tells what was revoked.
    #[must_use]
    pub fn new(capacity: u64, ages: Ages, generations: Arc<Generations>) -> Self {
        // moka's own clock is monotonic: whatever happens to the wall clock, nothing outlives this.
        let entries =
            moka::sync::Cache::builder().max_capacity(capacity).time_to_live(ages.longest()).build();
        Self { entries, ages, generations, flights: Flights::default(), questions: AtomicU64::new(0) }
    }

    /// The remembered answer, if it may still be given at `now` to somebody who wants none that is as old as `wanted`.
    #[must_use]
    pub fn get(&self, name: &K, now: UnixMillis, wanted: Wanted) -> Option<A> {
        self.fresh(name, now, wanted).map(|entry| entry.answer)
    }

    fn fresh(&self, name: &K, now: UnixMillis, wanted: Wanted) -> Option<Entry<A>> {
        let entry = self.current(name)?;
        let limit = self.limit(&entry.answer, now, wanted);
        entry.age(now).is_some_and(|age| age < limit).then_some(entry)
    }

    fn limit(&self, answer: &A, now: UnixMillis, wanted: Wanted) -> Duration {
        wanted.within(self.ages.limit(answer, now, self.generations.hearing()))
    }

    /// The remembered session, live and not revoked as far as is known, though older than it should be: for while the
    /// store cannot be asked. With it, how old it is.
    pub(super) fn stale(&self, name: &K, now: UnixMillis, wanted: Wanted) -> Option<(A, Duration)> {
        let entry = self.current(name)?;
        let stale = wanted.stale_if_error.map_or(self.ages.stale, |wanted| wanted.min(self.ages.stale));
        let limit = self.ages.limit(&entry.answer, now, self.generations.hearing()) + stale;
        let limit = wanted.within(limit);
        let age = entry.age(now).filter(|age| *age < limit && entry.answer.is_live_at(now))?;
        Some((entry.answer, age))
    }

    /// When it was heard last that an answer of that name and those marks counts no more.
    pub(super) fn revoked_at(&self, name: &K, marks: Marks) -> Option<UnixMillis> {
        self.generations.last_heard(Named { token: name.mark(), marks: Some(marks) })
    }

    /// What is remembered and when it was asked for, whether or not it still counts.
    pub(super) fn remembered(&self, name: &K) -> Option<(A, UnixMillis)> {
        self.entries.get(name).map(|entry| (entry.answer, entry.asked))
    }

    /// What is remembered and was not revoked.
    fn current(&self, name: &K) -> Option<Entry<A>> {
        let entry = self.entries.get(name)?;
        if self.generations.keeps(entry.named(name), entry.since) {
            return Some(entry);
        }
        self.entries.invalidate(name);
        None
    }

    /// Asks `lookup`, or waits for the answer if somebody is already asking for the same. Good answers are remembered,
    /// errors never are; what was revoked while it was under way is neither remembered nor given, but asked for again. An
    /// answer that somebody asked for earlier counts no longer than it would if it were remembered.
    ///
    /// # Errors
    /// The lookup's own, the same for all who waited for it.
    ///
    /// # Cancellation
    /// The lookup runs to its end even if every caller has gone. Its answer counts from the instant at which it was
    /// asked for, since the session may end while the store thinks.
    pub async fn load<L>(
        &self,
        name: K,
        wanted: Wanted,
        now: impl Fn() -> UnixMillis,
        lookup: impl Fn() -> L + Clone + Send + 'static,
    ) -> Landed<A>
    where
        L: Future<Output = Landed<A>> + Send + 'static,
    {
        let came = now();
        if !wanted.within(self.ages.of_live(self.generations.hearing())).is_zero() {
            let remembered = || self.fresh(&name, came, wanted).map(|entry| Ok((entry.answer, entry.asked)));
            let landed = self.flights.join(name, remembered, self.flight(name, came, lookup.clone())).await;
            let (answer, asked) = landed.unwrap_or_else(broke_off)?;
            // None if it was asked for since.
            let age = came.since(asked).unwrap_or_default();
            if age.is_zero() || age < self.limit(&answer, came, wanted) {
                return Ok(answer);
            }
        }
        // Whoever else is asking began before, and what they are told may be of before.
        let landed = alone(self.flight(name, came, lookup)).await;
        landed.unwrap_or_else(broke_off).map(|(answer, _)| answer)
    }

    /// The answer to a question of its own, and when it was asked.
    fn flight<L>(
        &self,
        name: K,
        asked: UnixMillis,
        lookup: impl Fn() -> L + Send + 'static,
    ) -> impl Future<Output = Landed<(A, UnixMillis)>> + Send + 'static
    where
        L: Future<Output = Landed<A>> + Send + 'static,
    {
        let (entries, generations) = (self.entries.clone(), Arc::clone(&self.generations));
        let number = self.questions.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..TRIES {
                let since = generations.now();
                let entry = Entry { answer: lookup().await?, asked, since, number };
                // Remembered first and looked at then: a revocation that comes between the two is not missed.
                let latest = remember(&entries, name, entry);
                if generations.is_current(latest.named(&name), latest.since) {
                    return Ok((latest.answer, latest.asked));
                }
                entries.invalidate(&name);
            }
            Err(Arc::new(StoreError::Unsettled))
        }
    }

    /// Puts what `change` makes of a remembered answer in its place, as old as it was.
    pub(super) fn change(&self, name: &K, change: impl FnOnce(&A) -> Option<A>) {
        self.entries.entry(*name).and_compute_with(|entry| {
            let entry = entry.map(moka::Entry::into_value);
            let changed = entry.and_then(|entry| Some(Entry { answer: change(&entry.answer)?, ..entry }));
            changed.map_or(moka::ops::compute::Op::Nop, moka::ops::compute::Op::Put)
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

/// Remembers an answer, unless one to a later question is there by now, which may know more: then that is the one. What
/// is there afterwards.
fn remember<K: Name, A: Answer>(
    entries: &moka::sync::Cache<K, Entry<A>>,
    name: K,
    entry: Entry<A>,
) -> Entry<A> {
    let there = entries.entry(name).and_compute_with(|there| match there {
        Some(there) if there.value().number > entry.number => moka::ops::compute::Op::Nop,
        Some(_) | None => moka::ops::compute::Op::Put(entry.clone()),
    });
    there.into_entry().map_or(entry, moka::Entry::into_value)
}

fn broke_off<T>() -> Landed<T> {
    Err(Arc::new(StoreError::BrokeOff))
}

impl<A: Answer> Entry<A> {
    /// How old it is; `None` by a clock that was set back, which makes every answer from its future worthless.
    fn age(&self, now: UnixMillis) -> Option<Duration> {
        now.since(self.asked)
    }

    fn named(&self, name: &impl Name) -> Named {
        Named { token: name.mark(), marks: self.answer.marks() }
    }
}
