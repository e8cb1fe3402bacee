//! Settings: one name in three layers, defaults that are written down once, mistakes that tell how to mend them.

use std::collections::BTreeMap;
use std::path::Path;

use sidegate::config::{Config, Environment, SETTINGS, Sources};
use sidegate::serve::Peer;

const SECRET: &str = "sidegate-oracle-secret-0123456789abcdef";

fn environment(extra: &[(&str, &str)]) -> Environment {
    let needed = [("BETTER_AUTH_SECRET", SECRET), ("DATABASE_URL", "sqlite:/nowhere.db")];
    needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn load(
    flags: &[(&'static str, &str)],
    variables: &[(&str, &str)],
    file: &str,
) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sidegate.toml");
    std::fs::write(&path, file).unwrap();
    let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Sources::new(flags, environment(variables), Some(&path))
        .and_then(|sources| Config::load(&sources))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn only_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables: Environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources::new(BTreeMap::new(), variables, None)
        .and_then(|sources| Config::load(&sources))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let file = "cache_ttl = \"1s\"\nnegative_ttl = \"2s\"\nstore_timeout = \"3s\"\n";
    let variables = [("SIDEGATE_CACHE_TTL", "10s"), ("SIDEGATE_NEGATIVE_TTL", "20s")];
    let config = load(&[("cache_ttl", "100s")], &variables, file).unwrap();
    let seconds = [config.ages.session, config.ages.absence, config.store.timeout].map(|age| age.as_secs());
    assert_eq!(seconds, [100, 20, 3]);
}

#[test]
fn the_shipped_file_tells_every_setting_and_its_default() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/sidegate.toml")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| {
        line.split_once(" = ").is_some_and(|(key, _)| SETTINGS.iter().any(|setting| setting.name == key))
    });
    let told: BTreeMap<_, _> = lines.map(|line| line.split_once(" = ").unwrap()).collect();
    for setting in SETTINGS {
        let value = told.get(setting.name).unwrap_or_else(|| panic!("{} is not told", setting.name));
        if let Some(default) = setting.default {
            assert_eq!(value.trim_matches('"'), default, "{}", setting.name);
        }
    }
}

#[test]
fn the_shipped_file_is_valid_with_every_line_uncommented_but_those_that_exclude_each_other() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/sidegate.toml")).unwrap();
    // A file excludes what would be read in its place, and is not there.
    let excluded = [
        "cookie_name",
        "secret_file",
        "previous_secret_file",
        "previous_secret_until",
        "revoke_secret_file",
        "assertion_key_file",
    ];
    let file: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| {
            line.split_once(" = ").is_some_and(|(key, _)| {
                SETTINGS.iter().any(|setting| setting.name == key) && !excluded.contains(&key)
            })
        })
        .collect();
    load(&[], &[], &file.join("\n")).unwrap();
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_likely_one() {
    let error = load(&[], &[], "cache_tll = \"5s\"").unwrap_err();
    assert!(error.contains("cache_tll") && error.contains("did you mean cache_ttl?"), "{error}");
}

#[test]
fn a_secret_in_the_file_is_refused_without_being_quoted() {
    let error = load(&[], &[], "secret = \"hunter2-hunter2-hunter2-hunter2\"").unwrap_err();
    assert!(error.contains("secret_file") && !error.contains("hunter2"), "{error}");
}

#[test]
fn broken_toml_is_told_by_line_without_quoting_it() {
    let error = load(&[], &[], "cache_ttl = \"5s\"\nstore = \"postgres://u:hunter2@h/db\n").unwrap_err();
    assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_mistake_names_the_setting_its_source_what_was_found_and_what_to_write() {
    let error = load(&[], &[("SIDEGATE_CACHE_TTL", "5")], "").unwrap_err();
    for part in ["cache_ttl", "SIDEGATE_CACHE_TTL", "\"5\"", "because: ", "unit", "try: "] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let file = "cache_ttl = \"soon\"\nlisten = \"everywhere\"\nlog_format = \"xml\"\nstore_connections = 0\n";
    let error = load(&[], &[], file).unwrap_err();
    for name in ["cache_ttl", "listen", "log_format", "store_connections"] {
        assert!(error.contains(name), "{name} is missing in: {error}");
    }
}

#[test]
fn values_out_of_their_range_are_refused() {
    for (name, value) in [
        ("cache_ttl", "-1s"),
        ("cache_ttl", "25h"),
        ("store_timeout", "0s"),
        ("header_bytes_max", "8191"),
        ("listen_mode", "1777"),
        ("listen_mode", "rw"),
        ("listen", "fd:2"),
        ("listen", "unix:"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "everyone"),
        ("login_url", "//evil.example"),
        ("login_url", "javascript:alert(1)"),
        ("session_fields", "expires=valid_until"),
        ("session_fields", "expiresAt"),
        ("cookie_prefix", "a b"),
        ("secure_cookies", "maybe"),
        ("log_level", "loud"),
        ("column_case", "kebab"),
    ] {
        let error = load(&[(name, value)], &[], "").expect_err(&format!("{name} = {value} was taken"));
        assert!(error.contains(name) && error.contains("try: "), "{error}");
    }
}

#[test]
fn better_auths_public_default_secret_is_refused() {
    let default = "better-auth-secret-12345678901234567890"; // better-auth 1.7.25, utils/constants
    let error =
        only_environment(&[("BETTER_AUTH_SECRET", default), ("DATABASE_URL", "sqlite:x")]).unwrap_err();
    assert!(error.contains("public default") && !error.contains(default), "{error}");
}

#[test]
fn a_missing_secret_and_a_missing_store_are_told_with_their_variables() {
    let error = only_environment(&[]).unwrap_err();
    assert!(error.contains("BETTER_AUTH_SECRET") && error.contains("DATABASE_URL"), "{error}");
}

#[test]
fn a_short_secret_is_a_warning() {
    let config = only_environment(&[("BETTER_AUTH_SECRET", "short"), ("DATABASE_URL", "sqlite:x")]).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("5 characters")), "{:?}", config.warnings);
}

