//! Where sessions are looked up: one question, read-only, asked of whichever store the operator named.

mod columns;
mod measured;
mod mysql;
mod plan;
mod plans;
mod postgres;
mod row;
mod schema;
mod sql;
mod sqlite;

use std::future::Future;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use self::columns::{Column, Columns, DateColumn, FoundTable, Survey};
pub use self::measured::Measured;
pub use self::schema::{
    AdditionalField, ColumnCase, Field, FieldKind, Names, Need, SESSION_FIELDS, Schema, SqlName,
    SqlNameError, Table, USER_FIELDS,
};

use self::mysql::MySql;
use self::postgres::Postgres;
use self::sql::SqlStore;
use self::sqlite::Sqlite;
use crate::auth::{CookieName, KeyRow, Session, VerifiedToken};

/// Read access to sessions.
pub trait SessionStore: Send + Sync + 'static {
    /// The session this token names, live or not.
    ///
    /// `Ok(None)` means the store is sure there is none. Doubt of any kind is an error, for callers
    /// turn the first into "sign in" and the second into "try later".
    fn find(&self, token: &VerifiedToken)
    -> impl Future<Output = Result<Option<Session>, StoreError>> + Send;
}

/// Why a store could not be believed. No variant holds a token or a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It took a connection and then did not answer in time.
    #[error("the store did not answer within {0:?}")]
    Timeout(Duration),
    /// No connection could be made, or each one broke.
    #[error("cannot reach the store: {0}")]
    Unreachable(String),
    /// It answered the question with an error: a missing table, column or permission.
    #[error("the store refused the lookup: {0}")]
    Refused(String),
    /// It answered with a row that cannot be a session's.
    #[error("the store's row is not a session: {0}")]
    Malformed(String),
    /// The lookup ended without an answer, by a defect of ours.
    #[error("the lookup broke off")]
    BrokeOff,
}

impl StoreError {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::Malformed(_) => "malformed",
            Self::BrokeOff => "broke_off",
        }
    }
}

/// How a store is reached.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Names of tables and columns.
    pub schema: Schema,
    /// Most connections kept open at once.
    pub connections: u32,
    /// Longest wait for a connection, new or pooled.
    pub connect_timeout: Duration,
    /// Longest wait for the answer to a lookup.
    pub timeout: Duration,
    /// The zone of dates that are stored without one.
    pub time_zone: TimeZone,
    /// What stands before Better Auth's own keys in Redis.
    pub redis_key_prefix: String,
    /// The session cookie, for asking Better Auth itself.
    pub cookie: CookieName,
    /// Whether sessions are read with all that get-session answers.
    pub bodies: bool,
    /// How long a database's columns are taken to be what they were.
    pub plan_age: Duration,
}

/// Connections of a store's pool, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// Open and at work.
    pub busy: usize,
    /// Open and waiting.
    pub idle: usize,
}

/// Any of the stores that a URL can name.
#[derive(Clone, Debug)]
pub struct AnyStore(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Postgres(SqlStore<Postgres>),
    MySql(SqlStore<MySql>),
    Sqlite(SqlStore<Sqlite>),
}

/// The same of whichever store it is.
macro_rules! each {
    ($self:ident, $store:ident => $answer:expr) => {
        match &$self.0 {
            Kind::Postgres($store) => $answer,
            Kind::MySql($store) => $answer,
            Kind::Sqlite($store) => $answer,
        }
    };
}

/// Why a store URL was not accepted. It says nothing of the URL itself, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreUrlError {
    /// The scheme is none that a store speaks.
    #[error("the URL's scheme is {0:?}")]
    Scheme(String),
    /// The rest of the URL does not fit the scheme.
    #[error("the URL is malformed: {0}")]
    Malformed(String),
}

impl AnyStore {
    /// Schemes that [`AnyStore::open`] takes.
    pub const SCHEMES: &'static str =
        "postgres://user@host/db, mysql://user@host/db, mariadb://user@host/db or sqlite:/path/to/file.db";

    /// Prepares a store without connecting to it: a gate starts whether or not its database is up.
    ///
    /// # Errors
    /// If the URL names no store.
    pub fn open(url: &str, options: &StoreOptions) -> Result<Self, StoreUrlError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "postgres" | "postgresql" => SqlStore::open(url, options).map(Kind::Postgres),
            "mysql" => SqlStore::open(url, options).map(Kind::MySql),
            // sqlx knows the protocol by MySQL's name alone.
            "mariadb" => SqlStore::open(&url.replacen("mariadb", "mysql", 1), options).map(Kind::MySql),
            "sqlite" => SqlStore::open(url, options).map(Kind::Sqlite),
            // What is no URL may be a password that slipped in: none of it is told.
            _ if !url.contains("://") => Err(StoreUrlError::Scheme(String::new())),
            _ => Err(StoreUrlError::Scheme(scheme.to_owned())),
        }
        .map(Self)
    }

    /// The program behind it, as its makers write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.0 {
            Kind::Postgres(_) => "PostgreSQL",
            Kind::MySql(_) => "MySQL/MariaDB",
            Kind::Sqlite(_) => "SQLite",
        }
    }

    /// Parameters of its URL that mean nothing to it, by name: `sslmod=require` would leave TLS to chance.
    #[must_use]
    pub fn ignored_parameters(&self) -> &[String] {
        each!(self, store => store.ignored_parameters())
    }

    /// Asks the lookup itself for a token that no session has: connection, permissions, tables and columns in one.
    ///
    /// # Errors
    /// What a lookup would meet now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        each!(self, store => store.probe().await)
    }

    /// [`AnyStore::probe`] on a connection of its own: slower, and its error names the cause where the pool would
    /// only say that it has no connection.
    ///
    /// # Errors
    /// What connecting or a lookup meets now.
    pub async fn diagnose(&self) -> Result<(), StoreError> {
        each!(self, store => store.diagnose().await)
    }

    /// The public keys of Better Auth's jwt plugin, newest first, at most a hundred; `None` if it keeps none here.
    ///
    /// # Errors
    /// If it cannot say.
    pub async fn public_keys(&self) -> Result<Option<Vec<KeyRow>>, StoreError> {
        each!(self, store => store.public_keys().await)
    }

    /// Which tables and columns it shows, on a connection of its own.
    ///
    /// # Errors
    /// What connecting or asking meets now.
    pub async fn survey(&self) -> Result<Survey, StoreError> {
        each!(self, store => store.survey().await)
    }

    /// How its pool stands.
    #[must_use]
    pub fn pool(&self) -> PoolState {
        each!(self, store => store.pool())
    }

    /// Ends its connections in an orderly way.
    pub async fn close(&self) {
        each!(self, store => store.close().await);
    }
}

impl SessionStore for AnyStore {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        each!(self, store => store.find(token).await)
    }
}
