//! Every token that was put to Better Auth's jwt plugin and to `jose`: sidegate lets in none that either refuses, and
//! refuses none that both let in, but for the cases named here.
//!
//! `tests/better-auth/mint.mjs` writes the vectors; nothing in them comes from sidegate. Those of the RFCs are theirs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sidegate::auth::{Claims, DEFAULT_GRACE, JwsError, JwtRefusal, JwtRules, KeyError, KeyRow, KeySet};
use sidegate::clock::UnixMillis;

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/jwt.json"));
    serde_json::from_str(text).unwrap()
});

/// What sidegate refuses although `jose` and the plugin let it in, and why.
const STRICTER: &[(&str, &[&str])] = &[
    (
        "`typ` says that the token is for something else, or is no text",
        &[
            "header-typ-at+jwt",
            "header-typ-application/at+jwt",
            "header-typ-better-auth.session-cache+jwt",
            "header-typ-JOSE",
            "header-typ-JWS",
            "header-typ-JWT ",
            "header-typ-empty",
            "header-typ-number",
            "header-typ-null",
            "header-typ-list",
            "other-session-cache-its-audience",
        ],
    ),
    ("no extension is understood, not even one that is switched off", &["header-crit-b64"]),
    (
        "a member comes twice: which one counts is anybody's guess",
        &[
            "header-alg-twice-last-good",
            "header-kid-twice-last-good",
            "claims-exp-twice-last-future",
            "claims-sub-twice",
            "claims-user-member-twice",
        ],
    ),
    ("a token without an end", &["claims-no-exp"]),
    ("an end that JavaScript makes infinity of", &["claims-exp-infinite"]),
    (
        "issued by a clock that is more than a minute ahead",
        &["plugin-payload-iat-far-ahead", "claims-iat-far-ahead"],
    ),
    ("a subject that is no text", &["claims-sub-number", "claims-sub-list"]),
    ("half a surrogate pair is no text outside JavaScript", &["claims-surrogate"]),
    ("a byte order mark is not JSON", &["header-bom", "claims-bom"]),
    ("nested deeper than anything that describes a user", &["claims-too-deep"]),
    ("longer than 16 KiB", &["claims-over-16-kib"]),
    (
        "base64url has one spelling: no padding, no spaces, no loose bits",
        &[
            "spelling-space-after",
            "spelling-newline-after",
            "spelling-space-in-signature",
            "spelling-padded-signature",
            "spelling-loose-signature",
            "spelling-padded-header",
            "spelling-loose-header",
            "spelling-padded-payload",
            "spelling-loose-payload",
            "spelling-spaced-payload",
        ],
    ),
    ("an algorithm that Better Auth's plugin does not offer", &["foreign-P-384", "foreign-RS384"]),
    ("an RSA key that fits two algorithms and names none", &["foreign-RS256-no-alg"]),
];

fn now() -> UnixMillis {
    UnixMillis::new(VECTORS["now"].as_i64().unwrap())
}

fn cases() -> &'static [Value] {
    VECTORS["cases"].as_array().unwrap()
}

fn case(name: &str) -> &'static Value {
    cases().iter().find(|case| case["name"] == name).unwrap()
}

fn token(name: &str) -> &'static str {
    case(name)["token"].as_str().unwrap()
}

/// The key sets that a case can be judged by: as the plugin stores its keys, and as it publishes them.
fn key_sets(name: &Value) -> Vec<KeySet> {
    let set = &VECTORS["key_sets"][name.as_str().unwrap()];
    let published = KeySet::parse(set["jwks"].to_string().as_bytes()).unwrap();
    let stored = set.get("rows").map(|rows| {
        KeySet::from_rows(rows.as_array().unwrap().iter().map(row), DEFAULT_GRACE, now()).unwrap()
    });
    stored.into_iter().chain([published]).collect()
}

fn row(row: &Value) -> KeyRow {
    let text = |column: &str| row[column].as_str().map(str::to_owned);
    KeyRow {
        kid: text("kid").unwrap(),
        public_key: text("public_key").unwrap(),
        algorithm: text("algorithm"),
        expires_at: row["expires_at"].as_i64().map(UnixMillis::new),
    }
}

fn plugin_keys() -> KeySet {
    key_sets(&json!("plugin")).remove(0)
}

