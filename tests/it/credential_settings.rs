//! Settings about what a request may carry and about Better Auth itself: what is taken, and how mistakes are told.

use std::path::PathBuf;
use std::time::Duration;

use sidegate::auth::{Bearer, JwtRules, SameOrigin};
use sidegate::clock::{self, UnixMillis};
use sidegate::serve::Mode;
use tempfile::TempDir;

use crate::settings::load;

/// A file with a secret, in a directory of its own.
fn secret_file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("previous");
    std::fs::write(&path, "the-secret-before-this-one-0123456789\n").unwrap();
    (directory, path)
}

fn from_now(by: i64) -> String {
    UnixMillis::new(clock::now().get() + by * 1000).to_string()
}

#[test]
fn nothing_but_the_cookie_is_read_by_default() {
    let config = load(&[], &[], "").unwrap();
    assert_eq!(config.bearer, Bearer::Off);
    assert!(config.jwt.is_none() && config.api_keys.is_none() && config.cookie_cache.is_none());
    assert!(config.previous_secret.is_none() && config.refresh.is_none() && !config.store.bodies);
    assert!(config.refuse_banned);
}

#[test]
fn unsigned_tokens_are_trusted_only_with_a_warning() {
    let config = load(&[("bearer", "true"), ("trust_unsigned_bearer", "true")], &[], "").unwrap();
    assert_eq!(config.bearer, Bearer::Unsigned);
    assert!(config.warnings.iter().any(|warning| warning.contains("trust_unsigned_bearer")));
}

#[test]
fn a_previous_secret_counts_until_its_instant_and_says_so() {
    let (_directory, path) = secret_file();
    let until = from_now(3600);
    let flags = [("previous_secret_file", path.to_str().unwrap()), ("previous_secret_until", &until)];
    let config = load(&flags, &[], "").unwrap();
    assert_eq!(config.previous_secret.unwrap().until.to_string(), until);
    let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
    assert!(warning.contains(&until), "{warning}");
}

#[test]
fn a_previous_secret_that_has_ended_is_a_warning_to_take_it_out() {
    let (_directory, path) = secret_file();
    let until = from_now(-1);
    let flags = [("previous_secret_file", path.to_str().unwrap()), ("previous_secret_until", &until)];
    let config = load(&flags, &[], "").unwrap();
    let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
    assert!(warning.contains("ended") && warning.contains("previous_secret_file"), "{warning}");
}

#[test]
fn a_previous_secret_cannot_stay_for_ever() {
    let (_directory, path) = secret_file();
    let path = path.to_str().unwrap();
    let too_long = from_now(3600 * 24 * 32);
    for until in [None, Some(too_long.as_str()), Some("9999-12-31T00:00:00Z"), Some("soon")] {
        let mut flags = vec![("previous_secret_file", path)];
        flags.extend(until.map(|until| ("previous_secret_until", until)));
        let error = load(&flags, &[], "").expect_err(&format!("{until:?} was taken"));
        assert!(error.contains("previous_secret_until") && error.contains("try: "), "{error}");
    }
}

#[test]
fn an_older_secret_of_better_auths_opens_only_encrypted_caches() {
    let variables = [("BETTER_AUTH_SECRETS", "3:newest-0123456789-0123456789-01234567,2:middle,1:oldest")];
    let config = load(&[], &variables, "").unwrap();
    assert_eq!(config.secrets.current.expose(), "newest-0123456789-0123456789-01234567");
    let older: Vec<_> = config.secrets.older.iter().map(sidegate::secret::Secret::expose).collect();
    // The legacy single secret of the tests' own environment comes last.
    assert_eq!(older[..2], ["middle", "oldest"]);
    assert!(config.previous_secret.is_none());
}

#[test]
fn better_auths_address_gets_its_base_path() {
    for (given, url) in [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/api/auth"),
        ("https://auth.example/", "https://auth.example/api/auth"),
        ("https://app.example/auth/", "https://app.example/auth"),
    ] {
        let config = load(&[("auth_url", given)], &[], "").unwrap();
        assert_eq!(config.auth_url.unwrap().to_string(), url);
    }
}

#[test]
fn better_auths_address_is_the_store_where_that_speaks_http() {
    let config = load(&[("store", "https://auth.example")], &[], "").unwrap();
    assert_eq!(config.auth_url.unwrap().to_string(), "https://auth.example/api/auth");
}

#[test]
fn issuer_and_audience_are_better_auths_defaults() {
    let flags = [("jwt", "true"), ("auth_url", "https://app.example:8443/auth")];
    let rules = load(&flags, &[], "").unwrap().jwt.unwrap();
    let origin = "https://app.example:8443".to_owned();
    let expected = JwtRules::new(origin.clone(), vec![origin]).unwrap();
    assert_eq!(format!("{rules:?}"), format!("{expected:?}"));
}