#[test]
fn the_first_of_better_auths_versioned_secrets_is_taken() {
    let variables = [
        ("BETTER_AUTH_SECRETS", "2: the-newest ,7:an-older"),
        ("BETTER_AUTH_SECRET", SECRET),
        ("DATABASE_URL", "sqlite:x"),
    ];
    assert_eq!(only_environment(&variables).unwrap().secrets.current.expose(), "the-newest");
}

#[test]
fn a_secret_file_wins_and_loses_one_line_end() {
    let directory = tempfile::tempdir().unwrap();
    for (content, secret) in
        [("a secret\n", "a secret"), ("a secret\r\n", "a secret"), ("a secret \n\n", "a secret \n")]
    {
        let path = directory.path().join("secret");
        std::fs::write(&path, content).unwrap();
        let config = load(&[("secret_file", path.to_str().unwrap())], &[], "").unwrap();
        assert_eq!(config.secrets.current.expose(), secret);
    }
}

#[test]
fn an_unreadable_secret_file_is_an_error_with_its_path() {
    let error = load(&[("secret_file", "/nowhere/secret")], &[], "").unwrap_err();
    assert!(error.contains("/nowhere/secret") && error.contains("No such file"), "{error}");
}

#[test]
fn both_a_cookie_name_and_a_prefix_are_refused() {
    let error = load(&[("cookie_name", "a"), ("cookie_prefix", "b")], &[], "").unwrap_err();
    assert!(error.contains("--cookie-name") && error.contains("--cookie-prefix"), "{error}");
}

#[test]
fn a_doubled_secure_prefix_is_refused() {
    let error = load(&[("cookie_name", "__Secure-a"), ("secure_cookies", "true")], &[], "").unwrap_err();
    assert!(error.contains("begins with it"), "{error}");
}

/// Expected names come from Better Auth itself: `tests/vectors/settings.json`.
#[test]
fn cookie_names_are_better_auths_for_every_combination_of_its_options() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/settings.json"));
    let vectors: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let mut flags =
            vec![("secure_cookies", if case["secure"].as_bool().unwrap() { "true" } else { "false" })];
        match (case["cookie_name"].as_str(), case["cookie_prefix"].as_str()) {
            // Better Auth ignores the prefix where there is a name.
            (Some(name), _) => flags.push(("cookie_name", name)),
            (None, Some(prefix)) => flags.push(("cookie_prefix", prefix)),
            (None, None) => {}
        }
        let config = load(&flags, &[], "").unwrap();
        assert_eq!(config.cookie_name.as_str(), case["wire_name"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn a_variable_that_is_no_setting_is_a_warning_but_kubernetes_own_are_not() {
    let variables =
        [("SIDEGATE_CACH_TTL", "5s"), ("SIDEGATE_SERVICE_HOST", "10.0.0.1"), ("SIDEGATE_PORT", "tcp://x")];
    let config = load(&[], &variables, "").unwrap();
    let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
    assert!(warning.contains("SIDEGATE_CACH_TTL") && warning.contains("cache_ttl"), "{warning}");
}

#[test]
fn an_idle_timeout_below_nginx_keep_alive_is_a_warning() {
    let config = load(&[("idle_timeout", "60s")], &[], "").unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("idle_timeout")), "{:?}", config.warnings);
}

#[test]
fn maps_may_be_toml_tables_or_one_text() {
    let as_text = load(&[], &[], "session_fields = \"expiresAt=until,userId=owner\"").unwrap();
    let as_table = load(&[], &[], "session_fields = { expiresAt = \"until\", userId = \"owner\" }").unwrap();
    assert_eq!(format!("{:?}", as_text.store.schema), format!("{:?}", as_table.store.schema));
}

#[test]
fn by_default_loopback_and_unix_sockets_are_trusted_and_nobody_else() {
    let peers = load(&[], &[], "").unwrap().trusted_proxies;
    let ip = |text: &str| Peer::Ip(text.parse().unwrap());
    assert!(
        ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
            .iter()
            .all(|address| peers.contain(ip(address)))
    );
    assert!(peers.contain(Peer::Unix));
    assert!(
        !["10.0.0.1", "192.168.0.1", "::2", "::ffff:10.0.0.1"]
            .iter()
            .any(|address| peers.contain(ip(address)))
    );
}

#[test]
fn a_store_url_of_no_store_is_refused_without_being_quoted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for url in ["mongodb://user:hunter2@host/db", "hunter2", "postgres://user:hunter2@host:port/db"] {
        let config = load(&[("store", url)], &[], "").unwrap();
        let error = runtime.block_on(async { config.open_store().unwrap_err().to_string() });
        assert!(error.contains("store") && error.contains("try: ") && !error.contains("hunter2"), "{error}");
    }
}
