//! Where sessions are looked up: one question, read-only, asked of whichever store the operator named.

mod any;
mod circuit;
mod columns;
mod driver;
mod error;
mod http;
mod link;
mod measured;
mod mysql;
mod none;
mod plan;
mod plans;
mod postgres;
mod redis;
mod row;
mod schema;
mod sql;
mod sqlite;

use std::future::Future;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use self::any::{AnyStore, FallbackError, StoreUrlError};
pub use self::circuit::{Circuit, Guarded, Load, jitter};
pub use self::columns::{Column, Columns, DateColumn, FoundTable, Survey};
pub use self::driver::Driver;
pub use self::error::StoreError;
pub use self::http::{BetterAuth, Renewal};
pub use self::link::{Dialect, Link, Stamp, Texts};
pub use self::measured::Measured;
pub use self::redis::{Owners, RedisConnection, RedisServers};
pub use self::schema::{
    AdditionalField, ColumnCase, Field, FieldKind, Names, Need, SESSION_FIELDS, Schema, SqlName,
    SqlNameError, Table, USER_FIELDS,
};

use crate::auth::{CookieName, Session, VerifiedToken};

/// Read access to sessions.
pub trait SessionStore: Send + Sync + 'static {
    /// The session this token names, live or not.
    ///
    /// `Ok(None)` means the store is sure there is none. Doubt of any kind is an error, for callers
    /// turn the first into "sign in" and the second into "try later".
    fn find(&self, token: &VerifiedToken)
    -> impl Future<Output = Result<Option<Session>, StoreError>> + Send;
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
