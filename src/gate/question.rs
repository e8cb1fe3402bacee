//! What is asked, and how the answer is wanted.

use super::query::Without;
use crate::auth::{CheckRequest, Policies};
use crate::cache::Wanted;

/// One request with what its answer has to do without, and how new it has to be.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) request: &'a CheckRequest<'a>,
    pub(super) without: Without,
    pub(super) wanted: Wanted,
}

impl<'a> Question<'a> {
    /// Any answer will do.
    pub(super) fn of(request: &'a CheckRequest<'_>) -> Self {
        Self { request, without: Without::default(), wanted: Wanted::default() }
    }

    /// One that these policies will do with.
    pub(super) fn under(request: &'a CheckRequest<'_>, policies: &Policies<'_>) -> Self {
        let (max_staleness, stale_if_error) = (policies.max_staleness(), policies.stale_if_error());
        // What a request brings along is as old as its last visit to Better Auth.
        let without = Without { cookie_cache: max_staleness.is_some(), ..Without::default() };
        Self { request, without, wanted: Wanted { max_staleness, stale_if_error } }
    }
}
