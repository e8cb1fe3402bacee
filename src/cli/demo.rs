//! `sidegate demo`: a gate to try by hand, from nothing and gone without a trace.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::serve::serve;
use super::{Failure, Outcome, block_on, say};
use crate::auth::{CookieName, SigningKey, cookie_value};
use crate::clock::{self, UnixMillis};
use crate::config::{Config, ConfigError, Environment, Setting, Sources};
use crate::log;
use crate::metrics::Metrics;

/// As better-auth 1.7.25's own migration makes them on SQLite.
const TABLES: &str = r#"
create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique,
    "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);
create table "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique,
    "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text,
    "userId" text not null references "user" ("id") on delete cascade);
"#;
const USER: &str =
    r#"insert into "user" values ('usr_ada', 'Ada Lovelace', 'ada@example.com', 1, null, ?1, ?1)"#;
const SESSION: &str = r#"insert into "session" values (?1, ?2, ?3, ?4, ?4, '', '', 'usr_ada')"#;

const HOUR: i64 = 60 * 60 * 1000;
const WEEK: i64 = 7 * 24 * HOUR;

/// What a path may hold that a URL gives another meaning.
const URL_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// A directory that only its owner may enter, removed with all that is in it.
struct Scratch(PathBuf);

/// Cookie values of three sessions.
struct Cookies {
    live: String,
    expired: String,
    revoked: String,
}

/// The settings that a demo takes: it makes up all others.
pub(super) fn is_setting(setting: &Setting) -> bool {
    matches!(setting.name, "listen" | "admin_listen" | "log_level")
}

pub(super) fn run(flags: BTreeMap<&'static str, String>) -> Outcome {
    let scratch = Scratch::new()?;
    let database = scratch.0.join("better-auth.sqlite");
    let url = utf8_percent_encode(&database.to_string_lossy(), URL_PATH).to_string();
    let environment = Environment::of_process()
        .only(is_setting)
        .with("BETTER_AUTH_SECRET", random_text()?)
        .with("DATABASE_URL", format!("sqlite:{url}"));
    let config = Config::load(&Sources::new(flags, environment, None)?)?;
    let metrics = Arc::new(Metrics::new());
    let _log = log::init(config.log, metrics.log_events_lost().clone());
    block_on(config.workers, async {
        let cookies = fill(&database, &SigningKey::new(&config.secrets.current)).await?;
        let cookie_name = config.cookie_name.clone();
        let guide = |listen: &str, admin: &str| say(&guide(listen, admin, &cookie_name, &cookies));
        serve(config, None, metrics, guide).await
    })
}

/// Writes the database as Better Auth would have, but for the session that was signed out: that one is gone.
async fn fill(database: &Path, key: &SigningKey) -> Result<Cookies, Failure> {
    let (live, expired, revoked) = (random_text()?, random_text()?, random_text()?);
    let now = clock::now().get();
    let at = |offset: i64| UnixMillis::new(now + offset);
    let written: Result<(), sqlx::Error> = async {
        let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
        let mut connection = options.connect().await?;
        sqlx::raw_sql(TABLES).execute(&mut connection).await?;
        sqlx::query(USER).bind(at(0).to_string()).execute(&mut connection).await?;
        insert(&mut connection, "ses_live", &live, at(0), at(WEEK)).await?;
        insert(&mut connection, "ses_expired", &expired, at(-WEEK), at(-HOUR)).await?;
        connection.close().await
    }
    .await;
    written.map_err(|error| {
        Failure::failed(&ConfigError::new(format!("cannot write {}", database.display())).because(error))
    })?;
    let cookie = |token: &str| cookie_value(&key.sign(token)).to_string();
    Ok(Cookies { live: cookie(&live), expired: cookie(&expired), revoked: cookie(&revoked) })
}

async fn insert(
    connection: &mut SqliteConnection,
    id: &str,
    token: &str,
    created: UnixMillis,
    expires: UnixMillis,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(SESSION).bind(id).bind(expires.to_string()).bind(token).bind(created.to_string());
    query.execute(connection).await.map(|_| ())
}

/// 32 characters of 16: as long as Better Auth's tokens.
fn random_text() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(&ConfigError::new("there is no randomness").because(error)))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn guide(listen: &str, admin: &str, cookie_name: &CookieName, cookies: &Cookies) -> String {
    let ask = |title: &str, cookie: Option<&str>| {
        let cookie = cookie.map(|value| format!(" -b '{cookie_name}={value}'")).unwrap_or_default();
        let (option, url) = endpoint(listen, "/auth/nginx");
        format!(
            "# {title}\ncurl -i{option}{cookie} -H 'X-Original-URL: http://app.example/' \
             -H 'X-Original-Method: GET' {url}\n\n"
        )
    };
    let (option, metrics) = endpoint(admin, "/metrics");
    [
        "A gate before a throw-away SQLite database with Better Auth's tables. Ask it as nginx would:\n\n"
            .to_owned(),
        ask("signed in: 200, and who it is", Some(&cookies.live)),
        ask("the session expired an hour ago: 401 expired", Some(&cookies.expired)),
        ask("signed out: 401 no_session", Some(&cookies.revoked)),
        ask("no cookie: 401 no_credential", None),
        format!("# what was counted\ncurl{option} {metrics}\n\n"),
        "Ctrl-C ends it and leaves nothing behind.\n".to_owned(),
    ]
    .concat()
}

/// curl's option and URL for a listener.
fn endpoint(listen: &str, path: &str) -> (String, String) {
    match listen.strip_prefix("unix:") {
        Some(socket) => (format!(" --unix-socket '{socket}'"), format!("http://localhost{path}")),
        None => (String::new(), format!("http://{listen}{path}")),
    }
}

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("sidegate-demo-{}", random_text()?));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::failed(
                &ConfigError::new(format!("cannot make the directory {}", path.display()))
                    .because(error)
                    .hint("set TMPDIR to a directory that can be written to"),
            )
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // At the end of the process: there is nobody left to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
