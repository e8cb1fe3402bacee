//! What the gate makes of tokens of the jwt plugin and of the cookie cache, with and without a store.
//! Tokens and cookies are those that better-auth 1.7.25 made for `tests/vectors`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use sidegate::auth::{
    CheckRequest, Decision, Fields, IdDigest, JwtRules, Policies, Revocation, Session, SessionRecord,
    TokenDigest,
};
use sidegate::cache::{Ages, Generations, SessionCache};
use sidegate::clock::UnixMillis;
use sidegate::cookie_cache::CookieCache;
use sidegate::gate::{Gate, Lookup};
use sidegate::jwt::Jwts;
use sidegate::keys::{KeyAges, KeyRing, Published};
use sidegate::metrics::{Metrics, Snapshot};
use sidegate::store::{SessionStore, StoreError};

use crate::rig::{
    AskingStore, HOUR, LONG, NOW, Questions, Shelf, TOKEN, WIRE, asking_store, cache, fields, gate, later,
    record, request, rules, session_cookie, session_until, waits, word,
};
use crate::service::{self, Act, Service, client};
use crate::snapshot_vectors::{VECTORS, case, headers, open, snapshot_rules};

const TTL: Duration = Duration::from_mins(5);

static JWTS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/jwt.json"));
    serde_json::from_str(text).unwrap()
});

fn jwt(name: &str) -> &'static str {
    let cases = JWTS["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap()["token"].as_str().unwrap()
}

fn bearer(token: &str) -> (header::HeaderName, HeaderValue) {
    (header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap())
}

/// Headers with this token, and the session cookie of that value.
fn both(token: &str, cookie: &str) -> HeaderMap {
    session_cookie(cookie)
        .into_iter()
        .map(|(name, value)| (name.unwrap(), value))
        .chain([bearer(token)])
        .collect()
}

fn only(token: &str) -> HeaderMap {
    HeaderMap::from_iter([bearer(token)])
}

/// Publishes these keys.
async fn publishing(keys: &Value) -> Service {
    Service::saying(service::json("200 OK", "", &keys.to_string())).await
}

async fn of_the_plugin() -> Service {
    publishing(&JWTS["key_sets"]["plugin"]["jwks"]).await
}

fn ring(service: &Service) -> Arc<KeyRing<Published>> {
    let url = format!("{}/jwks", service.base).parse().unwrap();
    Arc::new(KeyRing::new(Published::At(Box::new(client(Duration::from_mins(1))), url), KeyAges::DEFAULT))
}

fn taking_jwts<S: SessionStore>(gate: Gate<S>, service: &Service) -> Gate<S> {
    let issuer = JWTS["issuer"].as_str().unwrap().to_owned();
    let rules = JwtRules::new(issuer.clone(), vec![issuer]).unwrap();
    gate.with_jwts(Jwts::new(rules, ring(service), TTL))
}

async fn asked<S: SessionStore>(
    gate: &Gate<S>,
    headers: &HeaderMap,
    now: UnixMillis,
) -> (&'static str, Lookup) {
    let checked = gate.check(&request(headers), || now).await;
    (word(&checked.decision), checked.lookup)
}

// ---- Tokens ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_token_opens_once_its_keys_are_known_and_is_remembered_until_its_end() {
    let service = of_the_plugin().await;
    let store = Shelf::default();
    let gate = taking_jwts(gate(store.clone(), LONG), &service);
    let headers = only(jwt("plugin-EdDSA"));
    let end = NOW.get().div_euclid(1000) * 1000 + 900_000;

    assert_eq!(asked(&gate, &headers, NOW).await, ("allow", Lookup::Miss));
    assert_eq!(asked(&gate, &headers, UnixMillis::new(end - 1)).await, ("allow", Lookup::Hit));
    assert_eq!(asked(&gate, &headers, UnixMillis::new(end)).await, ("expired", Lookup::Miss));
    assert_eq!((service.asked().len(), store.asked()), (1, 0));
}

#[tokio::test]
async fn nobody_signed_in_by_a_token() {
    let service = of_the_plugin().await;
    let gate = taking_jwts(gate(Shelf::default(), LONG), &service);
    let headers = only(jwt("plugin-EdDSA"));

    let Decision::Allow(grant) = gate.check(&request(&headers), || NOW).await.decision else {
        panic!("the token opens nothing")
    };

    assert_eq!(
        grant.session().unwrap().signed_in_at(),
        None,
        "it tells when it was issued, which may be days later"
    );
}

