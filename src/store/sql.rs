//! What the three SQL databases have in common: a pool, one prepared statement, one row to read.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{
    ColumnIndex, ConnectOptions, Connection, Database, Decode, Encode, Executor, IntoArguments, Pool,
    Row as _, SqlStr, Type,
};

use super::schema::Grammar;
use super::{PoolState, SessionStore, StoreError, StoreOptions, StoreUrlError};
use crate::auth::{Fields, Session, SessionRecord, VerifiedToken};
use crate::clock::UnixMillis;

/// One of the databases: how it spells things, how it connects, how it keeps an instant.
pub(super) trait Flavour: Send + Sync + 'static {
    /// The driver.
    type Db: Database;
    /// Its SQL.
    fn grammar() -> Grammar;

    /// What may stand after the `?` of its URL.
    const PARAMETERS: &'static [&'static str];

    /// Options that hold for every connection of ours.
    fn prepare(options: Options<Self>, store: &StoreOptions) -> Options<Self>;

    /// A pool that notices when its connections lead to something that is no longer there.
    fn watch(pool: PoolOptions<Self::Db>, _: &Options<Self>) -> PoolOptions<Self::Db> {
        pool
    }

    /// The expiry in column `index`.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn instant(row: &<Self::Db as Database>::Row, index: usize) -> Result<UnixMillis, String>;
}

/// The driver's connection options.
type Options<F> = <<<F as Flavour>::Db as Database>::Connection as Connection>::Options;

/// Sessions in an SQL database.
pub(super) struct SqlStore<F: Flavour> {
    pool: Pool<F::Db>,
    options: Options<F>,
    lookup: SqlStr,
    ignored: Vec<String>,
    connections: u32,
    connect_timeout: Duration,
    timeout: Duration,
}

/// What the statement of [`Schema::lookup`](super::Schema) returns, in its order.
struct Found {
    token: String,
    record: SessionRecord,
}

