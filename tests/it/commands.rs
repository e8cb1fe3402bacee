//! The program as people run it: exit codes, what it says, what it never says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use sidegate::auth::SigningKey;
use sidegate::secret::Secret;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

const SECRET: &str = "sidegate-oracle-secret-0123456789abcdef";
const LIVE: &str = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo";
const EXPIRED: &str = "OiFUeAgJs9BdHc0wLy6TrXp1Nm8Qv3kZ";
const UNKNOWN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A directory with a database in which one session is live and one is over.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        let options = SqliteConnectOptions::new().filename(place.database()).create_if_missing(true);
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut connection = options.connect().await.unwrap();
            let sql = format!(
                r#"create table "user" ("id" text primary key, "name" text, "email" text);
                create table "session" ("id" text primary key, "expiresAt" date, "token" text, "userId" text);
                insert into "user" values ('usr_1', 'Ada Lovelace', 'ada@example.com');
                insert into "session" values ('ses_1', '2999-01-01T00:00:00.000Z', '{LIVE}', 'usr_1');
                insert into "session" values ('ses_2', '2001-01-01T00:00:00.000Z', '{EXPIRED}', 'usr_1');"#
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("app.sqlite")
    }

    pub(crate) fn sidegate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        command
            .args(arguments)
            .env_clear()
            .env("BETTER_AUTH_SECRET", SECRET)
            .env("DATABASE_URL", format!("sqlite:{}", self.database().display()))
            .env("TMPDIR", self.directory.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        told(&self.sidegate(arguments).output().unwrap())
    }

    fn explain(&self, text: &str) -> String {
        let mut child = self
            .sidegate(&["explain"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let (code, text) = told(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{text}");
        text
    }
}

pub(crate) fn told(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn signed(token: &str) -> String {
    SigningKey::new(&Secret::new(SECRET.to_owned())).sign(token)
}

/// The value of a cookie for the live session.
pub(crate) fn live_cookie() -> String {
    signed(LIVE)
}

pub(crate) fn assert_all_in(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn without_a_command_it_says_which_there_are_and_ends_with_2() {
    let (code, text) = Place::new().run(&[]);
    assert_eq!(code, 2);
    assert_all_in(&text, &["serve", "demo", "check", "explain", "health"]);
}

#[test]
fn help_and_version_end_with_0() {
    let place = Place::new();
    assert_eq!(place.run(&["--version"]), (0, format!("sidegate {}\n", env!("CARGO_PKG_VERSION"))));
    let (code, text) = place.run(&["serve", "--help"]);
    assert_eq!(code, 0);
    assert_all_in(&text, &["--cache-ttl", "SIDEGATE_CACHE_TTL", "[default: 5s]"]);
}

#[test]
fn an_unknown_flag_ends_with_2() {
    assert_eq!(Place::new().run(&["serve", "--cache-tll=5s"]).0, 2);
}

#[test]
fn the_secret_is_no_flag() {
    assert_eq!(Place::new().run(&["serve", "--secret=x"]).0, 2);
}

#[test]
fn a_wrong_setting_ends_serve_and_check_with_78_and_a_hint() {
    let place = Place::new();
    for command in ["serve", "check"] {
        let (code, text) = place.run(&[command, "--cache-ttl=5"]);
        assert_eq!(code, 78, "{text}");
        assert_all_in(&text, &["cache_ttl is \"5\", set by --cache-ttl", "because: ", "try: "]);
    }
}

#[test]
fn an_unreadable_configuration_file_ends_with_78() {
    let (code, text) = Place::new().run(&["check", "--config", "/nowhere/sidegate.toml"]);
    assert_eq!(code, 78);
    assert_all_in(&text, &["/nowhere/sidegate.toml", "No such file", "try: "]);
}

#[test]
fn check_says_ok_when_all_is_well() {
    let (code, text) = Place::new().run(&["check"]);
    assert_eq!(code, 0, "{text}");
    assert_all_in(&text, &["settings  ok", "secret    ok", "cookie    ok", "store     ok    SQLite"]);
}

#[test]
fn check_ends_with_1_when_the_store_is_out_of_reach_and_does_not_make_one() {
    let place = Place::new();
    let missing = place.path().join("missing.sqlite");
    let (code, text) = place.run(&["check", &format!("--store=sqlite:{}", missing.display())]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["store     FAIL", "cannot reach the store", "try: "]);
    assert!(!missing.exists());
}

#[test]
fn check_ends_with_1_when_a_table_has_another_name_and_says_which_settings_help() {
    let (code, text) = Place::new().run(&["check", "--session-table=sessions"]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["there is no table sessions", "session_table", "user_fields"]);
}

#[test]
fn explain_tells_each_step_of_an_allow() {
    let text = Place::new().explain(&format!("better-auth.session_token={}", signed(LIVE)));
    assert_all_in(
        &text,
        &["cookie     ok", "signature  ok", "session    ok", "expiry     ok", "decision   200   allow"],
    );
    assert_all_in(&text, &["x-auth-user-id: usr_1", "x-auth-session-id: ses_1"]);
}

#[test]
fn explain_tells_where_a_denial_came_from() {
    let place = Place::new();
    let cookie = |value: &str| format!("better-auth.session_token={value}");
    let forged = signed(LIVE).replacen('Z', "z", 1);
    for (text, parts) in [
        (
            cookie(&signed(EXPIRED)),
            ["expiry     FAIL  over since 2001-01-01T00:00:00.000Z", "decision   401   expired"],
        ),
        (cookie(&signed(UNKNOWN)), ["session    FAIL  SQLite has none", "decision   401   no_session"]),
        (
            cookie(&forged),
            ["signature  FAIL  the signature does not match", "decision   401   bad_signature"],
        ),
        (cookie(LIVE), ["signature  FAIL  the value is not of the form", "decision   401   bad_signature"]),
        (
            "theme=dark".to_owned(),
            ["cookie     FAIL  there is no cookie named", "decision   401   no_credential"],
        ),
    ] {
        assert_all_in(&place.explain(&text), &parts);
    }
}

#[test]
fn explain_points_at_a_cookie_of_another_naming() {
    let text = Place::new().explain(&format!("__Secure-better-auth.session_token={}", signed(LIVE)));
    assert_all_in(&text, &["there is __Secure-better-auth.session_token", "secure_cookies"]);
}

#[test]
fn explain_takes_a_bare_value_a_cookie_line_and_whole_requests() {
    let place = Place::new();
    let value = signed(LIVE);
    let encoded = value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let cookie = format!("Cookie: a=b; better-auth.session_token={encoded}");
    let of_client = format!("GET /api/me?x=1 HTTP/1.1\r\nHost: app.example\r\n{cookie}\r\n\r\n");
    let of_nginx = format!(
        "GET /auth/nginx HTTP/1.1\nX-Original-URL: https://app.example/api/me?x=1\nX-Original-Method: POST\n{cookie}\n"
    );
    for text in [&value, &encoded, &cookie, &of_client, &of_nginx] {
        assert_all_in(&place.explain(text), &["decision   200   allow"]);
    }
    assert_all_in(&place.explain(&of_nginx), &["nginx asks about POST /api/me"]);
}

#[test]
fn explain_tells_why_a_question_of_nginx_is_refused() {
    let text = Place::new().explain("GET /auth/nginx HTTP/1.1\nX-Original-Method: GET\n");
    assert_all_in(&text, &["question   FAIL  x-original-url is missing", "decision   403   missing_header"]);
}

#[test]
fn explain_takes_its_argument_like_its_input() {
    let place = Place::new();
    let (code, text) = place.run(&["explain", &format!("better-auth.session_token={}", signed(LIVE))]);
    assert_eq!(code, 0);
    assert_all_in(&text, &["decision   200   allow"]);
}

#[test]
fn nothing_that_is_explained_holds_the_token_its_signature_or_the_secret() {
    let place = Place::new();
    for token in [LIVE, EXPIRED, UNKNOWN] {
        let value = signed(token);
        let (_, signature) = value.rsplit_once('.').unwrap();
        let request = format!(
            "GET /auth/nginx HTTP/1.1\nX-Original-URL: https://a.example/?t={token}\nX-Original-Method: GET\n\
             Cookie: better-auth.session_token={value}\n"
        );
        for text in
            [&value, &request, &format!("better-auth.session_token={value}x"), &format!("{value};{value}")]
        {
            let told = place.explain(text);
            assert!(![token, signature, SECRET].iter().any(|hidden| told.contains(hidden)), "{told}");
        }
    }
}

#[test]
fn health_ends_with_1_where_nothing_answers() {
    let place = Place::new();
    let socket = place.path().join("admin.sock");
    let (code, text) = place.run(&["health", &format!("--admin-listen=unix:{}", socket.display())]);
    assert_eq!(code, 1);
    assert_all_in(&text, &["is not ready", "because: "]);
}

#[test]
fn health_ends_with_0_where_sidegate_is_ready_and_needs_no_other_setting() {
    let place = Place::new();
    let serving = Serving::start(place.sidegate(&["serve"]), place.path());
    let mut health = Command::new(env!("CARGO_BIN_EXE_sidegate"));
    let health = health.args(["health", &format!("--admin-listen={}", serving.admin)]).env_clear();
    assert_eq!(told(&health.output().unwrap()), (0, "ready\n".to_owned()));
}

#[test]
fn a_taken_address_ends_serve_with_1_and_names_the_setting() {
    let place = Place::new();
    let serving = Serving::start(place.sidegate(&["serve"]), place.path());
    let (code, text) =
        place.run(&["serve", &format!("--listen={}", serving.gate), "--admin-listen=127.0.0.1:0"]);
    assert_eq!(code, 1, "{text}");
    assert_all_in(&text, &["cannot listen on", "listen", "because: ", "try: "]);
}

#[test]
fn the_demo_ends_on_sigint_and_leaves_nothing_behind() {
    let place = Place::new();
    let demo = Serving::start(place.sidegate(&["demo"]), place.path());
    let left = || {
        std::fs::read_dir(place.path())
            .unwrap()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("sidegate-demo-"))
    };
    assert_eq!(left().count(), 1);
    let (code, guide) = demo.end("INT");
    assert_eq!(code, Some(0));
    assert_eq!(left().count(), 0);
    assert_all_in(&guide, &["curl -i", "/auth/nginx", "Ctrl-C"]);
}

/// A running sidegate on two UNIX sockets, ended when dropped.
pub(crate) struct Serving {
    child: Child,
    gate: String,
    admin: String,
    /// Its log: read by a thread, or held here unread where a test wants it so.
    log: Option<BufReader<ChildStderr>>,
}

impl Serving {
    pub(crate) fn start(command: Command, directory: &Path) -> Self {
        let mut serving = Self::start_unread(command, directory);
        // Read on, lest it wait for room in the pipe.
        let log = serving.log.take().unwrap();
        std::thread::spawn(move || log.lines().for_each(drop));
        serving
    }

    /// One whose log is read no further than to the line that says it listens.
    pub(crate) fn start_unread(mut command: Command, directory: &Path) -> Self {
        let [gate, admin] = ["gate", "admin"].map(|name| format!("unix:{}", directory.join(name).display()));
        let mut child = command
            .args([format!("--listen={gate}"), format!("--admin-listen={admin}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        assert!(log.by_ref().lines().any(|line| line.unwrap().contains("listening")));
        Self { child, gate, admin, log: Some(log) }
    }

    pub(crate) fn connect_gate(&self) -> UnixStream {
        connect(&self.gate)
    }

    pub(crate) fn connect_admin(&self) -> UnixStream {
        connect(&self.admin)
    }

    /// Sends a signal by name, waits for the end, and gives the exit code and what was printed.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        (code, printed)
    }
}

fn connect(listen: &str) -> UnixStream {
    let stream = UnixStream::connect(listen.strip_prefix("unix:").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
