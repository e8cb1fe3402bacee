//! `mode = "shadow"`: whatever a proxy asks about passes, nobody is told to be anybody who would not be, and what would have
//! stopped a request is counted.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt as _;
use prost::Message as _;
use sidegate::clock::{self, UnixMillis};
use sidegate::dialect::{Answer, Dialect, Refusal};
use sidegate::metrics::{Metrics, Snapshot};
use sidegate::serve::{Front, Mode, Peer};

use crate::rig::{self, LONG, Shelf, WIRE, session_cookie};

const STRANGER: Peer = Peer::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7)));

const BY_HTTP: [Dialect; 5] =
    [Dialect::Nginx, Dialect::Traefik, Dialect::Caddy, Dialect::Haproxy, Dialect::Envoy];

/// With what it counted.
struct Shadowed {
    front: Front<Shelf>,
    metrics: Arc<Metrics>,
}

impl Shadowed {
    fn over(shelf: Shelf, mode: Mode) -> Self {
        let metrics = Arc::new(Metrics::new());
        let trusted = "loopback,unix".parse().unwrap();
        let gate = rig::gate(shelf, LONG);
        let front = Front::new(gate, rig::terms(None), trusted, Arc::clone(&metrics))
            .with_get_session(true)
            .with_mode(mode);
        Self { front, metrics }
    }

    async fn answer(&self, question: &Parts) -> Answer {
        self.front.answer(question, Peer::Unix).await
    }

    /// The series of that name that there are, in the form of the metrics page.
    fn counted(&self, name: &str) -> Vec<String> {
        let page = self.metrics.encode(Snapshot::default());
        page.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }
}

/// A live session by the machine's own clock, which is the one that `Front` reads.
fn live() -> Shelf {
    Shelf::with(UnixMillis::new(clock::now().get() + 3_600_000))
}

fn question(dialect: Dialect, more: HeaderMap) -> Parts {
    let told: &[(&str, &str)] = match dialect {
        Dialect::Nginx => &[("x-original-url", "https://app.example.com/a"), ("x-original-method", "POST")],
        Dialect::Envoy => &[("host", "app.example.com")],
        Dialect::Traefik | Dialect::Caddy | Dialect::Haproxy => &[
            ("x-forwarded-method", "POST"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
            ("x-forwarded-uri", "/a"),
        ],
        Dialect::EnvoyGrpc | Dialect::GetSession => &[],
    };
    let path = if dialect == Dialect::Envoy { "/auth/envoy/a" } else { dialect.path() };
    let (mut parts, ()) = Request::builder().uri(path).body(()).unwrap().into_parts();
    parts.headers = more;
    for (name, value) in told {
        parts.headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(value));
    }
    parts
}

fn is_nobodys_pass(answer: &Answer) -> bool {
    let names = answer.headers().keys().filter(|name| name.as_str().starts_with("x-auth-"));
    answer.status() == 200
        && answer.headers()["x-auth-status"] == "anonymous"
        && answer.headers()["cache-control"] == "no-store"
        && names.count() == 1
}

