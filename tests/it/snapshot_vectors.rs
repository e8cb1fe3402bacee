//! Every cookie of the cookie cache that was shown to the real Better Auth while it had no session stored: sidegate must
//! open those that it let pass, and answer the same body.
//!
//! `tests/better-auth/mint.mjs` writes the vectors; nothing in them comes from sidegate.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;
use sidegate::auth::{
    CookieName, PublicKeys, Rules, SigningKey, Snapshot, SnapshotRules, Step, Strategy, Unusable,
};
use sidegate::clock::UnixMillis;
use sidegate::secret::Secret;

use crate::rig;

pub(crate) static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/cookie-cache.json"));
    serde_json::from_str(text).unwrap()
});

/// Where sidegate refuses what Better Auth lets pass: how, why that is right, and the cases.
const DEVIATIONS: &[(Unusable, &str, &[&str])] = &[
    (Unusable::TooLarge, "Better Auth writes no more than 100 parts", &["cch-chunk-101"]),
    (
        Unusable::Json,
        "half of a surrogate pair is no text, and no number is beyond a double: sign-up alone could bring them in",
        &["cch-surrogate", "cch-infinity", "ccj-claims-surrogate"],
    ),
    (
        Unusable::Ambiguous,
        "JavaScript takes the key for a prototype; V8 misreads the longer fractions, and writes late years otherwise",
        &["cch-proto", "cch-date-ten-digits", "cch-date-twelve-digits", "cch-date-year-10000"],
    ),
    (
        Unusable::Header,
        "header parameters that Better Auth never writes",
        &["ccj-crit-b64", "cce-header-iss-same"],
    ),
    (
        Unusable::Field("session.userId"),
        "JavaScript makes a text of everything; no database has such an id",
        &["cch-sess-userId-list", "cch-sess-userId-object", "cch-sess-userId-date"],
    ),
];

/// The keys that Better Auth made when it minted the vectors.
pub(crate) struct Minted;

impl PublicKeys for Minted {
    fn verify(&self, kid: &str, alg: &str, signing_input: &[u8], signature: &[u8]) -> bool {
        let keys = VECTORS["keys"].as_array().unwrap();
        let Some(key) = keys.iter().find(|key| key["kid"] == kid).filter(|_| alg == "EdDSA") else {
            return false;
        };
        let x = BASE64_URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
        UnparsedPublicKey::new(&ED25519, x).verify(signing_input, signature).is_ok()
    }
}

pub(crate) fn case(name: &str) -> &'static Value {
    VECTORS["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
}

pub(crate) fn now() -> UnixMillis {
    UnixMillis::new(VECTORS["now"].as_i64().unwrap())
}

pub(crate) fn headers(case: &Value) -> HeaderMap {
    let lines: Vec<_> = case["cookies"].as_array().unwrap().iter().map(bytes).collect();
    rig::cookie_lines(&lines)
}

