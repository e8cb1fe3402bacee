//! Whichever store the operator named: which one a URL stands for, and the same question to any of them.

use std::time::Duration;

use super::columns::Survey;
use super::driver::Driver;
use super::http::BetterAuth;
use super::link::{Dialect, File, Link, Wire};
use super::mysql::MySql;
use super::none::NoStore;
use super::postgres::Postgres;
use super::redis::{Entry, Redis};
use super::schema::Schema;
use super::sql::SqlStore;
use super::sqlite::Sqlite;
use super::{PoolState, SessionStore, StoreError, StoreOptions};
use crate::auth::{KeyRow, Session, VerifiedToken};

/// Any of the stores that a URL can name, or two: Redis, and what is asked where Redis has no entry.
#[derive(Clone, Debug)]
pub struct AnyStore {
    /// Asked first.
    above: Option<Redis>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Postgres(SqlStore<Postgres>),
    MySql(SqlStore<MySql>),
    Sqlite(SqlStore<Sqlite>),
    Redis(Redis),
    BetterAuth(BetterAuth),
    None(NoStore),
}

/// The same of whichever store it is.
macro_rules! each {
    ($self:ident, $store:ident => $answer:expr) => {
        match &$self.kind {
            Kind::Postgres($store) => $answer,
            Kind::MySql($store) => $answer,
            Kind::Sqlite($store) => $answer,
            Kind::Redis($store) => $answer,
            Kind::BetterAuth($store) => $answer,
            Kind::None($store) => $answer,
        }
    };
}

