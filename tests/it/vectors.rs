//! Every case that was put to the real Better Auth: sidegate must answer as it did.
//!
//! `tests/better-auth/mint.mjs` writes the vectors; nothing in them comes from sidegate.

use std::collections::BTreeMap;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::Value;
use sidegate::auth::{Bearer, CookieName, Decision, IdentityField, Rules, SigningKey, Step};
use sidegate::clock::UnixMillis;
use sidegate::secret::Secret;
use sidegate::store::{AnyStore, SessionStore as _};

use crate::better_auth::{Database, Expiry};
use crate::rig;

const SESSION_COOKIES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/session-cookie.json"));
const BEARERS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/bearer.json"));
const SIGN_INS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sign-in.json"));

/// Where sidegate answers otherwise: what it answers, why that is right, and the cases.
const DEVIATIONS: &[(&str, &str, &[&str])] = &[
    (
        "error",
        "JavaScript makes an Invalid Date of it, which never passes: a session without an end is not let in on doubt",
        &[
            "row-edge-spaces",
            "row-edge-spaces-expired",
            "row-trailing-junk",
            "row-trailing-junk-expired",
            "row-no-such-month",
            "row-no-such-month-expired",
            "row-year-zero",
            "row-empty-expires",
            "row-garbage-date",
            "row-infinity-date",
        ],
    ),
    (
        "deny",
        "ISO 8601 allows the comma, JavaScript makes an Invalid Date of it: a session that ended is not let in",
        &["row-comma-fraction-expired"],
    ),
    (
        "error",
        "a form of date that only JavaScript's own parser takes, and that no adapter of Better Auth writes",
        &[
            "row-sql-datetime-utc",
            "row-sql-datetime-utc-expired",
            "row-hour-24",
            "row-hour-24-expired",
            "row-no-such-day",
            "row-no-such-day-expired",
            "row-six-digit-year",
            "row-month-only",
            "row-month-only-expired",
            "row-slashes",
            "row-slashes-expired",
            "row-http-date",
            "row-http-date-expired",
            "row-js-date-text",
            "row-js-date-text-expired",
        ],
    ),
];

/// What was answered: the verdict, and on `allow` whose session it is.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    verdict: &'static str,
    user_id: Option<String>,
    session_id: Option<String>,
}

#[tokio::test]
async fn every_cookie_is_judged_as_better_auth_judged_it() {
    let vectors: Value = serde_json::from_str(SESSION_COOKIES).unwrap();
    let deviations: BTreeMap<_, _> = deviations().collect();
    let mut database = Database::of_better_auth().await;
    let store = database.store();

    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        write(&mut database, &case["row"]).await;
        let answer = ask(&vectors, case, &store).await;
        let name = case["name"].as_str().unwrap();
        let theirs = expected(case);
        match deviations.get(name) {
            None if answer != theirs => wrong.push(format!("{name}: {answer:?}, Better Auth {theirs:?}")),
            Some(ours) if answer.verdict != *ours || answer == theirs => {
                wrong.push(format!("{name}: {answer:?}, but it is listed as a deviation to {ours}"));
            }
            None | Some(_) => {}
        }
    }

    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_bearer_token_is_judged_as_better_auth_judged_it() {
    let vectors: Value = serde_json::from_str(BEARERS).unwrap();
    let mut database = Database::of_better_auth().await;
    let store = database.store();

    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        write(&mut database, &case["row"]).await;
        let (answer, theirs) = (ask(&vectors, case, &store).await, expected(case));
        if answer != theirs {
            wrong.push(format!("{}: {answer:?}, Better Auth {theirs:?}", case["name"]));
        }
    }

    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_deviation_is_that_of_a_case() {
    let vectors: Value = serde_json::from_str(SESSION_COOKIES).unwrap();
    let names: Vec<_> =
        vectors["cases"].as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap()).collect();

    let strangers: Vec<_> = deviations().filter(|(name, _)| !names.contains(name)).collect();

    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn every_cookie_that_a_sign_in_sets_proves_its_token() {
    let vectors: Value = serde_json::from_str(SIGN_INS).unwrap();

    let wrong: Vec<_> = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| signed_in_token(case).as_deref() != case["token"].as_str())
        .collect();

    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The token that a browser proves after this sign-in.
