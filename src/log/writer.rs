//! Lines on their way to standard error, which may be a pipe that nobody reads.
//!
//! A thread of its own writes, so that a stalled collector costs lines and never an answer: whoever has no session can
//! cause an event a request, and a gate that waited for each to be taken would stand still once the pipe is full.

use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait. At a kilobyte each, which is more than most have, they take 4 MiB.
const LINES_MAX: usize = 4096;
/// Longest time to wait at the end for the last lines to be taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where events put their lines.
#[derive(Clone)]
pub(super) struct Queue {
    lines: SyncSender<Vec<u8>>,
    lost: Counter,
}

/// The thread that writes. Dropping this waits, for a moment, until all lines are written.
#[derive(Debug)]
pub struct Writing {
    flush: SyncSender<Vec<u8>>,
    flushed: Receiver<()>,
}

pub(super) fn start(lost: Counter) -> (Queue, Writing) {
    let (lines, waiting) = sync_channel::<Vec<u8>>(LINES_MAX);
    let (done, flushed) = channel();
    std::thread::spawn(move || {
        for line in waiting {
            // An empty line is never an event: it asks to be told when all before it are written.
            if line.is_empty() {
                let _ = done.send(());
                continue;
            }
            // A closed standard error is no reason to end: there is nobody left to tell.
            let _ = io::stderr().write_all(&line);
        }
    });
    (Queue { lines: lines.clone(), lost }, Writing { flush: lines, flushed })
}

impl Drop for Writing {
    fn drop(&mut self) {
        // A full queue means a stalled reader, and then there is no use in waiting.
        if self.flush.try_send(Vec::new()).is_ok() {
            match self.flushed.recv_timeout(LAST_LINES) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

/// tracing writes each event by one call.
impl io::Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.lines.try_send(line.to_vec()) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => drop(self.lost.inc()),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
