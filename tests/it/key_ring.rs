//! When the source of public keys is asked, and what is answered while it is slow, down or wrong.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sidegate::auth::{KeySet, KeySetError};
use sidegate::keys::{KeyAges, KeyRing, KeySource, KeysUnavailable};
use tokio::sync::{mpsc, oneshot};

use crate::rig::waits;

const TTL: Duration = Duration::from_mins(5);
const REFRESH_MIN: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

type Answer = Result<KeySet, KeysUnavailable>;

/// A source that hands each fetch to the test and waits until the test answers it.
#[derive(Clone)]
struct AskingSource {
    fetches: mpsc::UnboundedSender<oneshot::Sender<Answer>>,
    begun: Arc<AtomicUsize>,
}

struct Fetches {
    waiting: mpsc::UnboundedReceiver<oneshot::Sender<Answer>>,
    begun: Arc<AtomicUsize>,
}

impl KeySource for AskingSource {
    async fn fetch(&self) -> Answer {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let (answer, answered) = oneshot::channel();
        self.fetches.send(answer).ok().unwrap();
        answered.await.expect("the source panics, because the test wants it to")
    }
}

impl Fetches {
    async fn next(&mut self) -> oneshot::Sender<Answer> {
        self.waiting.recv().await.unwrap()
    }

    /// Answers the next fetch.
    async fn answer(&mut self, answer: Answer) {
        self.next().await.send(answer).ok();
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

type Ring = Arc<KeyRing<AskingSource>>;

fn ring() -> (Ring, Fetches) {
    ring_of(KeyAges::DEFAULT)
}

fn ring_of(ages: KeyAges) -> (Ring, Fetches) {
    let (fetches, waiting) = mpsc::unbounded_channel();
    let begun = Arc::new(AtomicUsize::new(0));
    let source = AskingSource { fetches, begun: Arc::clone(&begun) };
    (Arc::new(KeyRing::new(source, ages)), Fetches { waiting, begun })
}

/// A ring that knows `kids` since `at`.
async fn ring_with(kids: &[&str], at: Instant) -> (Ring, Fetches) {
    let (ring, mut fetches) = ring();
    let (known, ()) = tokio::join!(ring.current(at), fetches.answer(keys(kids)));
    known.unwrap();
    (ring, fetches)
}

/// Keys of those names.
#[expect(clippy::unnecessary_wraps, reason = "what a source answers")]
fn keys(kids: &[&str]) -> Answer {
    // RFC 8037 A.2.
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = |kid: &&str| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA"});
    let set = json!({"keys": kids.iter().map(key).collect::<Vec<_>>()});
    Ok(KeySet::parse(set.to_string().as_bytes()).unwrap())
}

fn down() -> Answer {
    Err(KeysUnavailable::Unreachable("connection refused".to_owned()))
}

fn just_before(limit: Duration) -> Duration {
    limit.saturating_sub(TICK)
}

/// What a ring answers, as text.
fn told(answer: &Result<Arc<KeySet>, KeysUnavailable>) -> String {
    match answer {
        Ok(keys) => format!("{keys:?}"),
        Err(error) => error.code().to_owned(),
    }
}

const A: &str = r#"{"a": "EdDSA"}"#;
const B: &str = r#"{"b": "EdDSA"}"#;

#[tokio::test]
async fn keys_are_fetched_once_and_used_until_they_are_old() {
    let start = Instant::now();
    let (ring, fetches) = ring_with(&["a"], start).await;

    for age in [Duration::ZERO, TICK, just_before(TTL)] {
        assert_eq!(told(&ring.current(start + age).await), A);
    }
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test]
async fn old_keys_are_replaced_before_anything_is_judged_by_them() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let mut asking = pin!(ring.current(start + TTL));
    assert!(waits(&mut asking).await);
    fetches.answer(keys(&["b"])).await;

    assert_eq!(told(&asking.await), B);
    assert_eq!(told(&ring.current(start + TTL + just_before(TTL)).await), B);
    assert_eq!(fetches.begun(), 2);
}

#[tokio::test]
async fn a_thousand_who_need_keys_at_once_are_one_fetch() {
    let start = Instant::now();
    let (ring, mut fetches) = ring();

    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let ring = Arc::clone(&ring);
            tokio::spawn(async move { ring.current(start).await })
        })
        .collect();
    fetches.answer(keys(&["a"])).await;

    for asked in asking {
        assert_eq!(told(&asked.await.unwrap()), A);
    }
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_forged_tokens_at_once_are_one_fetch() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;
    let later = start + TICK;

    let forged: Vec<_> = (0..1000)
        .map(|n| {
            let ring = Arc::clone(&ring);
            tokio::spawn(async move { ring.after_unknown(&format!("forged-{n}"), later).await })
        })
        .collect();
    fetches.answer(keys(&["a"])).await;

    for asked in forged {
        assert_eq!(told(&asked.await.unwrap()), A);
    }
    assert_eq!(fetches.begun(), 2, "the first, and one for all of these");
}