impl<F: Flavour> SqlStore<F>
where
    for<'c> &'c mut <F::Db as Database>::Connection: Executor<'c, Database = F::Db>,
    <F::Db as Database>::Arguments: IntoArguments<F::Db>,
    for<'q> &'q str: Encode<'q, F::Db> + Type<F::Db>,
    for<'r> Option<String>: Decode<'r, F::Db> + Type<F::Db>,
    usize: ColumnIndex<<F::Db as Database>::Row>,
{
    pub(super) fn open(url: &str, store: &StoreOptions) -> Result<Self, StoreUrlError> {
        let options =
            Options::<F>::from_str(url).map_err(|error| StoreUrlError::Malformed(error.to_string()))?;
        // Statements are logged nowhere: at best they are noise, and a driver may add what was bound.
        let options = F::prepare(options, store).disable_statement_logging();
        let pool = F::watch(PoolOptions::new(), &options)
            .max_connections(store.connections)
            .acquire_timeout(store.connect_timeout)
            // A ping would be a round trip for each lookup; a dead connection shows itself and is retried.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options,
            lookup: store.schema.lookup(&F::grammar()),
            ignored: parameters(url)
                .filter(|name| !F::PARAMETERS.contains(name))
                .map(str::to_owned)
                .collect(),
            connections: store.connections,
            connect_timeout: store.connect_timeout,
            timeout: store.timeout,
        })
    }

    pub(super) fn ignored_parameters(&self) -> &[String] {
        &self.ignored
    }

    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        self.ask("").await.map(|_| ())
    }

    pub(super) async fn diagnose(&self) -> Result<(), StoreError> {
        let connecting = tokio::time::timeout(self.connect_timeout, self.options.connect());
        let mut connection = match connecting.await {
            Ok(connected) => connected.map_err(|error| StoreError::Unreachable(error.to_string()))?,
            Err(_) => {
                return Err(StoreError::Unreachable(format!(
                    "no connection within {:?}",
                    self.connect_timeout
                )));
            }
        };
        let asked = self.row(&mut connection, "").await;
        // The lookup's answer is what counts; the server notices the end of the connection by itself.
        let _ = connection.close().await;
        match asked {
            None => Err(StoreError::Timeout(self.timeout)),
            Some(answer) => answer.map(|_| ()).map_err(|error| store_error(&error, "")),
        }
    }

    /// The row for a token. A connection that turns out to be dead is dropped and the next one asked, for a
    /// database that was restarted leaves a whole pool of them.
    async fn ask(&self, token: &str) -> Result<Option<<F::Db as Database>::Row>, StoreError> {
        let mut attempts = 0;
        loop {
            let mut connection = self.pool.acquire().await.map_err(|error| self.no_connection(&error))?;
            match self.row(&mut connection, token).await {
                Some(Ok(row)) => return Ok(row),
                Some(Err(error)) if is_spent(&error) && attempts < self.connections => {
                    connection.close_on_drop();
                    attempts += 1;
                }
                Some(Err(error)) => return Err(store_error(&error, token)),
                None => {
                    // Its answer is still to come: the next lookup must not be the one to wait for it.
                    connection.close_on_drop();
                    return Err(StoreError::Timeout(self.timeout));
                }
            }
        }
    }

    /// The pool tries again and again until its time is up, and then does not say what it met.
    fn no_connection(&self, error: &sqlx::Error) -> StoreError {
        StoreError::Unreachable(if matches!(error, sqlx::Error::PoolTimedOut) {
            format!("no connection within {:?}; `sidegate check` tells why", self.connect_timeout)
        } else {
            error.to_string()
        })
    }

    /// `None` if the answer took too long.
    async fn row(
        &self,
        connection: &mut <F::Db as Database>::Connection,
        token: &str,
    ) -> Option<Result<Option<<F::Db as Database>::Row>, sqlx::Error>> {
        let query = sqlx::query::<F::Db>(self.lookup.clone()).bind(token);
        tokio::time::timeout(self.timeout, query.fetch_optional(connection)).await.ok()
    }

    fn read(row: &<F::Db as Database>::Row) -> Result<Found, StoreError> {
        let text = |index: usize| {
            row.try_get::<Option<String>, _>(index).map_err(|error| StoreError::Malformed(error.to_string()))
        };
        let present = |index: usize, what: &str| {
            text(index)?.ok_or_else(|| StoreError::Malformed(format!("{what} is null")))
        };
        Ok(Found {
            token: present(0, "session.token")?,
            record: SessionRecord {
                expires_at: F::instant(row, 5)
                    .map_err(|what| StoreError::Malformed(format!("session.expiresAt {what}")))?,
                session: Fields::from_iter([("id".to_owned(), present(1, "session.id")?.into())]),
                user: Fields::from_iter([
                    ("id".to_owned(), present(2, "user.id")?.into()),
                    ("email".to_owned(), text(3)?.into()),
                    ("name".to_owned(), text(4)?.into()),
                ]),
                organization_role: None,
            },
        })
    }

    pub(super) fn pool(&self) -> PoolState {
        let idle = self.pool.num_idle();
        let open = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        PoolState { busy: open.saturating_sub(idle), idle }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl<F: Flavour> SessionStore for SqlStore<F>
where
    for<'c> &'c mut <F::Db as Database>::Connection: Executor<'c, Database = F::Db>,
    <F::Db as Database>::Arguments: IntoArguments<F::Db>,
    for<'q> &'q str: Encode<'q, F::Db> + Type<F::Db>,
    for<'r> Option<String>: Decode<'r, F::Db> + Type<F::Db>,
    usize: ColumnIndex<<F::Db as Database>::Row>,
{
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        let Some(row) = self.ask(token.as_str()).await? else {
            return Ok(None);
        };
        let found = Self::read(&row)?;
        // A collation may call other spellings equal (MySQL's default does); the signature is over one.
        Ok((found.token == token.as_str()).then(|| Session::new(&found.record)))
    }
}

impl<F: Flavour> Clone for SqlStore<F> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            options: self.options.clone(),
            lookup: self.lookup.clone(),
            ignored: self.ignored.clone(),
            connections: self.connections,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
        }
    }
}

/// The connection options hold a password.
impl<F: Flavour> fmt::Debug for SqlStore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(F::Db::NAME).field("lookup", &self.lookup.as_str()).finish_non_exhaustive()
    }
}

/// Names of the parameters in a URL. Their values may be secrets.
pub(super) fn parameters(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty())
}

/// Whether another connection may do better: the server went away or is going, or what was prepared on this one no
/// longer fits.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "sqlx's enum is open: what is new is nothing that another connection would mend"
)]
fn is_spent(error: &sqlx::Error) -> bool {
    // "cached plan must not change result type" after a migration, and statements that a transaction pooler gave to
    // somebody else: PostgreSQL's feature_not_supported, invalid_sql_statement_name, duplicate_prepared_statement.
    const STALE_STATEMENT: [&str; 3] = ["0A000", "26000", "42P05"];
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            true
        }
        // PostgreSQL: 57P0x operator intervention, 08xxx connection exceptions (its Appendix A), which MySQL and
        // MariaDB share as the SQLSTATE of "server shutdown" (1053) and "connection was killed" (1927).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("57P0")
                || code.starts_with("08")
                || code == "70100"
                || STALE_STATEMENT.contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// A database's complaint may quote the value it was asked for.
fn store_error(error: &sqlx::Error, token: &str) -> StoreError {
    let text = error.to_string();
    let text = if token.is_empty() { text } else { text.replace(token, "[token]") };
    if is_spent(error) { StoreError::Unreachable(text) } else { StoreError::Refused(text) }
}