fn signed_in_token(case: &Value) -> Option<String> {
    let lines = case["set_cookie"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let pairs: Vec<_> = lines.map(|line| line.split(';').next().unwrap()).collect();
    let headers = rig::cookie_lines(&[pairs.join("; ")]);
    match rules(case, &case["secret"]).begin(&rig::request(&headers), rig::NOW) {
        Step::Lookup(pending) => Some(pending.token().as_str().to_owned()),
        Step::Done(_) => None,
    }
}

/// Each deviating case with what sidegate answers.
fn deviations() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEVIATIONS.iter().flat_map(|(verdict, _, names)| names.iter().map(|name| (*name, *verdict)))
}

fn rules(case: &Value, secret: &Value) -> Rules {
    let name = CookieName::new(case["cookie_name"].as_str().unwrap()).unwrap();
    let bearer = match case["require_signature"].as_bool() {
        None => Bearer::Off,
        Some(true) => Bearer::Signed,
        Some(false) => Bearer::Unsigned,
    };
    Rules::new(name, SigningKey::new(&Secret::new(secret.as_str().unwrap().to_owned()))).with_bearer(bearer)
}

async fn ask(vectors: &Value, case: &Value, store: &AnyStore) -> Answer {
    let rules = rules(case, case.get("secret").unwrap_or(&vectors["secret"]));
    let now = UnixMillis::new(vectors["now"].as_i64().unwrap());
    let lines: Vec<_> = case["cookies"].as_array().unwrap().iter().map(bytes).collect();
    let mut headers = rig::cookie_lines(&lines);
    for line in case["authorization"].as_array().into_iter().flatten() {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(&bytes(line)).unwrap());
    }

    let decision = match rules.begin(&rig::request(&headers), rig::NOW) {
        Step::Done(decision) => decision,
        Step::Lookup(pending) => match store.find(pending.token()).await {
            Ok(found) => pending.finish(found.map(Into::into), now),
            Err(_) => Decision::Unavailable,
        },
    };

    match decision {
        Decision::Allow(grant) => {
            let text = |field| Some(grant.identity().get(field)?.to_str().unwrap().to_owned());
            Answer {
                verdict: "allow",
                user_id: text(IdentityField::UserId),
                session_id: text(IdentityField::SessionId),
            }
        }
        Decision::Unauthenticated(_) | Decision::Forbidden(_) => without_identity("deny"),
        Decision::Unavailable => without_identity("error"),
    }
}

fn expected(case: &Value) -> Answer {
    match case["verdict"].as_str().unwrap() {
        "allow" => Answer {
            verdict: "allow",
            user_id: case["user_id"].as_str().map(str::to_owned),
            session_id: case["session_id"].as_str().map(str::to_owned),
        },
        "deny" => without_identity("deny"),
        "error" => without_identity("error"),
        other => panic!("no such verdict: {other}"),
    }
}

fn without_identity(verdict: &'static str) -> Answer {
    Answer { verdict, user_id: None, session_id: None }
}

/// Each character of a Cookie line in the vectors is one byte.
fn bytes(line: &Value) -> Vec<u8> {
    line.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// Makes `row` all that is stored.
async fn write(database: &mut Database, row: &Value) {
    database.run(r#"delete from "session"; delete from "user""#).await;
    if row.is_null() {
        return;
    }
    let text = |field: &str| row[field].as_str();
    let (user_id, token) = (text("user_id").unwrap(), text("token").unwrap());
    // A user without an e-mail address is none: the vector is of an orphaned session.
    if let Some(email) = text("email") {
        database.add_user(user_id, email, text("name").unwrap()).await;
    }
    database.add_session(text("session_id").unwrap(), token, user_id, &expiry(&row["expires_at"])).await;
}

fn expiry(stored: &Value) -> Expiry {
    match stored {
        Value::Null => Expiry::Null,
        Value::String(text) => Expiry::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(millis) => Expiry::Integer(millis),
            None => Expiry::Real(number.as_f64().unwrap()),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("no such expiry: {stored}"),
    }
}
