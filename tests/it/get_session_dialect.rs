//! What an app asks that calls get-session, how it is answered, and what its query forbids.
//! `tests/e2e/test_get_session.py` compares the answers with those of the real Better Auth.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use sidegate::auth::{Body, CheckRequest, Decision, Denial, KeyVerdict, Session};
use sidegate::clock::UnixMillis;
use sidegate::dialect::{Answer, Dialect, Refusal};
use sidegate::gate::{Checked, Gate};
use sidegate::metrics::Metrics;
use sidegate::refresh::Refresh;

use crate::refresh::{due, prolonged, sliding};
use crate::rig::{
    self, HOUR, LONG, NOW, Shelf, WIRE, cache, later, request, rules, session_cookie, session_until, word,
};
use crate::service::{self, Service};

const SESSION: &str = r#"{"session":{"id":"ses_1"},"user":{"name":"Zoë","id":"usr_1"}}"#;

fn question(method: Method, target: &str, headers: &[(&str, &str)]) -> Parts {
    let request =
        headers.iter().fold(Request::builder().method(method).uri(target), |request, (name, value)| {
            request.header(*name, *value)
        });
    request.body(()).unwrap().into_parts().0
}

fn refusal(method: Method, headers: &[(&str, &str)]) -> Option<Refusal> {
    Dialect::GetSession.decode(&question(method, "/api/auth/get-session", headers), &rig::terms(None)).err()
}

fn answer(decision: &Decision) -> Answer {
    let headers = HeaderMap::new();
    Dialect::GetSession.encode(&request(&headers), decision, &rig::terms(None))
}

fn allow(session: Session) -> Decision {
    rules().judge(KeyVerdict::Opens(Arc::new(session)), NOW)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn text(answer: Answer) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_session_is_told_in_the_words_that_were_kept_and_in_no_header() {
    let session = session_until(later(HOUR)).with_body(Body::new(SESSION.as_bytes()));

    let answer = answer(&allow(session));

    let mut headers: Vec<_> = answer.headers().keys().map(http::HeaderName::as_str).collect();
    headers.sort_unstable();
    assert_eq!(headers, ["cache-control", "content-type", "pragma"]);
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, SESSION));
}

#[tokio::test]
async fn what_is_kept_is_sent_and_not_written_again() {
    let body = Body::new(SESSION.as_bytes());
    let kept = body.json().as_ptr();

    let answer = answer(&allow(session_until(later(HOUR)).with_body(body)));

    let sent = answer.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(sent.as_ptr(), kept);
}

#[tokio::test]
async fn whoever_is_not_let_in_has_no_session() {
    let denied = [
        Decision::Unauthenticated(Denial::NoCredential),
        Decision::Unauthenticated(Denial::BadSignature),
        Decision::Unauthenticated(Denial::NoSession),
        Decision::Unauthenticated(Denial::Expired),
        Decision::Unauthenticated(Denial::ApiKeyRefused),
        Decision::Forbidden(Denial::ApiKeyLimited),
        Decision::Forbidden(Denial::Banned),
    ];
    for decision in &denied {
        let answer = answer(decision);

        let told = ["content-type", "cache-control", "pragma", "x-auth-reason"]
            .map(|name| header(&answer, name).unwrap().to_owned());
        assert_eq!(told, ["application/json", "no-store", "no-cache", word(decision)]);
        assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "null"));
    }
}

#[tokio::test]
async fn a_session_without_the_words_is_no_session() {
    assert_eq!(text(answer(&allow(session_until(later(HOUR))))).await, "null");
}

#[test]
fn doubt_is_neither_a_session_nor_none() {
    let answer = answer(&Decision::Unavailable);

    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (503, Some("1")));
}

#[test]
fn it_is_asked_with_get_alone() {
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::OPTIONS, Method::DELETE] {
        assert_eq!(refusal(method, &[]), Some(Refusal::Method));
    }
    let answer = Dialect::GetSession.refuse(&Refusal::Method);
    assert_eq!((answer.status().as_u16(), header(&answer, "allow")), (405, Some("GET")));
}

#[test]
fn what_decides_stands_there_once_and_all_else_as_it_likes() {
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    let refused = refusal(Method::GET, &twice).unwrap();
    assert_eq!(refused, Refusal::DuplicateHeader(http::header::AUTHORIZATION));
    let answer = Dialect::GetSession.refuse(&refused);
    assert_eq!((answer.status().as_u16(), header(&answer, "allow")), (403, None));

    let browsers =
        [("cookie", "a=1"), ("cookie", "b=2"), ("x-auth-user-id", "evil"), ("x_auth_user_id", "evil")];
    assert_eq!(refusal(Method::GET, &browsers), None);
}

