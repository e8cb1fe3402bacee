//! What Envoy's HTTP `ext_authz` asks and how it is answered. Source of Envoy's side: `PLATFORM.md` §1a to §1c, measured on
//! Envoy 1.40, and `ext_authz`'s own order: what is to be removed is removed after what is to be set was set.

use std::collections::BTreeSet;

use http::request::Parts;
use http::{Method, Request, Version};
use sidegate::auth::{Decision, Denial, Scheme};
use sidegate::dialect::{Answer, Dialect, HeaderNames, Terms};

use crate::rig::{self, NOW};

fn question(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let question = Request::builder().method(method).uri(target);
    let question = headers.iter().fold(question, |question, (name, value)| question.header(*name, *value));
    question.body(()).unwrap().into_parts().0
}

fn refusal(target: &str, headers: &[(&str, &str)]) -> Option<&'static str> {
    let question = question("GET", target, headers);
    Dialect::Envoy.decode(&question, &rig::terms(None)).err().map(|refusal| refusal.code())
}

fn allowed(terms: &Terms) -> Answer {
    let question = question("GET", "/auth/envoy/", &[("host", "app.example.com")]);
    let request = Dialect::Envoy.decode(&question, terms).unwrap();
    Dialect::Envoy.encode(&request, &Decision::Allow(rig::grant(&rig::record(NOW))), terms)
}

fn removed(answer: &Answer) -> BTreeSet<&str> {
    answer.headers()["x-envoy-auth-headers-to-remove"].to_str().unwrap().split(',').collect()
}

#[test]
fn what_the_client_asked_for_is_the_question_itself_behind_one_prefix() {
    let question = question("POST", "/auth/envoy/api/me?x=1%2F2", &[("host", "app.example.com:8080")]);

    let request = Dialect::Envoy.decode(&question, &rig::terms(None)).unwrap();

    let read = (request.method, request.scheme, request.host, request.target);
    assert_eq!(read, (Method::POST, None, &b"app.example.com:8080"[..], &b"/api/me?x=1%2F2"[..]));
}

#[test]
fn exactly_one_literal_prefix_is_taken_off() {
    let paths = [
        ("/auth/envoy/auth/envoy/x", "/auth/envoy/x"),
        ("/auth/envoy/auth/nginx", "/auth/nginx"),
        ("/auth/envoy/../../metrics", "/../../metrics"),
        ("/auth/envoy//auth/nginx", "//auth/nginx"),
        ("/auth/envoy/%2e%2e/x", "/%2e%2e/x"),
    ];
    for (asked, target) in paths {
        let question = question("GET", asked, &[("host", "app.example.com")]);

        assert_eq!(Dialect::at(question.uri.path()), Some(Dialect::Envoy), "{asked}");
        let request = Dialect::Envoy.decode(&question, &rig::terms(None)).unwrap();
        assert_eq!(request.target, target.as_bytes());
    }
}

#[test]
fn what_only_looks_like_the_prefix_is_no_endpoint() {
    let paths =
        ["/auth/envoy", "/auth/envoyx", "/auth/envoy*", "/auth%2fenvoy/x", "/AUTH/envoy/x", "/x/auth/envoy/"];

    assert_eq!(paths.map(Dialect::at), [None; 6]);
}

#[test]
fn the_scheme_is_envoys_own_word_where_it_passes_it_on() {
    let headers = [("host", "app.example.com"), ("x-forwarded-proto", "https")];
    let question = question("GET", "/auth/envoy/", &headers);

    assert_eq!(Dialect::Envoy.decode(&question, &rig::terms(None)).unwrap().scheme, Some(Scheme::Https));
    assert_eq!(refusal("/auth/envoy/", &[headers[0], ("x-forwarded-proto", "a")]), Some("malformed_header"));
}

#[test]
fn a_host_is_there_once_and_is_one() {
    let host = ("host", "app.example.com");

    assert_eq!(refusal("/auth/envoy/", &[]), Some("missing_header"));
    assert_eq!(refusal("/auth/envoy/", &[host, host]), Some("duplicate_header"));
    assert_eq!(refusal("/auth/envoy/", &[("host", "a/b")]), Some("malformed_header"));
}

#[test]
fn over_http_2_the_host_stands_in_the_address() {
    let mut question = question("GET", "http://app.example.com/auth/envoy/x", &[]);
    question.version = Version::HTTP_2;

    let request = Dialect::Envoy.decode(&question, &rig::terms(None)).unwrap();

    assert_eq!((request.host, request.target), (&b"app.example.com"[..], &b"/x"[..]));
}

#[test]
fn headers_that_identify_are_refused_twice_and_under_twin_names() {
    let host = ("host", "app.example.com");

    assert_eq!(refusal("/auth/envoy/", &[host, ("x_auth_user_id", "evil")]), Some("twin_header"));
    assert_eq!(
        refusal("/auth/envoy/", &[host, ("x-auth-user-id", "a"), ("x-auth-user-id", "b")]),
        Some("duplicate_header")
    );
}

#[test]
fn a_header_is_either_set_or_removed() {
    let answer = allowed(&rig::terms(None));

    let set: BTreeSet<_> = answer.headers().keys().map(http::HeaderName::as_str).collect();
    let removed = removed(&answer);
    assert!(set.is_disjoint(&removed), "{set:?} {removed:?}");
    for name in rig::terms(None).names.all() {
        assert!(set.contains(name.as_str()) || removed.contains(name.as_str()), "{name}");
        assert!(removed.contains(name.as_str().replace('-', "_").as_str()), "{name}");
    }
    for name in ["x-auth-reason", "x-auth-login"] {
        assert!(removed.contains(name), "{name}");
    }
}

#[test]
fn with_other_names_those_are_set_and_removed() {
    let names = HeaderNames::preset("authelia").unwrap();

    let answer = allowed(&Terms { names, login: None });

    assert_eq!(answer.headers()["remote-user"], "usr_1");
    assert!(removed(&answer).contains("remote-groups") && removed(&answer).contains("remote_user"));
    assert!(!removed(&answer).contains("remote-user"));
}

#[test]
fn nothing_is_removed_from_what_does_not_pass() {
    let terms = rig::terms(None);
    let question = question("GET", "/auth/envoy/", &[("host", "app.example.com")]);
    let request = Dialect::Envoy.decode(&question, &terms).unwrap();
    for (decision, status) in [
        (Decision::Unauthenticated(Denial::NoSession), 401),
        (Decision::Forbidden(Denial::Banned), 403),
        (Decision::Unavailable, 503),
    ] {
        let answer = Dialect::Envoy.encode(&request, &decision, &terms);

        assert_eq!(answer.status().as_u16(), status);
        assert!(!answer.headers().contains_key("x-envoy-auth-headers-to-remove"));
    }
}