fn rules(case: &Value) -> JwtRules {
    let own = &VECTORS["issuer"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let issuer = text(case.get("issuer").unwrap_or(own));
    let audiences = case.get("audiences").map_or_else(
        || vec![text(own)],
        |audiences| audiences.as_array().unwrap().iter().map(text).collect(),
    );
    JwtRules::new(issuer, audiences).unwrap()
}

/// What the plugin's verifier made of a token that it let in.
fn payload(case: &Value) -> Value {
    serde_json::from_str(case["payload"].as_str().unwrap()).unwrap()
}

fn verify(name: &str, now: UnixMillis) -> Result<Claims, JwtRefusal> {
    rules(case(name)).verify(token(name), &plugin_keys(), now)
}

/// Whether all who were asked let it in.
fn is_allowed(case: &Value) -> bool {
    let asked = [case.get("better_auth"), case.get("jose")];
    asked.into_iter().flatten().all(|verdict| match verdict.as_str().unwrap() {
        "allow" => true,
        "deny" => false,
        other => panic!("no such verdict: {other}"),
    })
}

fn stricter() -> impl Iterator<Item = &'static str> {
    STRICTER.iter().flat_map(|(_, names)| *names).copied()
}

#[test]
fn every_token_is_judged_as_better_auth_and_jose_judged_it() {
    let stricter: BTreeSet<_> = stricter().collect();
    let mut wrong = Vec::new();
    let mut allowed = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        for keys in key_sets(&case["keys"]) {
            let found = rules(case).verify(case["token"].as_str().unwrap(), &keys, now());
            let expected = is_allowed(case) && !stricter.contains(name);
            allowed += usize::from(found.is_ok());
            if found.is_ok() != expected {
                wrong.push(format!("{name}: {:?}, they: {}", found.map(drop), is_allowed(case)));
            }
        }
    }

    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(allowed > 80, "{allowed} were let in");
}