#[test]
fn the_path_is_better_auths_with_any_query() {
    let paths = ["/api/auth/get-session", "/api/auth/get-session/", "/api/auth/GET-SESSION", "/get-session"];
    assert_eq!(paths.map(Dialect::at), [Some(Dialect::GetSession), None, None, None]);

    let parts = question(Method::GET, "/api/auth/get-session?disableRefresh=true&x=%ff", &[]);
    assert_eq!(Dialect::at(parts.uri.path()), Some(Dialect::GetSession));
    let request = Dialect::GetSession.decode(&parts, &rig::terms(None)).unwrap();
    assert_eq!(request.target, b"/api/auth/get-session?disableRefresh=true&x=%ff");
}

/// A gate whose only session is due, and a Better Auth that prolongs it.
async fn prolonging() -> (Gate<Shelf>, Service) {
    saying(prolonged()).await
}

/// A gate whose only session is due, and a Better Auth that says that.
async fn saying(answer: String) -> (Gate<Shelf>, Service) {
    let service = Service::saying(answer).await;
    let refresh = Refresh::new(sliding(), service.better_auth(), Metrics::new().refreshes());
    let gate = Gate::new(rules(), cache(LONG), Shelf::with(due()), HOUR).with_refresh(refresh);
    (gate, service)
}

async fn visit(gate: &Gate<Shelf>, target: &str, now: UnixMillis) -> Checked {
    let headers = session_cookie(WIRE);
    let asked = CheckRequest { target: target.as_bytes(), ..rig::request(&headers) };
    gate.check_session(&asked, || now).await
}

#[tokio::test]
async fn a_session_that_is_due_is_left_alone_where_the_query_says_so() {
    // What Better Auth's schema makes of each was asked of it: `z.coerce.boolean()` of what `URLSearchParams` reads.
    let forbidding = [
        "?disableRefresh=true",
        "?disableRefresh=false",
        "?disableRefresh=0",
        "?x=1&disableRefresh=%20",
        "?disable%52efresh=1",
        "?disableRefresh=&disableRefresh=",
        "?disableRefresh&disableRefresh=x",
        "?disableRefresh==",
    ];
    for query in forbidding {
        let (gate, service) = prolonging().await;
        // From the store, and from memory.
        for _ in 0..2 {
            let checked = visit(&gate, &format!("/api/auth/get-session{query}"), NOW).await;
            assert_eq!((word(&checked.decision), checked.set_cookie), ("allow", None), "{query}");
        }
        assert_eq!(service.asked().len(), 0, "{query}");
    }
}

#[tokio::test]
async fn a_session_that_is_due_is_prolonged_whatever_else_the_query_says() {
    let others = [
        "",
        "?",
        "?disableRefresh",
        "?disableRefresh=",
        "?disablerefresh=1",
        "?x=disableRefresh=1",
        "?disableCookieCache=1",
    ];
    for query in others {
        let (gate, service) = prolonging().await;

        let checked = visit(&gate, &format!("/api/auth/get-session{query}"), NOW).await;

        assert!(checked.set_cookie.is_some(), "{query}");
        assert_eq!(service.asked().len(), 1, "{query}");
        let told = text(answer(&checked.decision)).await;
        assert!(told.contains(r#""expiresAt":"2026-01-22T12:00:00.123Z""#), "{told}");
    }
}

#[tokio::test]
async fn what_a_proxy_tells_of_its_clients_url_forbids_nothing() {
    let (gate, _service) = prolonging().await;
    let headers = session_cookie(WIRE);
    let asked = CheckRequest { target: b"/page?disableRefresh=true", ..request(&headers) };

    assert!(gate.check(&asked, || NOW).await.set_cookie.is_some());
}

#[tokio::test]
async fn what_a_deferred_refresh_adds_to_an_answer_is_not_kept() {
    // Prolonged by somebody else meanwhile: the GET finds nothing to do, and says so.
    let until = service::session_until("2026-01-22T12:00:00.123Z");
    let answered = format!(r#"{},"needsRefresh":false}}"#, until.strip_suffix('}').unwrap());
    let (gate, _service) = saying(service::json("200 OK", "", &answered)).await;

    let checked = visit(&gate, "/api/auth/get-session", NOW).await;

    assert_eq!(text(answer(&checked.decision)).await, until);
}
