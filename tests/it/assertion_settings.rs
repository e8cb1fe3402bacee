//! Settings of assertions: what is taken, and how mistakes are told.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sidegate::assertion::{Algorithm, Binding};
use sidegate::config::{Assertion, AssertionKeys, Config, Environment, Sources};
use tempfile::TempDir;

use crate::assertion_keys::{key, pem};
use crate::settings::load;

const AUDIENCE: (&str, &str) = ("assertion_audience", "my-api");

/// A directory with the keys of these names, each in a file that its owner alone may read, and the value of the setting.
fn files(names: &[&str]) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &&str| {
        let path = directory.path().join(name.replace(' ', "-"));
        std::fs::write(&path, pem(name)).unwrap();
        allow(&path, 0o600);
        path.to_str().unwrap().to_owned()
    };
    let paths: Vec<_> = names.iter().map(path).collect();
    (directory, paths.join(","))
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn with_files(value: &str) -> Result<Config, String> {
    load(&[AUDIENCE, ("assertion_key_file", value)], &[], "")
}

fn assertion(config: &Config) -> &Assertion {
    config.assertion.as_ref().unwrap()
}

fn kids(config: &Config) -> Vec<String> {
    let AssertionKeys::Files(ring) = &assertion(config).keys else { panic!("it is made at the start") };
    ring.keys().map(|key| key.kid().to_owned()).collect()
}

