//! How often an outbox is looked into: by what README says of `revocation_poll`.

use std::time::Duration;

use sidegate::revocation::outbox::pace::pause;

const POLL: Duration = Duration::from_millis(250);
const NONE: Duration = Duration::ZERO;

#[test]
fn readings_begin_one_poll_apart_however_long_they_take() {
    for took in [0, 3, 40, 125].map(Duration::from_millis) {
        assert_eq!(took + pause(POLL, took, NONE), POLL);
    }
}

#[test]
fn a_reading_that_is_put_off_begins_one_poll_after_the_last_one_at_the_latest() {
    let (took, ahead) = (Duration::from_millis(5), Duration::from_millis(20));

    assert_eq!(took + pause(POLL, took, ahead) + ahead, POLL);
}

#[test]
fn a_database_that_takes_long_is_left_alone_for_half_a_poll() {
    for took in [126, 250, 2_000].map(Duration::from_millis) {
        assert_eq!(pause(POLL, took, NONE), POLL / 2);
    }
}
