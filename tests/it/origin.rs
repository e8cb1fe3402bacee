//! Whose pages may send the session cookie: which requests are asked, what Better Auth says of the same pages, and which texts
//! name origins.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sidegate::auth::{
    AllowedOrigins, Bearer, CheckRequest, Decision, FetchSites, Rules, SameOrigin, Scheme, Step,
};
use sidegate::dialect::Dialect;

use crate::commands::{Place, assert_all_in, live_cookie};
use crate::rig::{self, NOW, SIGNATURE, TOKEN, WIRE, session_cookie, signed_cookie};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/origin.json"));

pub(crate) const APP: &str = "https://app.example.com";
pub(crate) const DEFAULT_SITES: &str = "same-origin,none";

/// Where sidegate lets nobody in whom Better Auth does: a browser writes no such origin.
const STRICTER: [&str; 9] = [
    "slash at the end",
    "path",
    "query",
    "user before it",
    "no slashes",
    "backslashes",
    "below, an empty label",
    "below, a user",
    "IPv4 address in another form",
];
/// Where it takes the browser's word in `Sec-Fetch-Site`, which Better Auth does for `null` alone.
const BY_FETCH_SITE: [&str; 4] = [
    "unlisted name of the same site",
    "only Sec-Fetch-Site, same-origin",
    "only Sec-Fetch-Site, none",
    "extension",
];

pub(crate) fn rules(origins: &str, sites: &str) -> Rules {
    let (origins, sites) = (origins.parse().unwrap(), sites.parse().unwrap());
    rig::rules().with_same_origin(SameOrigin::new(origins, sites))
}

/// A session cookie and these besides.
pub(crate) fn cookie_and(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = session_cookie(WIRE);
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// `lookup` where it goes on to ask for the session; otherwise the decision in a word.
pub(crate) fn asked(rules: &Rules, request: &CheckRequest<'_>) -> &'static str {
    match rules.begin(request, NOW) {
        Step::Done(decision) => rig::word(&decision),
        Step::Lookup(_) => "lookup",
    }
}

pub(crate) fn sent(rules: &Rules, method: Method, headers: &HeaderMap) -> &'static str {
    asked(rules, &CheckRequest { method, ..rig::request(headers) })
}

fn post(pairs: &[(&str, &str)]) -> &'static str {
    sent(&rules(APP, DEFAULT_SITES), Method::POST, &cookie_and(pairs))
}

#[test]
fn a_page_may_send_what_better_auth_would_take_from_it() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let trusted: Vec<_> =
            case["trusted"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let pairs: Vec<_> = [("origin", &case["origin"]), ("sec-fetch-site", &case["site"])]
            .into_iter()
            .filter_map(|(header, value)| Some((header, value.as_str()?)))
            .collect();

        // A text that names no origin lets nobody in.
        let passes = trusted.join(",").parse::<AllowedOrigins>().is_ok_and(|origins| {
            let rules = rig::rules()
                .with_same_origin(SameOrigin::new(origins, DEFAULT_SITES.parse::<FetchSites>().unwrap()));
            sent(&rules, Method::POST, &cookie_and(&pairs)) == "lookup"
        });

        let passes_there = case["verdict"] == "passes";
        let expected = if STRICTER.contains(&name) {
            assert!(passes_there, "{name} is no difference");
            false
        } else if BY_FETCH_SITE.contains(&name) {
            assert!(!passes_there, "{name} is no difference");
            true
        } else {
            passes_there
        };
        if passes != expected {
            wrong.push(name);
        }
    }

    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn without_a_list_a_cookie_may_come_from_anywhere() {
    let headers = cookie_and(&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]);

    assert_eq!(sent(&rig::rules(), Method::POST, &headers), "lookup");
}

#[test]
fn every_method_that_changes_something_is_asked_where_it_comes_from_and_no_other() {
    let headers = cookie_and(&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]);
    let rules = rules(APP, DEFAULT_SITES);
    let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();

    // RFC 9110 §9.2.1 has four safe ones, and §9.1 has methods case-sensitive.
    for name in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert_eq!(sent(&rules, method(name), &headers), "lookup", "{name}");
    }
    for name in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND", "BREW", "get", "Post"] {
        assert_eq!(sent(&rules, method(name), &headers), "cross_origin", "{name}");
    }
}