#[test]
fn nothing_is_signed_by_default() {
    let config = load(&[], &[], "").unwrap();

    assert!(config.assertion.is_none());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn an_audience_is_enough_and_the_key_that_is_made_is_a_warning() {
    let config = load(&[AUDIENCE], &[], "").unwrap();

    let Assertion { rules, keys, jwks_file } = assertion(&config);
    assert_eq!((rules.audience.as_str(), rules.issuer.as_str()), ("my-api", "sidegate"));
    assert!(rules.bind.is_empty() && jwks_file.is_none());
    assert!(matches!(keys, AssertionKeys::Generated(Algorithm::EdDsa)));
    let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
    assert!(warning.contains("assertion_key_file") && warning.contains("replicas"), "{warning}");
}

#[test]
fn all_of_them_are_read_from_a_file_with_toml_lists() {
    let (_directory, paths) = files(&["p256", "ed25519"]);
    let paths: Vec<_> = paths.split(',').collect();
    let file = format!(
        "assertion_audience = 'my-api'\nassertion_issuer = 'https://app.example'\nassertion_bind = ['host', 'request']\n\
         assertion_key_file = {paths:?}\nassertion_jwks_file = '/run/sidegate/jwks.json'\n"
    );

    let config = load(&[], &[], &file).unwrap();

    let Assertion { rules, jwks_file, .. } = assertion(&config);
    assert_eq!(
        (rules.issuer.as_str(), &rules.bind),
        ("https://app.example", &vec![Binding::Host, Binding::Request])
    );
    assert_eq!(jwks_file.as_deref(), Some(Path::new("/run/sidegate/jwks.json")));
    assert_eq!(kids(&config), ["p256", "ed25519"].map(|name| key(name).kid().to_owned()), "the first signs");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn the_key_that_is_made_has_the_algorithm_that_is_asked_for() {
    let config = load(&[AUDIENCE, ("assertion_algorithm", "ES256")], &[], "").unwrap();

    assert!(matches!(assertion(&config).keys, AssertionKeys::Generated(Algorithm::Es256)));
}

#[test]
fn a_key_that_everybody_may_read_is_a_warning() {
    let (_directory, path) = files(&["ed25519"]);
    for (mode, warns) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        allow(Path::new(&path), mode);

        let warnings = with_files(&path).unwrap().warnings;

        assert_eq!(warnings.iter().any(|warning| warning.contains(&path)), warns, "{mode:o} {warnings:?}");
    }
}

#[test]
fn a_setting_of_assertions_without_an_audience_is_a_mistake() {
    for (name, value) in [
        ("assertion_issuer", "me"),
        ("assertion_key_file", "/nowhere"),
        ("assertion_algorithm", "ES256"),
        ("assertion_bind", "host"),
        ("assertion_jwks_file", "/nowhere"),
    ] {
        let error = load(&[(name, value)], &[], "").unwrap_err();

        assert!(error.starts_with(&format!("{name} is set, but assertion_audience is not")), "{error}");
    }
}

#[test]
fn what_is_no_value_of_a_setting_is_a_mistake_that_tells_what_is() {
    let long = "a".repeat(257);
    for (name, value, hint) in [
        ("assertion_audience", long.as_str(), "at most 256 bytes"),
        ("assertion_issuer", &long, "at most 256 bytes"),
        ("assertion_algorithm", "RS256", "write EdDSA or ES256"),
        ("assertion_algorithm", "eddsa", "write EdDSA or ES256"),
        ("assertion_bind", "host,path", "write host, request or both"),
        ("assertion_key_file", ",", "write the file whose key signs"),
        ("assertion_key_file", "/a,/b,/c", "write the file whose key signs"),
    ] {
        let flags: Vec<_> =
            [AUDIENCE].into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect();

        let error = load(&flags, &[], "").unwrap_err();

        assert!(error.starts_with(name) && error.contains(hint), "{error}");
    }
}

#[test]
fn a_key_of_a_file_has_an_algorithm_of_its_own() {
    let (_directory, path) = files(&["ed25519"]);
    let flags = [AUDIENCE, ("assertion_key_file", path.as_str()), ("assertion_algorithm", "ES256")];

    let error = load(&flags, &[], "").unwrap_err();

    assert!(error.starts_with("assertion_algorithm and assertion_key_file are both set"), "{error}");
}

#[test]
fn public_keys_are_never_written_over_a_private_one() {
    let (_directory, paths) = files(&["ed25519", "p256"]);
    let (_, second) = paths.split_once(',').unwrap();
    let flags = [AUDIENCE, ("assertion_key_file", paths.as_str()), ("assertion_jwks_file", second)];

    let error = load(&flags, &[], "").unwrap_err();

    assert!(error.starts_with("assertion_jwks_file is") && error.contains("written over"), "{error}");
}

#[test]
fn public_keys_are_written_over_no_file_that_is_read_by_whatever_way_it_is_named() {
    let (directory, key) = files(&["ed25519"]);
    let at = |name: &str| directory.path().join(name).display().to_string();
    let (secret, settings) = (at("secret"), at("sidegate.toml"));
    std::fs::write(&secret, "a-secret-that-is-long-enough-0123456789").unwrap();
    std::fs::write(&settings, "").unwrap();
    std::os::unix::fs::symlink(&key, at("link")).unwrap();
    let name = Path::new(&key).file_name().unwrap().to_str().unwrap();
    for (jwks, read) in [
        (at(&format!("./{name}")), &key),
        (at(&format!("../{}/{name}", directory.path().file_name().unwrap().to_str().unwrap())), &key),
        (key.clone(), &at("link")),
        (secret.clone(), &key),
        (settings.clone(), &key),
    ] {
        let flags = [
            AUDIENCE,
            ("assertion_key_file", read.as_str()),
            ("assertion_jwks_file", jwks.as_str()),
            ("secret_file", secret.as_str()),
        ];
        let flags = flags.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        let sources = Sources::new(flags, Environment::default(), Some(Path::new(&settings))).unwrap();

        let errors = Config::load(&sources).unwrap_err();

        assert!(errors.iter().any(|error| error.to_string().contains("written over")), "{jwks}: {errors:?}");
    }
}

#[test]
fn a_file_that_holds_no_usable_key_is_told_with_what_it_holds_and_never_with_any_of_it() {
    for (name, holds, hint) in [
        ("rsa", "an RSA key", "openssl genpkey -algorithm ed25519"),
        ("p384", "a P-384 key", "openssl genpkey -algorithm ed25519"),
        ("pkcs1", "PKCS#1", "openssl genpkey -algorithm ed25519"),
        ("sec1", "SEC 1", "openssl pkcs8 -topk8 -nocrypt"),
        ("encrypted", "an encrypted key", "openssl pkcs8 -in FILE"),
        ("public", "a public key", "openssl genpkey -algorithm ed25519"),
        ("certificate", "a certificate", "openssl genpkey -algorithm ed25519"),
        ("key and certificate", "more than one PEM block", "openssl genpkey -algorithm ed25519"),
    ] {
        let (_directory, path) = files(&[name]);

        let error = with_files(&path).unwrap_err();

        assert!(error.starts_with(&format!("cannot take {path}, which assertion_key_file names")), "{error}");
        assert!(error.contains(holds) && error.contains(hint), "{error}");
        assert!(
            pem(name).lines().filter(|line| !line.starts_with('-')).all(|line| !error.contains(&line[..8]))
        );
    }
}

#[test]
fn every_file_that_cannot_be_read_is_told() {
    let (directory, good) = files(&["ed25519"]);
    let (missing, huge) = (directory.path().join("missing"), directory.path().join("huge"));
    std::fs::write(&huge, vec![b'-'; 64 * 1024 + 1]).unwrap();

    let error = with_files(&format!("{},{}", missing.display(), huge.display())).unwrap_err();

    assert!(error.contains("missing, which") && error.contains("No such file"), "{error}");
    assert!(error.contains("huge, which") && error.contains("longer than"), "{error}");
    let error = with_files(&format!("{good},{good}")).unwrap_err();
    assert!(error.contains("names a key twice") && error.contains("the same key"), "{error}");
}
