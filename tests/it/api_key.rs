//! API keys: what Better Auth is asked, what its verdicts become, how long they are believed.
//! The answers are those of @better-auth/api-key 1.7.5 under better-auth 1.7.25.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use sidegate::api_key::ApiKeys;
use sidegate::auth::{ApiKey, Decision, IdentityField, KeyVerdict, Rules};
use sidegate::clock::UnixMillis;
use sidegate::gate::{Gate, Lookup};
use sidegate::metrics::Metrics;

use crate::rig::{HOUR, LONG, NOW, Shelf, WIRE, cache, later, request, rules, session_cookie, word};
use crate::service::{Act, Service, json};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const KEY: &str = "mytDMcxPOwXtsnKZFYLXRmbgGNQJxVpbZMiHwlgBqNvXOMFWlkpNJnKUBNGRVxFO";
const TTL: Duration = Duration::from_mins(5);
const NEGATIVE_TTL: Duration = Duration::from_secs(10);

const INVALID: &str = r#"{"message":"Invalid API key.","code":"INVALID_API_KEY"}"#;
const RATE_LIMITED: &str =
    r#"{"message":"Rate limit exceeded.","code":"RATE_LIMITED","details":{"tryAgainIn":86391574}}"#;
const USED_UP: &str = r#"{"message":"API Key has reached its usage limit","code":"USAGE_EXCEEDED"}"#;

/// The session that the plugin makes up: its id is the key's, and it lives for ten minutes.
fn opened(user: &str) -> String {
    let until = later(Duration::from_millis(604_800));
    let body = format!(
        r#"{{"user":{{"name":"Ada Lovelace","email":"ada@example.com","emailVerified":false,"image":null,"createdAt":"2026-01-15T12:00:00.000Z","updatedAt":"2026-01-15T12:00:00.000Z",{user}"id":"usr_1"}},"session":{{"id":"key_1","token":"{KEY}","userId":"usr_1","userAgent":"sidegate/0.1.0","ipAddress":null,"createdAt":"{NOW}","updatedAt":"{NOW}","expiresAt":"{until}"}}}}"#
    );
    json("200 OK", "", &body)
}

fn keys(service: &Service, ttl: Duration) -> ApiKeys {
    ApiKeys::new(
        X_API_KEY,
        service.better_auth(),
        ttl,
        NEGATIVE_TTL,
        Arc::default(),
        Metrics::new().api_keys(),
    )
}

/// A gate that takes keys, over a store with a live session.
fn gate_with(service: &Service, rules: Rules, ttl: Duration) -> Gate<Shelf> {
    Gate::new(rules, cache(LONG), Shelf::with(later(HOUR)), HOUR).with_api_keys(keys(service, ttl))
}

fn gate(service: &Service) -> Gate<Shelf> {
    gate_with(service, rules(), TTL)
}

fn with_key(key: &str) -> HeaderMap {
    HeaderMap::from_iter([(X_API_KEY, HeaderValue::from_str(key).unwrap())])
}

async fn ask(gate: &Gate<Shelf>, headers: &HeaderMap, now: UnixMillis) -> &'static str {
    word(&gate.check(&request(headers), || now).await.decision)
}

/// What becomes of a key on which Better Auth says this.
async fn verdict(answer: String) -> &'static str {
    let service = Service::saying(answer).await;
    ask(&gate(&service), &with_key(KEY), NOW).await
}

#[tokio::test]
async fn nobody_signed_in_by_a_key() {
    let service = Service::saying(opened("")).await;
    let headers = with_key(KEY);
    let key = ApiKey::find(&headers, &X_API_KEY).unwrap().unwrap();

    let KeyVerdict::Opens(session) = service.better_auth().judge(&X_API_KEY, &key).await.unwrap() else {
        panic!("the key opens nothing")
    };

    assert_eq!(session.signed_in_at(), None, "the session is made up anew for each request");
}

