//! Places that ask for something: how old an answer may be, and who is asked at all.

use std::pin::Pin;
use std::time::Duration;

use sidegate::auth::{Access, Policies, Policy};
use sidegate::cache::Ages;
use sidegate::clock::UnixMillis;
use sidegate::gate::{Gate, Lookup};
use sidegate::store::{SessionStore, StoreError};

use crate::rig::{
    self, AskingStore, HOUR, NOW, Question, Questions, Shelf, WIRE, asking_store, later, request,
    session_cookie, session_until, waits, word,
};

const AGES: Ages = Ages { stale: HOUR, ..Ages::plain(HOUR, HOUR) };

async fn under<S: SessionStore>(gate: &Gate<S>, policy: &str, now: UnixMillis) -> (&'static str, Lookup) {
    let (policy, headers) = (policy.parse().unwrap(), session_cookie(WIRE));
    let policies = Policies { route: Some(&policy), ..Policies::default() };
    let checked = gate.check_under(&request(&headers), &policies, || now).await;
    (word(&checked.decision), checked.lookup)
}

/// Somebody who waits for the store, and what the store was asked.
async fn asking<'a>(
    gate: &'a Gate<AskingStore>,
    questions: &mut Questions,
    policy: &'a str,
    now: UnixMillis,
) -> (Pin<Box<impl Future<Output = (&'static str, Lookup)> + use<'a>>>, Question) {
    let mut asked = Box::pin(under(gate, policy, now));
    assert!(waits(&mut asked).await);
    (asked, questions.next().await)
}

#[tokio::test]
async fn who_wants_no_staleness_has_the_store_asked_each_time() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = rig::gate(store.clone(), AGES);

    for _ in 0..3 {
        assert_eq!(under(&gate, "max_staleness:0s", NOW).await, ("allow", Lookup::Miss));
    }
    assert_eq!(store.asked(), 3);
    assert_eq!(under(&gate, "session", NOW).await, ("allow", Lookup::Hit));
}

#[tokio::test]
async fn an_answer_that_is_young_enough_is_taken() {
    let store = Shelf::with(later(3 * HOUR));
    let gate = rig::gate(store.clone(), AGES);
    under(&gate, "session", NOW).await;

    assert_eq!(under(&gate, "max_staleness:2s", later(Duration::from_millis(1999))).await.1, Lookup::Hit);
    assert_eq!(under(&gate, "max_staleness:2s", later(Duration::from_secs(2))).await.1, Lookup::Miss);
    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn a_lookup_that_began_before_is_not_shared_with_who_wants_no_staleness() {
    let (store, mut questions) = asking_store();
    let gate = rig::gate(store, AGES);
    let (first, begun) = asking(&gate, &mut questions, "session", NOW).await;
    let (second, alone) = asking(&gate, &mut questions, "max_staleness:0s", NOW).await;

    alone.answer(Ok(None));
    assert_eq!(second.await.0, "no_session");
    drop((begun, first));
}

/// Refused where no staleness is wanted, a session would have passed again everywhere else, until its answer was old.
#[tokio::test]
async fn an_answer_takes_the_place_of_none_that_was_asked_for_later() {
    let (store, mut questions) = asking_store();
    let gate = rig::gate(store, AGES);
    let (first, begun) = asking(&gate, &mut questions, "session", NOW).await;
    let (second, alone) = asking(&gate, &mut questions, "max_staleness:0s", NOW).await;
    alone.answer(Ok(None));
    assert_eq!(second.await.0, "no_session");

    begun.answer(Ok(Some(session_until(later(HOUR)))));

    assert_eq!(first.await.0, "no_session");
    assert_eq!(under(&gate, "session", NOW).await, ("no_session", Lookup::Hit));
}

#[tokio::test]
async fn a_lookup_that_is_shared_and_began_too_long_ago_is_made_again() {
    let (store, mut questions) = asking_store();
    let gate = rig::gate(store, AGES);
    let (first, begun) = asking(&gate, &mut questions, "session", NOW).await;
    let mut second = Box::pin(under(&gate, "max_staleness:2s", later(Duration::from_secs(2))));
    assert!(waits(&mut second).await);

    begun.answer(Ok(Some(session_until(later(HOUR)))));
    assert_eq!(first.await.0, "allow");
    assert!(waits(&mut second).await);
    questions.next().await.answer(Ok(None));
    assert_eq!(second.await.0, "no_session");
}

#[tokio::test]
async fn what_was_known_before_an_outage_is_too_old_where_no_staleness_is_wanted() {
    let (store, mut questions) = asking_store();
    let gate = rig::gate(store, AGES);
    let after = later(HOUR + Duration::from_secs(1));
    let (before, question) = asking(&gate, &mut questions, "session", NOW).await;
    question.answer(Ok(Some(session_until(later(3 * HOUR)))));
    before.await;

    for (policy, expected) in [
        ("session", ("allow", Lookup::Stale)),
        ("max_staleness:0s", ("unavailable", Lookup::Miss)),
        ("max_staleness:30m", ("unavailable", Lookup::Miss)),
        ("stale_if_error:1s", ("unavailable", Lookup::Miss)),
        ("stale_if_error:2s", ("allow", Lookup::Stale)),
    ] {
        let (asked, question) = asking(&gate, &mut questions, policy, after).await;
        question.answer(Err(StoreError::Timeout(HOUR)));
        assert_eq!(asked.await, expected, "{policy}");
    }
}

#[tokio::test]
async fn where_everybody_may_come_nobody_is_asked_who_they_are() {
    let store = Shelf::default();
    let (gate, headers) = (rig::gate(store.clone(), AGES), session_cookie(WIRE));
    let public = Policy::of(Access::Public);
    let policies = Policies { route: Some(&public), ..Policies::default() };
    let checked = gate.check_under(&request(&headers), &policies, || NOW).await;

    assert_eq!((word(&checked.decision), checked.lookup, store.asked()), ("allow", Lookup::None, 0));
}
