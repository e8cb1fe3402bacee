//! Any headers: what a dialect lets by is unambiguous, and nobody is sent to another host to sign in, or back to one.
#![no_main]

use std::sync::LazyLock;

use http::header::LOCATION;
use http::{HeaderMap, Method, Request};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;
use sidegate::auth::{CheckRequest, Decision, Denial, Scheme};
use sidegate::dialect::{Dialect, HeaderNames, LoginPage, Terms};
use sidegate_fuzz::headers;

static TERMS: LazyLock<Terms> = LazyLock::new(|| Terms {
    names: HeaderNames::sidegate(),
    login: Some(LoginPage::new("/login", "return_to").expect("it is one")),
});

fuzz_target!(|input: &[u8]| {
    let (mut question, ()) = Request::new(()).into_parts();
    question.headers = headers(input);
    for dialect in [Dialect::Nginx, Dialect::Traefik, Dialect::Caddy, Dialect::Haproxy] {
        match dialect.decode(&question, &TERMS) {
            Ok(request) => {
                is_unambiguous(dialect, &question.headers, &request);
                is_sent_to_the_login_page(dialect, &request);
            }
            Err(refusal) => assert!(matches!(dialect.refuse(&refusal).status().as_u16(), 400 | 403)),
        }
    }
});

fn sources(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Nginx => &["x-original-url", "x-original-method"],
        _ => &["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"],
    }
}

fn is_unambiguous(dialect: Dialect, headers: &HeaderMap, request: &CheckRequest<'_>) {
    for name in headers.keys() {
        let folded = name.as_str().replace('_', "-");
        if folded.starts_with("x-auth-") || sources(dialect).contains(&folded.as_str()) {
            assert_eq!((folded.as_str(), headers.get_all(name).iter().count()), (name.as_str(), 1));
        }
    }
    let url = [b"://", request.host, request.target].concat();
    if dialect == Dialect::Nginx {
        assert!(headers["x-original-url"].as_bytes().ends_with(&url));
        assert_eq!(headers["x-original-method"], request.method.as_str());
    } else {
        assert_eq!(headers["x-forwarded-uri"].as_bytes(), request.target);
        assert_eq!(headers["x-forwarded-host"].as_bytes(), request.host);
        assert_eq!(headers["x-forwarded-method"], request.method.as_str());
        let is_secure = matches!(headers["x-forwarded-proto"].as_bytes(), b"https" | b"wss");
        assert_eq!(is_secure, request.scheme.is_some_and(Scheme::is_secure));
    }
    assert!(request.target.starts_with(b"/") && !request.host.is_empty() && !request.host.contains(&b'/'));
    assert!(!url.iter().any(u8::is_ascii_control));
}

fn is_sent_to_the_login_page(dialect: Dialect, request: &CheckRequest<'_>) {
    let answer = dialect.encode(request, &Decision::Unauthenticated(Denial::NoCredential), &TERMS);
    let told = answer.headers().get("x-auth-login").or_else(|| answer.headers().get(LOCATION));
    let Some(login) = told else { return };
    let login = login.to_str().expect("printable ASCII");
    // Traefik takes whole URLs alone: to the host that this client asked for.
    let host = std::str::from_utf8(request.host).unwrap_or_default();
    let login = match (dialect, request.scheme) {
        (Dialect::Traefik, Some(scheme)) => {
            login.strip_prefix(&format!("{}://{host}", scheme.as_str())).expect("the asked host")
        }
        _ => login,
    };
    let Some(place) = login.strip_prefix("/login?return_to=") else {
        assert_eq!(login, "/login");
        return;
    };
    let place: Vec<u8> = percent_decode(place.as_bytes()).collect();
    assert!(place == request.target && !place.starts_with(b"//") && !place.starts_with(b"/\\"));
    assert!([Method::GET, Method::HEAD].contains(&request.method));
}
