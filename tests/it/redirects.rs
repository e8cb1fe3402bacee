//! Who is redirected to sign in and who gets 401, where people come back to, and how a circle ends.
//! What browsers send with a navigation: Fetch Metadata (W3C), §2.

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use sidegate::auth::{Decision, Denial};
use sidegate::dialect::{Answer, Dialect, LoginPage, leaves_a_loop};

use crate::rig;

const NAVIGATION: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
const REDIRECTING: [Dialect; 3] = [Dialect::Traefik, Dialect::Caddy, Dialect::Envoy];

fn page() -> LoginPage {
    LoginPage::new("/login", "return_to").unwrap()
}

fn elsewhere(hosts: &str) -> LoginPage {
    let page = LoginPage::new("https://id.example.com/sign-in", "next").unwrap();
    page.with_return_hosts(hosts.parse().unwrap())
}

fn question(dialect: Dialect, method: &str, url: &str, headers: &[(&str, &str)]) -> Parts {
    let (scheme, rest) = url.split_once("://").unwrap();
    let at = rest.find('/').unwrap();
    let (host, target) = rest.split_at(at);
    let question = if dialect == Dialect::Envoy {
        Request::builder()
            .method(method)
            .uri(format!("/auth/envoy{target}"))
            .header("host", host)
            .header("x-forwarded-proto", scheme)
    } else {
        Request::get(dialect.path())
            .header("x-forwarded-method", method)
            .header("x-forwarded-proto", scheme)
            .header("x-forwarded-host", host)
            .header("x-forwarded-uri", target)
    };
    let question = headers.iter().fold(question, |question, (name, value)| question.header(*name, *value));
    question.body(()).unwrap().into_parts().0
}