/// The same of whichever database it is, and something else where it is none.
macro_rules! each_database {
    ($self:ident, $store:ident => $answer:expr, else $other:expr) => {
        match &$self.kind {
            Kind::Postgres($store) => $answer,
            Kind::MySql($store) => $answer,
            Kind::Sqlite($store) => $answer,
            Kind::Redis(_) | Kind::BetterAuth(_) | Kind::None(_) => $other,
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

/// Why one store cannot be asked after another.
#[derive(Debug, thiserror::Error)]
pub enum FallbackError {
    /// Only an entry that is missing in Redis leaves the question open.
    #[error("store is no redis:// URL, and any other store knows by itself which sessions there are")]
    NothingLeftOpen,
    /// What Better Auth keeps beside its secondary storage is a database.
    #[error("fallback_store is Redis as well")]
    RedisTwice,
}

impl AnyStore {
    /// The forms of a store's URL; the last one is for [`AnyStore::asking`].
    pub const SCHEMES: &'static str = "postgres://user@host/db, mysql://user@host/db, mariadb://user@host/db, \
                                       sqlite:/path/to/file.db, redis://user:password@host:6379/0, rediss://host, \
                                       redis-cluster://host1:6379,host2:6379, redis+unix:///path/to/socket \
                                       or https://host";

    /// Better Auth itself.
    #[must_use]
    pub fn asking(better_auth: BetterAuth) -> Self {
        Self { above: None, kind: Kind::BetterAuth(better_auth) }
    }

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
            _ if Redis::SCHEMES.contains(&scheme) => Redis::open(url, options).map(Kind::Redis),
            // What is no URL may be a password that slipped in: none of it is told.
            _ if !url.contains("://") => Err(StoreUrlError::Scheme(String::new())),
            _ => Err(StoreUrlError::Scheme(scheme.to_owned())),
        }
        .map(|kind| Self { above: None, kind })
    }

    /// The same store, with `fallback` asked where it has no entry: sessions are in both, but Redis may forget.
    ///
    /// # Errors
    /// If this is not Redis, or `fallback` is.
    pub fn with_fallback(self, fallback: Self) -> Result<Self, FallbackError> {
        match (self.kind, fallback.kind) {
            (Kind::Redis(_), Kind::Redis(_)) => Err(FallbackError::RedisTwice),
            (Kind::Redis(redis), kind) => Ok(Self { above: Some(redis), kind }),
            (
                Kind::Postgres(_) | Kind::MySql(_) | Kind::Sqlite(_) | Kind::BetterAuth(_) | Kind::None(_),
                _,
            ) => Err(FallbackError::NothingLeftOpen),
        }
    }

    /// The programs behind it, as their makers write them.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.above, &self.kind) {
            (None, Kind::Postgres(_)) => "PostgreSQL",
            (None, Kind::MySql(_)) => "MySQL/MariaDB",
            (None, Kind::Sqlite(_)) => "SQLite",
            (None, Kind::BetterAuth(_)) => "Better Auth",
            (Some(_), Kind::Postgres(_)) => "Redis over PostgreSQL",
            (Some(_), Kind::MySql(_)) => "Redis over MySQL/MariaDB",
            (Some(_), Kind::Sqlite(_)) => "Redis over SQLite",
            (Some(_), Kind::BetterAuth(_)) => "Redis over Better Auth",
            (_, Kind::None(_)) => "none",
            (_, Kind::Redis(_)) => "Redis",
        }
    }

    /// What a lookup has to be allowed, as an advice.
    #[must_use]
    pub fn rights(&self) -> &'static str {
        match &self.kind {
            _ if self.above.is_some() => {
                "see which of the two refused: Redis has to allow GET on the keys below redis_key_prefix, \
                 fallback_store SELECT on both tables, under the names that Better Auth uses"
            }
            Kind::Postgres(_) | Kind::MySql(_) | Kind::Sqlite(_) => {
                "grant SELECT on both tables; set session_table, user_table, column_case, session_fields and \
                 user_fields to the names that Better Auth uses"
            }
            Kind::None(_) => "nothing has to be allowed",
            Kind::BetterAuth(_) => "let nothing on the way to Better Auth answer in its place",
            Kind::Redis(_) => {
                "allow GET on the keys below redis_key_prefix: ACL SETUSER … resetkeys ~better-auth:* nocommands +get"
            }
        }
    }

    /// No store: what is known of a session is in the request.
    #[must_use]
    pub fn none() -> Self {
        Self { above: None, kind: Kind::None(NoStore) }
    }

    /// How its database is connected to, if it is one, and asked first.
    #[must_use]
    pub fn driver(&self) -> Option<Driver<'_>> {
        match &self.kind {
            _ if self.above.is_some() => None,
            Kind::Postgres(store) => Some(Driver::Postgres(store.options())),
            Kind::MySql(store) => Some(Driver::MySql(store.options())),
            Kind::Sqlite(store) => Some(Driver::Sqlite(store.options())),
            Kind::Redis(_) | Kind::BetterAuth(_) | Kind::None(_) => None,
        }
    }

    /// Whether it is a database.
    #[must_use]
    pub fn keeps_tables(&self) -> bool {
        each_database!(self, _store => true, else false)
    }

    /// Whether it is Better Auth itself.
    #[must_use]
    pub fn is_better_auth(&self) -> bool {
        self.above.is_none() && matches!(self.kind, Kind::BetterAuth(_))
    }

    /// Parameters of its URL that mean nothing to it, by name: `sslmod=require` would leave TLS to chance.
    pub fn ignored_parameters(&self) -> impl Iterator<Item = &str> {
        let above = self.above.as_ref().map_or(&[][..], Redis::ignored_parameters);
        let rest = each!(self, store => store.ignored_parameters());
        above.iter().chain(rest).map(String::as_str)
    }

    /// Asks the lookup itself for a token that no session has: connection, permissions, tables and columns in one.
    ///
    /// # Errors
    /// What a lookup would meet now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if let Some(redis) = &self.above {
            redis.probe().await?;
        }
        each!(self, store => store.probe().await)
    }

    /// [`AnyStore::probe`] on a connection of its own: slower, and its error names the cause where the pool would
    /// only say that it has no connection.
    ///
    /// # Errors
    /// What connecting or a lookup meets now.
    pub async fn diagnose(&self) -> Result<(), StoreError> {
        if let Some(redis) = &self.above {
            redis.diagnose().await?;
        }
        each!(self, store => store.diagnose().await)
    }

    /// The public keys of Better Auth's jwt plugin, newest first, at most a hundred; `None` if it keeps none here.
    ///
    /// # Errors
    /// If it cannot say.
    pub async fn public_keys(&self) -> Result<Option<Vec<KeyRow>>, StoreError> {
        each_database!(self, store => store.public_keys().await, else Ok(None))
    }

    /// Which tables and columns it shows, on a connection of its own; `None` if it has none.
    ///
    /// # Errors
    /// What connecting or asking meets now.
    pub async fn survey(&self) -> Result<Option<Survey>, StoreError> {
        each_database!(self, store => store.survey().await.map(Some), else Ok(None))
    }

    /// Which SQL it speaks, if it is a database, and asked first.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        match &self.kind {
            _ if self.above.is_some() => None,
            Kind::Postgres(_) => Some(Dialect::Postgres),
            Kind::MySql(_) => Some(Dialect::MySql),
            Kind::Sqlite(_) => Some(Dialect::Sqlite),
            Kind::Redis(_) | Kind::BetterAuth(_) | Kind::None(_) => None,
        }
    }

    /// Under which names it keeps what; `None` if it is no database.
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        each_database!(self, store => Some(store.schema()), else None)
    }

    /// A connection of its own, on which an answer is waited for so long; `None` if it is no database.
    ///
    /// # Errors
    /// What connecting meets now.
    pub async fn connect(&self, timeout: Duration) -> Result<Option<Link>, StoreError> {
        let wire = match &self.kind {
            Kind::Postgres(store) => Wire::Postgres(store.connected().await?),
            Kind::MySql(store) => Wire::MySql(store.connected().await?),
            Kind::Sqlite(store) => {
                // Looked at before it is opened: what is put in its place meanwhile is another one.
                let file = File::at(store.options().get_filename().to_owned());
                Wire::Sqlite(store.connected().await?, file)
            }
            Kind::Redis(_) | Kind::BetterAuth(_) | Kind::None(_) => return Ok(None),
        };
        Ok(Some(Link::new(wire, timeout)))
    }

    /// How its pools stand.
    #[must_use]
    pub fn pool(&self) -> PoolState {
        let above = self.above.as_ref().map(Redis::pool).unwrap_or_default();
        let rest = each!(self, store => store.pool());
        PoolState { busy: above.busy + rest.busy, idle: above.idle + rest.idle }
    }

    /// Ends its connections in an orderly way.
    pub async fn close(&self) {
        if let Some(redis) = &self.above {
            redis.close().await;
        }
        each!(self, store => store.close().await);
    }
}

impl SessionStore for AnyStore {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        if let Some(redis) = &self.above {
            // An error ends it here: the database may still have rows of sessions that Redis knows to be over.
            match redis.ask(token.as_str()).await? {
                Entry::Found(session) => return Ok(Some(session)),
                Entry::Denied => return Ok(None),
                Entry::Absent => {}
            }
        }
        each!(self, store => store.find(token).await)
    }
}
