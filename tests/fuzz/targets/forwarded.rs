//! Any headers: what the nginx dialect lets by is unambiguous, and nobody is sent to another host to sign in.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, Method, Request};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;
use sidegate::auth::CheckRequest;
use sidegate::dialect::{Dialect, LoginPage};
use sidegate_fuzz::headers;

static LOGIN: LazyLock<LoginPage> =
    LazyLock::new(|| LoginPage::new("/login", "return_to").expect("it is one"));

fuzz_target!(|input: &[u8]| {
    let (mut question, ()) = Request::new(()).into_parts();
    question.headers = headers(input);
    match Dialect::Nginx.decode(&question) {
        Ok(request) => {
            is_unambiguous(&question.headers, &request);
            returns_to_a_path(&request);
        }
        Err(refusal) => assert_eq!(Dialect::Nginx.refuse(&refusal).status(), 403),
    }
});

fn is_unambiguous(headers: &HeaderMap, request: &CheckRequest<'_>) {
    for name in headers.keys() {
        let folded = name.as_str().replace('_', "-");
        if folded.starts_with("x-auth-") || folded == "x-original-url" || folded == "x-original-method" {
            assert_eq!((folded.as_str(), headers.get_all(name).iter().count()), (name.as_str(), 1));
        }
    }
    let url = [b"://", request.host, request.target].concat();
    assert!(headers["x-original-url"].as_bytes().ends_with(&url));
    assert!(request.target.starts_with(b"/") && !request.host.is_empty() && !request.host.contains(&b'/'));
    assert!(!url.iter().any(u8::is_ascii_control));
    assert_eq!(headers["x-original-method"], request.method.as_str());
}

fn returns_to_a_path(request: &CheckRequest<'_>) {
    let login = LOGIN.for_request(request);
    let login = login.to_str().expect("printable ASCII");
    let Some(place) = login.strip_prefix("/login?return_to=") else {
        assert_eq!(login, "/login");
        return;
    };
    let place: Vec<u8> = percent_decode(place.as_bytes()).collect();
    assert!(place == request.target && !place.starts_with(b"//") && !place.starts_with(b"/\\"));
    assert!([Method::GET, Method::HEAD].contains(&request.method));
}
