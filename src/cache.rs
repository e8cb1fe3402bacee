//! What is remembered of earlier lookups, and for how long it may be believed.
//!
//! Entries are keyed by digest, so that a dump of the cache holds no credential. Only tokens whose signature was
//! verified get here: a forged cookie costs neither memory nor a lookup.

mod answers;
mod flight;
mod generations;

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Digest, Marks, Session, TokenDigest};
use crate::clock::UnixMillis;
use crate::store::StoreError;

pub use self::answers::{Ages, Answer, Answers, Landed, Name, Wanted};
pub use self::generations::{Evicted, Generation, Generations, Hearing};

/// Longest time from when somebody else read a session to when they wrote it down, by clocks that agree no better.
const WRITING: Duration = Duration::from_secs(10);

/// A bounded memory of sessions and of brief absences, in front of a store.
pub struct SessionCache(Answers<TokenDigest, Option<Arc<Session>>>);

impl Answer for Option<Arc<Session>> {
    fn is_live_at(&self, now: UnixMillis) -> bool {
        self.as_ref().is_some_and(|session| session.is_active_at(now))
    }

    fn marks(&self) -> Option<Marks> {
        self.as_ref().map(|session| session.marks())
    }
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Name for Digest<K> {
    fn mark(&self) -> u32 {
        // Other bytes than an id's: a table has room for both.
        let [_, _, _, _, a, b, c, d, ..] = *self.as_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

impl SessionCache {
    /// An empty cache that holds at most `capacity` answers, which `generations` tells what was revoked.
    #[must_use]
    pub fn new(capacity: u64, ages: Ages, generations: Arc<Generations>) -> Arc<Self> {
        Arc::new(Self(Answers::new(capacity, ages, generations)))
    }

    /// The remembered answer for a token, if it may still be given at `now` to who wants it so.
    #[must_use]
    pub fn get(&self, token: &TokenDigest, now: UnixMillis, wanted: Wanted) -> Option<Option<Arc<Session>>> {
        self.0.get(token, now, wanted)
    }

    /// The session of a token as it was known, for while the store cannot be asked: live, not revoked as far as is known,
    /// and not too old for that. With it, how old what is known of it is.
    #[must_use]
    pub fn stale(
        &self,
        token: &TokenDigest,
        now: UnixMillis,
        wanted: Wanted,
    ) -> Option<(Arc<Session>, Duration)> {
        let (found, age) = self.0.stale(token, now, wanted)?;
        Some((found?, age))
    }

    /// Whether what is known by now speaks against a session that somebody else wrote down at `written`: it was revoked
    /// since, or the store said since that it is none.
    #[must_use]
    pub fn outdates(&self, token: &TokenDigest, session: &Session, written: UnixMillis) -> bool {
        let is_before = |at: UnixMillis| written.since(at).is_none_or(|after| after <= WRITING);
        // That an answer was revoked since says nothing for the session.
        let denied = self.0.remembered(token).filter(|(found, asked)| match found {
            Some(session) => !session.is_active_at(*asked) || session.is_banned_at(*asked),
            None => true,
        });
        self.0.revoked_at(token, session.marks()).is_some_and(is_before)
            || denied.is_some_and(|(_, asked)| is_before(asked))
    }

    /// Asks `lookup`, or waits for the answer if somebody is already asking for the same token; see [`Answers::load`].
    ///
    /// # Errors
    /// The lookup's own, the same for all who waited for it.
    pub async fn load<L>(
        &self,
        token: TokenDigest,
        wanted: Wanted,
        now: impl Fn() -> UnixMillis,
        lookup: impl Fn() -> L + Clone + Send + 'static,
    ) -> Landed<Option<Arc<Session>>>
    where
        L: Future<Output = Result<Option<Session>, StoreError>> + Send + 'static,
    {
        let lookup = move || {
            let lookup = lookup();
            async move {
                let landed = lookup.await.map(|found| found.map(Arc::new)).map_err(Arc::new);
                if let Err(error) = &landed {
                    tracing::warn!(reason = error.code(), session = %token, "{error}");
                }
                landed
            }
        };
        self.0.load(token, wanted, now, lookup).await
    }

    /// Puts `new` in the place of `old`, if that is still what is remembered: what is known of it is no newer, but for
    /// its end.
    pub fn replace(&self, token: &TokenDigest, old: &Arc<Session>, new: &Arc<Session>) {
        self.0.change(token, |found| match found {
            Some(session) if Arc::ptr_eq(session, old) => Some(Some(Arc::clone(new))),
            Some(_) | None => None,
        });
    }

    /// Forgets a session: the next request asks the store.
    pub fn forget(&self, token: &TokenDigest) {
        self.0.forget(token);
    }

    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
