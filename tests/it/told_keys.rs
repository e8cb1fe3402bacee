//! What `check` and `explain` say of public keys, tokens of the jwt plugin and the cookie cache.

use sidegate::auth::SigningKey;
use sidegate::secret::Secret;

use crate::commands::{Place, assert_all_in};
use crate::rig::SECRET;

const JWT: [&str; 2] = ["--jwt=true", "--jwt-issuer=https://auth.example.com"];
const NO_STORE: [&str; 2] = ["--store=none", "--cookie-cache=jwe"];
/// Nothing listens there.
const NOBODY: &str = "--jwks-url=http://127.0.0.1:1/jwks";
const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl";

fn run(command: &[&str], settings: &[&str]) -> (i32, String) {
    Place::new().run(&[command, settings].concat())
}

fn cookie() -> String {
    SigningKey::new(&Secret::new(SECRET.to_owned())).sign("a-token")
}

#[test]
fn check_says_that_the_table_of_keys_is_missing_and_how_to_name_it() {
    let (code, text) = run(&["check"], &JWT);
    assert_eq!(code, 1, "{text}");
    assert_all_in(
        &text,
        &["store     ok    SQLite", "keys      FAIL  the jwks table in SQLite", "jwks_table"],
    );
}

#[test]
fn check_says_that_the_url_of_keys_is_out_of_reach() {
    let (code, text) = run(&["check"], &[&JWT[..], &[NOBODY]].concat());
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["keys      FAIL  http://127.0.0.1:1/jwks", "cannot reach", "try: "]);
}

#[test]
fn check_asks_for_keys_only_where_something_is_judged_by_them() {
    for settings in [&[][..], &["--cookie-cache=jwe"]] {
        let (code, text) = run(&["check"], settings);
        assert_eq!((code, text.contains("keys ")), (0, false), "{text}");
    }
    let (code, text) = run(&["check"], &["--cookie-cache=jwks"]);
    assert_eq!((code, text.contains("keys      FAIL")), (1, true), "{text}");
}

#[test]
fn check_says_what_it_means_to_have_no_store() {
    let (code, text) = run(&["check"], &NO_STORE);
    assert_eq!(code, 0, "{text}");
    assert_all_in(&text, &["store     none  the session_data cookie alone tells who is signed in"]);
    assert!(!text.contains("answers the lookup"), "{text}");
}

#[test]
fn explain_tells_that_keys_cannot_be_asked_for_and_not_the_token() {
    let request = format!("GET / HTTP/1.1\nAuthorization: Bearer {TOKEN}\n");
    let (code, text) = run(&["explain", &request], &[&JWT[..], &[NOBODY]].concat());
    assert_eq!(code, 0, "{text}");
    assert_all_in(&text, &["jwt        ok    a JSON Web Token of", "keys       FAIL", "decision   503"]);
    for part in TOKEN.split('.') {
        assert!(!text.contains(part), "{text}");
    }
}

#[test]
fn explain_tells_why_the_cookie_cache_does_not_open() {
    let name = "better-auth.session_data";
    let cases = [
        (format!("better-auth.session_token={}", cookie()), "there is no session_data cookie"),
        (format!("better-auth.session_token={}; {name}=a.b", cookie()), "it is not of the form"),
    ];
    for (line, why) in cases {
        let (code, text) = run(&["explain", &line], &NO_STORE);
        assert_eq!(code, 0, "{text}");
        assert_all_in(&text, &[&format!("{name} does not open: {why}"), "decision   401   no_session"]);
        // Beside a store it changes nothing while that answers.
        let (_, text) = run(&["explain", &line], &["--cookie-cache=jwe"]);
        assert_all_in(&text, &["SQLite has none", why, "decision   401   no_session"]);
    }
}

#[test]
fn explain_of_a_cookie_by_a_key_that_cannot_be_asked_for_is_doubt() {
    let settings = ["--store=none", "--cookie-cache=jwks", NOBODY];
    let line = format!("better-auth.session_token={}; better-auth.session_data={TOKEN}", cookie());
    let (_, text) = run(&["explain", &line], &settings);
    assert_all_in(&text, &["the source of public keys cannot be asked", "decision   503"]);
}