#[tokio::test]
async fn forged_tokens_bring_about_one_fetch_in_ten_seconds() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    for second in 0..60 {
        let now = start + TICK + Duration::from_secs(second);
        for n in 0..20 {
            let kid = format!("forged-{second}-{n}");
            let mut asking = pin!(ring.after_unknown(&kid, now));
            let answer = tokio::select! {
                biased;
                answer = &mut asking => answer,
                fetch = fetches.next() => {
                    fetch.send(keys(&["a"])).ok();
                    asking.await
                }
            };
            assert_eq!(told(&answer), A);
        }
    }

    assert_eq!(fetches.begun(), 1 + 6);
}

#[tokio::test]
async fn a_new_key_is_found_by_the_first_token_that_names_it() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let (found, ()) = tokio::join!(ring.after_unknown("b", start + TICK), fetches.answer(keys(&["b"])));

    assert_eq!(told(&found), B);
    assert_eq!(told(&ring.current(start + TICK).await), B);
}

#[tokio::test]
async fn a_key_that_came_in_meanwhile_needs_no_fetch() {
    let start = Instant::now();
    let (ring, fetches) = ring_with(&["a"], start).await;

    assert_eq!(told(&ring.after_unknown("a", start + TTL).await), A);
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test]
async fn keys_that_were_fetched_since_the_request_came_are_not_fetched_again() {
    let start = Instant::now();
    let (ring, fetches) = ring_with(&["a"], start).await;

    assert_eq!(told(&ring.after_unknown("forged", start).await), A);
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test]
async fn a_fetch_for_age_does_not_use_up_the_one_for_an_unknown_key() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;
    let (_, ()) = tokio::join!(ring.current(start + TTL), fetches.answer(keys(&["a"])));

    let soon = start + TTL + TICK;
    let (found, ()) = tokio::join!(ring.after_unknown("b", soon), fetches.answer(keys(&["b"])));

    assert_eq!(told(&found), B);
}

#[tokio::test]
async fn who_asks_for_an_unknown_key_while_a_fetch_is_under_way_waits_for_that_one() {
    let start = Instant::now();
    let (ring, mut fetches) = ring();
    let mut first = pin!(ring.current(start));
    assert!(waits(&mut first).await);

    let mut second = pin!(ring.after_unknown("a", start + TICK));
    assert!(waits(&mut second).await);
    fetches.answer(keys(&["a"])).await;

    assert_eq!(told(&first.await), A);
    assert_eq!(told(&second.await), A);
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test]
async fn the_last_known_keys_are_used_while_the_source_is_down() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let old = start + TTL;
    let (answer, ()) = tokio::join!(ring.current(old), fetches.answer(down()));
    assert_eq!(told(&answer), A);
    // At once, without waiting for a source that may be slow to fail, until it is time to try again.
    for age in [TICK, just_before(REFRESH_MIN)] {
        assert_eq!(told(&ring.current(old + age).await), A);
    }
    assert_eq!(fetches.begun(), 2);

    let again = old + REFRESH_MIN;
    let (answer, ()) = tokio::join!(ring.current(again), fetches.answer(keys(&["b"])));
    assert_eq!(told(&answer), B);
}

