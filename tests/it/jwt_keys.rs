//! Which texts and rows are sets of keys, and which keys of them count.

use std::time::Duration;

use serde_json::{Value, json};
use sidegate::auth::{DEFAULT_GRACE, KEY_SET_BYTES_MAX, KEYS_MAX, KeyError, KeyRow, KeySet, KeySetError};
use sidegate::clock::UnixMillis;

use crate::rig::NOW;

/// RFC 8037 A.2.
fn public_key() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn row(kid: &str) -> KeyRow {
    KeyRow {
        kid: kid.to_owned(),
        public_key: public_key().to_string(),
        algorithm: Some("EdDSA".to_owned()),
        expires_at: None,
    }
}

fn key(kid: &str) -> Value {
    let mut key = public_key();
    key["kid"] = json!(kid);
    key["alg"] = json!("EdDSA");
    key
}

fn parse(set: &Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(set.to_string().as_bytes())
}

fn ended(at: UnixMillis) -> KeyRow {
    KeyRow { expires_at: Some(at), ..row("k") }
}

fn published(row: KeyRow) -> bool {
    KeySet::from_rows([row], DEFAULT_GRACE, NOW).unwrap().contains("k")
}

#[test]
fn a_set_holds_the_keys_that_it_names() {
    let keys = parse(&json!({"keys": [key("a"), key("b")], "more": 1})).unwrap();

    assert!(keys.contains("a") && keys.contains("b") && !keys.contains("c") && !keys.contains("A"));
    assert_eq!((keys.len(), keys.is_empty()), (2, false));
}

#[test]
fn a_set_without_keys_is_one() {
    assert!(parse(&json!({"keys": []})).unwrap().is_empty());
    assert!(KeySet::from_rows([], DEFAULT_GRACE, NOW).unwrap().is_empty());
}

#[test]
fn what_is_no_set_is_an_error_and_not_an_empty_set() {
    for text in ["", "{}", "[]", "null", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#, "<html>"] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), KeySetError::Malformed, "{text}");
    }
    assert_eq!(KeySet::parse(br#"{"keys":[],"keys":[]}"#).unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(b"{\"keys\":[],\"a\":\"\xff\"}").unwrap_err(), KeySetError::Malformed);
}

#[test]
fn a_set_is_bounded_in_bytes_and_in_keys() {
    let of = |count: usize| json!({"keys": (0..count).map(|n| key(&n.to_string())).collect::<Vec<_>>()});
    let text = of(1).to_string();
    let padded = |bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));

    assert_eq!(parse(&of(KEYS_MAX)).unwrap().len(), KEYS_MAX);
    assert_eq!(parse(&of(KEYS_MAX + 1)).unwrap_err(), KeySetError::TooMany);
    assert!(KeySet::parse(padded(KEY_SET_BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(KeySet::parse(padded(KEY_SET_BYTES_MAX + 1).as_bytes()).unwrap_err(), KeySetError::TooLong);
}

#[test]
fn rows_are_bounded_once_those_that_are_over_are_left_out() {
    let rows = |count: usize| (0..count).map(|n| row(&n.to_string()));
    let over = (0..KEYS_MAX).map(|n| KeyRow { kid: format!("over-{n}"), ..ended(UnixMillis::EPOCH) });

    let keys = KeySet::from_rows(over.chain(rows(KEYS_MAX)), DEFAULT_GRACE, NOW).unwrap();
    assert_eq!(keys.len(), KEYS_MAX);
    let error = KeySet::from_rows(rows(KEYS_MAX + 1), DEFAULT_GRACE, NOW).unwrap_err();
    assert_eq!(error, KeySetError::TooMany);
}

#[test]
fn one_key_that_cannot_be_used_does_not_lock_out_the_others() {
    let keys =
        parse(&json!({"keys": [7, null, "x", [], {}, {"kid": "a"}, {"kid": 7, "kty": "OKP"}, key("b")]}));

    assert_eq!(keys.unwrap().len(), 1);
}

#[test]
fn a_row_that_cannot_be_used_does_not_lock_out_the_others() {
    let broken = [
        KeyRow { public_key: String::new(), ..row("a") },
        KeyRow { public_key: "{".to_owned(), ..row("b") },
        KeyRow { algorithm: Some("ES256".to_owned()), ..row("c") },
        KeyRow { algorithm: Some("HS256".to_owned()), ..row("d") },
        KeyRow { algorithm: Some(String::new()), ..row("e") },
        row("f"),
    ];

    let keys = KeySet::from_rows(broken, DEFAULT_GRACE, NOW).unwrap();

    assert_eq!((keys.len(), keys.contains("f")), (1, true));
}

#[test]
fn a_key_and_its_row_must_agree_on_the_algorithm() {
    let agree = |stated: &str, declared: &str| {
        let mut key = public_key();
        key["alg"] = json!(stated);
        let algorithm = Some(declared.to_owned());
        published(KeyRow { public_key: key.to_string(), algorithm, ..row("k") })
    };

    assert!(agree("EdDSA", "EdDSA"));
    assert!(!agree("ES256", "EdDSA"));
    assert!(!agree("EdDSA", "ES256"));
    assert!(!agree("EdDSA", "Ed25519"));
}

#[test]
fn a_name_that_comes_twice_names_no_key() {
    let keys = parse(&json!({"keys": [key("a"), key("b"), key("a"), key("a")]})).unwrap();

    assert!(!keys.contains("a") && keys.contains("b"));
    assert_eq!(keys.verify("a", "EdDSA", b"", &[0; 64]), Err(KeyError::Unknown));
}

#[test]
fn a_key_is_published_for_thirty_days_after_its_end() {
    let grace = i64::try_from(DEFAULT_GRACE.as_millis()).unwrap();
    assert_eq!(grace, 2_592_000_000);

    assert!(published(ended(UnixMillis::new(NOW.get() + 1))));
    assert!(published(ended(UnixMillis::new(NOW.get() - grace + 1))));
    assert!(!published(ended(UnixMillis::new(NOW.get() - grace))));
    assert!(published(ended(UnixMillis::NEVER)));
    assert!(!published(ended(UnixMillis::EPOCH)));
}

#[test]
fn another_grace_can_be_given() {
    let rows = || [ended(UnixMillis::new(NOW.get() - 1000))];
    let keys = |grace| KeySet::from_rows(rows(), grace, NOW).unwrap();

    assert!(keys(Duration::from_millis(1001)).contains("k"));
    assert!(!keys(Duration::from_secs(1)).contains("k"));
    assert!(!keys(Duration::ZERO).contains("k"));
}

#[test]
fn a_set_tells_names_and_algorithms_and_no_key() {
    let told = format!("{:?}", parse(&json!({"keys": [key("a")]})).unwrap());

    assert_eq!(told, r#"{"a": "EdDSA"}"#);
}
