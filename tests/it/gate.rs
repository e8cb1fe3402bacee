//! One question to the store however many ask at once, and what becomes of its answer.

use std::sync::Arc;
use std::time::Duration;

use sidegate::gate::{Gate, Lookup};
use sidegate::store::StoreError;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rig::{
    Clock, HOUR, LONG, NOW, Shelf, TOKEN, WIRE, asking_store, cache, gate, later, request, rules,
    session_cookie, session_until, signed_cookie, waits, word,
};

const MILLI: Duration = Duration::from_millis(1);

fn down() -> StoreError {
    StoreError::Unreachable("the test says so".to_owned())
}

#[tokio::test]
async fn a_thousand_requests_that_wait_for_one_session_ask_the_store_once() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut checks: Vec<_> = (0..1000).map(|_| Box::pin(gate.check(&request, || NOW))).collect();
    for check in &mut checks {
        assert!(waits(check).await);
    }

    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));
    let mut words = Vec::new();
    for check in checks {
        words.push(word(&check.await.decision));
    }

    assert_eq!((words, questions.waiting()), (vec!["allow"; 1000], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_on_many_threads_ask_the_store_once_for_each_session() {
    const SESSIONS: usize = 50;
    const EACH: usize = 20;
    let store = Shelf::with(later(HOUR));
    let gate = Arc::new(gate(store.clone(), LONG));
    let start = Arc::new(Barrier::new(SESSIONS * EACH));
    let mut requests = JoinSet::new();
    for index in 0..SESSIONS * EACH {
        let (gate, start) = (Arc::clone(&gate), Arc::clone(&start));
        requests.spawn(async move {
            let headers = signed_cookie(&format!("token {}", index % SESSIONS));
            start.wait().await;
            word(&gate.check(&request(&headers), || NOW).await.decision)
        });
    }

    let words = requests.join_all().await;

    assert_eq!((words, store.asked()), (vec!["allow"; SESSIONS * EACH], SESSIONS));
}

#[tokio::test]
async fn two_sessions_are_asked_for_side_by_side() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = ["ada", "bob"].map(signed_cookie);
    let requests = headers.each_ref().map(request);
    let mut checks = requests.each_ref().map(|request| Box::pin(gate.check(request, || NOW)));
    for check in &mut checks {
        assert!(waits(check).await);
    }

    let asked = [questions.next().await.token, questions.next().await.token];

    assert_eq!(asked, ["ada", "bob"]);
}

#[tokio::test]
async fn the_store_is_asked_for_the_token_without_its_signature() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut check = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut check).await);

    assert_eq!(questions.next().await.token, TOKEN);
}

#[tokio::test]
async fn a_request_that_gives_up_takes_the_answer_from_nobody() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut first = Box::pin(gate.check(&request, || NOW));
    let mut second = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut first).await && waits(&mut second).await);

    drop(first);
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));

    assert_eq!(word(&second.await.decision), "allow");
}

#[tokio::test]
async fn an_answer_for_which_nobody_waits_any_more_serves_the_next_request() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut given_up = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut given_up).await);
    drop(given_up);
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));

    let next = gate.check(&request, || NOW).await;

    assert_eq!((word(&next.decision), questions.waiting()), ("allow", 0));
}

#[tokio::test]
async fn an_error_of_the_store_is_told_to_all_who_wait_for_it() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut first = Box::pin(gate.check(&request, || NOW));
    let mut second = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut first).await && waits(&mut second).await);

    questions.next().await.answer(Err(down()));

    let words = [word(&first.await.decision), word(&second.await.decision)];
    assert_eq!(words, ["unavailable"; 2]);
}

#[tokio::test]
async fn an_error_of_the_store_is_not_remembered() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut failed = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut failed).await);
    questions.next().await.answer(Err(down()));
    assert_eq!(word(&failed.await.decision), "unavailable");

    let mut next = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut next).await);
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));

    assert_eq!(word(&next.await.decision), "allow");
}

#[tokio::test]
async fn a_panic_in_the_store_is_told_to_all_who_wait_as_unavailable() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut first = Box::pin(gate.check(&request, || NOW));
    let mut second = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut first).await && waits(&mut second).await);

    drop(questions.next().await);

    let words = [word(&first.await.decision), word(&second.await.decision)];
    assert_eq!(words, ["unavailable"; 2]);
}

#[tokio::test]
async fn the_store_is_asked_anew_after_it_panicked() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut failed = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut failed).await);
    drop(questions.next().await);
    assert_eq!(word(&failed.await.decision), "unavailable");

    let mut next = Box::pin(gate.check(&request, || NOW));
    assert!(waits(&mut next).await);
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));

    assert_eq!(word(&next.await.decision), "allow");
}

#[tokio::test]
async fn a_request_waits_for_the_store_no_longer_than_its_patience() {
    let (store, _questions) = asking_store();
    let impatient = Gate::new(rules(), cache(LONG), store, MILLI);
    let headers = session_cookie(WIRE);

    let checked = impatient.check(&request(&headers), || NOW).await;

    assert_eq!(word(&checked.decision), "unavailable");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_serves_the_next_request() {
    let (store, mut questions) = asking_store();
    let cache = cache(LONG);
    let impatient = Gate::new(rules(), Arc::clone(&cache), store.clone(), MILLI);
    let patient = Gate::new(rules(), cache, store, HOUR);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    assert_eq!(word(&impatient.check(&request, || NOW).await.decision), "unavailable");
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));

    let next = patient.check(&request, || NOW).await;

    assert_eq!((word(&next.decision), questions.waiting()), ("allow", 0));
}

#[tokio::test]
async fn a_session_that_ends_while_the_store_thinks_is_over() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let clock = Clock::at(NOW);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut check = Box::pin(gate.check(&request, || clock.now()));
    assert!(waits(&mut check).await);

    clock.set(later(2 * MILLI));
    questions.next().await.answer(Ok(Some(session_until(later(MILLI)))));

    assert_eq!(word(&check.await.decision), "expired");
}

#[tokio::test]
async fn an_answer_is_as_old_as_its_question() {
    let (store, mut questions) = asking_store();
    let gate = gate(store, LONG);
    let clock = Clock::at(NOW);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut slow = Box::pin(gate.check(&request, || clock.now()));
    assert!(waits(&mut slow).await);
    clock.set(later(HOUR));
    questions.next().await.answer(Ok(Some(session_until(later(2 * HOUR)))));
    assert_eq!(word(&slow.await.decision), "allow");

    let mut next = Box::pin(gate.check(&request, || clock.now()));

    assert!(waits(&mut next).await, "an answer of an hour ago was still believed");
}

#[tokio::test]
async fn what_a_decision_cost_is_told() {
    let gate = gate(Shelf::with(later(HOUR)), LONG);
    let (genuine, forged) = (session_cookie(WIRE), session_cookie(WIRE.replacen('Z', "Y", 1)));

    let miss = gate.check(&request(&genuine), || NOW).await.lookup;
    let hit = gate.check(&request(&genuine), || NOW).await.lookup;
    let none = gate.check(&request(&forged), || NOW).await.lookup;

    assert_eq!([miss, hit, none], [Lookup::Miss, Lookup::Hit, Lookup::None]);
}
