//! When an outbox is looked into next: each `revocation_poll`, reckoned from one reading to the next, so that whatever is
//! committed just after one is heard of by the end of it. What the reading itself takes comes out of the pause.

use std::time::Duration;

/// How long to wait before the next look, `since` after the last one began to read, if it may be put off for `ahead`.
///
/// At least half of `poll`: a database that takes long to answer is not to be asked all the time.
#[must_use]
pub fn pause(poll: Duration, since: Duration, ahead: Duration) -> Duration {
    poll.saturating_sub(since.saturating_add(ahead)).max(poll / 2)
}
