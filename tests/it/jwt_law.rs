//! Laws of tokens, tried on those that Better Auth made and on ones that a key of the test's own signed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sidegate::auth::{JwtRefusal, JwtRules, KeySet};
use sidegate::clock::UnixMillis;

use crate::rig::{NOW, laws};

const ISSUER: &str = "https://auth.example.com";
const SECONDS: i64 = NOW.get() / 1000;

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/jwt.json"));
    serde_json::from_str(text).unwrap()
});
static PLUGIN_KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::parse(VECTORS["key_sets"]["plugin"]["jwks"].to_string().as_bytes()).unwrap());
static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
static OWN_KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let x = BASE64_URL_SAFE_NO_PAD.encode(PAIR.public_key());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "own", "x": x});
    KeySet::parse(json!({"keys": [key]}).to_string().as_bytes()).unwrap()
});

fn rules() -> JwtRules {
    JwtRules::new(ISSUER.to_owned(), vec![ISSUER.to_owned(), "app".to_owned()]).unwrap()
}

/// One token of each algorithm, made by the plugin.
fn genuine() -> Vec<&'static str> {
    let names = ["plugin-EdDSA", "plugin-ES256", "plugin-ES512", "plugin-PS256", "plugin-RS256"];
    let cases = VECTORS["cases"].as_array().unwrap();
    let token = |name| cases.iter().find(|case| case["name"] == name).unwrap()["token"].as_str().unwrap();
    names.map(token).to_vec()
}

fn sign(header: &str, payload: &str) -> String {
    let input = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(PAIR.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

fn judge(header: &Value, payload: &Value) -> Result<(), JwtRefusal> {
    rules().verify(&sign(&header.to_string(), &payload.to_string()), &OWN_KEYS, NOW).map(drop)
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "own"})
}

fn payload() -> Value {
    json!({"sub": "usr_1", "iss": ISSUER, "aud": "app", "exp": SECONDS + 900, "iat": SECONDS})
}

/// Any JSON that is not too deep, made of what claims are made of.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!(ISSUER)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn a_genuine_token_with_any_one_character_changed_never_passes() {
    for (algorithm, token) in genuine().into_iter().enumerate() {
        rules().verify(token, &PLUGIN_KEYS, NOW).unwrap();
        // Each of Ed25519's; of the others, which take long in a debug build, each seventh.
        let step = if algorithm == 0 { 1 } else { 7 };
        for (at, was) in token.bytes().enumerate().step_by(step) {
            let letter = if was == b'A' { b'x' } else { b'A' };
            for becomes in [letter, b'.', b'=', b' '].into_iter().filter(|byte| *byte != was) {
                let mut altered = token.as_bytes().to_vec();
                altered[at] = becomes;
                let altered = String::from_utf8(altered).unwrap();
                assert!(rules().verify(&altered, &PLUGIN_KEYS, NOW).is_err(), "{altered}");
            }
        }
    }
}

#[test]
fn a_genuine_token_cut_short_never_passes() {
    for token in genuine() {
        for length in 0..token.len() {
            assert!(rules().verify(&token[..length], &PLUGIN_KEYS, NOW).is_err(), "{length}");
        }
    }
}