/// The answer to somebody who is not signed in and asks so.
fn answer(dialect: Dialect, login: LoginPage, asked: (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let (terms, question) = (rig::terms(Some(login)), question(dialect, asked.0, asked.1, headers));
    let request = dialect.decode(&question, &terms).unwrap();
    dialect.encode(&request, &Decision::Unauthenticated(Denial::NoCredential), &terms)
}

/// Status and `Location`.
fn led(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status().as_u16(), text(answer.headers(), LOCATION.as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

async fn body(answer: Answer) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

const PAGE: (&str, &str) = ("GET", "https://app.example.com/a/b?c=d");

#[test]
fn a_page_that_is_being_opened_is_redirected_and_comes_back() {
    let there = "/login?return_to=%2Fa%2Fb%3Fc%3Dd";
    let at_traefik = format!("https://app.example.com{there}");
    for (dialect, location) in REDIRECTING.into_iter().zip([at_traefik.as_str(), there, there]) {
        let answer = answer(dialect, page(), PAGE, &NAVIGATION);

        assert_eq!(led(&answer), (302, Some(location)), "{dialect:?}");
        assert_eq!(text(answer.headers(), "cache-control"), Some("no-store"));
        assert_eq!(text(answer.headers(), "x-auth-reason"), Some("no_credential"));
    }
}

#[test]
fn a_browser_from_before_fetch_metadata_is_told_by_what_it_accepts() {
    let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let by_script = ("x-requested-with", "XMLHttpRequest");
    let statuses =
        [&[html][..], &[html, by_script], &[("accept", "*/*")], &[("accept", "application/json")], &[]]
            .map(|headers| led(&answer(Dialect::Caddy, page(), PAGE, headers)).0);

    assert_eq!(statuses, [302, 401, 401, 401, 401]);
}

#[test]
fn what_a_script_or_a_part_of_a_page_asks_for_is_never_redirected() {
    let html = ("accept", "text/html");
    let asked = [
        [("sec-fetch-mode", "cors"), html],
        [("sec-fetch-mode", "no-cors"), html],
        [("sec-fetch-mode", "same-origin"), html],
        [("sec-fetch-mode", "websocket"), html],
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "object")],
    ];
    for headers in asked {
        assert_eq!(led(&answer(Dialect::Caddy, page(), PAGE, &headers)), (401, None), "{headers:?}");
    }
}

#[test]
fn a_form_is_sent_to_sign_in_with_303_and_does_not_come_back() {
    for method in ["POST", "PUT", "DELETE"] {
        let answer = answer(Dialect::Envoy, page(), (method, PAGE.1), &NAVIGATION);

        assert_eq!(led(&answer), (303, Some("/login")), "{method}");
    }
}

#[test]
fn without_a_login_page_everybody_gets_401() {
    for dialect in REDIRECTING {
        let (terms, question) = (rig::terms(None), question(dialect, PAGE.0, PAGE.1, &NAVIGATION));
        let request = dialect.decode(&question, &terms).unwrap();

        let answer = dialect.encode(&request, &Decision::Unauthenticated(Denial::NoSession), &terms);

        assert_eq!(led(&answer), (401, None), "{dialect:?}");
    }
}

#[test]
fn traefik_is_never_told_a_path_that_it_would_complete_with_our_address() {
    for host in ["evil.example<", "a b", "a'b", "%65vil"] {
        let url = format!("https://{host}/");
        let answer = answer(Dialect::Traefik, page(), ("GET", &url), &NAVIGATION);

        assert_eq!(led(&answer), (401, None), "{host}");
    }
}

#[test]
fn only_hosts_that_the_operator_named_are_come_back_to() {
    let place = |hosts, url| {
        let answer = answer(Dialect::Caddy, elsewhere(hosts), ("GET", url), &NAVIGATION);
        led(&answer).1.unwrap().strip_prefix("https://id.example.com/sign-in?next=").unwrap().to_owned()
    };
    let (path, whole) = ("%2Fa", |host: &str| format!("https%3A%2F%2F{host}%2Fa"));

    assert_eq!(place("app.example.com", "https://app.example.com/a"), whole("app.example.com"));
    assert_eq!(place("app.example.com", "https://APP.example.com/a"), whole("APP.example.com"));
    assert_eq!(place("*.example.com", "https://a.b.example.com/a"), whole("a.b.example.com"));
    assert_eq!(
        place("localhost:3000", "http://localhost:3000/a"),
        whole("localhost%3A3000").replace("https", "http")
    );
    for (hosts, url) in [
        ("", "https://app.example.com/a"),
        ("app.example.com", "https://evil.example/a"),
        ("app.example.com", "https://app.example.com.evil.example/a"),
        ("app.example.com", "https://app.example.com:8443/a"),
        ("*.example.com", "https://example.com/a"),
        ("*.example.com", "https://.example.com/a"),
        ("*.example.com", "https://evilexample.com/a"),
        ("*.example.com", "https://evil.test:x.example.com/a"),
        ("*.example.com", "https://evil.test%23.example.com/a"),
    ] {
        assert_eq!(place(hosts, url), path, "{hosts} {url}");
    }
}

#[test]
fn what_names_no_host_is_none_to_come_back_to() {
    for text in
        ["https://a.example", "a/b", "*", "*.com", "*.example.*", "a..*", "a:b", "a:99999", "[::g]", "user@a"]
    {
        assert!(text.parse::<sidegate::dialect::ReturnHosts>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_circle_of_one_page_is_left_with_an_explanation() {
    let mut cookie = String::new();
    let mut statuses = Vec::new();
    let last = loop {
        let headers = [NAVIGATION[0], ("cookie", cookie.as_str())];
        let answer = answer(Dialect::Caddy, page(), PAGE, &headers);
        statuses.push(led(&answer).0);
        let Some(set) = text(answer.headers(), SET_COOKIE.as_str()) else { break answer };
        assert!(set.contains("; Max-Age=30; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set}");
        cookie = format!("a=b; {}", set.split(';').next().unwrap());
        assert!(statuses.len() < 10, "it never ends");
    };

    assert_eq!(statuses, [302, 302, 302, 401]);
    assert!(leaves_a_loop(&last));
    assert_eq!(text(last.headers(), "content-type"), Some("text/plain; charset=utf-8"));
    let body = body(last).await;
    assert!(body.contains("/login?return_to=%2Fa%2Fb") && body.contains("no_credential"), "{body}");
}

#[test]
fn other_pages_and_other_peoples_cookies_make_no_circle() {
    let first = answer(Dialect::Caddy, page(), PAGE, &NAVIGATION);
    let set = text(first.headers(), SET_COOKIE.as_str()).unwrap();
    let third = set.split(';').next().unwrap().replace(".1", ".3");
    let other = ("GET", "https://app.example.com/other");

    assert_eq!(led(&answer(Dialect::Caddy, page(), PAGE, &[NAVIGATION[0], ("cookie", &third)])).0, 401);
    assert_eq!(led(&answer(Dialect::Caddy, page(), other, &[NAVIGATION[0], ("cookie", &third)])).0, 302);
    for odd in
        ["sidegate-redirects=", "sidegate-redirects=.9", "sidegate-redirects=x.9", "sidegate-redirects=9"]
    {
        assert_eq!(
            led(&answer(Dialect::Caddy, page(), PAGE, &[NAVIGATION[0], ("cookie", odd)])).0,
            302,
            "{odd}"
        );
    }
}

#[tokio::test]
async fn a_login_page_behind_itself_is_explained_at_once() {
    let behind = [
        (page(), "https://app.example.com/login?return_to=%2F"),
        (elsewhere(""), "https://id.example.com/sign-in"),
        (elsewhere(""), "https://ID.example.com/sign-in?x"),
    ];
    for (login, url) in behind {
        let answer = answer(Dialect::Traefik, login, ("GET", url), &NAVIGATION);

        assert_eq!(led(&answer), (401, None), "{url}");
        assert!(leaves_a_loop(&answer) && body(answer).await.contains("login_url"));
    }
    let another =
        answer(Dialect::Traefik, elsewhere(""), ("GET", "https://app.example.com/sign-in"), &NAVIGATION);
    assert_eq!(another.status(), 302);
}

#[test]
fn proxies_that_redirect_by_themselves_are_not_told_of_a_login_page_behind_itself() {
    let question = question(Dialect::Haproxy, "GET", "https://app.example.com/login", &[]);
    let terms = rig::terms(Some(page()));
    let request = Dialect::Haproxy.decode(&question, &terms).unwrap();

    let answer = Dialect::Haproxy.encode(&request, &Decision::Unauthenticated(Denial::NoSession), &terms);

    assert!(!answer.headers().contains_key("x-auth-login") && !answer.headers().contains_key(COOKIE));
}
