//! No store at all: Better Auth without a database keeps sessions in its cookie cache alone.

use std::future::{Ready, ready};

use super::{PoolState, SessionStore, StoreError};
use crate::auth::{Session, VerifiedToken};

/// Knows of no session, and is sure of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoStore;

#[expect(clippy::unused_self, reason = "the stores are asked alike")]
impl NoStore {
    pub(super) fn ignored_parameters(self) -> &'static [String] {
        &[]
    }

    pub(super) fn probe(self) -> Ready<Result<(), StoreError>> {
        ready(Ok(()))
    }

    pub(super) fn diagnose(self) -> Ready<Result<(), StoreError>> {
        self.probe()
    }

    pub(super) fn pool(self) -> PoolState {
        PoolState::default()
    }

    pub(super) fn close(self) -> Ready<()> {
        ready(())
    }
}

impl SessionStore for NoStore {
    async fn find(&self, _: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        Ok(None)
    }
}