#[test]
fn the_parts_of_two_tokens_never_make_a_third() {
    let parts: Vec<Vec<_>> = genuine().into_iter().map(|token| token.split('.').collect()).collect();
    for (header, payload, signature) in
        (0..125).map(|n| (n % 5, n / 5 % 5, n / 25)).filter(|(a, b, c)| !(a == b && b == c))
    {
        let (payload_parts, signature_parts) = (&parts[payload], &parts[signature]);
        let token = [parts[header][0], payload_parts[1], signature_parts[2]].join(".");
        // The five were made in the same second for the same user: their payloads are the same text.
        let is_one_of_them = header == signature && parts[header][1] == payload_parts[1];

        assert_eq!(rules().verify(&token, &PLUGIN_KEYS, NOW).is_ok(), is_one_of_them, "{token}");
    }
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn no_text_makes_it_panic_and_none_passes(text in "\\PC{0,200}") {
        prop_assert!(rules().verify(&text, &PLUGIN_KEYS, NOW).is_err());
    }

    #[test]
    fn no_three_parts_make_it_panic_and_none_pass(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..6),
    ) {
        let text = parts.iter().map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".");
        prop_assert!(rules().verify(&text, &PLUGIN_KEYS, NOW).is_err());
    }

    #[test]
    fn no_bytes_that_are_said_to_be_keys_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        KeySet::parse(&bytes).ok();
    }

    #[test]
    fn no_key_of_any_members_makes_it_panic(
        kty in prop_oneof!["OKP", "EC", "RSA", "oct"],
        crv in prop_oneof!["Ed25519", "P-256", "P-521", "P-384"],
        alg in prop_oneof!["EdDSA", "ES256", "ES512", "PS256", "RS256"],
        numbers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 4),
        signature in proptest::collection::vec(any::<u8>(), 0..140),
    ) {
        let [x, y, n, e] = [0, 1, 2, 3].map(|at| BASE64_URL_SAFE_NO_PAD.encode(&numbers[at]));
        let key = json!({"kid": "k", "kty": kty, "crv": crv, "alg": alg, "x": x, "y": y, "n": n, "e": e});
        let keys = KeySet::parse(json!({"keys": [key]}).to_string().as_bytes()).unwrap();
        prop_assert!(keys.verify("k", &alg, b"text", &signature).is_err());
    }

    #[test]
    fn whatever_the_header_says_it_passes_only_as_a_jwt_of_that_key(name in "alg|kid|typ|crit|[a-z]{1,6}", value in any_json()) {
        let mut header = header();
        header[&name] = value.clone();
        let is_plain = match name.as_str() {
            "alg" => value == "EdDSA",
            "kid" => value == "own",
            "typ" => value.as_str().is_some_and(|typ| ["jwt", "application/jwt"].contains(&typ.to_lowercase().as_str())),
            "crit" => false,
            _ => true,
        };
        prop_assert_eq!(judge(&header, &payload()).is_ok(), is_plain);
    }

    #[test]
    fn whatever_a_claim_says_it_passes_only_with_the_right_ones(
        name in "iss|aud|sub|exp|nbf|iat|[a-z]{4,6}",
        value in any_json(),
    ) {
        let mut payload = payload();
        payload[&name] = value.clone();
        let seconds = value.as_f64();
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact")]
        let now = SECONDS as f64;
        let is_right = match name.as_str() {
            "iss" => value == ISSUER,
            "aud" => value == ISSUER || value == "app"
                || value.as_array().is_some_and(|all| all.iter().any(|one| one == ISSUER || one == "app")),
            "sub" => value.as_str().is_some_and(|id| !id.is_empty()),
            "exp" => seconds.is_some_and(|end| end > now),
            "nbf" => seconds.is_some_and(|begin| begin <= now),
            "iat" => seconds.is_some_and(|issued| issued <= now + 60.0),
            _ => true,
        };
        prop_assert_eq!(judge(&header(), &payload).is_ok(), is_right);
    }

    #[test]
    fn a_claim_that_comes_twice_never_passes(name in "[a-z]{1,6}", first in any_json(), second in any_json()) {
        let text = payload().to_string();
        let text = text.trim_end_matches('}');
        let twice = format!(r#"{text},"{name}":{first},"{name}":{second}}}"#);
        let refused = rules().verify(&sign(&header().to_string(), &twice), &OWN_KEYS, NOW);
        prop_assert!(refused.is_err());
    }

    #[test]
    fn a_token_passes_at_no_instant_after_its_end(end in -1_000_000_000_i64..10_000_000_000, now in any::<i64>()) {
        let mut payload = payload();
        payload["exp"] = json!(end);
        payload["iat"] = json!(end - 900);
        let token = sign(&header().to_string(), &payload.to_string());
        let found = rules().verify(&token, &OWN_KEYS, UnixMillis::new(now));
        let is_between = now.div_euclid(1000) < end && end - 900 <= now.div_euclid(1000).saturating_add(60);
        prop_assert_eq!(found.is_ok(), is_between);
        if let Ok(claims) = found {
            prop_assert!(claims.expires_at() >= UnixMillis::new(now));
            prop_assert_eq!(claims.expires_at().get() + 1, end * 1000);
        }
    }
}
