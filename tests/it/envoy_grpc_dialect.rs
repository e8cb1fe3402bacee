//! What Envoy's gRPC `ext_authz` asks and how it is answered, byte for byte as the official protos write both:
//! `tests/vectors/envoy_grpc.py` mints the messages, and what each of them means stands in Envoy's `.proto` files.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde_json::Value;
use sidegate::auth::{Access, Decision, Denial, Policy, Scheme};
use sidegate::dialect::{
    Answer, Dialect, EnvoyCheck, HeaderNames, LoginPage, Refusal, Terms, check_response,
};

use crate::rig::{self, NOW};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/envoy-grpc.json"));

fn message(kind: &str, name: &str) -> Bytes {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let text = vectors[kind][name].as_str().unwrap_or_else(|| panic!("there is no {name} among {kind}"));
    BASE64_STANDARD.decode(text).unwrap().into()
}

fn question(name: &str) -> Result<EnvoyCheck, Refusal> {
    EnvoyCheck::decode(message("questions", name), &HeaderNames::sidegate())
}

/// A refusal's code and what it is about.
fn refusal(name: &str) -> (&'static str, String) {
    let refusal = question(name).expect_err(name);
    let header = refusal.header().map(ToString::to_string);
    let about = header.or_else(|| refusal.attribute().map(str::to_owned)).unwrap_or_default();
    (refusal.code(), about)
}

async fn encoded(answer: Answer, decision: Option<&Decision>, terms: &Terms) -> Vec<u8> {
    let (head, body) = answer.into_parts();
    let answer = Response::from_parts(head, body.collect().await.unwrap().to_bytes());
    check_response(&answer, decision, &terms.names).encode_to_vec()
}

/// The message that answers the question of that name.
async fn answered(name: &str, decision: &Decision, terms: &Terms) -> Vec<u8> {
    let question = question(name).unwrap();
    let answer = Dialect::EnvoyGrpc.encode(&question.request(), decision, terms);
    encoded(answer, Some(decision), terms).await
}

async fn refused(refusal: &Refusal) -> Vec<u8> {
    encoded(Dialect::EnvoyGrpc.refuse(refusal), None, &rig::terms(None)).await
}

fn allowed() -> Decision {
    Decision::Allow(rig::grant(&rig::record(NOW)))
}

#[test]
fn what_the_client_asked_for_is_read_from_the_attributes() {
    let question = question("headers").unwrap();

    let request = question.request();

    assert_eq!((request.method.as_str(), request.scheme), ("POST", Some(Scheme::Https)));
    assert_eq!(request.host, b"app.example.com");
    assert_eq!(request.target, b"/api/me?x=1%2F2&y=a+b");
}

#[test]
fn headers_that_envoy_joined_are_read_and_pseudo_headers_are_none() {
    let question = question("headers").unwrap();

    let headers = question.request().headers.clone();

    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "cookie", "x-request-id"]);
    assert_eq!(headers["cookie"], "a=1; b=2");
}

#[test]
fn raw_headers_are_read_as_the_client_sent_them() {
    let question = question("header_map").unwrap();

    let headers = question.request().headers;

    let cookies: Vec<_> = headers.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(headers["x-name"], HeaderValue::from_bytes(b"Zo\xeb").unwrap());
    assert_eq!(headers.len(), 4);
}

#[test]
fn of_both_the_raw_headers_count() {
    let question = question("both").unwrap();

    assert_eq!(question.request().headers["cookie"], "of=map");
    assert_eq!(question.request().headers.len(), 1);
}

#[test]
fn a_raw_header_may_have_its_value_as_text() {
    assert_eq!(question("values_in_header_map").unwrap().request().headers["accept"], "text/html");
}

#[test]
fn a_scheme_that_is_not_told_is_not_guessed() {
    assert_eq!(question("no_scheme").unwrap().request().scheme, None);
    assert_eq!(question("web_socket").unwrap().request().scheme, Some(Scheme::Wss));
}

#[test]
fn a_path_need_not_be_a_proper_one() {
    assert_eq!(question("angle_brackets").unwrap().request().target, b"/search?q=<b>{}^|`\"#");
}

