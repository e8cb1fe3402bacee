//! A real SQLite file with Better Auth's own tables, written by sqlx and read by sidegate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use sidegate::auth::CookieName;
use sidegate::store::{AnyStore, ColumnCase, Names, Schema, SqlName, StoreOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::rig;

/// The output of Better Auth 1.7.25's `getMigrations` for SQLite, but for the NOT NULL of `expiresAt`: Better Auth
/// makes it, other tools need not, and Better Auth's reading of NULL is known.
pub(crate) const TABLES: &str = r#"
    create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique,
        "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);
    create table "session" ("id" text not null primary key, "expiresAt" date, "token" text not null unique,
        "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text,
        "userId" text not null references "user" ("id") on delete cascade);
"#;

/// A database file that goes when the test ends.
pub(crate) struct Database {
    directory: tempfile::TempDir,
    pub(crate) writer: SqliteConnection,
}

/// What SQLite keeps in `expiresAt`.
#[derive(Clone, Debug)]
pub(crate) enum Expiry {
    Null,
    Text(String),
    Integer(i64),
    Real(f64),
}

impl Database {
    /// A file with these tables.
    pub(crate) async fn with(tables: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = SqliteConnectOptions::new()
            .filename(directory.path().join("auth.db"))
            .create_if_missing(true)
            // As in Better Auth's own driver by default; orphans are made on purpose here.
            .foreign_keys(false)
            .synchronous(SqliteSynchronous::Off)
            .connect()
            .await
            .unwrap();
        writer.execute(tables).await.unwrap();
        Self { directory, writer }
    }

    pub(crate) async fn of_better_auth() -> Self {
        Self::with(TABLES).await
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("auth.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    /// The store as sidegate opens it, with Better Auth's names.
    pub(crate) fn store(&self) -> AnyStore {
        self.store_with(default_names())
    }

    pub(crate) fn store_with(&self, names: Schema) -> AnyStore {
        AnyStore::open(&self.url(), &options(names)).unwrap()
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        self.writer.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    pub(crate) async fn add_user(&mut self, id: &str, email: &str, name: &str) {
        let sql = r#"insert into "user" values (?, ?, ?, 1, null, '2025-12-16T12:00:00.123Z', '2025-12-16T12:00:00.123Z')"#;
        sqlx::query(sql).bind(id).bind(name).bind(email).execute(&mut self.writer).await.unwrap();
    }

    pub(crate) async fn add_session(&mut self, id: &str, token: &str, user_id: &str, expiry: &Expiry) {
        let sql = r#"insert into "session" ("id", "token", "userId", "expiresAt", "createdAt", "updatedAt")
                     values (?, ?, ?, ?, '2026-01-15T00:00:00.123Z', '2026-01-15T00:00:00.123Z')"#;
        let query = sqlx::query(sql).bind(id).bind(token).bind(user_id);
        let query = match expiry {
            Expiry::Null => query.bind(None::<String>),
            Expiry::Text(text) => query.bind(text),
            Expiry::Integer(millis) => query.bind(millis),
            Expiry::Real(millis) => query.bind(millis),
        };
        query.execute(&mut self.writer).await.unwrap();
    }
}

pub(crate) fn default_names() -> Schema {
    names("session", "user", ColumnCase::Camel)
}

pub(crate) fn names(session: &str, user: &str, case: ColumnCase) -> Schema {
    Schema::new(named(session, user, case))
}

/// What the settings say where they name these tables and nothing else.
pub(crate) fn named(session: &str, user: &str, case: ColumnCase) -> Names {
    let path = |name| SqlName::path(name).unwrap();
    Names {
        session: path(session),
        user: path(user),
        member: path("member"),
        jwks: path("jwks"),
        case,
        session_fields: BTreeMap::new(),
        user_fields: BTreeMap::new(),
        session_additional: Vec::new(),
        user_additional: Vec::new(),
    }
}

pub(crate) fn options(schema: Schema) -> StoreOptions {
    // Long enough never to be met: no test here is about slowness.
    let patience = Duration::from_mins(1);
    StoreOptions {
        schema,
        connections: 1,
        connect_timeout: patience,
        timeout: patience,
        time_zone: TimeZone::UTC,
        redis_key_prefix: "better-auth:".to_owned(),
        cookie: CookieName::new(rig::COOKIE_NAME).unwrap(),
        bodies: false,
        plan_age: patience,
    }
}