#[test]
fn names_of_further_cookies_follow_the_prefix() {
    let flags = [("cookie_cache", "jwt"), ("secure_cookies", "true"), ("cookie_prefix", "app")];
    let cache = load(&flags, &[], "").unwrap().cookie_cache.unwrap();
    assert_eq!(cache.cookie.as_str(), "__Secure-app.session_data");

    // A name of the session cookie's own leaves theirs alone.
    let flags = [("cookie_cache", "compact"), ("cookie_name", "sid"), ("cookie_prefix", "app")];
    let config = load(&flags, &[], "").unwrap();
    assert_eq!(config.cookie_name.as_str(), "sid");
    assert_eq!(config.cookie_cache.unwrap().cookie.as_str(), "app.session_data");

    let flags = [("refresh", "delegate"), ("auth_url", "http://127.0.0.1:3000"), ("secure_cookies", "true")];
    let refresh = load(&flags, &[], "").unwrap().refresh.unwrap();
    assert_eq!(refresh.dont_remember.as_str(), "__Secure-better-auth.dont_remember");
    let days = |days: u64| Duration::from_hours(24 * days);
    assert_eq!((refresh.expires_in, refresh.update_age), (days(7), days(1)));
}

#[test]
fn what_needs_another_setting_says_which() {
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("store", "none")], "cookie_cache"),
        (&[("trust_unsigned_bearer", "true")], "bearer"),
        (&[("previous_secret_until", "2026-12-24T18:00:00Z")], "previous_secret_file"),
        (&[("jwt", "true")], "jwt_issuer"),
        (&[("api_key_header", "x-api-key")], "auth_url"),
        (&[("refresh", "delegate")], "auth_url"),
        (&[("api_key_header", "cookie"), ("auth_url", "http://127.0.0.1:3000")], "x-api-key"),
        (&[("cookie_cache_name", "__Secure-a"), ("secure_cookies", "true")], "cookie_cache_name"),
        (&[("auth_url", "http://127.0.0.1:3000/?x=1")], "auth_url"),
    ];
    for (flags, needed) in cases {
        let error = load(flags, &[], "").expect_err(&format!("{flags:?} was taken"));
        assert!(error.contains(flags[0].0) && error.contains(needed) && error.contains("try: "), "{error}");
    }
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for (name, value) in [
        ("cookie_cache", "cbor"),
        ("refresh", "on"),
        ("time_zone", "Middle/Earth"),
        ("auth_url", "app.example"),
        ("auth_url", "ftp://app.example"),
        ("api_key_header", "x api key"),
        ("api_key_ttl", "-1s"),
        ("session_expires_in", "0s"),
        ("session_expires_in", "7 fortnights"),
    ] {
        let error = load(&[(name, value)], &[], "").expect_err(&format!("{name} = {value} was taken"));
        assert!(error.contains(name) && error.contains("try: "), "{error}");
    }
}

#[test]
fn an_address_with_a_password_is_refused_without_quoting_it() {
    let error = load(&[("auth_url", "http://user:hunter2@app.example")], &[], "").unwrap_err();
    assert!(error.contains("auth_url") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_cookie_may_come_from_anywhere_and_decisions_are_kept_to_by_default() {
    let config = load(&[], &[], "").unwrap();
    assert!(config.same_origin.is_none());
    assert_eq!(config.mode, Mode::Enforce);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn origins_are_asked_for_once_there_are_some_and_with_the_sites_that_are_set() {
    let origins = ("allowed_origins", "https://app.example.com, http://localhost:3000");
    let of = |origins: &str, sites: &str| SameOrigin::new(origins.parse().unwrap(), sites.parse().unwrap());

    let config = load(&[origins], &[], "").unwrap();
    assert_eq!(config.same_origin, Some(of(origins.1, "same-origin,none")));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);

    for sites in ["same-site", ""] {
        let config = load(&[origins, ("allowed_fetch_sites", sites)], &[], "").unwrap();
        assert_eq!(config.same_origin, Some(of(origins.1, sites)));
    }
}

#[test]
fn a_list_that_may_have_been_meant_is_never_taken_for_none() {
    for (setting, value) in [
        ("allowed_origins", ","),
        ("allowed_origins", "app.example.com"),
        ("allowed_origins", "https://app.example.com/"),
        ("allowed_fetch_sites", "cross-site"),
        ("mode", "off"),
        ("mode", "Shadow"),
        ("mode", ""),
    ] {
        let error = load(&[(setting, value)], &[], "").expect_err(&format!("{setting} = {value} was taken"));
        assert!(error.contains(setting) && error.contains("try: "), "{error}");
    }
}

#[test]
fn what_is_legal_and_hardly_meant_is_a_warning() {
    for (flags, word) in [
        (&[("mode", "shadow")][..], "NOTHING IS ENFORCED"),
        (&[("allowed_origins", "http://app.example.com")], "http://"),
        (&[("allowed_fetch_sites", "same-site")], "allowed_fetch_sites"),
    ] {
        let config = load(flags, &[], "").unwrap();
        let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
        assert!(warning.contains(word), "{warning}");
    }
}
