//! A circuit breaker and a bounded queue in front of a store: a database that is slow or gone is asked little, and those
//! who would wait in vain are told so at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{SessionStore, StoreError};
use crate::auth::{Session, VerifiedToken};

/// How much of a store's time lookups may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Lookups at once.
    pub lookups: usize,
    /// Lookups that wait for their turn; one more is refused.
    pub queue: usize,
    /// Longest wait for a turn.
    pub wait: Duration,
}

/// A store that is spared while it does not answer.
pub struct Guarded<S> {
    store: S,
    load: Load,
    turns: Semaphore,
    waiting: AtomicUsize,
    circuit: Circuit,
}

/// Whether a store is asked at the moment. Shared with whoever hears by other means that it answers again.
#[derive(Clone, Debug, Default)]
pub struct Circuit(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Left alone until then.
    rests_until: Option<Instant>,
}

/// So many outages in a row open the circuit. A pool of connections that a restart broke is fewer.
const FAILURES_MAX: u32 = 5;
/// The first rest; each further one in a row is twice as long.
const REST: Duration = Duration::from_millis(100);
const REST_MAX: Duration = Duration::from_secs(2);

impl<S> Guarded<S> {
    /// Spares `store` by this load and that circuit.
    #[must_use]
    pub fn new(store: S, load: Load, circuit: Circuit) -> Self {
        Self { store, load, turns: Semaphore::new(load.lookups), waiting: AtomicUsize::new(0), circuit }
    }

    /// A turn, as soon as there is one.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let _place = Place::among(&self.waiting, self.load.queue).ok_or(StoreError::Overloaded)?;
        match tokio::time::timeout(self.load.wait, self.turns.acquire()).await {
            // The semaphore is never closed.
            Ok(turn) => turn.map_err(|_| StoreError::BrokeOff),
            Err(_) => Err(StoreError::Overloaded),
        }
    }
}

impl<S: SessionStore> SessionStore for Guarded<S> {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        if !self.circuit.lets_by(Instant::now()) {
            return Err(StoreError::Resting);
        }
        let _turn = self.turn().await?;
        let answer = self.store.find(token).await;
        match &answer {
            Err(error) if error.is_outage() => self.circuit.failed(Instant::now(), jitter()),
            // An answer, if only to say that the question is wrong.
            Ok(_) | Err(_) => self.circuit.close(),
        }
        answer
    }
}

impl Circuit {
    /// The store answers.
    pub fn close(&self) {
        *self.state() = State::default();
    }

    /// Whether it is open at `now`: the store is left alone.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.state().rests_until.is_some_and(|until| now < until)
    }

    /// Whether one may ask. After a rest one alone may, and the rest goes on for all others until that one has its answer.
    fn lets_by(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(now + REST_MAX);
                true
            }
        }
    }

    /// `jitter` is between 0 and 1: replicas that lost one database must not come back to it at one moment.
    fn failed(&self, now: Instant, jitter: f64) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let beyond = state.failures.checked_sub(FAILURES_MAX);
        state.rests_until = beyond.map(|beyond| {
            let rest = REST.saturating_mul(1 << beyond.min(8)).min(REST_MAX);
            now + rest.mul_f64(0.5 + jitter / 2.0)
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits, counted for as long as this lives.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn among(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (before < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A number between 0 and 1, for waits that must not be the same everywhere; a half where there is no randomness.
#[must_use]
pub fn jitter() -> f64 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(0.5, |()| f64::from(byte[0]) / 255.0)
}
