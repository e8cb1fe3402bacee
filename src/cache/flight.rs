//! Single flight: however many ask for one token at once, the store is asked once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Landed;
use crate::auth::TokenDigest;
use crate::store::StoreError;

/// The lookups under way.
#[derive(Default)]
pub(super) struct Flights(Arc<Mutex<Open>>);

/// Where the answer of each will be.
type Open = HashMap<TokenDigest, watch::Receiver<Option<Landed>>>;

impl Flights {
    /// Waits for the flight for `token`, which is started if none is open.
    ///
    /// A flight leaves its answer where `remembered` finds it before it closes. So whoever finds no open flight looks
    /// there once more, under the lock, and only then starts one: two never run after each other for one wave.
    pub(super) async fn join(
        &self,
        token: TokenDigest,
        remembered: impl Fn() -> Option<Landed>,
        flight: impl Future<Output = Landed> + Send + 'static,
    ) -> Landed {
        let (land, mut landing) = {
            let mut open = lock(&self.0);
            if let Some(landing) = open.get(&token) {
                (None, landing.clone())
            } else if let Some(landed) = remembered() {
                return landed;
            } else {
                let (land, landing) = watch::channel(None);
                open.insert(token, landing.clone());
                (Some(land), landing)
            }
        };
        // After the lock is given back: a runtime that is shutting down drops what is spawned at once, and dropping it
        // closes the flight.
        if let Some(land) = land {
            let close = CloseOnDrop { flights: Arc::clone(&self.0), token };
            // A task of its own: the request that happened to come first may be cancelled, the others wait on.
            tokio::spawn(async move {
                let landed = flight.await;
                drop(close);
                land.send_replace(Some(landed));
            });
        }
        match landing.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().unwrap_or_else(|| Err(Arc::new(StoreError::BrokeOff))),
            Err(_) => Err(Arc::new(StoreError::BrokeOff)),
        }
    }
}

/// Closes a flight even if its lookup panics, so that the next request starts a new one.
struct CloseOnDrop {
    flights: Arc<Mutex<Open>>,
    token: TokenDigest,
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.token);
    }
}

/// A panic while the map was locked leaves it whole: every use is a single call.
fn lock(flights: &Mutex<Open>) -> MutexGuard<'_, Open> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
