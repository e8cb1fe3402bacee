//! What a revocation does: to what is remembered, to what is under way, to what is only known from before.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sidegate::auth::{Decision, IdDigest, Revocation, TokenDigest};
use sidegate::cache::{Ages, Generations, Hearing, SessionCache};
use sidegate::clock::UnixMillis;
use sidegate::gate::{Gate, Lookup};
use sidegate::store::StoreError;

use crate::rig::{
    HOUR, LONG, NOW, Shelf, TOKEN, WIRE, asking_store, later, request, rules, session_cookie, session_until,
    waits, word,
};

const SECOND: Duration = Duration::from_secs(1);
/// The ids of [`crate::rig::record`].
const USER: &str = "usr_1";
const SESSION: &str = "ses_1";

fn gate_with<S: sidegate::store::SessionStore>(store: S, ages: Ages) -> (Gate<S>, Arc<Generations>) {
    let generations = Arc::new(Generations::default());
    let cache = SessionCache::new(100, ages, Arc::clone(&generations));
    (Gate::new(rules(), cache, store, HOUR), generations)
}

async fn check(gate: &Gate<Shelf>, now: UnixMillis) -> &'static str {
    let headers = session_cookie(WIRE);
    word(&gate.check(&request(&headers), || now).await.decision)
}

fn each_name() -> [Revocation; 4] {
    [
        Revocation::Token(TokenDigest::of(TOKEN)),
        Revocation::Session(IdDigest::of(SESSION)),
        Revocation::User(IdDigest::of(USER)),
        Revocation::Everything,
    ]
}

#[tokio::test]
async fn what_was_revoked_by_any_of_its_names_is_asked_for_again() {
    for what in each_name() {
        let store = Shelf::with(later(HOUR));
        let (gate, generations) = gate_with(store.clone(), LONG);
        assert_eq!(check(&gate, NOW).await, "allow");
        store.put(None);
        assert_eq!(check(&gate, NOW).await, "allow", "it is remembered");

        generations.revoke(&what, NOW);

        assert_eq!(check(&gate, NOW).await, "no_session", "{what:?}");
        assert_eq!((check(&gate, NOW).await, store.asked()), ("no_session", 2), "{what:?}");
    }
}

#[tokio::test]
async fn what_others_are_revoked_by_leaves_it_alone() {
    let store = Shelf::with(later(HOUR));
    let (gate, generations) = gate_with(store.clone(), LONG);
    check(&gate, NOW).await;

    generations.revoke(&Revocation::Token(TokenDigest::of("another")), NOW);
    generations.revoke(&Revocation::Session(IdDigest::of("ses_2")), NOW);
    generations.revoke(&Revocation::User(IdDigest::of("usr_2")), NOW);
    // An id of a session is no user's.
    generations.revoke(&Revocation::User(IdDigest::of(SESSION)), NOW);
    generations.revoke(&Revocation::Session(IdDigest::of(USER)), NOW);

    assert_eq!((check(&gate, NOW).await, store.asked()), ("allow", 1));
    assert_eq!(generations.evicted(), sidegate::cache::Evicted::default());
}

#[tokio::test]
async fn evictions_are_counted_by_what_was_revoked() {
    for (index, what) in each_name().into_iter().enumerate() {
        let (gate, generations) = gate_with(Shelf::with(later(HOUR)), LONG);
        check(&gate, NOW).await;

        generations.revoke(&what, NOW);
        check(&gate, NOW).await;
        check(&gate, NOW).await;

        let evicted = generations.evicted();
        let counts = [evicted.token, evicted.session, evicted.user, evicted.everything];
        let expected: Vec<_> = (0..4).map(|at| u64::from(at == index)).collect();
        assert_eq!(counts.as_slice(), expected.as_slice(), "{what:?}");
    }
}