#[test]
fn what_claims_to_be_another_method_is_what_the_proxy_says() {
    let claims = [("x-http-method-override", "GET"), ("x-original-method", "GET"), ("origin", "null")];

    assert_eq!(post(&claims), "cross_origin");
}

/// RFC 6455 §4.1, RFC 8441 §5: a handshake is a GET, or over HTTP/2 made one by the proxy.
#[test]
fn a_websocket_is_asked_where_it_comes_from_however_it_is_told() {
    let rules = rules(APP, DEFAULT_SITES);
    for sign in [
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-fetch-mode", "websocket"),
        ("upgrade", "websocket"),
        ("upgrade", "h2c, WebSocket"),
    ] {
        let foreign = cookie_and(&[sign, ("origin", "https://evil.example")]);
        let own = cookie_and(&[sign, ("origin", APP)]);

        let answers = [foreign, own].map(|headers| sent(&rules, Method::GET, &headers));

        assert_eq!(answers, ["cross_origin", "lookup"], "{sign:?}");
    }
    let headers = cookie_and(&[("origin", "https://evil.example")]);
    let schemes = [Scheme::Ws, Scheme::Wss, Scheme::Http, Scheme::Https]
        .map(|scheme| asked(&rules, &CheckRequest { scheme: Some(scheme), ..rig::request(&headers) }));
    assert_eq!(schemes, ["cross_origin", "cross_origin", "lookup", "lookup"]);
}

#[test]
fn what_only_looks_like_a_websocket_is_a_get() {
    let rules = rules(APP, DEFAULT_SITES);
    for sign in [("upgrade", "h2c"), ("upgrade", "websockets"), ("sec-fetch-mode", "navigate")] {
        let headers = cookie_and(&[sign, ("origin", "https://evil.example")]);

        assert_eq!(sent(&rules, Method::GET, &headers), "lookup", "{sign:?}");
    }
}

/// Which of two counts, nobody knows: a proxy or an app may take the other one.
#[test]
fn a_header_that_is_there_twice_passes_nobody() {
    let (own, same) = (("origin", APP), ("sec-fetch-site", "same-origin"));
    for pairs in [
        &[own, own][..],
        &[own, own, same],
        &[same, same],
        &[own, same, same],
        &[own, ("sec-fetch-site", "same-origin, same-origin")],
        &[("origin", "https://app.example.com,https://evil.example"), same],
    ] {
        assert_eq!(post(pairs), "cross_origin", "{pairs:?}");
    }
}

#[test]
fn a_browsers_word_counts_where_it_is_one_of_those_that_were_set() {
    let foreign = ("origin", "https://www.example.com");
    for (sites, site, answer) in [
        ("same-origin,none", "same-origin", "lookup"),
        ("same-origin,none", "none", "lookup"),
        ("same-origin,none", "same-site", "cross_origin"),
        ("same-origin,none", "cross-site", "cross_origin"),
        ("same-origin,none", "", "cross_origin"),
        ("same-origin,none", "Same-Origin", "cross_origin"),
        ("same-site", "same-site", "lookup"),
        ("same-site", "same-origin", "cross_origin"),
        ("none", "same-origin", "cross_origin"),
        ("", "same-origin", "cross_origin"),
        ("", "", "cross_origin"),
    ] {
        let rules = rules(APP, sites);
        for origin in [foreign, ("origin", "null")] {
            let headers = cookie_and(&[origin, ("sec-fetch-site", site)]);

            assert_eq!(sent(&rules, Method::POST, &headers), answer, "{sites:?} {origin:?} {site:?}");
        }
    }
}

#[test]
fn a_token_is_not_asked_where_it_comes_from() {
    let rules = rules(APP, "").with_bearer(Bearer::Unsigned);
    let from_elsewhere = |token: String| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        headers.insert("origin", HeaderValue::from_static("https://evil.example"));
        headers
    };

    let signed = from_elsewhere(format!("{TOKEN}.{SIGNATURE}"));
    let bare = from_elsewhere(TOKEN.to_owned());
    // As if it were not there, and the cookie counts.
    let mut forged = from_elsewhere(format!("{TOKEN}.AAAA"));
    forged.extend(session_cookie(WIRE));

    let answers = [signed, bare, forged].map(|headers| sent(&rules, Method::DELETE, &headers));
    assert_eq!(answers, ["lookup", "lookup", "cross_origin"]);
}

