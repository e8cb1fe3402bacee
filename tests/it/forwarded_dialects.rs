//! What Traefik, Caddy and our `HAProxy` configuration ask, and how each is answered. Source of their side: `PLATFORM.md` §1a
//! and §1b, measured on the real programs, which `tests/e2e` runs again.

use http::request::Parts;
use http::{Method, Request};
use sidegate::auth::{Decision, Denial, Scheme};
use sidegate::dialect::{Answer, Dialect, LoginPage, Refusal};

use crate::rig::{self, NOW};

const CALLERS: [Dialect; 3] = [Dialect::Traefik, Dialect::Caddy, Dialect::Haproxy];

/// As Traefik sends them for `DELETE https://app.example.com/ok/p%2f?z=1`.
const TOLD: [(&str, &str); 4] = [
    ("x-forwarded-method", "DELETE"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "app.example.com"),
    ("x-forwarded-uri", "/ok/p%2f?z=1"),
];

fn question(dialect: Dialect, headers: &[(&str, &str)]) -> Parts {
    let question = Request::get(dialect.path());
    let question = headers.iter().fold(question, |question, (name, value)| question.header(*name, *value));
    question.body(()).unwrap().into_parts().0
}

/// What the proxy tells, with another value of one header; without it if that is empty.
fn told_with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = TOLD.into_iter().filter(|(known, _)| *known != name);
    others.chain([(name, value)]).collect()
}

fn refusal(dialect: Dialect, headers: &[(&str, &str)]) -> Option<(&'static str, String)> {
    let refusal = dialect.decode(&question(dialect, headers), &rig::terms(None)).err()?;
    Some((refusal.code(), refusal.header()?.to_string()))
}

fn answer(dialect: Dialect, decision: &Decision) -> Answer {
    let question = question(dialect, &TOLD);
    let terms = rig::terms(Some(LoginPage::new("/login", "return_to").unwrap()));
    dialect.encode(&dialect.decode(&question, &terms).unwrap(), decision, &terms)
}

#[test]
fn what_the_client_asked_for_is_read_from_what_the_proxy_sets() {
    for dialect in CALLERS {
        let question = question(dialect, &TOLD);

        let request = dialect.decode(&question, &rig::terms(None)).unwrap();

        let read = (request.method, request.scheme, request.host, request.target);
        let expected = (Method::DELETE, Some(Scheme::Https), &b"app.example.com"[..], &b"/ok/p%2f?z=1"[..]);
        assert_eq!(read, expected, "{dialect:?}");
    }
}

#[test]
fn the_scheme_of_a_websocket_is_its_own_and_leads_to_that_of_its_page() {
    for (told, scheme, page) in
        [("ws", Scheme::Ws, "http"), ("wss", Scheme::Wss, "https"), ("http", Scheme::Http, "http")]
    {
        let question = question(Dialect::Traefik, &told_with("x-forwarded-proto", told));

        assert_eq!(Dialect::Traefik.decode(&question, &rig::terms(None)).unwrap().scheme, Some(scheme));
        assert_eq!(scheme.as_str(), page);
    }
}

#[test]
fn what_other_proxies_set_is_not_read_for_clients_can_send_it() {
    let forged = [
        ("x-original-url", "https://evil.example/public"),
        ("x-original-method", "OPTIONS"),
        ("x-original-uri", "/public"),
        ("x-forwarded-prefix", "/public"),
        ("x-rewrite-url", "/public"),
        ("x-http-method-override", "OPTIONS"),
        ("forwarded", "host=evil.example"),
        ("host", "sidegate"),
    ];
    let headers: Vec<_> = TOLD.into_iter().chain(forged).collect();
    for dialect in CALLERS {
        let question = question(dialect, &headers);

        let request = dialect.decode(&question, &rig::terms(None)).unwrap();

        let read = (request.method, request.host, request.target);
        assert_eq!(read, (Method::DELETE, &b"app.example.com"[..], &b"/ok/p%2f?z=1"[..]));
    }
}