/// better-auth 1.7.25 `plugins/jwt`: the payload is the user, and nothing of the session that it was asked for in.
#[tokio::test]
async fn a_token_does_not_tell_that_nobody_acts_as_its_user() {
    let service = of_the_plugin().await;
    let gate = taking_jwts(gate(Shelf::with(later(HOUR)), LONG), &service);
    let policy = "not_impersonated".parse().unwrap();
    let policies = Policies { route: Some(&policy), ..Policies::default() };
    let ask = async |headers: &HeaderMap| {
        word(&gate.check_under(&request(headers), &policies, || NOW).await.decision)
    };

    assert_eq!(ask(&only(jwt("plugin-EdDSA"))).await, "impersonated");
    assert_eq!(ask(&session_cookie(WIRE)).await, "allow");
}

#[tokio::test]
async fn a_token_that_is_refused_leaves_the_session_to_decide() {
    let service = of_the_plugin().await;
    let gate = taking_jwts(gate(Shelf::with(later(HOUR)), LONG), &service);
    let refused = jwt("EdDSA-none");
    let forged = WIRE.replacen('Z', "Y", 1);

    assert_eq!(asked(&gate, &only(refused), NOW).await.0, "bad_signature");
    assert_eq!(asked(&gate, &both(refused, WIRE), NOW).await, ("allow", Lookup::Miss));
    assert_eq!(asked(&gate, &both(refused, &forged), NOW).await.0, "bad_signature");
    assert_eq!(asked(&gate, &both("an.opaque.one", WIRE), NOW).await, ("allow", Lookup::Hit));
}

