//! Settings read again: what is found to be new, what of it can count at once, and what is not believed yet.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sidegate::config::{Config, Counts, Environment, Look, SETTINGS, Sources, Watch};
use tempfile::TempDir;

use crate::assertion_keys::pem;

const SECRET: &str = "sidegate-oracle-secret-0123456789abcdef";

/// Turns on what other settings are about.
const BASE: &[(&str, &str)] = &[
    ("auth_url", "https://auth.example.com"),
    ("login_url", "/login"),
    ("bearer", "true"),
    ("jwt", "true"),
    ("api_key_header", "x-api-key"),
    ("allowed_origins", "https://app.example.com"),
    ("cookie_cache", "compact"),
    ("refresh", "delegate"),
    ("assertion_audience", "my-api"),
    ("previous_secret_until", "2026-01-01T00:00:00Z"),
];

/// For each setting another value than its own; `@name` is a file of that name, of which there are several.
const OTHER: &[(&str, &str)] = &[
    ("listen", "127.0.0.1:1"),
    ("listen_mode", "0600"),
    ("admin_listen", "127.0.0.1:2"),
    ("store", "postgres://somebody@elsewhere.example/app"),
    ("fallback_store", "postgres://fallback.example/app"),
    ("redis_key_prefix", "other:"),
    ("auth_url", "https://other.example.com"),
    ("secret_file", "@longer"),
    ("previous_secret_file", "@longer"),
    ("previous_secret_until", "2026-02-02T00:00:00Z"),
    ("cookie_name", "own_name"),
    ("cookie_prefix", "other"),
    ("secure_cookies", "true"),
    ("refuse_banned", "false"),
    ("bearer", "false"),
    ("trust_unsigned_bearer", "true"),
    ("jwt", "false"),
    ("jwks_url", "https://keys.example.com/jwks"),
    ("jwt_issuer", "https://issuer.example.com"),
    ("jwt_audience", "https://audience.example.com"),
    ("jwks_ttl", "7m"),
    ("api_key_header", "x-other-key"),
    ("api_key_ttl", "7s"),
    ("cookie_cache", "jwe"),
    ("cookie_cache_version", "2"),
    ("cookie_cache_name", "own_data"),
    ("get_session", "true"),
    ("refresh", "off"),
    ("session_expires_in", "100h"),
    ("session_update_age", "10h"),
    ("relay_set_cookie", "true"),
    ("cache_ttl", "7s"),
    ("cache_capacity", "77"),
    ("negative_ttl", "7s"),
    ("store_timeout", "700ms"),
    ("store_connect_timeout", "7s"),
    ("store_connections", "7"),
    ("store_queue", "77"),
    ("stale_if_error", "7s"),
    ("stale_methods", "GET"),
    ("revocation", "off"),
    ("revocation_poll", "70ms"),
    ("revoke_secret_file", "@longer"),
    ("revocation_redis", "redis://relay.example.com"),
    ("trusted_proxies", "10.0.0.0/8"),
    ("login_url", "/sign-in"),
    ("return_to_param", "back"),
    ("allowed_return_hosts", "app.example.com"),
    ("header_preset", "authelia"),
    ("header_names", "user_id=X-Own"),
    ("preflight", "pass"),
    ("allowed_origins", "https://other.example.com"),
    ("allowed_fetch_sites", "same-site"),
    ("mode", "shadow"),
    ("assertion_audience", "other-api"),
    ("assertion_issuer", "https://issuer.example.com"),
    ("assertion_key_file", "@key"),
    ("assertion_algorithm", "ES256"),
    ("assertion_bind", "host"),
    ("assertion_jwks_file", "/run/sidegate/jwks.json"),
    ("session_table", "sessions"),
    ("user_table", "users"),
    ("column_case", "snake"),
    ("session_fields", "expiresAt=until"),
    ("user_fields", "email=mail"),
    ("session_additional_fields", "device:string"),
    ("user_additional_fields", "plan:string"),
    ("member_table", "members"),
    ("jwks_table", "keys"),
    ("time_zone", "America/New_York"),
    ("connections_max", "77"),
    ("header_bytes_max", "8192"),
    ("headers_max", "77"),
    ("header_read_timeout", "7s"),
    ("idle_timeout", "77s"),
    ("drain_timeout", "7s"),
    ("reload_interval", "7s"),
    ("workers", "7"),
    ("log_format", "json"),
    ("log_level", "debug"),
    ("log_denials", "false"),
];