#[test]
fn an_identity_that_the_client_sends_is_let_by_for_envoy_overwrites_it() {
    assert!(question("joined_identity").is_ok());
}

#[test]
fn a_route_may_name_its_policy() {
    let policy = |name: &str| question(name).unwrap().policy().cloned();

    assert_eq!(policy("policy"), Some("two_factor,email_verified".parse().unwrap()));
    assert_eq!(policy("policy_session"), Some(Policy::of(Access::Session)));
    assert_eq!(policy("no_policy"), None);
}

#[test]
fn a_policy_that_there_is_not_lets_nobody_by() {
    let unknown = ("unknown_policy", String::new());

    assert_eq!(["unknown_policy", "empty_policy"].map(refusal), [unknown.clone(), unknown]);
}

#[test]
fn two_policies_are_none() {
    // What no map has, for a reader may take either of them: one message behind the other is both of them joined.
    let twice = [message("questions", "policy"), message("questions", "policy_session")].concat();

    let refusal = EnvoyCheck::decode(twice.into(), &HeaderNames::sidegate()).unwrap_err();

    assert_eq!(refusal, Refusal::UnknownPolicy);
}

#[test]
fn a_question_that_does_not_tell_all_is_refused() {
    let missing = |name: &str| ("missing_attribute", name.to_owned());

    let refusals = ["empty", "no_http", "no_method", "no_host", "no_path"].map(refusal);

    let http = missing("request.http");
    assert_eq!(refusals, [http.clone(), http, missing("method"), missing("host"), missing("path")]);
}

#[test]
fn a_question_that_tells_nothing_usable_is_refused() {
    let cases = [
        ("cut_off", "attributes"),
        ("method", "method"),
        ("host", "host"),
        ("asterisk", "path"),
        ("whole_url", "path"),
        ("control_in_path", "path"),
        ("scheme", "scheme"),
        ("header_name", "headers"),
    ];
    for (name, attribute) in cases {
        assert_eq!(refusal(name), ("malformed_attribute", attribute.to_owned()), "{name}");
    }
}

#[test]
fn a_header_that_could_be_two_is_refused() {
    let cases = [
        ("line_in_header", "malformed_header", "x-note"),
        ("twin", "twin_header", "x_auth_user_id"),
        ("duplicate", "duplicate_header", "x-auth-user-id"),
        ("two_authorizations", "duplicate_header", "authorization"),
    ];
    for (name, code, header) in cases {
        assert_eq!(refusal(name), (code, header.to_owned()), "{name}");
    }
}

#[test]
fn more_headers_than_can_be_held_are_refused() {
    // `headers` with an empty entry, forty thousand times.
    let http = [b"\x12\x03GET\x22\x01/\x2a\x01h".to_vec(), b"\x1a\x03\x0a\x01a".repeat(40_000)].concat();
    let message = [2, 4, 1].into_iter().fold(http, |inside, tag: u8| {
        let mut outside = vec![tag << 3 | 2];
        prost::encode_length_delimiter(inside.len(), &mut outside).unwrap();
        [outside, inside].concat()
    });

    let refusal = EnvoyCheck::decode(message.into(), &HeaderNames::sidegate()).unwrap_err();

    assert_eq!(refusal, Refusal::TooLarge);
}

#[tokio::test]
async fn a_pass_sets_the_identity_and_removes_all_else() {
    let terms = rig::terms(None);

    assert_eq!(answered("headers", &allowed(), &terms).await, message("answers", "allowed"));
}

#[tokio::test]
async fn a_prolonged_sessions_cookie_joins_those_that_the_app_sets() {
    let (decision, terms) = (allowed(), rig::terms(None));
    let question = question("headers").unwrap();
    let mut answer = Dialect::EnvoyGrpc.encode(&question.request(), &decision, &terms);
    let cookie = HeaderValue::from_static("better-auth.session_token=new; Path=/");
    answer.headers_mut().insert("set-cookie", cookie);

    let encoded = encoded(answer, Some(&decision), &terms).await;

    assert_eq!(encoded, message("answers", "allowed_and_prolonged"));
}