#[tokio::test]
async fn without_keys_a_token_is_doubt_which_only_a_session_outweighs() {
    let down = Service::saying(service::json("503 Service Unavailable", "", "{}")).await;
    let store = Shelf::with(later(HOUR));
    let gate = taking_jwts(gate(store.clone(), LONG), &down);
    let token = jwt("plugin-EdDSA");

    assert_eq!(asked(&gate, &only(token), NOW).await.0, "unavailable");
    assert_eq!(asked(&gate, &both(token, &WIRE.replacen('Z', "Y", 1)), NOW).await.0, "unavailable");
    assert_eq!(asked(&gate, &both(token, WIRE), NOW).await.0, "allow");
    assert_eq!(asked(&gate, &session_cookie(WIRE), NOW).await.0, "allow");
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_however_many_tokens_name_them() {
    let service = of_the_plugin().await;
    let gate = taking_jwts(gate(Shelf::default(), LONG), &service);
    assert_eq!(asked(&gate, &only(jwt("plugin-EdDSA")), NOW).await.0, "allow");

    for _ in 0..50 {
        assert_eq!(asked(&gate, &only(jwt("header-kid-unknown")), NOW).await.0, "bad_signature");
    }

    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn get_session_takes_no_tokens() {
    let service = of_the_plugin().await;
    let gate = taking_jwts(gate(Shelf::default(), LONG), &service);
    let headers = only(jwt("plugin-EdDSA"));

    let checked = gate.check_session(&request(&headers), || NOW).await;

    assert_eq!((word(&checked.decision), service.asked().len()), ("no_credential", 0));
}

// ---- The cookie cache ------------------------------------------------------------------------------------------------

fn cookie_cache(name: &str, keys: Option<&Service>, metrics: &Metrics) -> CookieCache {
    CookieCache::new(snapshot_rules(case(name)), keys.map(ring), false, metrics.cookie_cache_ages())
}

/// A gate without a store.
fn stateless(name: &str, keys: Option<&Service>) -> Gate<Shelf> {
    gate(Shelf::with(later(HOUR)), LONG).with_cookie_cache(cookie_cache(name, keys, &Metrics::new()), true)
}

async fn of_the_cookies() -> Service {
    publishing(&json!({ "keys": VECTORS["keys"] })).await
}

#[tokio::test]
async fn the_cookie_answers_only_where_the_store_cannot() {
    for name in ["cc-compact-valid", "cc-jwt-valid", "cc-jwe-valid"] {
        let (store, mut questions) = asking_store();
        let metrics = Metrics::new();
        let gate = gate(store, LONG).with_cookie_cache(cookie_cache(name, None, &metrics), false);
        let brought = headers(case(name));
        let told = || metrics.encode(Snapshot::default()).contains("cookie_cache_age_seconds_count 1");
        let mut ask = async |headers: &HeaderMap, answer| {
            let mut check = Box::pin(asked(&gate, headers, NOW));
            assert!(waits(&mut check).await);
            questions.next().await.answer(answer);
            check.await
        };
        let down = || Err(StoreError::Unreachable("connection refused".to_owned()));

        assert_eq!(ask(&session_cookie(WIRE), down()).await, ("unavailable", Lookup::Miss), "{name}");
        assert!(!told(), "{name}");
        assert_eq!(ask(&brought, down()).await, ("allow", Lookup::Cookie), "{name}");
        assert!(told(), "{name}");
        assert_eq!(ask(&brought, Ok(None)).await, ("no_session", Lookup::Miss), "{name}");
    }
}

/// A gate in front of a store that can be down, with a cookie that Better Auth wrote 299 seconds ago.
struct Outage {
    gate: Gate<AskingStore>,
    questions: Questions,
    generations: Arc<Generations>,
    /// That the last answer was told with.
    told_age: Option<Duration>,
}

const WRITTEN: &str = "cc-compact-fresh-299s";

impl Outage {
    fn new() -> Self {
        let (store, questions) = asking_store();
        let generations = Arc::new(Generations::default());
        // What the store said counts for a second, and is remembered for longer.
        let second = Duration::from_secs(1);
        let ages = Ages { heard: HOUR, ..Ages::plain(second, second) };
        let cache = SessionCache::new(100, ages, Arc::clone(&generations));
        let gate = Gate::new(rules(), cache, store, HOUR)
            .with_cookie_cache(cookie_cache(WRITTEN, None, &Metrics::new()), false);
        Self { gate, questions, generations, told_age: None }
    }

    async fn ask(
        &mut self,
        policy: &str,
        method: Method,
        at: UnixMillis,
        answer: Result<Option<Session>, StoreError>,
    ) -> (&'static str, Lookup) {
        let (policy, brought) = (policy.parse().unwrap(), headers(case(WRITTEN)));
        let policies = Policies { route: Some(&policy), ..Policies::default() };
        let request = CheckRequest { method, ..request(&brought) };
        let mut check = Box::pin(self.gate.check_under(&request, &policies, || at));
        assert!(waits(&mut check).await);
        self.questions.next().await.answer(answer);
        let checked = check.await;
        self.told_age = match &checked.decision {
            Decision::Allow(grant) => grant.stale_for(),
            Decision::Unauthenticated(_) | Decision::Forbidden(_) | Decision::Unavailable => None,
        };
        (word(&checked.decision), checked.lookup)
    }

    async fn down(&mut self, policy: &str) -> (&'static str, Lookup) {
        self.ask(policy, Method::GET, NOW, Err(StoreError::Timeout(HOUR))).await
    }
}

const BY_COOKIE: (&str, Lookup) = ("allow", Lookup::Cookie);
const DOUBT: (&str, Lookup) = ("unavailable", Lookup::Miss);

#[tokio::test]
async fn a_cookie_is_no_older_than_a_place_lets_it_be_in_an_outage() {
    let mut outage = Outage::new();

    assert_eq!(outage.down("session").await, BY_COOKIE);
    assert_eq!(outage.down("stale_if_error:300s").await, BY_COOKIE);
    assert_eq!(outage.told_age, Some(Duration::from_secs(299)), "nobody takes it for the store's word");
    assert_eq!(outage.down("stale_if_error:299s").await, DOUBT);
    assert_eq!(outage.down("stale_if_error:0s").await, DOUBT);
}

#[tokio::test]
async fn a_cookie_counts_in_no_method_in_which_nothing_from_before_does() {
    let mut outage = Outage::new();
    outage.gate = outage.gate.with_stale_methods(vec![Method::GET]);
    let down = || Err(StoreError::Timeout(HOUR));

    assert_eq!(outage.ask("session", Method::POST, NOW, down()).await, DOUBT);
    assert_eq!(outage.ask("session", Method::GET, NOW, down()).await, BY_COOKIE);
}

/// What Better Auth read before, it may have written down a little later, and by another clock.
#[tokio::test]
async fn a_cookie_from_before_a_revocation_counts_no_more() {
    let written = UnixMillis::new(NOW.get() - 299_000);
    let told = open(case(WRITTEN), &headers(case(WRITTEN))).unwrap().unwrap();
    let id = |fields: &Fields| IdDigest::of(fields["id"].as_str().unwrap());
    for what in [
        Revocation::Token(TokenDigest::of(TOKEN)),
        Revocation::Session(id(&told.session)),
        Revocation::User(id(&told.user)),
        Revocation::Everything,
    ] {
        for (before, expected) in [(11_000, BY_COOKIE), (10_000, DOUBT), (0, DOUBT), (-299_000, DOUBT)] {
            let mut outage = Outage::new();
            outage.generations.revoke(&what, UnixMillis::new(written.get() - before));

            assert_eq!(outage.down("session").await, expected, "{what:?} {before}");
        }
    }
    let mut outage = Outage::new();
    outage.generations.revoke(&Revocation::User(IdDigest::of("somebody_else")), NOW);
    outage.generations.begin_to_hear();
    assert_eq!(outage.down("session").await, BY_COOKIE, "what may have been missed was no revocation");
}

#[tokio::test]
async fn a_cookie_from_before_the_store_said_no_counts_no_more() {
    let banned = || {
        let user = fields(json!({ "id": "usr_1", "banned": true }));
        Session::new(&SessionRecord { user, ..record(later(HOUR)) })
    };
    let second = Duration::from_secs(1);
    for (said, expected) in [
        (None, DOUBT),
        (Some(session_until(UnixMillis::new(NOW.get() - 1000))), DOUBT),
        (Some(banned()), DOUBT),
        (Some(session_until(later(HOUR))), BY_COOKIE),
    ] {
        let mut outage = Outage::new();
        let story = format!("{said:?}");
        outage.ask("session", Method::GET, NOW, Ok(said)).await;

        let down = Err(StoreError::Timeout(HOUR));
        assert_eq!(outage.ask("session", Method::GET, later(second), down).await, expected, "{story}");
    }
}

#[tokio::test]
async fn without_a_store_the_cookie_decides_and_nobody_is_asked() {
    let store = Shelf::with(later(HOUR));
    let cookies = cookie_cache("cc-jwe-valid", None, &Metrics::new());
    let gate = gate(store.clone(), LONG).with_cookie_cache(cookies, true);
    let brought = |name| headers(case(name));

    assert_eq!(asked(&gate, &brought("cc-jwe-valid"), NOW).await, ("allow", Lookup::Cookie));
    // Nothing of it is remembered.
    assert_eq!(asked(&gate, &session_cookie(WIRE), NOW).await, ("no_session", Lookup::Cookie));
    for unusable in ["cc-jwe-other-token", "cc-jwe-tampered", "cc-jwe-session-expired", "cc-jwe-boundary-1ms"]
    {
        assert_eq!(asked(&gate, &brought(unusable), NOW).await, ("no_session", Lookup::Cookie), "{unusable}");
    }
    assert_eq!(asked(&gate, &brought("cc-jwe-no-token"), NOW).await, ("no_credential", Lookup::None));
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn a_cookie_by_a_key_that_is_published_opens() {
    let service = of_the_cookies().await;
    let gate = stateless("cc-jwks-valid", Some(&service));

    assert_eq!(asked(&gate, &headers(case("cc-jwks-valid")), NOW).await.0, "allow");
    assert_eq!(asked(&gate, &headers(case("cc-jwks-tampered")), NOW).await.0, "no_session");
    assert_eq!(asked(&gate, &headers(case("ccjwks-no-kid")), NOW).await.0, "no_session");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for() {
    let keys = json!({ "keys": VECTORS["keys"] }).to_string();
    let service = Service::acting(move |nth| {
        Act::Say(service::json("200 OK", "", if nth == 0 { r#"{"keys":[]}"# } else { &keys }))
    })
    .await;
    let gate = stateless("cc-jwks-valid", Some(&service));

    // The keys were read after the request came: one that they do not hold did not sign its cookie.
    assert_eq!(asked(&gate, &headers(case("cc-jwks-valid")), NOW).await.0, "no_session");
    assert_eq!(asked(&gate, &headers(case("cc-jwks-valid")), NOW).await.0, "allow");
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn a_key_that_is_published_nowhere_is_a_refusal_and_no_keys_at_all_are_doubt() {
    let brought = headers(case("cc-jwks-valid"));
    let none = publishing(&json!({ "keys": [] })).await;
    let down = Service::saying(service::json("500 Internal Server Error", "", "{}")).await;

    assert_eq!(asked(&stateless("cc-jwks-valid", Some(&none)), &brought, NOW).await.0, "no_session");
    let gate = stateless("cc-jwks-valid", Some(&down));
    assert_eq!(asked(&gate, &brought, NOW).await.0, "unavailable");
    assert_eq!(asked(&gate, &session_cookie(WIRE), NOW).await.0, "no_session");
}

#[tokio::test]
async fn keys_that_do_not_come_in_time_are_doubt() {
    let service = Service::acting(|_| Act::Hang).await;
    let cookies = cookie_cache("cc-jwks-valid", Some(&service), &Metrics::new());
    let gate = Gate::new(rules(), cache(LONG), Shelf::default(), Duration::from_millis(50));
    let gate = gate.with_cookie_cache(cookies, true);

    assert_eq!(asked(&gate, &headers(case("cc-jwks-valid")), NOW).await, ("unavailable", Lookup::Cookie));
}