#[tokio::test]
async fn a_key_is_all_that_better_auth_is_told() {
    let service = Service::saying(opened("")).await;
    let mut headers = session_cookie(WIRE);
    headers.insert(X_API_KEY, HeaderValue::from_static(KEY));
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));

    assert_eq!(ask(&gate(&service), &headers, NOW).await, "allow");

    let asked = service.asked().concat();
    assert!(asked.contains(&format!("\r\nx-api-key: {KEY}\r\n")), "{asked}");
    assert!(!asked.contains("cookie") && !asked.contains("authorization"), "{asked}");
}

#[tokio::test]
async fn a_key_passes_as_its_user_in_the_session_made_up_for_it() {
    let service = Service::saying(opened("")).await;

    let checked = gate(&service).check(&request(&with_key(KEY)), || NOW).await;

    assert_eq!(checked.lookup, Lookup::Miss);
    let Decision::Allow(grant) = checked.decision else { panic!("{:?}", checked.decision) };
    assert_eq!(grant.identity().get(IdentityField::UserId).unwrap(), "usr_1");
    assert_eq!(grant.identity().get(IdentityField::SessionId).unwrap(), "key_1");
}

#[tokio::test]
async fn a_refusal_of_better_auths_is_a_refusal() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        assert_eq!(verdict(json(status, "", INVALID)).await, "api_key_refused", "{status}");
    }
}

#[tokio::test]
async fn a_key_that_was_used_too_often_is_told_so() {
    for body in [RATE_LIMITED, USED_UP] {
        assert_eq!(verdict(json("429 Too Many Requests", "", body)).await, "api_key_limited", "{body}");
    }
}

#[tokio::test]
async fn the_limit_on_sidegates_own_questions_is_no_verdict() {
    let body = r#"{"message":"Too many requests. Please try again later."}"#;

    assert_eq!(verdict(json("429 Too Many Requests", "", body)).await, "unavailable");
}

#[tokio::test]
async fn a_refusal_that_better_auth_did_not_write_is_doubt() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        for body in ["", "sign in", "{}", r#"{"code":7}"#, "null"] {
            assert_eq!(verdict(json(status, "", body)).await, "unavailable", "{status} {body}");
        }
    }
    assert_eq!(verdict(json("500 Internal Server Error", "", INVALID)).await, "unavailable");
}

#[tokio::test]
async fn a_better_auth_that_does_not_look_at_keys_lets_none_through() {
    assert_eq!(verdict(json("200 OK", "", "null")).await, "api_key_refused");
}

#[tokio::test]
async fn an_invalid_key_beats_a_valid_cookie() {
    let service = Service::saying(json("401 Unauthorized", "", INVALID)).await;
    let mut headers = session_cookie(WIRE);
    let gate = gate(&service);
    assert_eq!(ask(&gate, &headers, NOW).await, "allow");

    headers.insert(X_API_KEY, HeaderValue::from_static(KEY));

    assert_eq!(ask(&gate, &headers, NOW).await, "api_key_refused");
}

#[tokio::test]
async fn an_empty_header_is_no_key() {
    let service = Service::acting(|_| Act::Close).await;
    let mut headers = session_cookie(WIRE);
    headers.insert(X_API_KEY, HeaderValue::from_static(""));

    assert_eq!(ask(&gate(&service), &headers, NOW).await, "allow");
    assert_eq!(service.asked().len(), 0);
}

#[tokio::test]
async fn what_can_be_no_key_is_refused_unasked() {
    let service = Service::saying(opened("")).await;
    let gate = gate(&service);
    let mut two = with_key(KEY);
    two.append(X_API_KEY, HeaderValue::from_static(KEY));

    assert_eq!(ask(&gate, &two, NOW).await, "api_key_refused");
    assert_eq!(ask(&gate, &with_key(&"x".repeat(1025)), NOW).await, "api_key_refused");
    assert_eq!(service.asked().len(), 0);
    assert_eq!(ask(&gate, &with_key(&"x".repeat(1024)), NOW).await, "allow");
}

