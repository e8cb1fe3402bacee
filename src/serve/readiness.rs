//! Whether new requests should be sent here: what `/readyz` and gRPC's health service tell.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};

use crate::store::{AnyStore, Circuit};

/// Ready while the store answers, until draining begins.
pub(super) struct Readiness {
    store: AnyStore,
    circuit: Circuit,
    draining: watch::Sender<bool>,
    last: Mutex<Option<(Instant, Result<(), &'static str>)>>,
}

/// Probes that come quicker than this share one answer: whoever may ask cannot make it a load on the store.
pub(super) const PROBE_AGE: Duration = Duration::from_millis(500);

impl Readiness {
    pub(super) fn new(store: AnyStore, circuit: Circuit) -> Self {
        Self { store, circuit, draining: watch::channel(false).0, last: Mutex::new(None) }
    }

    /// Unready from now on.
    pub(super) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Returns when draining begins.
    pub(super) async fn drained(&self) {
        // The sender is this very one, so it is not gone.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }

    /// `Err` says why not.
    pub(super) async fn check(&self) -> Result<(), &'static str> {
        if self.is_draining() {
            return Err("draining");
        }
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < PROBE_AGE
        {
            return answer;
        }
        let answer = self.store.probe().await.map_err(|error| {
            tracing::warn!(reason = error.code(), "not ready: {error}");
            error.code()
        });
        if answer.is_ok() {
            self.circuit.close();
        }
        *last = Some((Instant::now(), answer));
        answer
    }
}
