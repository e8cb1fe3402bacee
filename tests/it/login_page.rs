//! Where nginx is told to send somebody who has to sign in, and where they come back to.

use http::Request;
use http::request::Parts;
use sidegate::auth::{Decision, Denial};
use sidegate::dialect::{Dialect, LoginPage, LoginPageError};

use crate::rig::{self, NOW};

fn question(method: &str, url: &str) -> Parts {
    let question =
        Request::get("/auth/nginx").header("x-original-method", method).header("x-original-url", url);
    question.body(()).unwrap().into_parts().0
}

/// `X-Auth-Login` for somebody who asked for that URL with that method.
fn login(page: &str, method: &str, url: &str) -> String {
    let page = LoginPage::new(page, "return_to").unwrap();
    let question = question(method, url);
    let request = Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap();
    let denied = Decision::Unauthenticated(Denial::NoCredential);
    let answer = Dialect::Nginx.encode(&request, &denied, &rig::terms(Some(page)));
    answer.headers()["x-auth-login"].to_str().unwrap().to_owned()
}

#[test]
fn somebody_to_be_signed_in_is_sent_back_to_the_path_they_asked_for() {
    let url = login("/login", "GET", "https://app.example.com/a/b?c=d&e=%20f#");

    assert_eq!(url, "/login?return_to=%2Fa%2Fb%3Fc%3Dd%26e%3D%2520f%23");
}

#[test]
fn the_place_to_return_to_joins_what_a_login_page_already_asks() {
    let url = login("https://id.example.com/?app=1", "HEAD", "https://app.example.com/");

    assert_eq!(url, "https://id.example.com/?app=1&return_to=%2F");
}

#[test]
fn nobody_is_sent_back_to_another_host() {
    for target in ["//evil.example/", "/\\evil.example/"] {
        assert_eq!(login("/login", "GET", &format!("https://app.example.com{target}")), "/login");
    }
}

#[test]
fn nobody_is_sent_back_to_what_a_link_cannot_repeat() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        assert_eq!(login("/login", method, "https://app.example.com/a"), "/login", "{method}");
    }
}

#[test]
fn a_path_of_1024_bytes_is_returned_to() {
    let path = format!("/{}", "a".repeat(1023));

    let url = login("/login", "GET", &format!("https://app.example.com{path}"));

    assert_eq!(url, format!("/login?return_to=%2F{}", "a".repeat(1023)));
}

#[test]
fn a_path_too_long_for_the_head_of_an_answer_is_not_returned_to() {
    let path = format!("/{}", "a".repeat(1024));

    assert_eq!(login("/login", "GET", &format!("https://app.example.com{path}")), "/login");
}

#[test]
fn only_somebody_to_be_signed_in_is_told_where() {
    let page = LoginPage::new("/login", "return_to").unwrap();
    let question = question("GET", "https://app.example.com/");
    let request = Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap();
    let others = [
        Decision::Allow(rig::grant(&rig::record(NOW))),
        Decision::Forbidden(Denial::Expired),
        Decision::Unavailable,
    ];

    let told = others.map(|decision| {
        Dialect::Nginx
            .encode(&request, &decision, &rig::terms(Some(page.clone())))
            .headers()
            .contains_key("x-auth-login")
    });

    assert_eq!(told, [false; 3]);
}

#[test]
fn a_login_page_without_a_parameter_for_it_is_told_no_place_to_return_to() {
    let page = LoginPage::new("/login", "").unwrap();
    let question = question("GET", "https://app.example.com/");
    let request = Dialect::Nginx.decode(&question, &rig::terms(None)).unwrap();

    assert_eq!(page.for_request(&request), "/login");
}

#[test]
fn a_login_page_that_is_nowhere_certain_is_no_login_page() {
    let urls = ["", "login", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "ftp://a/"];

    let accepted: Vec<_> = urls.into_iter().filter(|url| LoginPage::new(url, "r").is_ok()).collect();

    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn a_login_page_that_a_header_cannot_carry_is_no_login_page() {
    let errors =
        ["/log in", "/login\r\nx: y", "/login#top", "/l\u{f6}gin"].map(|url| LoginPage::new(url, "r").err());

    assert_eq!(errors, [Some(LoginPageError::Characters); 4]);
}