/// The store has answered before the sign-out and its answer arrives after it.
#[tokio::test]
async fn a_lookup_that_was_under_way_when_its_revocation_arrived_is_neither_given_nor_remembered() {
    for what in each_name() {
        let (store, mut questions) = asking_store();
        let (gate, generations) = gate_with(store, LONG);
        let headers = session_cookie(WIRE);
        let request = request(&headers);
        let mut checked = pin!(gate.check(&request, || NOW));
        assert!(waits(&mut checked).await);

        let before = questions.next().await;
        generations.revoke(&what, NOW);
        before.answer(Ok(Some(session_until(later(HOUR)))));
        assert!(waits(&mut checked).await, "{what:?}: the answer from before was given");
        questions.next().await.answer(Ok(None));

        assert_eq!(word(&checked.await.decision), "no_session", "{what:?}");
        let again = gate.check(&request, || NOW).await;
        assert_eq!((word(&again.decision), again.lookup), ("no_session", Lookup::Hit), "{what:?}");
    }
}

#[tokio::test]
async fn who_joined_such_a_lookup_gets_the_answer_from_after_the_revocation() {
    let (store, mut questions) = asking_store();
    let (gate, generations) = gate_with(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut first = pin!(gate.check(&request, || NOW));
    let mut joined = pin!(gate.check(&request, || NOW));
    assert!(waits(&mut first).await && waits(&mut joined).await);

    let before = questions.next().await;
    generations.revoke(&Revocation::User(IdDigest::of(USER)), NOW);
    before.answer(Ok(Some(session_until(later(HOUR)))));
    questions.next().await.answer(Ok(None));

    assert_eq!([word(&first.await.decision), word(&joined.await.decision)], ["no_session"; 2]);
}

#[tokio::test]
async fn a_session_that_changes_with_every_lookup_is_doubt_and_no_pass() {
    let (store, mut questions) = asking_store();
    let (gate, generations) = gate_with(store, LONG);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut checked = pin!(gate.check(&request, || NOW));

    for _ in 0..3 {
        assert!(waits(&mut checked).await);
        let question = questions.next().await;
        generations.revoke(&Revocation::Everything, NOW);
        question.answer(Ok(Some(session_until(later(HOUR)))));
    }

    assert_eq!(word(&checked.await.decision), "unavailable");
}

#[tokio::test]
async fn what_is_remembered_counts_longer_while_revocations_are_heard_of_and_at_once_shorter_when_not() {
    let ages = Ages {
        session: 10 * SECOND,
        heard: 30 * SECOND,
        lost: 5 * SECOND,
        absence: SECOND,
        stale: Duration::ZERO,
    };
    let store = Shelf::with(later(HOUR));
    let (gate, generations) = gate_with(store.clone(), ages);
    let is_asked = async |after: Duration| {
        let before = store.asked();
        check(&gate, later(after)).await;
        store.asked() > before
    };

    assert!(is_asked(Duration::ZERO).await);
    assert_eq!(generations.hearing(), Hearing::None);
    assert_eq!([is_asked(9 * SECOND).await, is_asked(10 * SECOND).await], [false, true]);

    generations.begin_to_hear();
    assert!(is_asked(10 * SECOND).await, "what was remembered from before is not believed");
    assert_eq!([is_asked(39 * SECOND).await, is_asked(40 * SECOND).await], [false, true]);

    generations.lose();
    assert_eq!([is_asked(44 * SECOND).await, is_asked(45 * SECOND).await], [false, true]);
}

const STALE: Ages =
    Ages { session: SECOND, heard: SECOND, lost: SECOND, absence: SECOND, stale: Duration::from_mins(1) };

/// A gate that remembers a session of [`NOW`], and the decision on it at another time, when the store says that.
async fn later_on(
    ages: Ages,
    methods: &[http::Method],
    after: Duration,
    error: StoreError,
    before: impl FnOnce(&Generations),
) -> sidegate::gate::Checked {
    let (store, mut questions) = asking_store();
    let (gate, generations) = gate_with(store, ages);
    let gate = gate.with_stale_methods(methods.to_vec());
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    {
        let mut first = pin!(gate.check(&request, || NOW));
        assert!(waits(&mut first).await);
        questions.next().await.answer(Ok(Some(session_until(later(30 * SECOND)))));
        assert_eq!(word(&first.await.decision), "allow");
    }
    before(&generations);
    let mut checked = pin!(gate.check(&request, || later(after)));
    assert!(waits(&mut checked).await, "it is asked for");
    questions.next().await.answer(Err(error));
    checked.await
}

fn outage() -> StoreError {
    StoreError::Unreachable("gone".to_owned())
}

#[tokio::test]
async fn a_session_that_passed_before_passes_while_the_store_is_away_and_its_age_is_told() {
    let checked = later_on(STALE, &[], 20 * SECOND, outage(), |_| ()).await;

    assert_eq!((word(&checked.decision), checked.lookup), ("allow", Lookup::Stale));
    let Decision::Allow(grant) = checked.decision else { unreachable!() };
    assert_eq!(grant.stale_for(), Some(20 * SECOND));
}

#[tokio::test]
async fn it_does_not_pass_beyond_the_bound_its_end_or_its_revocation() {
    let short = Ages { stale: 10 * SECOND, ..STALE };
    let long = Ages { stale: HOUR, ..STALE };
    let none = Ages { stale: Duration::ZERO, ..STALE };

    assert_eq!(
        word(&later_on(short, &[], Duration::from_millis(10_999), outage(), |_| ()).await.decision),
        "allow"
    );
    assert_eq!(word(&later_on(short, &[], 11 * SECOND, outage(), |_| ()).await.decision), "unavailable");
    assert_eq!(word(&later_on(long, &[], 30 * SECOND, outage(), |_| ()).await.decision), "allow");
    assert_eq!(word(&later_on(long, &[], 31 * SECOND, outage(), |_| ()).await.decision), "unavailable");
    assert_eq!(word(&later_on(none, &[], SECOND, outage(), |_| ()).await.decision), "unavailable");
    for what in each_name() {
        let checked =
            later_on(long, &[], 2 * SECOND, outage(), |generations| generations.revoke(&what, NOW)).await;
        assert_eq!(word(&checked.decision), "unavailable", "{what:?}");
    }
}

#[tokio::test]
async fn it_passes_for_an_outage_alone_and_not_where_the_store_said_something_odd() {
    for error in
        [StoreError::Timeout(SECOND), StoreError::Overloaded, StoreError::Resting, StoreError::RateLimited]
    {
        assert_eq!(word(&later_on(STALE, &[], 2 * SECOND, error, |_| ()).await.decision), "allow");
    }
    for error in [StoreError::Refused("no such column".to_owned()), StoreError::Malformed("a row".to_owned())]
    {
        assert_eq!(word(&later_on(STALE, &[], 2 * SECOND, error, |_| ()).await.decision), "unavailable");
    }
}

#[tokio::test]
async fn it_passes_in_the_methods_that_the_operator_named() {
    let (get, post) = ([http::Method::GET], [http::Method::POST]);

    assert_eq!(word(&later_on(STALE, &get, 2 * SECOND, outage(), |_| ()).await.decision), "allow");
    assert_eq!(word(&later_on(STALE, &post, 2 * SECOND, outage(), |_| ()).await.decision), "unavailable");
}

#[test]
fn digests_are_read_as_databases_write_them() {
    // SELECT encode(sha256('usr_1'), 'hex') in PostgreSQL, SHA2('usr_1', 256) in MariaDB.
    let text = "ac9852aff2e92a734c6c3f72ac9270f1d0661639b6080ee5e964182d0181a7a1";
    assert_eq!(IdDigest::from_hex(text), Some(IdDigest::of(USER)));
    assert_eq!(TokenDigest::from_hex(&text.to_uppercase()), Some(TokenDigest::of(USER)));
    for bad in [
        "",
        "dd",
        &text[1..],
        &format!("{text}0"),
        &text.replace('a', "g"),
        &text.replacen("ac", "+c", 1),
        &"\u{e9}".repeat(32),
    ] {
        assert!(IdDigest::from_hex(bad).is_none() && TokenDigest::from_hex(bad).is_none(), "{bad}");
    }
}
