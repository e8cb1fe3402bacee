//! `sidegate routes` and `sidegate explain` about places.

use std::io::Write as _;
use std::process::Stdio;

use crate::commands::{Place, assert_all_in, live_cookie, told};

const ROUTES: &str = r#"
[[route]]
path = "/health"
access = "public"

[[route]]
host = "app.example.com"
methods = ["POST"]
path = "/admin/{*rest}"
any_role = ["admin", "owner"]
max_session_age = "1h"
max_staleness = "0s"

[[route]]
path = "/admin"
email_verified = true

[[route]]
path = "/closed"
access = "deny"
"#;

fn place() -> (Place, String) {
    let place = Place::new();
    let path = place.path().join("sidegate.toml");
    std::fs::write(&path, ROUTES).unwrap();
    let path = path.display().to_string();
    (place, path)
}

fn explain(request: &str, more: &[&str]) -> String {
    let (place, path) = place();
    let (code, text) = place.run(&[&["explain", "--config", &path, request], more].concat());
    assert_eq!(code, 0, "{text}");
    text
}

#[test]
fn routes_prints_the_table_the_most_specific_first() {
    let (place, path) = place();

    assert_eq!(
        place.run(&["routes", "--config", &path]),
        (
            0,
            "\
POST app.example.com/admin/{*rest}  session,any_role:admin|owner,max_session_age:1h,max_staleness:0s
* /admin                            session,email_verified
* /closed                           deny
* /health                           public
what no route names                 session
"
            .to_owned()
        )
    );
}

#[test]
fn routes_needs_no_other_setting_to_be_right_and_tells_mistakes_with_78() {
    let (place, path) = place();
    let (code, _) = place.run(&["routes", "--config", &path, "--cache-ttl=x"]);
    assert_eq!(code, 0);

    std::fs::write(&path, "[[route]]\npath = \"x\"").unwrap();
    let (code, text) = place.run(&["routes", "--config", &path]);
    assert_eq!(code, 78);
    assert_all_in(&text, &["[[route]] number 1", "does not begin with /", "try: "]);
}

#[test]
fn routes_names_the_route_of_each_request() {
    let (place, path) = place();
    let mut child = place
        .sidegate(&["routes", "--config", &path, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let requests = "POST https://app.example.com/admin/x?y\nGET /health\nGET /admin//x\nGET /other\n";
    child.stdin.take().unwrap().write_all(requests.as_bytes()).unwrap();

    assert_eq!(
        told(&child.wait_with_output().unwrap()),
        (
            0,
            "\
POST https://app.example.com/admin/x?y\tPOST app.example.com/admin/{*rest}\tsession,any_role:admin|owner,max_session_age:1h,max_staleness:0s
GET /health\t* /health\tpublic
GET /admin//x\tambiguous_path\trefused
GET /other\t-\tsession
"
            .to_owned()
        )
    );
    let (code, text) = place.run(&["routes", "--config", &path, "GET x"]);
    assert_eq!(code, 1);
    assert_all_in(&text, &["\"GET x\" is no request", "try: "]);
}

#[test]
fn explain_tells_the_route_each_requirement_and_the_decision() {
    let text = explain("POST https://app.example.com/admin/x", &["--cookie", &live_cookie()]);

    assert_all_in(
        &text,
        &[
            "a client asks for POST /admin/x",
            "route      ok    POST app.example.com/admin/{*rest}",
            "session    ok    SQLite has one",
            "requires   FAIL  any_role:admin|owner (missing_role)",
            "requires   FAIL  max_session_age:1h (not_fresh)",
            "decision   403   missing_role",
        ],
    );
}

#[test]
fn explain_tells_what_is_decided_without_asking_who_it_is() {
    assert_all_in(
        &explain("GET /health", &[]),
        &["route      ok    * /health: public", "decision   200   allow"],
    );
    assert_all_in(&explain("GET /closed", &[]), &["decision   403   route_denied"]);
    assert_all_in(
        &explain("GET /x/%2e%2e/closed", &[]),
        &["two programs may read differently", "ambiguous_path"],
    );
}

#[test]
fn explain_tells_the_twin_and_what_the_proxy_asks_besides() {
    let text = explain("GET /admin/", &["--cookie", &live_cookie()]);
    assert_all_in(&text, &["twin       ok    * /admin", "decision   403   email_unverified"]);

    let question = "GET /auth/nginx?policy=two_factor HTTP/1.1\nX-Original-URL: https://app.example.com/\n\
                    X-Original-Method: GET\nHost: x\n";
    let text = explain(question, &["--cookie", &live_cookie()]);
    assert_all_in(
        &text,
        &["proxy      ok    asks for more: session,two_factor", "decision   403   no_two_factor"],
    );
    let text = explain(&question.replace("two_factor", "two-factor"), &[]);
    assert_all_in(&text, &["asks for a policy that there is not", "unknown_policy"]);
}

#[test]
fn explain_takes_more_headers() {
    let cookie = format!("better-auth.session_token={}", live_cookie());
    let text =
        explain("GET /x", &["--header", &format!("Cookie: {cookie}"), "--header", "Accept: text/html"]);

    assert_all_in(&text, &["no route names it", "decision   200   allow"]);
}
