//! The only place where the pure rules and I/O meet: begin, cache, store, finish.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::{CheckRequest, Decision, Pending, Rules, Step};
use crate::cache::SessionCache;
use crate::clock::UnixMillis;
use crate::store::SessionStore;

/// Decides requests against one store.
pub struct Gate<S> {
    rules: Rules,
    cache: Arc<SessionCache>,
    store: Arc<S>,
    /// Longest time that one request waits for a lookup, whatever the lookup goes on to do.
    patience: Duration,
}

/// A decision, and what it cost.
#[derive(Debug)]
pub struct Checked {
    /// What was decided.
    pub decision: Decision,
    /// Whether a lookup was needed.
    pub lookup: Lookup,
}

/// Where the session of a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// No session was asked for: there was no genuine token.
    None,
    /// The cache knew.
    Hit,
    /// The store was asked, by this request or by one just before it.
    Miss,
}

impl Lookup {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

impl<S: SessionStore> Gate<S> {
    /// A gate with these rules, before that store.
    #[must_use]
    pub fn new(rules: Rules, cache: Arc<SessionCache>, store: S, patience: Duration) -> Self {
        Self { rules, cache, store: Arc::new(store), patience }
    }

    /// The memory in front of the store.
    #[must_use]
    pub fn cache(&self) -> Arc<SessionCache> {
        Arc::clone(&self.cache)
    }

    /// Decides one request. Infallible: trouble becomes [`Decision::Unavailable`], so that no `?` on the way can turn
    /// it into something else.
    pub async fn check(&self, request: &CheckRequest<'_>, now: impl Fn() -> UnixMillis) -> Checked {
        let asked = now();
        let pending = match self.rules.begin(request, asked) {
            Step::Done(decision) => return Checked { decision, lookup: Lookup::None },
            Step::Lookup(pending) => pending,
        };
        if let Some(found) = self.cache.get(pending.token().digest(), asked) {
            return Checked { decision: pending.finish(found, asked), lookup: Lookup::Hit };
        }
        // Boxed, for a lookup's state is kilobytes that every hit would have to move otherwise: a third of its cost.
        let decision = Box::pin(self.ask(pending, now)).await;
        Checked { decision, lookup: Lookup::Miss }
    }

    async fn ask(&self, pending: Pending, now: impl Fn() -> UnixMillis) -> Decision {
        let lookup = {
            let (store, token) = (Arc::clone(&self.store), pending.token().for_lookup());
            async move { store.find(&token).await }
        };
        let landing = self.cache.load(*pending.token().digest(), &now, lookup);
        match tokio::time::timeout(self.patience, landing).await {
            // Read again: a session can end while the store thinks.
            Ok(Ok(found)) => pending.finish(found, now()),
            Ok(Err(_)) | Err(_) => Decision::Unavailable,
        }
    }
}
