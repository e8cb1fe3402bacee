//! A connection of its own to a database, for what is asked beside lookups: plain statements, rows of texts.
//!
//! No statement is prepared and no session state is needed, so that it works behind a transaction pooler as well.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ColumnIndex, Connection as _, Database, Decode, Executor, MySqlConnection, PgConnection,
    Row, SqliteConnection, Type,
};

use super::StoreError;
use super::sql::broken::Broken;
use super::sqlite;
use crate::clock::UnixMillis;

/// Which SQL a database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL's.
    Postgres,
    /// MySQL's and MariaDB's.
    MySql,
    /// SQLite's.
    Sqlite,
}

/// A connection to a database.
pub struct Link {
    wire: Wire,
    /// How long one answer is waited for.
    timeout: Duration,
}

pub(super) enum Wire {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    Sqlite(SqliteConnection, File),
}

/// A database's file, as it was when it was opened.
pub(super) struct File {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// When a file was last written, and how long it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    seconds: i64,
    nanos: i64,
    bytes: u64,
}

/// One row: a text or null for each column.
pub type Texts = Vec<Option<String>>;

impl Link {
    pub(super) fn new(wire: Wire, timeout: Duration) -> Self {
        Self { wire, timeout }
    }

    /// The rows that `sql` has: constants of ours, numbers and quoted names.
    ///
    /// # Errors
    /// What asking meets; after that the connection is of no more use.
    pub async fn ask(&mut self, sql: String) -> Result<Vec<Texts>, StoreError> {
        let asked = async {
            match &mut self.wire {
                Wire::Postgres(link) => texts::<sqlx::Postgres>(link, sql).await,
                Wire::MySql(link) => texts::<sqlx::MySql>(link, sql).await,
                Wire::Sqlite(link, _) => texts::<sqlx::Sqlite>(link, sql).await,
            }
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(rows) => rows.map_err(|error| Broken::Database(error).told("", self.timeout)),
            Err(_) => Err(StoreError::Timeout(self.timeout)),
        }
    }

    /// Whether there is another file in the place of the open one, or none.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        match &self.wire {
            Wire::Sqlite(_, file) => sqlite::identity(&file.path) != file.identity,
            Wire::Postgres(_) | Wire::MySql(_) => false,
        }
    }

    /// When the database's file was last written; `None` if it is none that is written in its place: a server's, or an
    /// SQLite file in WAL mode.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let Wire::Sqlite(_, file) = &self.wire else { return None };
        let mut log = file.path.clone().into_os_string();
        log.push("-wal");
        // Looked up, never opened: closing a file drops all locks that this process has on it (POSIX).
        if std::fs::exists(log).unwrap_or(true) {
            return None;
        }
        let found = std::fs::metadata(&file.path).ok()?;
        Some(Stamp { seconds: found.mtime(), nanos: found.mtime_nsec(), bytes: found.size() })
    }

    /// Ends it in an orderly way.
    pub async fn close(self) {
        // The server notices by itself otherwise.
        let _ = match self.wire {
            Wire::Postgres(link) => link.close().await,
            Wire::MySql(link) => link.close().await,
            Wire::Sqlite(link, _) => link.close().await,
        };
    }
}

impl Stamp {
    /// Whether it was written longer ago than `age`, so that what is written from now on has another stamp.
    #[must_use]
    pub fn is_older(&self, age: Duration, now: UnixMillis) -> bool {
        // Some file systems count in seconds, or in twos.
        let age = if self.nanos == 0 { age.max(Duration::from_secs(3)) } else { age };
        let written =
            UnixMillis::new(self.seconds.saturating_mul(1000).saturating_add(self.nanos / 1_000_000));
        now.since(written).is_some_and(|since| since > age)
    }
}

impl File {
    pub(super) fn at(path: PathBuf) -> Self {
        let identity = sqlite::identity(&path);
        Self { path, identity }
    }
}

async fn texts<'c, D>(link: &'c mut D::Connection, sql: String) -> Result<Vec<Texts>, sqlx::Error>
where
    D: Database,
    &'c mut D::Connection: Executor<'c, Database = D>,
    for<'r> Option<String>: Decode<'r, D> + Type<D>,
    usize: ColumnIndex<D::Row>,
{
    // Audited: whoever asks makes it of constants, numbers and quoted names.
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(link).await?;
    let texts = rows.iter().map(|row| (0..row.len()).map(|index| row.try_get_unchecked(index)).collect());
    texts.collect()
}