fn twice(name: &'static str) -> HeaderMap {
    let mut headers = session_cookie(WIRE);
    for value in ["a", "b"] {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

#[tokio::test]
async fn whoever_would_be_denied_passes_as_nobody_at_every_proxy() {
    let shadowed = Shadowed::over(Shelf::default(), Mode::Shadow);
    for dialect in BY_HTTP {
        for cookie in [HeaderMap::new(), session_cookie("forged.signature"), session_cookie(WIRE)] {
            let answer = shadowed.answer(&question(dialect, cookie)).await;

            assert!(is_nobodys_pass(&answer), "{dialect:?} {answer:?}");
        }
    }
    let counted = shadowed.counted("sidegate_shadow_passes_total");
    assert_eq!(counted.len(), BY_HTTP.len() * 3, "{counted:#?}");
    assert!(counted.iter().all(|line| line.ends_with(" 1")), "{counted:#?}");
    // What would have been decided is counted as ever.
    let denied = shadowed.counted("sidegate_decisions_total");
    assert_eq!(
        denied.iter().filter(|line| line.contains(r#"outcome="unauthenticated""#)).count(),
        BY_HTTP.len() * 3
    );
}

#[tokio::test]
async fn whoever_would_pass_passes_as_themselves() {
    let shadowed = Shadowed::over(live(), Mode::Shadow);
    for dialect in BY_HTTP {
        let answer = shadowed.answer(&question(dialect, session_cookie(WIRE))).await;

        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-auth-user-id"], "usr_1");
    }
    assert!(shadowed.counted("sidegate_shadow_passes_total{").is_empty());
}

#[tokio::test]
async fn a_question_that_would_be_refused_passes_too() {
    let shadowed = Shadowed::over(live(), Mode::Shadow);
    for dialect in BY_HTTP {
        let answer = shadowed.answer(&question(dialect, twice("x-auth-user-id"))).await;

        assert!(is_nobodys_pass(&answer), "{dialect:?} {answer:?}");
        if dialect == Dialect::Envoy {
            let removed = answer.headers()["x-envoy-auth-headers-to-remove"].to_str().unwrap();
            assert!(removed.split(',').any(|name| name == "x-auth-user-id"), "{removed}");
        }
    }
    let counted = shadowed.counted("sidegate_shadow_passes_total");
    assert!(counted.iter().all(|line| line.contains(r#"reason="duplicate_header""#)), "{counted:#?}");
    assert_eq!(counted.len(), BY_HTTP.len());
}

/// `CheckResponse` as far as it is looked at here: envoy `service/auth/v3/external_auth.proto`, google `rpc/status.proto`.
#[derive(prost::Message)]
struct Told {
    #[prost(message, tag = "1")]
    status: Option<Status>,
    #[prost(message, tag = "2")]
    denied_response: Option<Anything>,
    #[prost(message, tag = "3")]
    ok_response: Option<Passing>,
}

#[derive(prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(prost::Message)]
struct Passing {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<Anything>,
    #[prost(string, repeated, tag = "5")]
    headers_to_remove: Vec<String>,
}

#[derive(prost::Message)]
struct Anything {}

#[tokio::test]
async fn envoy_is_told_the_same_by_grpc() {
    let shadowed = Shadowed::over(Shelf::default(), Mode::Shadow);
    let told = async |message, peer| {
        let response = shadowed.front.check(message, peer).await;
        Told::decode(&response.encode_to_vec()[..]).unwrap()
    };
    for message in [Ok(Bytes::new()), Err(Refusal::TooLarge)] {
        let told = told(message, Peer::Unix).await;

        let passing = told.ok_response.unwrap();
        assert_eq!((told.status.unwrap().code, told.denied_response.is_none()), (0, true));
        assert_eq!(passing.headers.len(), 1);
        assert!(passing.headers_to_remove.iter().any(|name| name == "x-auth-user-id"));
    }
    let told = told(Ok(Bytes::new()), STRANGER).await;
    assert!(told.ok_response.is_none() && told.denied_response.is_some() && told.status.unwrap().code != 0);
}

#[tokio::test]
async fn whoever_is_no_proxy_of_ours_is_refused_all_the_same() {
    let shadowed = Shadowed::over(live(), Mode::Shadow);
    let answer = shadowed.front.answer(&question(Dialect::Nginx, session_cookie(WIRE)), STRANGER).await;

    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["x-auth-reason"], "untrusted_peer");
    assert!(shadowed.counted("sidegate_shadow_passes_total{").is_empty());
}

#[tokio::test]
async fn get_session_answers_what_is_so() {
    let shadowed = Shadowed::over(Shelf::default(), Mode::Shadow);
    let (parts, ()) = Request::builder().uri(Dialect::GetSession.path()).body(()).unwrap().into_parts();

    let answer = shadowed.answer(&parts).await;

    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-auth-reason"], "no_credential");
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "null");
    assert!(shadowed.counted("sidegate_shadow_passes_total{").is_empty());
}

#[tokio::test]
async fn what_is_not_asked_by_a_proxy_is_not_found_in_either_mode() {
    for mode in [Mode::Enforce, Mode::Shadow] {
        let (parts, ()) = Request::builder().uri("/").body(()).unwrap().into_parts();

        assert_eq!(Shadowed::over(live(), mode).answer(&parts).await.status(), 404);
    }
}

#[tokio::test]
async fn nobody_passes_who_should_not_where_decisions_are_kept_to() {
    let kept = Shadowed::over(Shelf::default(), Mode::default());
    for dialect in BY_HTTP {
        assert_eq!(kept.answer(&question(dialect, session_cookie(WIRE))).await.status(), 401);
        assert!(kept.answer(&question(dialect, twice("x-auth-user-id"))).await.status().is_client_error());
    }
    assert!(kept.counted("sidegate_shadow_passes_total{").is_empty());
}
