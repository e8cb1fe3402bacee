//! Better Auth as the store: what is asked, and what each answer means. "Not signed in" is said by `null` alone.

use serde_json::Value;
use sidegate::auth::IdentityField;
use sidegate::clock::UnixMillis;
use sidegate::store::SessionStore as _;

use crate::rig::{HOUR, TOKEN, WIRE, token};
use crate::service::{Act, Service, better_auth, json, session_until};

const UNTIL: &str = "2026-01-22T00:00:00.123Z";

/// What the store makes of an answer: an id, `none`, or an error's code.
async fn verdict(answer: String) -> String {
    let service = Service::saying(answer).await;
    match service.better_auth().find(&token(TOKEN)).await {
        Ok(Some(session)) => session.expires_at().to_string(),
        Ok(None) => "none".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test]
async fn it_asks_for_the_session_of_one_cookie_and_tells_nothing_else() {
    let service = Service::saying(json("200 OK", "", "null")).await;

    service.better_auth().find(&token(TOKEN)).await.unwrap();

    let asked = service.asked().concat();
    let host = service.base.trim_start_matches("http://").trim_end_matches("/api/auth");
    let mut lines: Vec<_> = asked.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "GET /api/auth/get-session?disableRefresh=true&disableCookieCache=true HTTP/1.1",
            "accept: application/json",
            &format!("cookie: better-auth.session_token={WIRE}"),
            &format!("host: {host}"),
            concat!("user-agent: sidegate/", env!("CARGO_PKG_VERSION")),
        ]
    );
}

#[tokio::test]
async fn a_session_is_told_with_its_user_and_kept_as_it_was_told() {
    let body = session_until(UNTIL);
    let service = Service::saying(json("200 OK", "", &body)).await;

    let session = service.better_auth().find(&token(TOKEN)).await.unwrap().unwrap();

    assert_eq!(session.expires_at(), UnixMillis::parse_iso(UNTIL).unwrap());
    let active = std::sync::Arc::new(session).active_at(UnixMillis::EPOCH).unwrap();
    assert_eq!(active.identity().get(IdentityField::UserEmail).unwrap(), "ada@example.com");
    assert_eq!(active.body().unwrap().json(), body);
}

#[tokio::test]
async fn the_sign_in_is_what_better_auth_tells_of_it() {
    let told = async |body: String| {
        let service = Service::saying(json("200 OK", "", &body)).await;
        service.better_auth().find(&token(TOKEN)).await.unwrap().unwrap().signed_in_at()
    };
    let body = session_until(UNTIL);
    let mut reshaped: Value = serde_json::from_str(&body).unwrap();
    reshaped["session"].as_object_mut().unwrap().remove("createdAt").unwrap();

    assert_eq!(told(body).await, UnixMillis::parse_iso("2026-01-15T00:00:00.123Z"));
    assert_eq!(told(reshaped.to_string()).await, None, "custom-session may leave it out");
}

#[tokio::test]
async fn null_is_the_one_answer_that_means_no_session() {
    assert_eq!(verdict(json("200 OK", "", "null")).await, "none");
    assert_eq!(verdict(json("200 OK", "", " null\n")).await, "none");
}

#[tokio::test]
async fn every_other_status_is_doubt() {
    for status in ["201 Created", "204 No Content", "302 Found", "401 Unauthorized", "403 Forbidden"] {
        assert_eq!(verdict(json(status, "", "")).await, "refused", "{status}");
    }
    for status in ["404 Not Found", "405 Method Not Allowed", "500 Internal Server Error", "503 Unavailable"]
    {
        assert_eq!(verdict(json(status, "", "null")).await, "refused", "{status}");
    }
}

#[tokio::test]
async fn better_auths_rate_limiter_has_a_code_of_its_own() {
    let body = r#"{"message":"Too many requests. Please try again later."}"#;

    assert_eq!(verdict(json("429 Too Many Requests", "x-retry-after: 10\r\n", body)).await, "rate_limited");
}

#[tokio::test]
async fn what_better_auth_would_not_write_is_doubt() {
    let whole: Value = serde_json::from_str(&session_until(UNTIL)).unwrap();
    let without = |part: &str, member: &str| {
        let mut cut = whole.clone();
        cut[part].as_object_mut().unwrap().remove(member).unwrap();
        cut.to_string()
    };
    let with = |part: &str, member: &str, value: Value| {
        let mut changed = whole.clone();
        changed[part][member] = value;
        changed.to_string()
    };
    for body in [
        String::new(),
        "<!doctype html>".to_owned(),
        "[]".to_owned(),
        "true".to_owned(),
        "nul".to_owned(),
        "null null".to_owned(),
        "{}".to_owned(),
        r#"{"session":null,"user":null}"#.to_owned(),
        r#"{"user":{"id":"usr_1"}}"#.to_owned(),
        without("session", "expiresAt"),
        without("user", "id"),
        with("session", "expiresAt", Value::Null),
        with("session", "expiresAt", "soon".into()),
        with("session", "token", "Somebody".into()),
        with("session", "token", Value::Null),
        with("user", "id", Value::Null),
    ] {
        assert_eq!(verdict(json("200 OK", "", &body)).await, "malformed", "{body}");
    }
    // custom-session may leave out whatever it likes.
    assert_ne!(verdict(json("200 OK", "", &without("session", "token"))).await, "malformed");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_doubt() {
    let base = Service::acting(|_| Act::Close).await.base.clone();

    let error = better_auth(&base, HOUR).find(&token(TOKEN)).await.unwrap_err();

    assert_eq!(error.code(), "unreachable");
}

#[tokio::test]
async fn a_base_path_of_its_own_is_kept() {
    let service = Service::saying(json("200 OK", "", "null")).await;
    let base = service.base.replace("/api/auth", "/a%20b/auth/");

    better_auth(&base, HOUR).find(&token(TOKEN)).await.unwrap();

    assert!(service.asked()[0].starts_with("GET /a%20b/auth/get-session?disable"), "{:?}", service.asked());
}

#[tokio::test]
async fn a_cookie_is_spelt_as_a_browser_got_it() {
    let service = Service::saying(json("200 OK", "", "null")).await;
    // encodeURIComponent("a b/é;%'()*!~-_.") under Node 22.
    let spelt = "a%20b%2F%C3%A9%3B%25'()*!~-_.";

    service.better_auth().find(&token("a b/é;%'()*!~-_")).await.unwrap();

    assert!(service.asked()[0].contains(&format!("cookie: better-auth.session_token={spelt}")));
}
