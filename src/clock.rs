//! Instants as Better Auth counts them, and the one place that reads the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whole milliseconds since 1970-01-01T00:00:00Z, the unit of every JavaScript `Date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// Later than every instant: what PostgreSQL's `infinity` means for an expiry.
    pub const NEVER: Self = Self(i64::MAX);
    /// Earlier than every session: what a missing expiry means to Better Auth, which compares it as 0.
    pub const EPOCH: Self = Self(0);

    /// The instant this many milliseconds after the epoch.
    #[must_use]
    pub const fn new(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds after the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; `None` if it is before it, as after a clock was set back.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let millis = self.0.checked_sub(earlier.0)?;
        u64::try_from(millis).ok().map(Duration::from_millis)
    }
}

/// The wall clock, now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub fn now() -> UnixMillis {
    // A clock before 1970 reads as the epoch, at which every real session is still to come: nothing is
    // remembered for long, for ages are measured against the same clock.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
