//! Keys of assertions: which files are taken, what they are named, how they sign.
//!
//! The files are OpenSSL's and OpenSSH's, their public halves as the `cryptography` package reads them and their
//! thumbprints as `jose` computes them (`tests/vectors/assertion-keys.json`); the rest is from the RFCs.

use std::collections::HashSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use sidegate::assertion::{Algorithm, Key, KeyRing, MadeKeys, write_jwks};

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/assertion-keys.json"));
    serde_json::from_str(text).unwrap()
});

fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    VECTORS["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| (case["name"].as_str().unwrap(), case["pem"].as_str().unwrap(), case))
}

pub(crate) fn pem(name: &str) -> &'static str {
    cases().find(|(candidate, ..)| *candidate == name).unwrap().1
}

pub(crate) fn key(name: &str) -> Key {
    Key::from_pem(pem(name)).unwrap()
}

/// The Ed25519 key of RFC 8037 A.1, as OpenSSL would write it: RFC 8410 §7 puts the seed after these sixteen bytes.
pub(crate) fn rfc_8037_key() -> Key {
    const BEFORE: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let text = BASE64_STANDARD.encode([&BEFORE[..], &seed].concat());
    Key::from_pem(&format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")).unwrap()
}

#[test]
fn the_key_of_rfc_8037_has_the_public_half_and_the_thumbprint_that_stand_there() {
    let key = rfc_8037_key();

    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "A.3");
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "alg": "EdDSA", "use": "sig",
    });
    assert_eq!(key.jwk(), jwk, "A.2");
}

#[test]
fn the_key_of_rfc_8037_signs_as_it_does_there() {
    let signature = rfc_8037_key().sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();

    assert_eq!(
        BASE64_URL_SAFE_NO_PAD.encode(signature),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        "A.4"
    );
}

#[test]
fn every_file_is_taken_or_refused_by_what_it_holds() {
    let mut taken = 0;
    for (name, pem, case) in cases() {
        let holds = case["holds"].as_str().unwrap();
        match Key::from_pem(pem) {
            Ok(key) => {
                taken += 1;
                assert_eq!(key.algorithm().name(), holds, "{name}");
                assert_eq!(key.kid(), case["thumbprint"].as_str().unwrap(), "{name}");
                let mut jwk = key.jwk();
                for (member, value) in [("kid", key.kid()), ("alg", holds), ("use", "sig")] {
                    assert_eq!(jwk.as_object_mut().unwrap().remove(member), Some(value.into()), "{name}");
                }
                assert_eq!(&jwk, &case["jwk"], "{name}");
            }
            Err(error) => assert!(error.to_string().contains(holds), "{name}: {error}"),
        }
    }
    assert_eq!(taken, 3);
}

#[test]
fn what_is_no_pem_or_was_changed_is_refused() {
    let good = pem("ed25519");
    assert_eq!(Key::from_pem("").unwrap_err().to_string(), "it holds no PEM block");
    assert_eq!(Key::from_pem("hunter2").unwrap_err().to_string(), "it holds no PEM block");
    for damaged in [
        good.replace("MC4C", "M*4C"),
        good.split("-----END").next().unwrap().to_owned(),
        good.replace("MC4CAQ", ""),
        good.replace("BQYDK2VwBCIEI", "BQYDK2VwBCIEJ"),
    ] {
        Key::from_pem(&damaged).unwrap_err();
    }
    // Another public half than the private one's: the last byte of y.
    let other_half = pem("p256").replace("DMcv\n", "DMcw\n");
    assert_ne!(other_half, pem("p256"));
    Key::from_pem(&other_half).unwrap_err();
}

#[test]
fn neither_an_error_nor_a_debug_form_tells_anything_of_a_key() {
    for (name, pem, _) in cases() {
        let secrets: Vec<_> = pem.lines().filter(|line| !line.starts_with("--")).collect();
        let told = match Key::from_pem(pem) {
            Ok(key) => format!("{:?} {:?}", KeyRing::new(key, Vec::new()), Key::from_pem(pem)),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(secrets.iter().all(|line| !told.contains(&line[..8])), "{name}: {told}");
    }
    let key = key("ed25519");
    assert_eq!(format!("{key:?}"), format!("Key(EdDSA {})", key.kid()));
}

#[test]
fn a_p256_key_signs_as_rfc_7518_has_it_which_is_other_than_openssls_own_form() {
    let key = key("p256");
    let jwk = key.jwk();
    let [x, y] = ["x", "y"].map(|name| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap());
    let public = [&[4][..], &x, &y].concat();

    let signature = key.sign(b"message").unwrap();

    assert_eq!(signature.len(), 64, "r and s, 32 bytes each (§3.4)");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public).verify(b"message", &signature).unwrap();
}

#[test]
fn a_key_is_made_once_an_algorithm_and_never_twice_the_same() {
    let made = MadeKeys::default();
    let kid = |keys: &MadeKeys, algorithm| keys.of(algorithm).unwrap().signer().kid().to_owned();

    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        assert_eq!(made.of(algorithm).unwrap().signer().algorithm(), algorithm);
        assert_eq!(kid(&made, algorithm), kid(&made, algorithm), "settings are read anew");
    }
    let others = MadeKeys::default();
    let all = [&made, &others].map(|keys| [Algorithm::EdDsa, Algorithm::Es256].map(|of| kid(keys, of)));
    assert_eq!(all.iter().flatten().collect::<HashSet<_>>().len(), 4);
}

#[test]
fn one_key_in_two_files_is_a_mistake() {
    assert!(KeyRing::new(key("ed25519"), vec![key("ed25519")]).is_err());
    assert!(KeyRing::new(key("ed25519"), vec![key("p256")]).is_ok());
}

// ---- The file of public keys -----------------------------------------------------------------------------------------

fn ring() -> KeyRing {
    KeyRing::new(key("p256"), vec![key("ed25519")]).unwrap()
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_file_holds_all_public_keys_for_everybody_and_nothing_is_left_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    std::fs::write(&path, "the old one").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();

    write_jwks(&path, &ring()).unwrap();

    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written, json!({ "keys": [key("p256").jwk(), key("ed25519").jwk()] }));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(names_in(directory.path()), ["jwks.json"]);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (directory.path().join("jwks.json"), directory.path().join("elsewhere"));
    std::fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, &path).unwrap();

    write_jwks(&path, &ring()).unwrap();

    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "precious");
    assert!(std::fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("jwks.json");
    std::fs::create_dir(&taken).unwrap();

    write_jwks(&taken, &ring()).unwrap_err();
    write_jwks(&directory.path().join("nowhere/jwks.json"), &ring()).unwrap_err();
    write_jwks(Path::new("/"), &ring()).unwrap_err();

    assert_eq!(names_in(directory.path()), ["jwks.json"]);
}
