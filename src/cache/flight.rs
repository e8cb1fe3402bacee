//! Single flight: however many ask for one thing at once, the store is asked once.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The lookups under way.
pub(super) struct Flights<K, T>(Arc<Mutex<Open<K, T>>>);

/// Where the answer of each will be.
type Open<K, T> = HashMap<K, watch::Receiver<Option<T>>>;

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Flights<K, T> {
    /// Waits for the flight for `name`, which is started if none is open. `None` if it broke off.
    ///
    /// A flight leaves its answer where `remembered` finds it before it closes. So whoever finds no open flight looks
    /// there once more, under the lock, and only then starts one: two never run after each other for one wave.
    pub(super) async fn join(
        &self,
        name: K,
        remembered: impl Fn() -> Option<T>,
        flight: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (land, mut landing) = {
            let mut open = lock(&self.0);
            if let Some(landing) = open.get(&name) {
                (None, landing.clone())
            } else if let Some(landed) = remembered() {
                return Some(landed);
            } else {
                let (land, landing) = watch::channel(None);
                open.insert(name, landing.clone());
                (Some(land), landing)
            }
        };
        // After the lock is given back: a runtime that is shutting down drops what is spawned at once, and dropping it
        // closes the flight.
        if let Some(land) = land {
            let close = CloseOnDrop { flights: Arc::clone(&self.0), name };
            // A task of its own: the request that happened to come first may be cancelled, the others wait on.
            tokio::spawn(async move {
                let landed = flight.await;
                drop(close);
                land.send_replace(Some(landed));
            });
        }
        landing.wait_for(Option::is_some).await.ok().and_then(|landed| landed.clone())
    }
}

/// The same for one whose answer nobody else is to be given: it too runs to its end whoever has gone.
pub(super) async fn alone<T: Send + 'static>(flight: impl Future<Output = T> + Send + 'static) -> Option<T> {
    tokio::spawn(flight).await.ok()
}

/// Closes a flight even if its lookup panics, so that the next request starts a new one.
struct CloseOnDrop<K: Eq + Hash, T> {
    flights: Arc<Mutex<Open<K, T>>>,
    name: K,
}

impl<K: Eq + Hash, T> Drop for CloseOnDrop<K, T> {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.name);
    }
}

/// A panic while the map was locked leaves it whole: every use is a single call.
fn lock<K, T>(flights: &Mutex<Open<K, T>>) -> MutexGuard<'_, Open<K, T>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
