//! What stands between lookups and a store that is slow or gone.

use std::pin::pin;
use std::time::{Duration, Instant};

use sidegate::store::{Circuit, Guarded, Load, SessionStore as _, StoreError};

use crate::rig::{HOUR, Shelf, asking_store, later, session_until, token, waits};

const LOAD: Load = Load { lookups: 1, queue: 1, wait: HOUR };
/// How many outages in a row open it, and the longest rest: `circuit.rs`.
const FAILURES_MAX: usize = 5;
const REST_MAX: Duration = Duration::from_secs(2);

fn gone() -> StoreError {
    StoreError::Unreachable("gone".to_owned())
}

#[tokio::test]
async fn one_lookup_has_its_turn_one_waits_and_the_next_is_told_at_once() {
    let (store, mut questions) = asking_store();
    let store = Guarded::new(store, LOAD, Circuit::default());
    let (a, b, c) = (token("a"), token("b"), token("c"));
    let (mut first, mut second) = (pin!(store.find(&a)), pin!(store.find(&b)));
    assert!(waits(&mut first).await && waits(&mut second).await);
    assert_eq!(questions.waiting(), 1);

    let third = store.find(&c).await;

    assert!(matches!(third, Err(StoreError::Overloaded)));
    questions.next().await.answer(Ok(None));
    assert!(matches!(first.await, Ok(None)));
    assert!(waits(&mut second).await);
    questions.next().await.answer(Ok(Some(session_until(later(HOUR)))));
    assert!(matches!(second.await, Ok(Some(_))));
}

#[tokio::test]
async fn who_has_no_turn_in_time_is_told_so() {
    let (store, mut questions) = asking_store();
    let store = Guarded::new(store, Load { wait: Duration::from_millis(1), ..LOAD }, Circuit::default());
    let (a, b) = (token("a"), token("b"));
    let mut first = pin!(store.find(&a));
    assert!(waits(&mut first).await);

    assert!(matches!(store.find(&b).await, Err(StoreError::Overloaded)));

    // Its place in the queue is free again.
    let mut next = pin!(store.find(&b));
    assert!(waits(&mut next).await);
    questions.next().await.answer(Ok(None));
    assert!(matches!(first.await, Ok(None)));
}

#[tokio::test]
async fn a_store_that_is_gone_is_left_alone_for_a_while_and_then_asked_by_one() {
    let (store, mut questions) = asking_store();
    let circuit = Circuit::default();
    let store = Guarded::new(store, Load { lookups: 4, ..LOAD }, circuit.clone());
    let token = token("a");
    for _ in 0..FAILURES_MAX {
        let mut lookup = pin!(store.find(&token));
        assert!(waits(&mut lookup).await);
        questions.next().await.answer(Err(gone()));
        assert!(matches!(lookup.await, Err(StoreError::Unreachable(_))));
    }

    assert!(matches!(store.find(&token).await, Err(StoreError::Resting)));
    assert_eq!(questions.waiting(), 0);

    assert!(circuit.is_open(Instant::now()) && !circuit.is_open(Instant::now() + REST_MAX));
    circuit.close();
    let mut lookup = pin!(store.find(&token));
    assert!(waits(&mut lookup).await, "it is asked again");
    questions.next().await.answer(Ok(None));
    assert!(matches!(lookup.await, Ok(None)));
}

#[tokio::test]
async fn what_a_store_says_of_a_wrong_question_opens_nothing_and_an_answer_closes_it() {
    let (store, mut questions) = asking_store();
    let circuit = Circuit::default();
    let store = Guarded::new(store, LOAD, circuit.clone());
    let token = token("a");
    let answers = |number: usize| match number % FAILURES_MAX {
        0 => Ok(None),
        1 => Err(StoreError::Refused("no such column".to_owned())),
        _ => Err(gone()),
    };
    for number in 0..4 * FAILURES_MAX {
        let mut lookup = pin!(store.find(&token));
        assert!(waits(&mut lookup).await, "{number}");
        questions.next().await.answer(answers(number));
        let _ = lookup.await;
    }

    assert!(!circuit.is_open(Instant::now()));
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_any_more_gives_its_turn_back() {
    let (store, _questions) = asking_store();
    let guarded = Guarded::new(store, LOAD, Circuit::default());
    let a = token("a");
    for _ in 0..10 {
        let mut lookup = Box::pin(guarded.find(&a));
        assert!(waits(&mut lookup).await);
    }

    let idle = Guarded::new(Shelf::with(later(HOUR)), LOAD, Circuit::default());
    assert!(matches!(idle.find(&a).await, Ok(Some(_))));
}