/// Each character of a Cookie line in the vectors is one byte.
fn bytes(line: &Value) -> Vec<u8> {
    line.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn name(value: &Value) -> CookieName {
    CookieName::new(value.as_str().unwrap()).unwrap()
}

fn secrets(case: &Value) -> Vec<Secret> {
    let one = [VECTORS["secret"].clone()];
    let texts = case["secrets"].as_array().map_or(&one[..], Vec::as_slice);
    texts.iter().map(|text| Secret::new(text.as_str().unwrap().to_owned())).collect()
}

/// What an operator of that Better Auth would have configured.
pub(crate) fn snapshot_rules(case: &Value) -> SnapshotRules {
    let strategy = match case["strategy"].as_str().unwrap() {
        "compact" => Strategy::Compact,
        "jwt" => Strategy::Jwt,
        "jwe" => Strategy::Jwe,
        "jwks" => Strategy::Jwks,
        other => panic!("no such strategy: {other}"),
    };
    let version = case["version"].as_str().unwrap_or("1");
    let secrets = secrets(case);
    let issuer = VECTORS["issuer"].as_str();
    SnapshotRules::new(name(&case["cookie_name"]), strategy, version, &secrets[0], &secrets[1..], issuer)
}

/// What the cookie cache says of these headers; `None` if they do not prove a token at all.
pub(crate) fn open(case: &Value, headers: &HeaderMap) -> Option<Result<Snapshot, Unusable>> {
    let rules = Rules::new(name(&case["token_cookie_name"]), SigningKey::new(&secrets(case)[0]));
    match rules.begin(&rig::request(headers), rig::NOW) {
        Step::Lookup(pending) => {
            Some(snapshot_rules(case).open(headers, pending.token(), Some(&Minted), now()))
        }
        Step::Done(_) => None,
    }
}

#[test]
fn every_cookie_is_opened_as_better_auth_opened_it() {
    let deviations: BTreeMap<_, _> = deviations().collect();

    let mut wrong = Vec::new();
    for case in VECTORS["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let opened = open(case, &headers(case));
        let body = opened.as_ref().and_then(|opened| opened.as_ref().ok()).map(Snapshot::body);
        let right = match deviations.get(name) {
            None => body.as_deref() == case["body"].as_str(),
            Some(reason) => opened.as_ref().and_then(|opened| opened.as_ref().err()) == Some(reason),
        };
        if !right {
            wrong.push(format!(
                "{name}: {opened:?} {body:?}, Better Auth {} {}",
                case["verdict"], case["body"]
            ));
        }
    }

    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_better_auth_lets_pass_has_a_body_and_nothing_else_has() {
    let wrong: Vec<_> = VECTORS["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| (case["verdict"] == "allow") != case["body"].is_string())
        .collect();

    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_deviation_is_that_of_a_case_that_better_auth_lets_pass() {
    let strangers: Vec<_> = deviations().filter(|(name, _)| case(name)["verdict"] != "allow").collect();

    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn each_reason_is_told_where_it_is_the_reason() {
    let reasons = [
        ("cch-none", Unusable::Absent),
        ("cch-garbage", Unusable::Base64),
        ("cch-exp-string", Unusable::Form),
        ("ccj-four-parts", Unusable::Form),
        ("cce-six-parts", Unusable::Form),
        ("cch-nonjson", Unusable::Json),
        ("ccj-claims-array", Unusable::Json),
        ("ccj-none-signed", Unusable::Header),
        ("cce-gcm-first-half", Unusable::Header),
        ("cce-zip-false", Unusable::Header),
        ("ccjwks-typ-jwt", Unusable::Header),
        ("cce-kid-other", Unusable::UnknownKey),
        ("ccjwks-no-kid", Unusable::UnknownKey),
        ("cch-other-secret", Unusable::Signature),
        ("ccj-truncated-signature", Unusable::Signature),
        ("cce-wrecked-tag", Unusable::Signature),
        ("cce-short-tag", Unusable::Signature),
        ("cce-bad-padding", Unusable::Signature),
        ("cce-long-iv", Unusable::Signature),
        ("cce-ciphertext-cut", Unusable::Signature),
        ("cce-rotated-stranger-no-kid", Unusable::Signature),
        ("ccjwks-other-key", Unusable::Signature),
        ("ccj-nbf-future", Unusable::NotYetValid),
        ("ccj-exp-equal", Unusable::Stale),
        ("cch-exp-minus1", Unusable::Stale),
        ("cce-exp-minus10", Unusable::Stale),
        ("ccj-iat-string", Unusable::Claim("iat")),
        ("ccjwks-iss-slash", Unusable::Claim("iss")),
        ("ccjwks-aud-missing", Unusable::Claim("aud")),
        ("ccjwks-sub-other", Unusable::Claim("sub")),
        ("ccjwks-sid-missing", Unusable::Claim("sid")),
        ("cch-iso-string-name", Unusable::Field("user.name")),
        ("cch-sess-expires-number", Unusable::Field("session.expiresAt")),
        ("cch-no-updatedAt", Unusable::Field("updatedAt")),
        ("cc-compact-other-token", Unusable::OtherSession),
        ("cc-jwe-version", Unusable::OtherVersion),
        ("cc-jwks-session-expired", Unusable::SessionExpired),
    ];

    let told: Vec<_> =
        reasons.map(|(name, _)| (name, open(case(name), &headers(case(name))).unwrap().err())).into();

    assert_eq!(told, reasons.map(|(name, reason)| (name, Some(reason))));
}

#[test]
fn without_public_keys_nothing_that_they_signed_is_opened() {
    let headers = headers(case("ccjwks-ok"));
    let token = rig::token(rig::TOKEN);

    let opened = snapshot_rules(case("ccjwks-ok")).open(&headers, &token, None, now());

    assert_eq!(opened.err(), Some(Unusable::UnknownKey));
}

#[test]
fn where_no_issuer_is_configured_any_may_have_signed() {
    let key = Secret::new(rig::SECRET.to_owned());
    let cookie = name(&case("ccjwks-ok")["cookie_name"]);
    let rules = SnapshotRules::new(cookie, Strategy::Jwks, "1", &key, &[], None);
    let opened = |name| rules.open(&headers(case(name)), &rig::token(rig::TOKEN), Some(&Minted), now()).err();

    assert_eq!(opened("ccjwks-iss-other"), None);
    assert_eq!(opened("ccjwks-iss-missing"), Some(Unusable::Claim("iss")));
}

#[test]
fn a_snapshot_tells_when_it_was_written_and_how_long_it_counts() {
    let of = |name| {
        let snapshot = open(case(name), &headers(case(name))).unwrap().unwrap();
        [snapshot.updated_at, snapshot.fresh_until, snapshot.expires_at].map(|at| at.get() - now().get())
    };
    let week = 7 * 86_400_000;

    // Better Auth wrote them 299 seconds ago, for 300: a JWT counts those from the second before.
    assert_eq!(of("cc-compact-fresh-299s"), [-299_000, 1_000, week]);
    assert_eq!(of("cc-jwt-fresh-299s"), [-299_000, 877, week]);
    assert_eq!(of("cc-jwe-fresh-299s"), [-299_000, 877, week]);
    assert_eq!(of("cc-jwks-fresh-299s"), [-299_000, 877, week]);
    assert_eq!(of("ccj-no-exp"), [-60_000, 0, week]);
}

#[test]
fn the_debug_form_of_a_snapshot_tells_its_times_alone() {
    let snapshot = open(case("cch-ok"), &headers(case("cch-ok"))).unwrap().unwrap();

    let told = format!("{snapshot:?}");

    let at = |at: UnixMillis| format!("{at:?}");
    let times = (at(snapshot.expires_at), at(snapshot.fresh_until));
    assert_eq!(told, format!("Snapshot {{ expires_at: {}, fresh_until: {}, .. }}", times.0, times.1));
}

/// Each deviating case with why sidegate does not open it.
fn deviations() -> impl Iterator<Item = (&'static str, Unusable)> {
    DEVIATIONS.iter().flat_map(|(reason, _, names)| names.iter().map(|name| (*name, *reason)))
}