/// A directory with a configuration file and secrets.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write("previous", "the-secret-before-0123456789abcdef01");
        files.write("longer", "a-longer-secret-than-any-other-of-them-0123456789abcdef");
        files.write("key", pem("ed25519"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes the configuration file with these settings.
    fn configure<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let lines = settings.into_iter().map(|(name, value)| {
            let path = value.strip_prefix('@').map(|file| self.path(file).display().to_string());
            format!("{name} = {:?}\n", path.unwrap_or_else(|| value.to_owned()))
        });
        self.write("sidegate.toml", &lines.collect::<String>());
    }

    fn sources(&self) -> Sources {
        sources(&self.path("sidegate.toml"))
    }
}

fn sources(path: &Path) -> Sources {
    let variables = [("BETTER_AUTH_SECRET", SECRET), ("DATABASE_URL", "postgres://db.example/app")];
    let environment: Environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources::new(BTreeMap::new(), environment, Some(path)).unwrap()
}

/// Everything that these sources say, but for the text of secrets.
fn meaning(sources: &Sources) -> String {
    format!("{:#?}", Config::load(sources).unwrap())
}

#[test]
fn each_setting_counts_at_once_or_waits_for_the_start_as_the_table_says() {
    let files = Files::new();
    for setting in SETTINGS {
        let (name, other) = OTHER.iter().find(|(name, _)| *name == setting.name).unwrap_or_else(|| {
            panic!("{}: decide when it counts, and give another value of it", setting.name)
        });
        let base = BASE.iter().copied().chain([("previous_secret_file", "@previous")]);
        let others = base.clone().filter(|(base, _)| base != name).chain([(*name, *other)]);
        files.configure(base);
        let before = files.sources();
        files.configure(others);
        let after = files.sources();

        let counted = meaning(&after.as_started(&before));

        assert_ne!(meaning(&after), meaning(&before), "{name}: this value makes no difference");
        match setting.counts {
            Counts::AtOnce => assert_eq!(counted, meaning(&after), "{name}"),
            Counts::AtStart => assert_eq!(counted, meaning(&before), "{name}"),
        }
        let changed = after.changes(&after.contents(), &before, &before.contents());
        assert_eq!(changed, [*name]);
        assert_eq!(Config::load(&after).unwrap().waits_for_start(name), setting.counts == Counts::AtStart);
    }
}

#[test]
fn the_shipped_file_lists_the_settings_that_wait_for_the_next_start() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/sidegate.toml")).unwrap();
    let list = text.lines().skip_while(|line| !line.contains("at its next start alone")).skip(1);
    let list: String = list.map_while(|line| line.strip_prefix("#   ")).collect::<Vec<_>>().join(" ");
    let told: Vec<_> = list.split([',', ' ']).filter(|word| !word.is_empty()).collect();

    let waiting = SETTINGS.iter().filter(|setting| setting.counts == Counts::AtStart);

    assert_eq!(told, waiting.map(|setting| setting.name).collect::<Vec<_>>());
}

#[test]
fn a_secret_whose_file_was_swapped_by_a_link_above_it_is_found_to_be_new() {
    let files = Files::new();
    // As kubelet does it: pkg/volume/util/atomic_writer.go.
    for (generation, secret) in [("..1", SECRET), ("..2", "the-next-secret-0123456789abcdef0123")] {
        fs::create_dir(files.path(generation)).unwrap();
        files.write(&format!("{generation}/secret"), secret);
    }
    symlink("..1", files.path("..data")).unwrap();
    symlink("..data/secret", files.path("secret")).unwrap();
    files.configure([("secret_file", "@secret")]);
    let before = files.sources();
    let held = before.contents();
    let (same, _) = before.again();

    symlink("..2", files.path("..data_tmp")).unwrap();
    fs::rename(files.path("..data_tmp"), files.path("..data")).unwrap();
    let (contents, after) = before.again();

    assert!(same == held);
    assert!(contents != same);
    assert_eq!(after.unwrap().changes(&contents, &before, &same), ["secret_file"]);
}