#[test]
fn whoever_has_no_genuine_cookie_is_told_that() {
    let rules = rules(APP, DEFAULT_SITES);

    assert_eq!(sent(&rules, Method::POST, &HeaderMap::new()), "no_credential");
    assert_eq!(sent(&rules, Method::POST, &session_cookie("forged.signature")), "bad_signature");
    assert_eq!(sent(&rules, Method::POST, &signed_cookie("tok")), "cross_origin");
}

#[tokio::test]
async fn every_dialect_refuses_it_with_403_that_no_cache_keeps() {
    let headers = cookie_and(&[("origin", "https://evil.example")]);
    let request = CheckRequest { method: Method::POST, ..rig::request(&headers) };
    let Step::Done(decision @ Decision::Forbidden(_)) = rules(APP, "").begin(&request, NOW) else {
        panic!("it is not forbidden");
    };

    for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::GetSession) {
        let answer = dialect.encode(&request, &decision, &rig::terms(None));

        assert_eq!(answer.status(), 403, "{dialect:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-auth-reason"], "cross_origin");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"error":"forbidden","reason":"cross_origin"}"#);
    }
}

#[test]
fn what_names_no_origin_is_a_mistake() {
    for text in [
        "app.example.com",
        "https://",
        "https://*",
        "https://*.com",
        "https://a.*.com",
        "https://app*.example.com",
        "*.example.com",
        "*://app.example.com",
        "https:app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?",
        "https://app.example.com#",
        "https://user@app.example.com",
        "https://app.example.com:",
        "https://app.example.com:0443",
        "https://app.example.com:65536",
        "https://app.example.com:*",
        "https://[::g]",
        "https://\u{e4}pp.example.com",
        "//app.example.com",
        "1ttp://app.example.com",
        "null",
        "*",
        " ",
        ",",
        "https://app.example.com,",
        "https://app.example.com https://b.example.com",
    ] {
        assert!(text.parse::<AllowedOrigins>().is_err(), "{text:?}");
    }
}

#[test]
fn what_no_browser_says_of_a_site_or_of_every_site_is_a_mistake() {
    for text in ["cross-site", "same-origin,cross-site", "Same-Origin", "*", "any", "same origin"] {
        assert!(text.parse::<FetchSites>().is_err(), "{text:?}");
    }
}

#[test]
fn who_can_be_read_and_written_by_the_network_is_known() {
    for (text, expected) in [
        ("https://app.example.com,http://localhost:3000,http://127.0.0.1,http://[::1]:80", false),
        ("http://app.localhost,http://*.app.localhost", false),
        ("https://app.example.com,HTTP://app.example.com", true),
        ("http://localhost.example.com", true),
        ("http://*.example.com", true),
        ("capacitor://localhost", false),
    ] {
        assert_eq!(text.parse::<AllowedOrigins>().unwrap().trust_the_network(), expected, "{text}");
    }
}

#[test]
fn explain_tells_where_a_request_comes_from_and_that_nothing_is_enforced() {
    let place = Place::new();
    let told = |headers: &str, more: &[&str]| {
        let request = format!(
            "POST /a HTTP/1.1\nHost: app.example.com\nCookie: better-auth.session_token={}\n{headers}\n",
            live_cookie()
        );
        let (code, text) = place
            .run(&[&["explain", "--allowed-origins=https://app.example.com"], more, &[&request]].concat());
        assert_eq!(code, 0, "{text}");
        text
    };

    let own = told("Origin: https://app.example.com\n", &[]);
    assert_all_in(&own, &["origin     ok    Origin or Sec-Fetch-Site says", "decision   200   allow"]);
    let untold = told("", &[]);
    assert_all_in(&untold, &["origin     FAIL  it has neither Origin", "decision   403   cross_origin"]);
    let foreign = told("Origin: https://evil.example\n", &["--mode=shadow"]);
    assert_all_in(
        &foreign,
        &["origin     FAIL  neither", "decision   403   cross_origin", "shadow: nothing"],
    );
    assert!(!own.contains("shadow"), "{own}");
}
