//! Any token. As it is, it passes only if Better Auth's own key signed it. Two lines are a header and a payload, which a
//! known key signs: what they must say to pass is written here a second time, over values that any JSON reader gives.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sidegate::auth::{JwtRules, KeySet};
use sidegate_fuzz::NOW;

const ISSUER: &str = "https://auth.example.com";
const SECONDS: f64 = 1_768_478_400.0;

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/jwt.json")).expect("it is JSON"));
static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("any 32 bytes are a seed"));
static RULES: LazyLock<JwtRules> =
    LazyLock::new(|| JwtRules::new(ISSUER.to_owned(), vec![ISSUER.to_owned()]).expect("they are complete"));
/// Those of the plugin, and one named `own`.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let mut set = VECTORS["key_sets"]["plugin"]["jwks"].clone();
    let x = BASE64_URL_SAFE_NO_PAD.encode(PAIR.public_key());
    let own = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "own", "x": x});
    set["keys"].as_array_mut().expect("a list").push(own);
    KeySet::parse(set.to_string().as_bytes()).expect("a key set")
});
/// What Better Auth's verifier lets in.
static GENUINE: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let cases = VECTORS["cases"].as_array().expect("a list");
    cases
        .iter()
        .filter(|case| case["better_auth"] == "allow")
        .filter_map(|case| case["token"].as_str())
        .collect()
});

fuzz_target!(|input: &[u8]| {
    if let Some(at) = memchr::memchr(b'\n', input) {
        signed(&input[..at], &input[at + 1..]);
    } else if let Ok(text) = std::str::from_utf8(input) {
        assert!(!passes(text) || GENUINE.contains(text));
    }
    KeySet::parse(input).ok();
});

fn signed(header: &[u8], payload: &[u8]) {
    let passed = passes(&sign(header, payload));
    let read = |json| serde_json::from_slice::<Value>(json).ok().filter(Value::is_object);
    let (Some(header), Some(payload)) = (read(header), read(payload)) else {
        assert!(!passed);
        return;
    };
    let right = is_right(&header, &payload);
    assert!(right || !passed);
    // Written anew, no member comes twice.
    assert_eq!(passes(&sign(header.to_string().as_bytes(), payload.to_string().as_bytes())), right);
}

fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(PAIR.sign(input.as_bytes())))
}

fn passes(token: &str) -> bool {
    RULES.verify(token, &KEYS, NOW).is_ok()
}

fn is_right(header: &Value, payload: &Value) -> bool {
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
    let audience = match &payload["aud"] {
        Value::Array(all) => all.iter().any(|one| one == ISSUER),
        one => one == ISSUER,
    };
    let within = |name: &str, limit: f64| {
        payload.get(name).is_none_or(|time| time.as_f64().is_some_and(|time| time <= limit))
    };
    header["alg"] == "EdDSA"
        && header["kid"] == "own"
        && header.get("crit").is_none()
        && typ.is_none_or(|typ| typ == "jwt" || typ == "application/jwt")
        && payload["iss"] == ISSUER
        && audience
        && payload["sub"].as_str().is_some_and(|id| !id.is_empty())
        && payload["exp"].as_f64().is_some_and(|end| end > SECONDS)
        && within("nbf", SECONDS)
        && within("iat", SECONDS + 60.0)
}