#[test]
fn each_of_the_files_that_one_setting_names_is_looked_at() {
    let files = Files::new();
    files.write("next", pem("p256"));
    let both = ["key", "next"].map(|name| files.path(name).display().to_string()).join(", ");
    files.configure([("assertion_audience", "my-api"), ("assertion_key_file", both.as_str())]);
    let before = files.sources();
    let held = before.contents();

    files.write("next", pem("p256 from SEC 1"));
    let (contents, after) = before.again();

    assert_eq!(after.unwrap().changes(&contents, &before, &held), ["assertion_key_file"]);
}

#[test]
fn a_file_that_only_the_new_configuration_names_is_looked_at_too() {
    let files = Files::new();
    files.configure([]);
    let before = files.sources();
    files.configure([("secret_file", "@missing")]);
    let (without, _) = before.again();

    files.write("missing", SECRET);
    let (with, _) = before.again();

    assert!(with != without);
}

#[test]
fn a_configuration_from_a_pipe_is_read_once_and_stays_what_it_was() {
    let files = Files::new();
    let pipe = files.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    files.configure([("cache_ttl", "7s")]);
    let text = fs::read_to_string(files.path("sidegate.toml")).unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, text)
    });
    let before = sources(&pipe);
    writer.join().unwrap().unwrap();

    let (contents, after) = before.again();

    assert!(contents == before.contents());
    assert_eq!(meaning(&after.unwrap()), meaning(&before));
}

#[test]
fn a_secret_from_a_pipe_stops_a_reload_rather_than_waiting_for_a_writer() {
    let files = Files::new();
    assert!(Command::new("mkfifo").arg(files.path("pipe")).status().unwrap().success());
    files.configure([("secret_file", "@pipe")]);

    let errors = files.sources().check_files().unwrap_err();

    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.to_string().contains("secret_file") && error.to_string().contains("read again"), "{error}");
}

/// What the file holds with this text in it.
fn contents_of(files: &Files, text: &str) -> sidegate::config::Contents {
    files.write("sidegate.toml", text);
    sources(&files.path("sidegate.toml")).contents()
}

#[test]
fn what_changes_between_two_looks_is_not_believed() {
    let files = Files::new();
    let [used, half, whole] = ["", "log_level = \"warn\"\n", "log_level = \"warn\"\nworkers = 1\n"]
        .map(|text| contents_of(&files, text));
    let mut watch = Watch::new(used.clone());

    let looks = [&used, &half, &whole, &whole].map(|found| watch.look(found));

    assert_eq!(looks, [Look::Same, Look::Fresh, Look::Fresh, Look::Settled]);
}

#[test]
fn what_comes_and_goes_is_new_each_time() {
    let files = Files::new();
    let [used, other] = ["", "workers = 1\n"].map(|text| contents_of(&files, text));
    let mut watch = Watch::new(used.clone());

    let looks = [&other, &used, &other, &other].map(|found| watch.look(found));

    assert_eq!(looks, [Look::Fresh, Look::Same, Look::Fresh, Look::Settled]);
}

#[test]
fn what_was_refused_is_not_looked_into_again_until_it_changes() {
    let files = Files::new();
    let [used, wrong, right] = ["", "workers = 1\n", "workers = 2\n"].map(|text| contents_of(&files, text));
    let mut watch = Watch::new(used.clone());
    watch.look(&wrong);
    watch.look(&wrong);
    watch.refused(wrong.clone());

    let looks = [&wrong, &wrong, &right, &wrong, &used, &used].map(|found| watch.look(found));

    assert_eq!(looks, [Look::Refused, Look::Refused, Look::Fresh, Look::Refused, Look::Mended, Look::Same]);
}