#[test]
fn what_is_refused_beyond_them_is_what_they_let_in() {
    let strangers: Vec<_> = stricter().filter(|name| !is_allowed(case(name))).collect();

    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn the_user_is_what_the_plugin_read_of_the_token_without_the_claims_on_the_token() {
    const ABOUT_THE_TOKEN: [&str; 7] = ["iat", "exp", "nbf", "iss", "aud", "sub", "jti"];
    let mut compared = 0;
    for case in cases().iter().filter(|case| case["keys"] == "plugin") {
        let Ok(claims) = rules(case).verify(case["token"].as_str().unwrap(), &plugin_keys(), now()) else {
            continue;
        };
        let mut user = payload(case).as_object().unwrap().clone();
        user.retain(|name, _| !ABOUT_THE_TOKEN.contains(&name.as_str()));

        let texts = |fields| serde_json::to_string(fields).unwrap();
        assert_eq!(texts(claims.user()), texts(&user), "{}", case["name"]);
        assert_eq!(claims.user_id(), payload(case)["sub"], "{}", case["name"]);
        compared += 1;
    }

    assert!(compared > 40, "{compared} were compared");
}

#[test]
fn a_token_passes_until_the_millisecond_before_the_second_that_it_names() {
    let seconds = payload(case("plugin-EdDSA"))["exp"].as_i64().unwrap();
    let last = UnixMillis::new(seconds * 1000 - 1);

    assert_eq!(verify("plugin-EdDSA", last).unwrap().expires_at(), last);
    assert_eq!(verify("plugin-EdDSA", UnixMillis::new(seconds * 1000)).unwrap_err(), JwtRefusal::Expired);
}

#[test]
fn a_fraction_of_a_second_counts_until_the_next_whole_one() {
    let seconds = payload(case("plugin-expires-fraction"))["exp"].as_f64().unwrap();
    assert!(seconds.fract() > 0.0);
    let last = UnixMillis::new(now().get().div_euclid(1000) * 1000 + 999);

    assert_eq!(verify("plugin-expires-fraction", last).unwrap().expires_at(), last);
    let next = UnixMillis::new(last.get() + 1);
    assert_eq!(verify("plugin-expires-fraction", next).unwrap_err(), JwtRefusal::Expired);
}

#[test]
fn an_end_beyond_all_time_is_none_and_panics_nowhere() {
    for at in [now(), UnixMillis::EPOCH, UnixMillis::new(i64::MIN), UnixMillis::new(i64::MAX - 1000)] {
        let claims = verify("claims-exp-far", at);

        // Before its `iat` it does not count.
        assert_eq!(claims.is_ok(), at >= now(), "{at:?}: {claims:?}");
    }
}

#[test]
fn each_refusal_says_what_it_was_for() {
    for (name, refusal) in [
        ("spelling-two-parts", JwtRefusal::Malformed(JwsError::Parts)),
        ("spelling-four-parts", JwtRefusal::Malformed(JwsError::Parts)),
        ("other-encrypted", JwtRefusal::Malformed(JwsError::Parts)),
        ("header-crit-b64", JwtRefusal::Malformed(JwsError::Critical)),
        ("claims-over-16-kib", JwtRefusal::Malformed(JwsError::TooLong)),
        ("EdDSA-none", JwtRefusal::Algorithm),
        ("RS256-hs256-pem", JwtRefusal::Algorithm),
        ("RS256-claims-PS256", JwtRefusal::Algorithm),
        ("rs256-key-signs-PS256", JwtRefusal::Algorithm),
        ("header-alg-Ed25519", JwtRefusal::Algorithm),
        ("ES512-signature-zeros", JwtRefusal::Signature),
        ("header-kid-of-another", JwtRefusal::Signature),
        ("stranger-jwk-our-kid", JwtRefusal::Signature),
        ("stranger-jwk", JwtRefusal::UnknownKey),
        ("header-kid-unknown", JwtRefusal::UnknownKey),
        ("plugin-key-grace-ended", JwtRefusal::UnknownKey),
        ("header-kid-missing", JwtRefusal::NoKeyId),
        ("header-typ-at+jwt", JwtRefusal::Type),
        ("other-session-cache", JwtRefusal::Type),
        ("plugin-other-issuer", JwtRefusal::Issuer),
        ("plugin-other-audience", JwtRefusal::Audience),
        ("claims-no-sub", JwtRefusal::Subject),
        ("claims-no-exp", JwtRefusal::Times),
        ("plugin-expires-now", JwtRefusal::Expired),
        ("plugin-payload-nbf-future", JwtRefusal::NotYet),
    ] {
        assert_eq!(verify(name, now()).unwrap_err(), refusal, "{name}");
    }
}

#[test]
fn a_token_whose_key_is_not_known_says_which_one_it_is() {
    let none = KeySet::parse(br#"{"keys":[]}"#).unwrap();
    for case in cases().iter().filter(|case| is_allowed(case) && case["keys"] == "plugin") {
        let text = case["token"].as_str().unwrap();
        if rules(case).verify(text, &none, now()).err() != Some(JwtRefusal::UnknownKey) {
            continue;
        }

        assert!(plugin_keys().contains(&JwtRules::key_id(text).unwrap()), "{}", case["name"]);
    }
    assert_eq!(JwtRules::key_id(token("header-kid-unknown")).as_deref(), Some("nobody"));
    assert_eq!(JwtRules::key_id(token("header-kid-missing")), None);
    assert_eq!(JwtRules::key_id(token("claims-over-16-kib")), None);
}

#[test]
fn a_refusal_tells_nothing_of_the_token() {
    for case in cases() {
        let text = case["token"].as_str().unwrap();
        let Err(refusal) = rules(case).verify(text, &plugin_keys(), now()) else { continue };

        let told = format!("{refusal} {refusal:?}");
        assert!(text.split('.').all(|part| part.len() < 10 || !told.contains(part)), "{told}");
    }
}

#[test]
fn rules_without_an_issuer_or_an_audience_are_none() {
    let new = |issuer: &str, audiences: &[&str]| {
        JwtRules::new(issuer.to_owned(), audiences.iter().map(|&name| name.to_owned()).collect())
    };

    assert!(new("https://a.example", &["https://a.example"]).is_ok());
    assert!(new("", &["https://a.example"]).is_err());
    assert!(new("https://a.example", &[]).is_err());
    assert!(new("https://a.example", &["app", ""]).is_err());
}

/// RFC 7515 A.2 to A.4 and RFC 8037 A.4: a public key, what was signed, and the signature.
const RFC: [(&str, &str, &str); 4] = [
    (
        r#"{"kty":"RSA","kid":"k","alg":"RS256","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        r#"{"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        r#"{"kty":"EC","kid":"k","alg":"ES512","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    ),
    (
        r#"{"kty":"OKP","kid":"k","alg":"EdDSA","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
];

#[test]
fn the_examples_of_the_rfcs_verify_and_their_alterations_do_not() {
    use base64::Engine as _;
    for (jwk, input, signature) in RFC {
        let keys = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap();
        let algorithm = serde_json::from_str::<Value>(jwk).unwrap()["alg"].as_str().unwrap().to_owned();
        let signature = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let check = |text: &[u8], signature: &[u8]| keys.verify("k", &algorithm, text, signature);

        assert_eq!(check(input.as_bytes(), &signature), Ok(()), "{algorithm}");
        for at in 0..signature.len() {
            let mut altered = signature.clone();
            altered[at] ^= 1;
            assert_eq!(check(input.as_bytes(), &altered), Err(KeyError::Signature), "{algorithm}, {at}");
        }
        for at in 0..input.len() {
            let mut altered = input.as_bytes().to_vec();
            altered[at] ^= 1;
            assert_eq!(check(&altered, &signature), Err(KeyError::Signature), "{algorithm}, {at}");
        }
        for other in ["none", "HS256", "RS384", "Ed25519", ""] {
            assert_eq!(keys.verify("k", other, input.as_bytes(), &signature), Err(KeyError::Algorithm));
        }
    }
}
