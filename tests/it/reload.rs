//! What answers requests is replaced while it does: each is answered by one, whole, and nothing that is remembered is lost.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use http::Request;
use http::header::COOKIE;
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sidegate::auth::{CookieName, Rules, SigningKey};
use sidegate::cache::SessionCache;
use sidegate::clock::UnixMillis;
use sidegate::dialect::{Answer, HeaderNames, Terms};
use sidegate::gate::Gate;
use sidegate::metrics::Metrics;
use sidegate::secret::Secret;
use sidegate::serve::{Front, Live, Peer};
use sidegate::store::SessionStore;

use crate::commands::{Place, Serving};
use crate::rig::{
    COOKIE_NAME, HOUR, LONG, SECRET, Shelf, TOKEN, WIRE, asking_store, cache, session_until, waits,
};

const OTHER_SECRET: &str = "another-secret-of-this-deployment-0123";

/// What one configuration is made into, over what outlives it.
fn front<S: SessionStore>(secret: &str, preset: &str, cache: &Arc<SessionCache>, store: &Arc<S>) -> Front<S> {
    let rules = Rules::new(CookieName::new(COOKIE_NAME).unwrap(), signing_key(secret));
    let gate = Gate::sharing(rules, Arc::clone(cache), Arc::clone(store), HOUR);
    let terms = Terms { names: HeaderNames::preset(preset).unwrap(), login: None };
    Front::new(gate, terms, "unix".parse().unwrap(), Arc::new(Metrics::new()))
}

fn signing_key(secret: &str) -> SigningKey {
    SigningKey::new(&Secret::new(secret.to_owned()))
}

/// nginx's question with a session cookie of that value.
fn question(cookie: &str) -> Parts {
    let request = Request::builder()
        .uri("/auth/nginx")
        .header("x-original-url", "https://app.example.com/")
        .header("x-original-method", "GET")
        .header(COOKIE, format!("{COOKIE_NAME}={cookie}"));
    request.body(()).unwrap().into_parts().0
}

fn ask<S: SessionStore>(front: &Front<S>, question: &Parts) -> impl Future<Output = Answer> {
    front.answer(question, Peer::Unix)
}

fn told<'a>(answer: &'a Answer, header: &str) -> Option<&'a str> {
    answer.headers().get(header).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_request_under_way_is_answered_as_it_began_and_shares_its_lookup_with_new_ones() {
    let ((store, mut questions), cache) = (asking_store(), cache(LONG));
    let store = Arc::new(store);
    let live = Live::new(front(SECRET, "sidegate", &cache, &store));
    let cookie = question(WIRE);
    let old = live.now();
    let mut begun_before = pin!(ask(&old, &cookie));
    assert!(waits(&mut begun_before).await);

    live.replace(front(SECRET, "oauth2-proxy", &cache, &store));
    let new = live.now();
    let mut begun_after = pin!(ask(&new, &cookie));
    assert!(waits(&mut begun_after).await);
    questions.next().await.answer(Ok(Some(session_until(UnixMillis::NEVER))));
    let (before, after) = (begun_before.await, begun_after.await);

    assert_eq!((before.status().as_u16(), after.status().as_u16()), (200, 200));
    assert_eq!(
        (told(&before, "x-auth-user-id"), told(&before, "x-auth-request-user")),
        (Some("usr_1"), None)
    );
    assert_eq!((told(&after, "x-auth-user-id"), told(&after, "x-auth-request-user")), (None, Some("usr_1")));
    assert_eq!(questions.waiting(), 0);
}

#[tokio::test]
async fn a_changed_secret_counts_at_once_for_sessions_that_are_remembered() {
    let (store, cache) = (Arc::new(Shelf::with(UnixMillis::NEVER)), cache(LONG));
    let live = Live::new(front(SECRET, "sidegate", &cache, &store));
    let signed = signing_key(OTHER_SECRET).sign(TOKEN);
    let other_wire = utf8_percent_encode(&signed, NON_ALPHANUMERIC).to_string();
    let (old_cookie, new_cookie) = (question(WIRE), question(&other_wire));
    assert_eq!(ask(&live.now(), &old_cookie).await.status(), 200);
    assert_eq!(ask(&live.now(), &new_cookie).await.status(), 401);

    live.replace(front(OTHER_SECRET, "sidegate", &cache, &store));
    let refused = ask(&live.now(), &old_cookie).await;
    let passed = ask(&live.now(), &new_cookie).await;

    assert_eq!((refused.status().as_u16(), told(&refused, "x-auth-reason")), (401, Some("bad_signature")));
    assert_eq!(passed.status(), 200);
    assert_eq!(store.asked(), 1, "what was remembered is lost");
}

#[test]
fn the_old_one_ends_with_the_last_who_holds_it() {
    let first = Arc::new(());
    let live = Live::new(Arc::clone(&first));
    let held = live.now();

    live.replace(Arc::new(()));

    assert_eq!(Arc::strong_count(&first), 2);
    drop(held);
    assert_eq!(Arc::strong_count(&first), 1);
}

#[test]
fn the_demo_which_has_nothing_to_reload_ends_on_sighup_and_leaves_nothing_behind() {
    let place = Place::new();
    let demo = Serving::start(place.sidegate(&["demo"]), place.path());

    let (code, _) = demo.end("HUP");

    let scratch = |name: &str| name.starts_with("sidegate-demo-");
    let names = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(code, Some(0));
    assert_eq!(names.filter(|name| scratch(&name.to_string_lossy())).count(), 0);
}
