//! SQLite.

use std::future::ready;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::StoreOptions;
use super::schema::Grammar;
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// SQLite, through sqlx.
#[derive(Debug)]
pub(super) struct Sqlite;

impl Flavour for Sqlite {
    type Db = sqlx::Sqlite;

    /// sqlx refuses others by itself.
    const PARAMETERS: &'static [&'static str] = &["mode", "cache", "immutable", "vfs"];

    fn grammar() -> Grammar {
        Grammar { quote: '"', parameter: "?1", text: "TEXT", instant: ("", "") }
    }

    fn prepare(options: SqliteConnectOptions, store: &StoreOptions) -> SqliteConnectOptions {
        options.read_only(true).create_if_missing(false).busy_timeout(store.timeout)
    }

    /// Whoever restores a backup puts another file in the place of the open one, which lives on without a name: its
    /// sessions would pass for ever, and new ones never.
    fn watch(pool: PoolOptions<sqlx::Sqlite>, options: &SqliteConnectOptions) -> PoolOptions<sqlx::Sqlite> {
        let path = options.get_filename().to_owned();
        let known = Arc::new(Mutex::new((identity(&path), Instant::now())));
        pool.before_acquire(move |_, connection| {
            let is_current = {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let found = identity(&path);
                if found != known.0 {
                    *known = (found, Instant::now());
                }
                connection.age < known.1.elapsed()
            };
            Box::pin(ready(Ok(is_current)))
        })
    }

    /// SQLite keeps what it was given: Better Auth writes ISO text, Drizzle and Prisma integer milliseconds.
    fn instant(row: &SqliteRow, index: usize) -> Result<UnixMillis, String> {
        let value = row.try_get_raw(index).map_err(|error| error.to_string())?;
        if value.is_null() {
            return Ok(UnixMillis::EPOCH);
        }
        let kind = value.type_info().name().to_owned();
        let unreadable = |error: sqlx::Error| error.to_string();
        match kind.as_str() {
            // Better Auth would take text that is no date as an expiry that never comes.
            "TEXT" => UnixMillis::parse_iso(row.try_get_unchecked::<&str, _>(index).map_err(unreadable)?)
                .ok_or_else(|| "is text that is no date".to_owned()),
            "INTEGER" => row.try_get_unchecked(index).map(UnixMillis::new).map_err(unreadable),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "JavaScript drops the fraction, and `as` saturates"
            )]
            "REAL" => row
                .try_get_unchecked::<f64, _>(index)
                .map(|millis| UnixMillis::new(millis as i64))
                .map_err(unreadable),
            _ => Err(format!("is of type {kind}, not text, integer or real")),
        }
    }
}

/// Which file is there now: device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
