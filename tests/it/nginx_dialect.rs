//! What nginx asks and how it is answered. Source of nginx's side: `ngx_http_auth_request_module.c`, which takes 2xx
//! for a pass, 401 and 403 for what they are, and makes a 500 of everything else.

use http::request::Parts;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sidegate::auth::{Decision, Denial, SessionRecord};
use sidegate::dialect::{Answer, Dialect, Refusal};

use crate::rig::{self, NOW};

/// What the shipped configuration sets: `$scheme://$host$request_uri` and `$request_method`.
const URL: (&str, &str) = ("x-original-url", "https://app.example.com/ok/p%2f..%2fq?z=1");
const METHOD: (&str, &str) = ("x-original-method", "DELETE");

const DENIALS: [Denial; 4] = [Denial::NoCredential, Denial::BadSignature, Denial::NoSession, Denial::Expired];

fn question(headers: &[(&str, &str)]) -> Parts {
    let request = headers
        .iter()
        .fold(Request::get("/auth/nginx"), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

#[test]
fn the_whole_query_is_the_policy_or_nothing_of_it_is() {
    let asked = |query: &str| {
        let parts = Request::get(format!("/auth/nginx{query}")).body(()).unwrap().into_parts().0;
        Dialect::Nginx.asked(&parts)
    };
    assert_eq!(asked(""), Ok(None));
    assert_eq!(asked("?policy=any_role:a%26b"), Ok(Some("any_role:a&b".parse().unwrap())));
    for query in [
        "?",
        "?policy=",
        "?policy",
        "?other=two_factor",
        "?policy=two_factor&",
        "?policy=any_role:admin&max_session_age=5m",
        "?policy=two_factor&policy=email_verified",
        "?policy=any_role:%ff",
        "?&policy=two_factor",
    ] {
        assert_eq!(asked(query), Err(Refusal::UnknownPolicy), "{query}");
    }
}

/// The code of a refusal and the header that it is about.
fn refusal(headers: &[(&str, &str)]) -> Option<(&'static str, String)> {
    let refusal = Dialect::Nginx.decode(&question(headers), &rig::terms(None)).err()?;
    Some((refusal.code(), refusal.header()?.to_string()))
}

fn original(url: &str) -> Vec<(&str, &str)> {
    vec![("x-original-url", url), METHOD]
}

fn answer(decision: &Decision) -> Answer {
    let question = question(&[URL, METHOD]);
    Dialect::Nginx.encode(
        &Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap(),
        decision,
        &rig::terms(None),
    )
}

fn every_answer() -> Vec<Answer> {
    let denied = DENIALS.into_iter().flat_map(|denial| {
        [answer(&Decision::Unauthenticated(denial)), answer(&Decision::Forbidden(denial))]
    });
    let refused = Dialect::Nginx.refuse(&Refusal::UntrustedPeer);
    denied.chain([allowed(), answer(&Decision::Unavailable), refused]).collect()
}

fn allowed() -> Answer {
    answer(&Decision::Allow(rig::grant(&rig::record(NOW))))
}

fn headers(answer: &Answer) -> Vec<(&str, &str)> {
    let mut headers: Vec<_> =
        answer.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    headers
}

async fn body(answer: Answer) -> Vec<u8> {
    answer.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[test]
fn what_the_client_asked_for_is_read_from_what_nginx_sets() {
    let question = question(&[URL, METHOD]);

    let request = Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap();

    let read = (request.method, request.host, request.target);
    assert_eq!(read, (Method::DELETE, &b"app.example.com"[..], &b"/ok/p%2f..%2fq?z=1"[..]));
}

#[test]
fn what_other_proxies_set_is_not_read_for_clients_can_send_it() {
    let question = question(&[
        URL,
        METHOD,
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-http-method-override", "OPTIONS"),
        ("host", "sidegate"),
    ]);

    let request = Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap();

    let read = (request.method, request.host, request.target);
    assert_eq!(read, (Method::DELETE, &b"app.example.com"[..], &b"/ok/p%2f..%2fq?z=1"[..]));
}

#[test]
fn a_question_without_an_original_header_is_refused() {
    let refusals =
        [&[METHOD][..], &[URL], &[("x-original-url", ""), METHOD], &[URL, ("x-original-method", "")]]
            .map(|headers| refusal(headers).unwrap());

    let missing = |name: &str| ("missing_header", name.to_owned());
    let (url, method) = (missing("x-original-url"), missing("x-original-method"));
    assert_eq!(refusals, [url.clone(), method.clone(), url, method]);
}

#[test]
fn a_header_that_decides_or_identifies_is_refused_if_it_stands_there_twice() {
    let names = ["x-original-url", "x-original-method", "x-auth-user-id", "x-auth-status", "x-auth-anything"];
    for name in names {
        let refusal = refusal(&[URL, METHOD, (name, "https://b/"), (name, "https://b/")]);

        assert_eq!(refusal, Some(("duplicate_header", name.to_owned())));
    }
}

#[test]
fn a_header_that_servers_take_for_one_that_decides_or_identifies_is_refused() {
    let names =
        ["x_original_url", "x-original_method", "x_auth_user_id", "x-auth_user-id", "x_auth_anything"];
    for name in names {
        assert_eq!(refusal(&[URL, METHOD, (name, "1")]), Some(("twin_header", name.to_owned())));
    }
}

#[test]
fn headers_that_neither_decide_nor_identify_may_stand_there_as_they_like() {
    let headers = [
        URL,
        METHOD,
        ("accept", "a"),
        ("accept", "b"),
        ("x_anything", "1"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
    ];

    assert_eq!(refusal(&headers), None);
}

#[test]
fn an_identity_that_the_client_sends_once_is_let_by_for_the_location_overwrites_it() {
    assert_eq!(refusal(&[URL, METHOD, ("x-auth-user-id", "evil")]), None);
}

#[test]
fn an_original_url_that_is_none_is_refused() {
    let urls = [
        "/path",
        "app.example.com/",
        "ftp://app.example.com/",
        "HTTPS//",
        "https://",
        "https:///path",
        "https://app.example.com",
        "https:/app.example.com/",
        " https://app.example.com/",
        "https://a/\tb",
    ];
    for url in urls {
        let refused = Some(("malformed_header", "x-original-url".to_owned()));
        assert_eq!(refusal(&original(url)), refused, "{url}");
    }
}

#[test]
fn an_original_method_that_is_none_is_refused() {
    for method in ["GET POST", "GET,POST", "G\u{e9}T", "GET/", "(GET)"] {
        let refused = Some(("malformed_header", "x-original-method".to_owned()));
        assert_eq!(refusal(&[URL, ("x-original-method", method)]), refused, "{method}");
    }
}

#[test]
fn each_decision_has_the_status_that_nginx_makes_the_right_thing_of() {
    let statuses = [
        allowed(),
        answer(&Decision::Unauthenticated(Denial::NoSession)),
        answer(&Decision::Forbidden(Denial::NoSession)),
        answer(&Decision::Unavailable),
        Dialect::Nginx.refuse(&Refusal::UntrustedPeer),
    ]
    .map(|answer| answer.status().as_u16());

    assert_eq!(statuses, [200, 401, 403, 503, 403]);
}

#[tokio::test]
async fn a_pass_tells_the_identity_and_nothing_else() {
    let answer = allowed();

    let expected = [
        ("cache-control", "no-store"),
        ("x-auth-session-expires", "2026-01-15T12:00:00.123Z"),
        ("x-auth-session-id", "ses_1"),
        ("x-auth-status", "user"),
        ("x-auth-user-email", "ada@example.com"),
        ("x-auth-user-id", "usr_1"),
        ("x-auth-user-name", "Ada Lovelace"),
    ];
    assert_eq!((headers(&answer), body(answer.clone()).await), (expected.to_vec(), vec![]));
}

#[test]
fn a_field_without_a_value_is_left_out_of_a_pass() {
    let user = rig::fields(json!({ "id": "usr_1", "name": "", "email": null }));
    let record = SessionRecord { user, ..rig::record(NOW) };

    let answer = answer(&Decision::Allow(rig::grant(&record)));

    let names: Vec<_> = headers(&answer).into_iter().map(|(name, _)| name).collect();
    let expected =
        ["cache-control", "x-auth-session-expires", "x-auth-session-id", "x-auth-status", "x-auth-user-id"];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_denial_tells_its_code_in_a_header_and_in_json() {
    for denial in DENIALS {
        let answer = answer(&Decision::Unauthenticated(denial));

        let json: Value = serde_json::from_slice(&body(answer.clone()).await).unwrap();

        let expected = [
            ("cache-control", "no-store"),
            ("content-type", "application/json"),
            ("x-auth-reason", denial.code()),
        ];
        let expected_json = json!({"error": "unauthenticated", "reason": denial.code()});
        assert_eq!((headers(&answer), json), (expected.to_vec(), expected_json));
    }
}

#[test]
fn each_denial_has_a_code_of_its_own() {
    let codes = DENIALS.map(Denial::code);

    assert_eq!(codes, ["no_credential", "bad_signature", "no_session", "expired"]);
}

#[test]
fn an_answer_that_is_not_known_says_when_to_ask_again() {
    assert_eq!(answer(&Decision::Unavailable).headers()["retry-after"], "1");
}

#[tokio::test]
async fn every_answer_but_a_pass_has_json_with_the_reason_of_its_header() {
    for answer in every_answer().into_iter().filter(|answer| answer.status() != 200) {
        let reason = answer.headers()["x-auth-reason"].to_str().unwrap().to_owned();

        let json: Value = serde_json::from_slice(&body(answer).await).unwrap();

        assert_eq!(json["reason"], reason);
    }
}

#[test]
fn no_answer_may_be_stored() {
    let stored =
        every_answer().into_iter().filter(|answer| headers(answer)[0] != ("cache-control", "no-store"));

    assert_eq!(stored.count(), 0);
}

#[test]
fn only_a_pass_tells_an_identity() {
    let told = every_answer()
        .into_iter()
        .filter(|answer| answer.status() != 200)
        .flat_map(|answer| answer.headers().keys().map(ToString::to_string).collect::<Vec<_>>());

    let identity: Vec<_> =
        told.filter(|name| name.starts_with("x-auth-") && name != "x-auth-reason").collect();

    assert!(identity.is_empty(), "{identity:?}");
}

#[test]
fn the_dialect_is_chosen_by_the_exact_path() {
    let paths = ["/auth/nginx", "/auth/nginx/", "/auth", "/AUTH/NGINX", "/auth/nginx/../nginx", ""];

    assert_eq!(paths.map(Dialect::at), [Some(Dialect::Nginx), None, None, None, None, None]);
}
