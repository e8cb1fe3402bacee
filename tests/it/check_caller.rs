//! `sidegate check --caller` as people run it: which files it reads, what it says, how it ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::commands::{assert_all_in, told};

/// A directory with files, and a program that is run in it without any setting.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = place.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn check(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        command.arg("check").args(arguments).env_clear().current_dir(self.0.path());
        told(&command.output().unwrap())
    }
}

/// A shipped file.
fn shipped(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// nginx/ as its first file says that it is to be laid out.
fn nginx() -> Place {
    let example = shipped("nginx/example.conf");
    let place = Place::new(&[("nginx.conf", &example)]);
    let included = [
        "sidegate.conf",
        "sidegate-server.conf",
        "protect.conf",
        "public.conf",
        "login-redirect.conf",
        "refresh.conf",
    ];
    for name in included {
        std::fs::create_dir_all(place.path("sidegate")).unwrap();
        std::fs::write(place.path("sidegate").join(name), shipped(&format!("nginx/{name}"))).unwrap();
    }
    place
}

const FAILS_OPEN: &str = "resources:\n- \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz\n  \
                          failure_mode_allow: true\n  status_on_error: {code: 503}\n  encode_raw_headers: true\n  \
                          grpc_service: {timeout: 1s}\n";

#[test]
fn without_a_mistake_it_says_ok_and_ends_with_0() {
    let place = nginx();
    assert_eq!(
        place.check(&["--caller", "nginx.conf"]),
        (0, "nginx.conf  ok  nginx configuration, nothing known to be wrong\n".to_owned())
    );
}

#[test]
fn a_mistake_is_told_with_its_line_and_its_fix_and_ends_with_1() {
    let place = Place::new(&[("envoy.yaml", FAILS_OPEN)]);
    let (code, text) = place.check(&["--caller", "envoy.yaml"]);
    assert_eq!(code, 1, "{text}");
    assert_eq!(
        text,
        "envoy.yaml:3  envoy_fails_open  while sidegate is down or its store is, everybody passes, with the identity headers \
         that they wrote themselves\n  try: write failure_mode_allow: false\n"
    );
}

#[test]
fn several_files_are_told_one_after_the_other() {
    let place = nginx();
    std::fs::write(place.path("envoy.yaml"), FAILS_OPEN).unwrap();
    for arguments in [
        ["--caller", "nginx.conf", "envoy.yaml"].as_slice(),
        ["--caller", "nginx.conf", "--caller=envoy.yaml"].as_slice(),
    ] {
        let (code, text) = place.check(arguments);
        assert_eq!(code, 1, "{text}");
        assert!(text.starts_with("nginx.conf  ok  "), "{text}");
        assert_all_in(&text, &["\nenvoy.yaml:3  envoy_fails_open  "]);
    }
}

#[test]
fn a_file_in_which_nothing_asks_sidegate_is_told_so() {
    let place = Place::new(&[("nginx.conf", "events {}\nhttp { server { listen 80; } }\n")]);
    let (code, text) = place.check(&["--caller", "nginx.conf"]);
    assert_eq!(code, 0);
    assert_all_in(&text, &["nothing known to be wrong, and nothing in it asks sidegate"]);
}

#[test]
fn what_cannot_be_read_ends_with_78_when_the_others_are_told() {
    let place = Place::new(&[
        ("envoy.yaml", FAILS_OPEN),
        ("notes.txt", "Nothing of interest.\n"),
        ("broken.conf", "http {\n  listen 80;\n"),
        ("long.conf", &"#".repeat(1024 * 1024 + 1)),
    ]);
    let files = ["--caller", "missing.conf", "notes.txt", "broken.conf", "long.conf", ".", "envoy.yaml"];
    let (code, text) = place.check(&files);
    assert_eq!(code, 78, "{text}");
    assert_all_in(
        &text,
        &[
            "envoy.yaml:3  envoy_fails_open",
            "sidegate: cannot read missing.conf\n  because: No such file",
            "sidegate: cannot tell whose configuration notes.txt is\n  because: it is none of these: nginx configuration,",
            "sidegate: cannot make sense of broken.conf\n  because: broken.conf:1: this block is not closed\n  try: ",
            "sidegate: cannot read long.conf\n  because: it is longer than 1048576 bytes",
            "sidegate: cannot read .\n  because: ",
        ],
    );
}

#[test]
fn without_a_file_it_is_no_command_line() {
    assert_eq!(Place::new(&[]).check(&["--caller"]).0, 2);
}

#[test]
fn settings_of_other_things_need_not_be_right_and_the_names_of_the_headers_count() {
    let place = nginx();
    let arguments = ["--store=nowhere", "--cache-ttl=x", "--caller", "nginx.conf"];
    assert_eq!(place.check(&arguments).0, 0);
    let (code, text) = place.check(&["--header-preset=authelia", "--caller", "nginx.conf"]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["nginx_identity_not_set", "nginx_public_identity", "Remote-User"]);
    assert_eq!(place.check(&["--header-preset=other", "--caller", "nginx.conf"]).0, 78);
}

#[test]
fn nginx_includes_are_found_from_the_directory_of_the_main_file() {
    let bad = "location /x { auth_request /_sidegate; satisfy any; }\n";
    let main = "events {}\nhttp { include conf.d/*.conf; include [a-c]?/x.conf; include none/*; }\n";
    let server = "server { include inner/own.conf; }\n";
    let place = Place::new(&[
        ("etc/nginx.conf", main),
        ("etc/conf.d/one.conf", server),
        ("etc/conf.d/.hidden.conf", "this is not even a"),
        ("etc/conf.d/two.other", "nor is this"),
        ("etc/ax/x.conf", "server { satisfy all; }\n"),
        ("etc/dx/x.conf", "nor this"),
        ("etc/inner/own.conf", bad),
        ("etc/sites-enabled/app", "server {\n include inner/own.conf;\n}\n"),
    ]);
    for file in ["etc/nginx.conf", "etc/sites-enabled/app"] {
        let (code, text) = place.check(&["--caller", file]);
        assert_eq!(code, 1, "{text}");
        assert_all_in(&text, &["etc/inner/own.conf:1  nginx_satisfy_any"]);
    }
    let absolute = place.path("etc/nginx.conf");
    assert_all_in(
        &place.check(&["--caller", absolute.to_str().unwrap()]).1,
        &["/etc/inner/own.conf:1  nginx_satisfy_any"],
    );
}

#[test]
fn caddy_imports_are_found_from_the_directory_of_the_file_that_has_the_line() {
    let place = Place::new(&[
        ("Caddyfile", ":80 {\n\timport sites/*.caddy\n}\n"),
        ("sites/one.caddy", "import deeper/auth\n"),
        ("sites/deeper/auth", "forward_auth localhost:3000 {\n\turi /api/auth/get-session\n}\n"),
    ]);
    let (code, text) = place.check(&["--caller", "Caddyfile"]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["sites/deeper/auth:2  caddy_asks_better_auth"]);
}

#[test]
fn an_include_that_is_not_there_is_told_with_its_line() {
    let place = Place::new(&[("nginx.conf", "events {}\nhttp {\n  include sidegate/sidegate.conf;\n}\n")]);
    let (code, text) = place.check(&["--caller", "nginx.conf"]);
    assert_eq!(code, 78);
    assert_all_in(&text, &["nginx.conf:3: cannot read sidegate/sidegate.conf: there is no such file"]);
}

#[test]
fn what_traefik_writes_into_two_files_is_read_together() {
    let dynamic = include_str!("callers/traefik.yml").replace(
        "trustForwardHeader: false",
        "trustForwardHeader: true\n        authRequestHeaders: [Cookie]",
    );
    let place = Place::new(&[
        ("dynamic.yml", dynamic.as_str()),
        ("traefik.yml", include_str!("callers/traefik-static.yml")),
    ]);
    let (code, text) = place.check(&["--caller", "dynamic.yml"]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["traefik_forwarded_trusted", "traefik_twins_pass", "X-Auth"]);
    let (code, text) = place.check(&["--caller", "dynamic.yml", "traefik.yml"]);
    // The two headers of that file are not all that there are.
    assert_eq!(code, 1, "{text}");
    assert!(!text.contains("traefik_forwarded_trusted") && !text.contains("traefik_twins_pass"), "{text}");
}

#[test]
fn nothing_of_a_file_can_speak_to_the_terminal() {
    let config = "events {}\nhttp { server { location /x { auth_request \"/\u{1b}[31mred\"; } } }\n";
    let (code, text) = Place::new(&[("nginx.conf", config)]).check(&["--caller", "nginx.conf"]);
    assert_eq!(code, 1);
    assert_all_in(&text, &["nginx_question_unanswered", "[31mred"]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn nothing_is_wrong_with_what_config_prints_whatever_the_headers_are_called() {
    for preset in ["sidegate", "oauth2-proxy", "authelia"] {
        let preset = format!("--header-preset={preset}");
        for caller in ["nginx", "traefik", "envoy", "envoy-grpc", "caddy", "haproxy"] {
            let place = Place::new(&[("nginx.conf", &shipped("nginx/example.conf"))]);
            std::fs::create_dir(place.path("sidegate")).unwrap();
            let mut config = Command::new(env!("CARGO_BIN_EXE_sidegate"));
            config.args(["config", caller, &preset, "--output", "sidegate"]).env_clear();
            let (code, printed) = told(&config.current_dir(place.0.path()).output().unwrap());
            assert_eq!(code, 0, "{printed}");
            let files: Vec<_> = match caller {
                "nginx" => vec!["nginx.conf"],
                _ => printed.lines().filter(|path| !path.contains(".lua")).collect(),
            };
            let (code, text) = place.check(&[&[&preset, "--caller"], files.as_slice()].concat());
            assert_eq!(code, 0, "{text}");
            assert_eq!(text.matches("  ok  ").count(), files.len(), "{text}");
        }
    }
}
