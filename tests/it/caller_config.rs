//! `sidegate config`: the shipped files, changed where a setting is not at its default.

use std::path::Path;
use std::process::Command;

const CALLERS: [(&str, &[&str]); 6] = [
    (
        "nginx",
        &[
            "nginx/sidegate.conf",
            "nginx/sidegate-server.conf",
            "nginx/protect.conf",
            "nginx/public.conf",
            "nginx/login-redirect.conf",
            "nginx/refresh.conf",
        ],
    ),
    ("traefik", &["deploy/traefik/traefik.yml", "deploy/traefik/dynamic.yml"]),
    ("envoy", &["deploy/envoy/envoy-http.yaml"]),
    ("envoy-grpc", &["deploy/envoy/envoy-grpc.yaml"]),
    ("caddy", &["deploy/caddy/Caddyfile"]),
    ("haproxy", &["deploy/haproxy/haproxy.cfg", "deploy/haproxy/sidegate.lua"]),
];

/// What it ends with and says: no secret and no store is needed.
fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sidegate"))
        .arg("config")
        .args(arguments)
        .env_clear()
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn printed(arguments: &[&str]) -> String {
    let (code, text) = run(arguments);
    assert_eq!(code, 0, "{text}");
    text
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines that are no comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_comment = |line: &str| line.trim_start().starts_with('#') || line.trim_start().starts_with("--");
    text.lines().filter(move |line| !is_comment(line))
}

#[test]
fn with_the_defaults_it_is_what_is_shipped() {
    for (caller, files) in CALLERS {
        let directory = tempfile::tempdir().unwrap();
        printed(&[caller, "--output", directory.path().to_str().unwrap()]);
        for path in files {
            let file = directory.path().join(Path::new(path).file_name().unwrap());
            // Of Traefik's cookies, by name, those that the settings name.
            let shipped = shipped(path);
            let expected: String =
                shipped.split_inclusive('\n').filter(|line| !line.contains("- __Secure-")).collect();
            assert_eq!(std::fs::read_to_string(file).unwrap(), expected, "{path}");
        }
    }
}

#[test]
fn printed_one_file_is_itself_and_several_have_their_names_between_them() {
    assert_eq!(printed(&["caddy"]), shipped("deploy/caddy/Caddyfile"));

    let text = printed(&["haproxy"]);
    assert!(text.starts_with("# ==== haproxy.cfg\n") && text.contains("\n-- ==== sidegate.lua\n"), "{text}");
}

#[test]
fn every_header_has_the_name_that_the_settings_give_it() {
    for (caller, _) in CALLERS {
        let text = printed(&[caller, "--header-preset=authelia", "--header-names=team_id=,session_id=X-Sid"]);
        let text = text.to_lowercase().replace('_', "-");
        for gone in ["x-auth-user-id", "x-auth-user-email-", "x-auth-team-id", "x-auth-session-id"] {
            let left =
                lines(&text).find(|line| line.contains(gone) && !line.contains("x-auth-user-email-verified"));
            assert_eq!(left, None, "{caller}: {gone}");
        }
        for there in ["remote-user", "remote-email", "remote-groups", "x-sid", "x-auth-user-email-verified"] {
            // Removed from what the client sends, and set.
            assert!(lines(&text).filter(|line| line.contains(there)).count() >= 1, "{caller}: {there}");
        }
    }
}

#[test]
fn renaming_a_header_changes_no_line_but_those_about_it() {
    for (caller, _) in CALLERS {
        let (before, after) = (printed(&[caller]), printed(&[caller, "--header-names=user_name=X-Own-Name"]));
        assert_eq!(before.lines().count(), after.lines().count(), "{caller}");
        let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(old, new)| old != new).collect();
        assert!(!changed.is_empty(), "{caller}");
        for (old, new) in changed {
            let renamed = [
                ("X-Auth-User-Name", "X-Own-Name"),
                ("x-auth-user-name", "x-own-name"),
                ("x_auth_user_name", "x_own_name"),
            ]
            .into_iter()
            .fold(old.to_owned(), |line, (old, new)| line.replace(old, new));
            assert_eq!(new, renamed, "{caller}");
        }
    }
}

#[test]
fn the_address_is_where_sidegate_listens() {
    for (caller, _) in CALLERS {
        let text = printed(&[caller, "--listen=0.0.0.0:9999"]);
        assert!(text.contains("127.0.0.1:9999") || text.contains("port_value: 9999"), "{caller}");
        assert!(lines(&text).all(|line| !line.contains("4180")), "{caller}");
    }
    let sockets = [
        ("nginx", "server unix:/run/s.sock;"),
        ("envoy", "{ pipe: { path: \"/run/s.sock\" } }"),
        ("envoy-grpc", "{ pipe: { path: \"/run/s.sock\" } }"),
        ("caddy", "reverse_proxy unix//run/s.sock {"),
        ("haproxy", "server sidegate unix@/run/s.sock"),
    ];
    for (caller, line) in sockets {
        let text = printed(&[caller, "--listen=unix:/run/s.sock"]);
        assert!(text.contains(line), "{caller}: {text}");
    }
    let (code, text) = run(&["traefik", "--listen=unix:/run/s.sock"]);
    assert!(code == 78 && text.contains("traefik cannot ask"), "{text}");
}

#[test]
fn a_proxy_waits_longer_than_sidegate_itself() {
    for (caller, _) in CALLERS.into_iter().filter(|(caller, _)| *caller != "traefik") {
        let waits = |setting: &str, seconds: &str| {
            let text = printed(&[caller, setting]);
            lines(&text).any(|line| line.contains("store_timeout") && line.contains(&format!("{seconds}s")))
        };
        assert!(waits("--store-timeout=500ms", "1") && waits("--store-timeout=501ms", "2"), "{caller}");
        assert!(waits("--store-timeout=5s", "6") && !waits("--store-timeout=5s", "1"), "{caller}");
    }
}

#[test]
fn api_keys_and_cookies_have_the_names_that_the_settings_give_them() {
    // Caddy hands on whatever it is sent.
    for (caller, _) in CALLERS.into_iter().filter(|(caller, _)| *caller != "caddy") {
        let text = printed(&[caller, "--api-key-header=x-own-key", "--auth-url=http://127.0.0.1:3000"])
            .to_lowercase();
        assert!(text.contains("x-own-key") || text.contains("x_own_key"), "{caller}");
    }
    let text = printed(&["traefik", "--cookie-prefix=app", "--secure-cookies"]);
    let cookies: Vec<_> = lines(&text).filter(|line| line.contains(".session_")).map(str::trim).collect();
    assert_eq!(cookies, ["- __Secure-app.session_token"]);
}

#[test]
fn a_file_that_is_there_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("Caddyfile");
    std::fs::write(&file, "mine").unwrap();

    let (code, text) = run(&["caddy", "--output", directory.path().to_str().unwrap()]);

    assert!(code == 1 && text.contains("cannot write"), "{text}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn a_proxy_that_is_not_known_is_answered_with_those_that_are() {
    let (code, text) = run(&["apache"]);

    assert!(code == 78 && text.contains("nginx, traefik, envoy, envoy-grpc, caddy, haproxy"), "{text}");
}
