//! Any content under a genuine signature, and any cookie: what opens is of the one token, still fresh, and tells the
//! same when it is written into a cookie again. The first byte of an input says what the others are: `j` the claims of a
//! signed JWT, `c` the payload of a signed compact cookie, anything else Cookie lines.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use sidegate::auth::{CookieName, SigningKey, Snapshot, SnapshotRules, Strategy, VerifiedToken};
use sidegate::secret::Secret;
use sidegate_fuzz::{NOW, SECRET, cookies};

const TOKEN: &str = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo";
const NAME: &str = "better-auth.session_data";

static KEY: LazyLock<Secret> = LazyLock::new(|| Secret::new(SECRET.to_owned()));
static TOKEN_OF_COOKIE: LazyLock<VerifiedToken> = LazyLock::new(|| {
    let key = SigningKey::new(&KEY);
    key.verify(key.sign(TOKEN).into()).expect("the key signed it")
});
static RULES: LazyLock<[SnapshotRules; 4]> = LazyLock::new(|| {
    [Strategy::Jwt, Strategy::Compact, Strategy::Jwe, Strategy::Jwks].map(|strategy| {
        SnapshotRules::new(CookieName::new(NAME).expect("it is one"), strategy, "1", &KEY, &[], None)
    })
});

fn signature(text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(text);
    BASE64.encode(mac.finalize().into_bytes())
}

fn cookie(value: &str) -> HeaderMap {
    cookies([format!("{NAME}={value}").as_bytes()].into_iter())
}

/// The cookie of a JWT with these claims, signed by HS256.
fn jwt(claims: &[u8]) -> HeaderMap {
    let input = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256"}"#), BASE64.encode(claims));
    cookie(&format!("{input}.{}", signature(input.as_bytes())))
}

/// The compact cookie of this payload, signed as it stands.
fn compact(payload: &[u8]) -> HeaderMap {
    let expires_at = format!(r#","expiresAt":{}"#, NOW.get());
    let open = payload.strip_suffix(b"}").unwrap_or(payload);
    let signature = signature(&[open, expires_at.as_bytes(), b"}"].concat());
    let end = format!(r#"{expires_at},"signature":"{signature}"}}"#);
    cookie(&BASE64.encode([br#"{"session":"#, payload, end.as_bytes()].concat()))
}

fn open(rules: &SnapshotRules, headers: &HeaderMap) -> Option<Snapshot> {
    rules.open(headers, &TOKEN_OF_COOKIE, None, NOW).ok()
}

fn check(snapshot: &Snapshot) {
    assert!(snapshot.expires_at >= NOW && snapshot.fresh_until >= NOW);
    assert_eq!(snapshot.session["token"], TOKEN);
    assert!(snapshot.user["id"].is_string() && snapshot.session["userId"].is_string());

    let body = snapshot.body();
    let more = r#","updatedAt":1,"version":"1"}"#;
    let again = format!("{}{more}", body.strip_suffix('}').expect("it is an object"));
    let [by_jwt, by_compact, ..] = &*RULES;
    assert_eq!(open(by_jwt, &jwt(again.as_bytes())).map(|again| again.body()), Some(body.clone()));
    assert_eq!(open(by_compact, &compact(again.as_bytes())).map(|again| again.body()), Some(body));
}

fuzz_target!(|input: &[u8]| {
    let headers = match input.split_first() {
        Some((b'j', claims)) => jwt(claims),
        Some((b'c', payload)) => compact(payload),
        _ => cookies(input.split(|byte| *byte == b'\n')),
    };
    for snapshot in RULES.iter().filter_map(|rules| open(rules, &headers)) {
        check(&snapshot);
    }
});