#[test]
fn a_question_without_one_of_its_headers_is_refused() {
    for dialect in CALLERS {
        for (name, _) in TOLD {
            let without: Vec<_> = TOLD.into_iter().filter(|(known, _)| *known != name).collect();
            let missing = Some(("missing_header", name.to_owned()));

            assert_eq!(refusal(dialect, &without), missing, "{dialect:?}");
            assert_eq!(refusal(dialect, &told_with(name, "")), missing, "{dialect:?}");
        }
    }
}

#[test]
fn a_header_that_decides_or_identifies_is_refused_twice_and_under_a_twin_name() {
    for dialect in CALLERS {
        for name in TOLD.map(|(name, _)| name).into_iter().chain(["authorization", "x-auth-user-id"]) {
            let twice: Vec<_> = TOLD.into_iter().chain([(name, "1"), (name, "1")]).collect();
            assert_eq!(refusal(dialect, &twice), Some(("duplicate_header", name.to_owned())), "{dialect:?}");
        }
        for name in
            ["x_forwarded_uri", "x-forwarded_host", "x_auth_user_id", "x.auth.user.id", "x-auth~status"]
        {
            let twin: Vec<_> = TOLD.into_iter().chain([(name, "1")]).collect();
            assert_eq!(refusal(dialect, &twin), Some(("twin_header", name.to_owned())), "{dialect:?}");
        }
    }
}

#[test]
fn a_header_that_tells_nothing_usable_is_refused() {
    let malformed = [
        ("x-forwarded-method", "GET /"),
        ("x-forwarded-method", "GET,POST"),
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-proto", "https,http"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "app.example.com, evil.example"),
        ("x-forwarded-host", "evil.example/path"),
        ("x-forwarded-host", "user@evil.example"),
        ("x-forwarded-host", "evil.example#"),
        ("x-forwarded-host", "evil.example\\"),
        ("x-forwarded-uri", "https://evil.example/"),
        ("x-forwarded-uri", "*"),
        ("x-forwarded-uri", "/a\tb"),
        ("x-forwarded-uri", "?a"),
    ];
    for (name, value) in malformed {
        let refused = Some(("malformed_header", name.to_owned()));
        assert_eq!(refusal(Dialect::Caddy, &told_with(name, value)), refused, "{value}");
    }
}

#[test]
fn each_decision_has_the_status_that_these_proxies_hand_on() {
    for dialect in CALLERS {
        let statuses = [
            answer(dialect, &Decision::Allow(rig::grant(&rig::record(NOW)))),
            answer(dialect, &Decision::Unauthenticated(Denial::NoSession)),
            answer(dialect, &Decision::Forbidden(Denial::Banned)),
            answer(dialect, &Decision::Unavailable),
            dialect.refuse(&Refusal::UntrustedPeer),
            dialect.refuse(&Refusal::MissingHeader("x-forwarded-uri".parse().unwrap())),
        ]
        .map(|answer| answer.status().as_u16());

        assert_eq!(statuses, [200, 401, 403, 503, 403, 400], "{dialect:?}");
    }
}

#[test]
fn haproxy_is_told_where_to_sign_in_for_it_redirects_by_itself() {
    let told = CALLERS.map(|dialect| {
        let answer = answer(dialect, &Decision::Unauthenticated(Denial::NoSession));
        answer.headers().get("x-auth-login").map(|login| login.to_str().unwrap().to_owned())
    });

    assert_eq!(told, [None, None, Some("/login".to_owned())]);
}

#[test]
fn each_is_spoken_at_one_path() {
    let paths = ["/auth/traefik", "/auth/caddy", "/auth/haproxy", "/auth/traefik/", "/auth/caddy/x", "/auth"];

    let spoken = paths.map(Dialect::at);

    let [traefik, caddy, haproxy] = CALLERS.map(Some);
    assert_eq!(spoken, [traefik, caddy, haproxy, None, None, None]);
}

/// Caddy 2.6 adds the client's query to the path it was told to ask at.
#[test]
fn a_query_behind_the_path_means_nothing() {
    let (question, ()) = Request::get("/auth/caddy?x-forwarded-uri=/public").body(()).unwrap().into_parts();

    assert_eq!(Dialect::at(question.uri.path()), Some(Dialect::Caddy));
}
