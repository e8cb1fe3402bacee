//! The public keys that tokens are judged by: when they are asked for, and for how long the answer is believed.
//!
//! Where they come from is a [`KeySource`]'s affair, what they prove that of [`KeySet`]. One fetch at a time, whoever
//! needs it; a token that names an unknown key, which anybody can forge, may ask for newer keys only so often; and
//! what was known last goes on being used while the source is down.

mod flight;
mod published;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use self::published::Published;

use self::flight::Flight;
use crate::auth::{KeySet, KeySetError};

/// Where public keys are published.
pub trait KeySource: Send + Sync + 'static {
    /// All keys that it has now. An empty set means that it is sure there is none.
    fn fetch(&self) -> impl Future<Output = Result<KeySet, KeysUnavailable>> + Send;
}

/// Why there are no keys to judge by. Nothing follows for the token: it may be genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysUnavailable {
    /// The source could not be asked, or did not answer in time, or answered with an error.
    #[error("cannot reach the source of public keys: {0}")]
    Unreachable(String),
    /// It answered, and not with keys.
    #[error("what the source of public keys answers is no set of keys: {0}")]
    Malformed(#[from] KeySetError),
    /// The fetch ended without an answer, by a defect of ours.
    #[error("the fetch of public keys broke off")]
    BrokeOff,
}

impl KeysUnavailable {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Malformed(_) => "malformed",
            Self::BrokeOff => "broke_off",
        }
    }
}

/// How long keys are believed, and how often they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAges {
    /// How long keys are used before they are asked for again. A key that was withdrawn passes no longer than this.
    pub ttl: Duration,
    /// Least time between two fetches that tokens with unknown keys brought about.
    pub refresh_min: Duration,
    /// Least time after a fetch that failed where no keys are known. Where some are, it is [`KeyAges::refresh_min`]: they
    /// go on being used, and requests need not wait for a source that may be slow to fail.
    pub retry: Duration,
}

/// The keys of one source, remembered. It never reads a clock: callers say when it is, by any clock that only goes on.
pub struct KeyRing<S> {
    source: Arc<S>,
    ages: KeyAges,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    known: Option<Known>,
    /// The last fetch, if it failed.
    failed: Option<(Instant, KeysUnavailable)>,
    /// The last fetch that an unknown key brought about.
    provoked: Option<Instant>,
    /// Ends when the fetch under way has.
    flight: Option<watch::Receiver<()>>,
}

struct Known {
    keys: Arc<KeySet>,
    /// When they were asked for.
    asked: Instant,
}

/// What a caller has to do next.
enum Next {
    Done(Result<Arc<KeySet>, KeysUnavailable>),
    Wait(watch::Receiver<()>),
    Fetch(Flight, watch::Receiver<()>),
}

impl KeyAges {
    /// Five minutes, ten seconds, one second.
    pub const DEFAULT: Self = Self {
        ttl: Duration::from_mins(5),
        refresh_min: Duration::from_secs(10),
        retry: Duration::from_secs(1),
    };
}

impl<S: KeySource> KeyRing<S> {
    /// A ring that knows no keys yet.
    #[must_use]
    pub fn new(source: S, ages: KeyAges) -> Self {
        Self { source: Arc::new(source), ages, memory: Arc::default() }
    }

    /// The keys to judge by at `now`: those in memory, if they are young enough or the source is down, else those that
    /// the source has.
    ///
    /// # Errors
    /// If the source cannot be asked and never could be.
    pub async fn current(&self, now: Instant) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.settle(|| self.next(now)).await
    }

    /// The keys to judge by at `now`, for a token whose key `kid` was not among [`KeyRing::current`]: those that came in
    /// meanwhile, or newer ones, if it is not too early to ask again. Whether they hold `kid` is for the caller to see:
    /// where they do not, no such key is published.
    ///
    /// # Errors
    /// If the source cannot be asked now. The keys in memory say nothing of a key that they do not hold.
    pub async fn after_unknown(&self, kid: &str, now: Instant) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.settle(|| self.next_for(kid, now)).await
    }

    /// The keys that the source had last, however long ago.
    #[must_use]
    pub fn known(&self) -> Option<Arc<KeySet>> {
        lock(&self.memory).keys()
    }

    /// Looks again each time a fetch has ended, until there is something to say.
    async fn settle(&self, next: impl Fn() -> Next) -> Result<Arc<KeySet>, KeysUnavailable> {
        loop {
            let mut landing = match next() {
                Next::Done(answer) => return answer,
                Next::Wait(landing) => landing,
                Next::Fetch(flight, landing) => {
                    let source = Arc::clone(&self.source);
                    // A task of its own: the request that happened to come first may be cancelled, the others wait on.
                    tokio::spawn(async move { flight.land(source.fetch().await) });
                    landing
                }
            };
            // Nothing is ever sent: the other end is dropped once the memory holds what there is to know.
            landing.changed().await.ok();
        }
    }

    fn next(&self, now: Instant) -> Next {
        let mut memory = lock(&self.memory);
        if let Some(known) = &memory.known
            && is_recent(known.asked, now, self.ages.ttl)
        {
            return Next::Done(Ok(Arc::clone(&known.keys)));
        }
        if let Some(landing) = &memory.flight {
            return Next::Wait(landing.clone());
        }
        match memory.keys() {
            Some(keys) if memory.recent_failure(now, self.ages.refresh_min).is_some() => Next::Done(Ok(keys)),
            None if let Some(error) = memory.recent_failure(now, self.ages.retry) => Next::Done(Err(error)),
            Some(_) | None => self.fetch(&mut memory, now),
        }
    }

    fn next_for(&self, kid: &str, now: Instant) -> Next {
        let mut memory = lock(&self.memory);
        if let Some(known) = &memory.known
            // A key that was made after the request came cannot have signed its token.
            && (known.keys.contains(kid) || known.asked >= now)
        {
            return Next::Done(Ok(Arc::clone(&known.keys)));
        }
        if let Some(landing) = &memory.flight {
            return Next::Wait(landing.clone());
        }
        let is_early = memory.provoked.is_some_and(|at| is_recent(at, now, self.ages.refresh_min));
        let wait = if is_early { self.ages.refresh_min } else { self.ages.retry };
        match (memory.recent_failure(now, wait), memory.keys()) {
            (Some(error), _) => Next::Done(Err(error)),
            (None, Some(keys)) if is_early => Next::Done(Ok(keys)),
            (None, _) => {
                memory.provoked = Some(now);
                self.fetch(&mut memory, now)
            }
        }
    }

    fn fetch(&self, memory: &mut Memory, now: Instant) -> Next {
        let (flight, landing) = Flight::new(&self.memory, now);
        memory.flight = Some(landing.clone());
        Next::Fetch(flight, landing)
    }
}

impl Memory {
    fn keys(&self) -> Option<Arc<KeySet>> {
        self.known.as_ref().map(|known| Arc::clone(&known.keys))
    }

    fn recent_failure(&self, now: Instant, limit: Duration) -> Option<KeysUnavailable> {
        self.failed.as_ref().filter(|(at, _)| is_recent(*at, now, limit)).map(|(_, error)| error.clone())
    }
}

/// Whether what happened at `at` is no older than allowed at `now`, or was brought about by somebody who came later.
fn is_recent(at: Instant, now: Instant, limit: Duration) -> bool {
    at >= now || now.duration_since(at) < limit
}

/// A panic while it was locked leaves it whole: every use replaces whole values.
fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
