//! The fetch under way: whatever becomes of it, those who wait for it hear, and find its outcome in the memory.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::watch;

use super::{KeysUnavailable, Known, Memory, lock};
use crate::auth::KeySet;

/// A fetch that has begun. It is over when this is dropped, by a panic or a runtime that shuts down as well.
pub(super) struct Flight {
    memory: Arc<Mutex<Memory>>,
    asked: Instant,
    outcome: Option<Result<KeySet, KeysUnavailable>>,
    /// Dropped after the outcome was written: fields go after `drop`.
    _landing: watch::Sender<()>,
}

impl Flight {
    /// A fetch that begins at `asked`, and where its end can be awaited.
    pub(super) fn new(memory: &Arc<Mutex<Memory>>, asked: Instant) -> (Self, watch::Receiver<()>) {
        let (sender, landing) = watch::channel(());
        (Self { memory: Arc::clone(memory), asked, outcome: None, _landing: sender }, landing)
    }

    /// Ends with that answer of the source.
    pub(super) fn land(mut self, answer: Result<KeySet, KeysUnavailable>) {
        if let Err(error) = &answer {
            tracing::warn!(reason = error.code(), "{error}");
        }
        self.outcome = Some(answer);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut memory = lock(&self.memory);
        memory.flight = None;
        match self.outcome.take().unwrap_or(Err(KeysUnavailable::BrokeOff)) {
            Ok(keys) => {
                memory.known = Some(Known { keys: Arc::new(keys), asked: self.asked });
                memory.failed = None;
            }
            Err(error) => memory.failed = Some((self.asked, error)),
        }
    }
}