#[tokio::test]
async fn without_keys_and_without_a_source_there_is_an_error_and_soon_another_try() {
    let start = Instant::now();
    let (ring, mut fetches) = ring();

    let (answer, ()) = tokio::join!(ring.current(start), fetches.answer(down()));
    assert_eq!(told(&answer), "unreachable");
    assert!(ring.known().is_none());
    assert_eq!(told(&ring.current(start + just_before(RETRY)).await), "unreachable");
    assert_eq!(told(&ring.after_unknown("a", start + just_before(RETRY)).await), "unreachable");
    assert_eq!(fetches.begun(), 1);

    let (answer, ()) = tokio::join!(ring.current(start + RETRY), fetches.answer(keys(&["a"])));
    assert_eq!(told(&answer), A);
}

#[tokio::test]
async fn an_unknown_key_while_the_source_is_down_is_an_error_and_no_verdict() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let (answer, ()) = tokio::join!(ring.after_unknown("b", start + TICK), fetches.answer(down()));
    assert_eq!(told(&answer), "unreachable");
    let soon = start + TICK + just_before(REFRESH_MIN);
    assert_eq!(told(&ring.after_unknown("c", soon).await), "unreachable");
    assert_eq!(fetches.begun(), 2);
    // Those whose key is known pass all the while.
    assert_eq!(told(&ring.current(soon).await), A);
    assert_eq!(told(&ring.after_unknown("a", soon).await), A);

    let later = start + TICK + REFRESH_MIN;
    let (answer, ()) = tokio::join!(ring.after_unknown("b", later), fetches.answer(keys(&["b"])));
    assert_eq!(told(&answer), B);
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_leaves_the_known_keys_alone() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let malformed = KeySet::parse(b"<html>").map_err(KeysUnavailable::from);
    assert_eq!(malformed.as_ref().unwrap_err(), &KeysUnavailable::Malformed(KeySetError::Malformed));
    let (answer, ()) = tokio::join!(ring.current(start + TTL), fetches.answer(malformed));

    assert_eq!(told(&answer), A);
}

#[tokio::test]
async fn an_empty_set_is_an_answer_and_withdraws_every_key() {
    let start = Instant::now();
    let (ring, mut fetches) = ring_with(&["a"], start).await;

    let (answer, ()) = tokio::join!(ring.current(start + TTL), fetches.answer(keys(&[])));

    assert_eq!(told(&answer), "{}");
    assert!(ring.known().unwrap().is_empty());
}

#[tokio::test]
async fn the_first_to_ask_may_go_away() {
    let start = Instant::now();
    let (ring, mut fetches) = ring();
    {
        let mut first = pin!(ring.current(start));
        assert!(waits(&mut first).await);
    }
    let mut second = pin!(ring.current(start));
    assert!(waits(&mut second).await);

    fetches.answer(keys(&["a"])).await;

    assert_eq!(told(&second.await), A);
    assert_eq!(fetches.begun(), 1);
}

#[tokio::test]
async fn a_source_that_panics_is_one_that_is_down() {
    let start = Instant::now();
    let (ring, mut fetches) = ring();

    let (answer, ()) = tokio::join!(ring.current(start), async { drop(fetches.next().await) });
    assert_eq!(told(&answer), "broke_off");

    let (answer, ()) = tokio::join!(ring.current(start + RETRY), fetches.answer(keys(&["a"])));
    assert_eq!(told(&answer), A);
}

#[tokio::test]
async fn with_ages_of_zero_each_instant_asks_once() {
    let zero = Duration::ZERO;
    let start = Instant::now();
    let (ring, mut fetches) = ring_of(KeyAges { ttl: zero, refresh_min: zero, retry: zero });

    for step in 0..3 {
        let now = start + TICK * step;
        let (answer, ()) = tokio::join!(ring.current(now), fetches.answer(keys(&["a"])));
        assert_eq!(told(&answer), A);
        assert_eq!(told(&ring.current(now).await), A);
    }
    assert_eq!(fetches.begun(), 3);
}

#[tokio::test]
async fn an_instant_before_the_fetch_is_not_an_age() {
    let start = Instant::now();
    let (ring, fetches) = ring_with(&["a"], start + TTL).await;

    assert_eq!(told(&ring.current(start).await), A);
    assert_eq!(told(&ring.after_unknown("forged", start).await), A);
    assert_eq!(fetches.begun(), 1);
}
