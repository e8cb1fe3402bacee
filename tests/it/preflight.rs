//! CORS preflights: what is one (Fetch §3.3.2), and that nothing else passes as one.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sidegate::auth::{CheckRequest, Decision, Policies, Policy, Rules, Step};
use sidegate::dialect::Dialect;

use crate::rig::{self, NOW, WIRE, session_cookie};

const PREFLIGHT: [(&str, &str); 2] =
    [("origin", "https://other.example"), ("access-control-request-method", "PUT")];

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        headers.append(name, value);
    }
    headers
}

fn decided(rules: &Rules, method: Method, headers: &HeaderMap) -> Option<Decision> {
    match rules.begin(&CheckRequest { method, ..rig::request(headers) }, NOW) {
        Step::Done(decision) => Some(decision),
        Step::Lookup(_) => None,
    }
}

fn passes(method: Method, headers: &HeaderMap) -> bool {
    matches!(decided(&rig::rules().with_preflights(), method, headers), Some(Decision::Allow(_)))
}

#[test]
fn a_preflight_passes_as_nobody_where_the_operator_says_so() {
    let headers = headers(&PREFLIGHT);
    let decision = decided(&rig::rules().with_preflights(), Method::OPTIONS, &headers).unwrap();

    let request = rig::request(&headers);
    let answer = Dialect::Nginx.encode(&request, &decision, &rig::terms(None));

    assert_eq!((answer.status().as_u16(), answer.headers().len()), (200, 2));
    assert_eq!(answer.headers()["x-auth-status"], "anonymous");
    assert!(answer.headers().contains_key("cache-control"));
}

#[test]
fn it_gets_401_where_he_does_not() {
    let decision = decided(&rig::rules(), Method::OPTIONS, &headers(&PREFLIGHT)).unwrap();

    assert_eq!(rig::word(&decision), "no_credential");
}

#[test]
fn what_lacks_a_part_of_one_is_none() {
    let [origin, method] = PREFLIGHT;
    for pairs in [
        &[][..],
        &[origin],
        &[method],
        &[origin, ("access-control-request-method", "")],
        &[("origin", ""), method],
        &[origin, origin, method],
        &[origin, method, method],
    ] {
        assert!(!passes(Method::OPTIONS, &headers(pairs)), "{pairs:?}");
    }
}

#[test]
fn no_other_method_passes_for_one_whatever_the_client_says() {
    let [origin, method] = PREFLIGHT;
    let overridden =
        headers(&[origin, method, ("x-http-method-override", "OPTIONS"), ("x-original-method", "OPTIONS")]);
    for method in
        [Method::GET, Method::POST, Method::HEAD, Method::TRACE, Method::from_bytes(b"options").unwrap()]
    {
        assert!(!passes(method.clone(), &overridden), "{method}");
    }
}

#[test]
fn a_credential_is_judged_and_not_passed_over() {
    let mut bad = session_cookie("forged.signature");
    let mut good = session_cookie(WIRE);
    for headers in [&mut bad, &mut good] {
        headers.extend(self::headers(&PREFLIGHT));
    }
    let rules = rig::rules().with_preflights();

    assert_eq!(
        decided(&rules, Method::OPTIONS, &bad).map(|decision| rig::word(&decision)),
        Some("bad_signature")
    );
    assert!(decided(&rules, Method::OPTIONS, &good).is_none());
}

#[test]
fn a_policy_asks_nothing_of_nobody() {
    let decision = decided(&rig::rules().with_preflights(), Method::OPTIONS, &headers(&PREFLIGHT)).unwrap();
    let policy: Policy = "two_factor".parse().unwrap();
    let policies = Policies { asked: Some(&policy), ..Policies::default() };

    assert_eq!(rig::word(&policies.conclude(decision, rig::NOW)), "allow");
}
