//! A store with a stopwatch, so that neither the stores nor the gate know of metrics.

use std::time::Instant;

use super::{SessionStore, StoreError};
use crate::auth::{Session, VerifiedToken};
use crate::metrics::Lookups;

/// A store whose every lookup is counted and timed.
#[derive(Clone)]
pub struct Measured<S> {
    store: S,
    lookups: Lookups,
}

impl<S> Measured<S> {
    /// Watches `store`.
    #[must_use]
    pub fn new(store: S, lookups: Lookups) -> Self {
        Self { store, lookups }
    }
}

impl<S: SessionStore> SessionStore for Measured<S> {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        let asked = Instant::now();
        let answer = self.store.find(token).await;
        let result = match &answer {
            Ok(Some(_)) => "found",
            Ok(None) => "absent",
            Err(error) => error.code(),
        };
        self.lookups.took(result, asked.elapsed());
        answer
    }
}
