//! Who keeps a connection waiting, and for how long it may.
//!
//! hyper has one timeout for both the time a client takes to send a head and the time it sends nothing at all. The
//! first must be short, against clients that trickle; the second must outlast the proxy's keep-alive (nginx: 60 s), or
//! the proxy will now and then write into a connection that was just closed. So the two are told apart here, without a
//! timer or a look at the clock for each request: marks are set as bytes pass, and a slow tick looks at the marks.
//!
//! On HTTP/2 many requests share a connection, and what passes may be about none of them: there, a connection is idle that
//! sends nothing while nothing is being answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a connection is waiting for: the lowest two bits of its mark, the rest counts changes.
const IDLE: u32 = 0;
const RECEIVING: u32 = 1;
const ANSWERING: u32 = 2;
/// HTTP/2: whatever is there to be waited for, several streams have it.
const SHARED: u32 = 3;
const PHASE: u32 = 3;

/// A connection's marks. Relaxed order is enough: a tick later the looker sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    phase: AtomicU32,
    /// HTTP/2: streams that are being answered.
    streams: AtomicUsize,
}

/// A stream that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Answering(Activity);

/// Looks at the marks now and then.
#[derive(Debug)]
pub(super) struct Watch {
    activity: Activity,
    patience: Patience,
    seen: u32,
    since: Instant,
}

/// How long a connection may keep us waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// From the first byte of a head to its last.
    pub(super) head: Duration,
    /// Between an answer and the next request.
    pub(super) idle: Duration,
}

impl Activity {
    pub(super) fn answering(&self) {
        self.enter(ANSWERING);
    }

    pub(super) fn answered(&self) {
        self.enter(IDLE);
    }

    /// From now on it is HTTP/2.
    pub(super) fn shared(&self) {
        self.enter(SHARED);
    }

    /// A stream is being answered. Any task may say so.
    pub(super) fn stream(&self) -> Answering {
        self.0.streams.fetch_add(1, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        match self.0.phase.load(Ordering::Relaxed) & PHASE {
            IDLE => self.enter(RECEIVING),
            SHARED => self.enter(SHARED),
            _ => {}
        }
    }

    /// Only the connection's own task writes, so nothing can come between the two halves.
    fn enter(&self, phase: u32) {
        let changes = self.0.phase.load(Ordering::Relaxed) & !PHASE;
        self.0.phase.store(changes.wrapping_add(PHASE + 1) | phase, Ordering::Relaxed);
    }

    fn has_streams(&self) -> bool {
        self.0.streams.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watch {
    pub(super) fn new(activity: Activity, patience: Patience) -> Self {
        Self { activity, patience, seen: IDLE, since: Instant::now() }
    }

    /// Ends when the connection has kept us waiting for too long: at most half of the shorter limit too late.
    pub(super) async fn tired(mut self) {
        let period = self.patience.head.min(self.patience.idle) / 2;
        let mut tick = tokio::time::interval(period.max(Duration::from_millis(1)));
        loop {
            let now = tick.tick().await;
            let seen = self.activity.0.phase.load(Ordering::Relaxed);
            if seen != self.seen || self.activity.has_streams() {
                (self.seen, self.since) = (seen, now);
            }
            let limit = match seen & PHASE {
                IDLE | SHARED => self.patience.idle,
                RECEIVING => self.patience.head,
                // Bounded by the gate's own patience with the store.
                _ => continue,
            };
            if now.duration_since(self.since) >= limit {
                return;
            }
        }
    }
}
