//! Instants as Better Auth counts them, and the one place that reads the wall clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time, datetime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};

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

    /// Whole seconds after the epoch, the unit of JSON Web Tokens: the last one that was over or began at this instant.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads an ISO 8601 date as JavaScript's `new Date` does in UTC. `None` if it is no date.
    #[must_use]
    pub fn parse_iso(text: &str) -> Option<Self> {
        Self::parse_iso_in(text, &TimeZone::UTC)
    }

    /// Reads an ISO 8601 date as JavaScript's `new Date` does in that zone: a time without an offset is the zone's, a
    /// date alone is UTC. `None` if it is no date.
    #[must_use]
    pub fn parse_iso_in(text: &str, zone: &TimeZone) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        if pieces.time_zone_annotation().is_some() {
            return None;
        }
        let at = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
        match pieces.to_numeric_offset() {
            None if pieces.time().is_some() => Self::of_civil(at, zone),
            offset => Self::at_offset(at, offset.unwrap_or(Offset::UTC)),
        }
    }

    /// What a clock on the wall shows, read in a zone as JavaScript's `new Date(year, month, …)` does: an hour that is
    /// skipped is as much later, one that comes twice is the first.
    #[must_use]
    pub fn of_civil(at: DateTime, zone: &TimeZone) -> Option<Self> {
        match zone.to_ambiguous_timestamp(at).compatible() {
            Ok(instant) if *zone != TimeZone::UTC => Some(Self(instant.as_millisecond())),
            // jiff's Timestamp ends a day before 9999-12-31T23:59:59Z: a common way to write "never".
            Ok(_) | Err(_) => Self::at_offset(at, Offset::UTC),
        }
    }

    fn at_offset(at: DateTime, offset: Offset) -> Option<Self> {
        let since = at.duration_since(CIVIL_EPOCH) - SignedDuration::from_secs(offset.seconds().into());
        i64::try_from(since.as_millis()).ok().map(Self)
    }

    /// How long after `earlier` this is; `None` if it is before it, as after a clock was set back.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let millis = self.0.checked_sub(earlier.0)?;
        u64::try_from(millis).ok().map(Duration::from_millis)
    }
}

/// RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. An instant that no calendar holds is
/// told as the last one that does.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = CIVIL_EPOCH.checked_add(SignedDuration::from_millis(self.0)).unwrap_or(DateTime::MAX);
        write!(f, "{at:.3}Z")
    }
}

const CIVIL_EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

/// The wall clock, now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub fn now() -> UnixMillis {
    // A clock before 1970 reads as the epoch, at which every real session is still to come: nothing is
    // remembered for long, for ages are measured against the same clock.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
