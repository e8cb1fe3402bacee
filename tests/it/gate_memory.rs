//! How long an answer of the store is believed, and what never gets as far as being remembered.

use std::sync::Arc;
use std::time::Duration;

use sidegate::auth::TokenDigest;
use sidegate::cache::{Ages, SessionCache, Wanted};
use sidegate::clock::UnixMillis;
use sidegate::gate::Gate;

use crate::rig::{
    HOUR, LONG, NOW, Shelf, TOKEN, WIRE, cache, gate, later, request, rules, session_cookie, session_until,
    signed_cookie, word,
};

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
/// Two ages that cannot be taken for each other. moka's own clock does not reach the shorter one during a test.
const AGES: Ages = Ages::plain(HOUR, MINUTE);

fn just_before(age: Duration) -> UnixMillis {
    UnixMillis::new(later(age).get() - 1)
}

/// One more check of the one session, at that instant.
async fn check(gate: &Gate<Shelf>, now: UnixMillis) -> &'static str {
    let headers = session_cookie(WIRE);
    word(&gate.check(&request(&headers), || now).await.decision)
}

#[tokio::test]
async fn a_session_is_remembered_until_it_is_as_old_as_the_setting_says() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, just_before(HOUR)).await;

    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn a_session_as_old_as_the_setting_says_is_asked_for_again() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, later(HOUR)).await;

    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn being_asked_about_makes_a_remembered_session_no_younger() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, later(HOUR / 2)).await;
    check(&gate, later(HOUR)).await;

    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn an_absence_is_remembered_for_its_own_age() {
    let store = Shelf::default();
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, just_before(MINUTE)).await;

    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn a_session_that_was_absent_is_found_once_the_absence_is_old() {
    let store = Shelf::default();
    let gate = gate(store.clone(), AGES);
    assert_eq!(check(&gate, NOW).await, "no_session");
    store.put(Some(later(HOUR)));

    assert_eq!(check(&gate, later(MINUTE)).await, "allow");
}

#[tokio::test]
async fn a_session_that_better_auth_prolonged_passes_on_after_its_first_end() {
    let store = Shelf::with(later(2 * MINUTE));
    let gate = gate(store.clone(), AGES);
    assert_eq!(check(&gate, NOW).await, "allow");
    store.put(Some(later(HOUR)));

    assert_eq!(check(&gate, later(2 * MINUTE + MILLI)).await, "allow");
}

#[tokio::test]
async fn an_ended_session_is_asked_for_no_more_often_than_an_absent_one() {
    let store = Shelf::with(later(MILLI));
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, just_before(MINUTE)).await;

    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn a_signed_out_session_passes_no_longer_than_it_is_remembered() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = gate(store.clone(), AGES);
    assert_eq!(check(&gate, NOW).await, "allow");
    store.put(None);

    assert_eq!(check(&gate, later(HOUR)).await, "no_session");
}

#[tokio::test]
async fn an_answer_from_the_future_of_a_clock_that_was_set_back_is_not_believed() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = gate(store.clone(), AGES);

    check(&gate, NOW).await;
    check(&gate, UnixMillis::new(NOW.get() - 1)).await;

    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn with_an_age_of_nothing_every_request_asks_the_store() {
    let store = Shelf::with(later(HOUR));
    let gate = gate(store.clone(), Ages::plain(Duration::ZERO, HOUR));

    for _ in 0..3 {
        check(&gate, NOW).await;
    }

    assert_eq!(store.asked(), 3);
}

#[tokio::test]
async fn with_no_age_for_absences_each_is_asked_for_anew() {
    let store = Shelf::default();
    let gate = gate(store.clone(), Ages::plain(HOUR, Duration::ZERO));

    for _ in 0..3 {
        check(&gate, NOW).await;
    }

    assert_eq!(store.asked(), 3);
}

/// The race of two threads in slow motion: the second looked into the cache before the first one's answer was there.
#[tokio::test]
async fn a_lookup_that_was_answered_a_moment_ago_is_not_made_again() {
    let (cache, session) = (cache(LONG), TokenDigest::of(TOKEN));
    let first = cache
        .load(session, Wanted::default(), || NOW, || async { Ok(Some(session_until(later(HOUR)))) })
        .await;

    let second = cache.load(session, Wanted::default(), || NOW, || async { Ok(None) }).await;

    assert!(Arc::ptr_eq(&first.unwrap().unwrap(), &second.unwrap().unwrap()));
}

#[tokio::test]
async fn forged_cookies_reach_neither_the_cache_nor_the_store() {
    let (store, cache) = (Shelf::default(), cache(LONG));
    let gate = Gate::new(rules(), Arc::clone(&cache), store.clone(), HOUR);

    for headers in (0..1000).map(|index| session_cookie(format!("{index}{WIRE}"))) {
        assert_eq!(word(&gate.check(&request(&headers), || NOW).await.decision), "bad_signature");
    }

    assert_eq!((cache.len(), store.asked()), (0, 0));
}

/// The twin of the test above: it shows that what is remembered is seen by the same count.
#[tokio::test]
async fn genuine_cookies_without_a_session_are_remembered() {
    let cache = cache(LONG);
    let gate = Gate::new(rules(), Arc::clone(&cache), Shelf::default(), HOUR);

    for headers in (0..1000).map(|index| signed_cookie(&index.to_string())) {
        assert_eq!(word(&gate.check(&request(&headers), || NOW).await.decision), "no_session");
    }

    assert!(!cache.is_empty());
}

#[tokio::test]
async fn a_full_cache_does_not_grow() {
    let cache = SessionCache::new(10, LONG, Arc::default());
    let gate = Gate::new(rules(), Arc::clone(&cache), Shelf::with(later(HOUR)), HOUR);

    for headers in (0..10_000).map(|index| signed_cookie(&index.to_string())) {
        assert_eq!(word(&gate.check(&request(&headers), || NOW).await.decision), "allow");
    }

    // moka evicts in batches, so there may be a few too many, but not one for each request.
    assert!(cache.len() < 1000, "{} entries", cache.len());
}