#[tokio::test]
async fn a_denial_tells_its_status_headers_and_body() {
    let terms = rig::terms(None);

    let signed_out = answered("headers", &Decision::Unauthenticated(Denial::NoSession), &terms).await;
    let banned = answered("headers", &Decision::Forbidden(Denial::Banned), &terms).await;

    assert_eq!(signed_out, message("answers", "signed_out"));
    assert_eq!(banned, message("answers", "banned"));
}

#[tokio::test]
async fn a_page_is_redirected_to_where_people_sign_in() {
    let terms = rig::terms(Some(LoginPage::new("/login", "return_to").unwrap()));

    let redirect = answered("page", &Decision::Unauthenticated(Denial::NoSession), &terms).await;

    assert_eq!(redirect, message("answers", "redirect"));
}

#[tokio::test]
async fn an_outage_is_an_error_and_to_an_old_envoy_a_denial() {
    let outage = answered("headers", &Decision::Unavailable, &rig::terms(None)).await;

    assert_eq!(outage, message("answers", "outage"));
}

#[tokio::test]
async fn what_is_refused_is_denied() {
    assert_eq!(refused(&Refusal::UntrustedPeer).await, message("answers", "untrusted_peer"));
    assert_eq!(refused(&Refusal::MalformedAttribute("path")).await, message("answers", "malformed"));
}

#[test]
fn each_refusal_has_a_status_of_its_own_kind() {
    let statuses = [
        Refusal::UntrustedPeer,
        Refusal::UnknownPolicy,
        Refusal::MissingAttribute("host"),
        Refusal::MalformedAttribute("host"),
        Refusal::TooLarge,
    ]
    .map(|refusal| Dialect::EnvoyGrpc.refuse(&refusal).status().as_u16());

    assert_eq!(statuses, [403, 403, 400, 400, 431]);
}

/// Header names that nobody has thought of are told or removed as well, and none is both: Envoy removes after it has set.
#[tokio::test]
async fn under_other_names_too_a_header_is_either_set_or_removed() {
    let names = HeaderNames::preset("authelia").unwrap().with([("user_name", ""), ("status", "x-status")]);
    let terms = Terms { names: names.unwrap(), login: None };

    let answer = answered("headers", &allowed(), &terms).await;

    let (set, removed) = told(&answer);
    assert!(set.is_disjoint(&removed), "{set:?} {removed:?}");
    for name in terms.names.all() {
        let twin = name.as_str().replace('-', "_");
        assert!(set.contains(name.as_str()) || removed.contains(name.as_str()), "{name}");
        assert!(!name.as_str().contains('-') || removed.contains(&twin), "{name}");
    }
    assert!(set.contains("remote-user") && set.contains("x-status") && removed.contains("remote-groups"));
    assert!(removed.contains("x-auth-reason") && removed.contains("x-auth-login"));
}

/// Which headers an answer sets and which it removes, read field by field.
fn told(answer: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let ok = fields(answer).into_iter().find(|(field, _)| *field == 3).unwrap().1;
    let of = |number: u64| fields(&ok).into_iter().filter(move |(field, _)| *field == number);
    // HeaderValueOption.header.key
    let set = of(2).map(|(_, option)| text(&fields(&fields(&option)[0].1)[0].1)).collect();
    (set, of(5).map(|(_, name)| text(&name)).collect())
}

/// The length-delimited fields of a message, in their order, by number.
fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = prost::encoding::decode_varint(&mut message).unwrap();
        let value = prost::encoding::decode_varint(&mut message).unwrap();
        if tag & 7 == 2 {
            let (inside, rest) = message.split_at(usize::try_from(value).unwrap());
            fields.push((tag >> 3, inside.to_vec()));
            message = rest;
        }
    }
    fields
}

#[test]
fn no_http_request_is_a_question_of_this_kind() {
    let (head, ()) = http::Request::post(Dialect::EnvoyGrpc.path()).body(()).unwrap().into_parts();

    assert_eq!(Dialect::at(head.uri.path()), None);
    assert_eq!(Dialect::EnvoyGrpc.decode(&head, &rig::terms(None)).err(), Some(Refusal::Method));
}
