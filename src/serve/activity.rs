//! Who keeps a connection waiting, and for how long it may.
//!
//! hyper has one timeout for both the time a client takes to send a head and the time it sends nothing at all. The
//! first must be short, against clients that trickle; the second must outlast the proxy's keep-alive (nginx: 60 s), or
//! the proxy will now and then write into a connection that was just closed. So the two are told apart here, without a
//! timer or a look at the clock for each request: marks are set as bytes pass, and a slow tick looks at the marks.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection is waiting for: the lowest two bits of its mark, the rest counts changes.
const IDLE: u32 = 0;
const RECEIVING: u32 = 1;
const ANSWERING: u32 = 2;
const PHASE: u32 = 3;

/// A connection's marks. Relaxed order is enough: a tick later the looker sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<AtomicU32>);

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

/// A stream that marks the bytes that come in.
#[derive(Debug)]
pub(super) struct Marked<T> {
    stream: T,
    activity: Activity,
}

impl Activity {
    pub(super) fn answering(&self) {
        self.enter(ANSWERING);
    }

    pub(super) fn answered(&self) {
        self.enter(IDLE);
    }

    fn received(&self) {
        if self.0.load(Ordering::Relaxed) & PHASE == IDLE {
            self.enter(RECEIVING);
        }
    }

    /// Only the connection's own task writes, so nothing can come between the two halves.
    fn enter(&self, phase: u32) {
        let changes = self.0.load(Ordering::Relaxed) & !PHASE;
        self.0.store(changes.wrapping_add(PHASE + 1) | phase, Ordering::Relaxed);
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
            let seen = self.activity.0.load(Ordering::Relaxed);
            if seen != self.seen {
                (self.seen, self.since) = (seen, now);
            }
            let limit = match seen & PHASE {
                IDLE => self.patience.idle,
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

impl<T> Marked<T> {
    pub(super) fn new(stream: T, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Marked<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Marked<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