#[tokio::test]
async fn a_verdict_is_believed_as_long_as_the_setting_says() {
    let service = Service::saying(opened("")).await;
    let gate = gate(&service);

    ask(&gate, &with_key(KEY), NOW).await;
    let hit = gate.check(&request(&with_key(KEY)), || UnixMillis::new(later(TTL).get() - 1)).await;
    assert_eq!((word(&hit.decision), hit.lookup, service.asked().len()), ("allow", Lookup::Hit, 1));

    assert_eq!(ask(&gate, &with_key(KEY), later(TTL)).await, "allow");
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_believed_no_longer_than_an_absence() {
    let service = Service::acting(|nth| {
        Act::Say(if nth == 0 { json("401 Unauthorized", "", INVALID) } else { opened("") })
    })
    .await;
    let gate = gate(&service);

    assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "api_key_refused");
    let just_before = UnixMillis::new(later(NEGATIVE_TTL).get() - 1);
    assert_eq!(ask(&gate, &with_key(KEY), just_before).await, "api_key_refused");
    assert_eq!(ask(&gate, &with_key(KEY), later(NEGATIVE_TTL)).await, "allow");
}

#[tokio::test]
async fn doubt_is_not_remembered() {
    let service = Service::acting(|nth| {
        Act::Say(if nth == 0 { json("500 Internal Server Error", "", "") } else { opened("") })
    })
    .await;
    let gate = gate(&service);

    assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "unavailable");
    assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "allow");
}

#[tokio::test]
async fn with_an_age_of_zero_each_request_is_a_use() {
    let service = Service::saying(opened("")).await;
    let gate = gate_with(&service, rules(), Duration::ZERO);

    for uses in 1..=3 {
        assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "allow");
        assert_eq!(service.asked().len(), uses);
    }
}

#[tokio::test]
async fn a_use_that_broke_off_is_not_repeated() {
    let service = Service::acting(|_| Act::Close).await;

    assert_eq!(ask(&gate(&service), &with_key(KEY), NOW).await, "unavailable");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn many_at_once_are_one_use() {
    let service = Service::saying(opened("")).await;
    let gate = std::sync::Arc::new(gate(&service));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let gate = std::sync::Arc::clone(&gate);
            tokio::spawn(async move { ask(&gate, &with_key(KEY), NOW).await })
        })
        .collect();

    for asked in asking {
        assert_eq!(asked.await.unwrap(), "allow");
    }
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn each_key_has_a_verdict_of_its_own() {
    let service = Service::acting(|nth| {
        Act::Say(if nth == 0 { opened("") } else { json("401 Unauthorized", "", INVALID) })
    })
    .await;
    let gate = gate(&service);

    assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "allow");
    assert_eq!(ask(&gate, &with_key(&KEY.to_lowercase()), NOW).await, "api_key_refused");
    assert_eq!(ask(&gate, &with_key(KEY), NOW).await, "allow");
}

#[tokio::test]
async fn a_banned_users_key_is_refused_unless_bans_are_let_through() {
    let service = Service::saying(opened(r#""banned":true,"banExpires":null,"#)).await;

    assert_eq!(ask(&gate(&service), &with_key(KEY), NOW).await, "banned");
    let lenient = gate_with(&service, rules().with_banned(), TTL);
    assert_eq!(ask(&lenient, &with_key(KEY), NOW).await, "allow");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_as_long_as_a_store() {
    let service = Service::acting(|_| Act::Hang).await;
    let impatient = Gate::new(rules(), cache(LONG), Shelf::default(), Duration::from_millis(1))
        .with_api_keys(keys(&service, TTL));

    assert_eq!(ask(&impatient, &with_key(KEY), NOW).await, "unavailable");
}
