//! What requests are answered by now, and what takes its place while they are.
//!
//! A request takes the present one once and keeps it to its end, so that no answer mixes two. Nothing is waited for on either side:
//! to take it costs no lock and, on the way of a hit, not even a reference count that all cores would share.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// A value that is replaced as a whole.
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// Begins with `first`.
    #[must_use]
    pub fn new(first: T) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    /// The present one, which stays whole for as long as this is held.
    // Held over a lookup too, against the advice of arc-swap's documentation: a thread has eight places for that, and when they are
    // taken it costs a reference count, as `load_full` always would.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// Puts `next` in its place, for all who ask from now on. The old one ends with the last who holds it.
    pub fn replace(&self, next: T) {
        self.0.store(Arc::new(next));
    }
}
