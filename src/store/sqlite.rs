//! SQLite.

use std::future::ready;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::StoreOptions;
use super::columns::DateColumn;
use super::plan::{Grammar, Untold};
use super::row::{self, Reading};
use super::schema::{FieldKind, Table};
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// SQLite, through sqlx.
#[derive(Debug)]
pub(super) struct Sqlite;

impl Flavour for Sqlite {
    type Db = sqlx::Sqlite;

    /// sqlx refuses others by itself.
    const PARAMETERS: &'static [&'static str] = &["mode", "cache", "immutable", "vfs"];

    const GRAMMAR: Grammar =
        Grammar { quote: '"', parameter: "?1", text: "TEXT", read, untold: Untold::Absent };

    const FOLDS_CASE: bool = true;

    const SURVEY: &'static str = "SELECT '', m.name, c.name, c.type, '1' \
        FROM main.sqlite_master AS m JOIN pragma_table_xinfo(m.name) AS c \
        WHERE m.type IN ('table', 'view') ORDER BY m.name, c.cid LIMIT 20000";

    fn columns(tables: [&Table; 4]) -> (String, Vec<String>) {
        let mut bound = Vec::new();
        let mut one = |(place, table): (usize, &Table)| {
            let parts: Vec<_> = table.path.iter().rev().map(|name| name.as_str().to_owned()).collect();
            let parameters = vec!["?"; parts.len()].join(", ");
            bound.extend(parts);
            format!("SELECT '{place}', '', name, type, '1', cid FROM pragma_table_xinfo({parameters})")
        };
        let parts: Vec<_> = tables.into_iter().enumerate().map(&mut one).collect();
        (format!("{} ORDER BY 1, 6", parts.join(" UNION ALL ")), bound)
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

    /// A column's type binds nobody: the values say.
    fn date(_: &str) -> DateColumn {
        DateColumn::Text
    }

    /// It has one code for all that is wrong with a statement.
    fn is_about_columns(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| code == "1")
    }

    /// SQLite keeps what it was given: Better Auth writes ISO text, Drizzle and Prisma integer milliseconds.
    fn instant(row: &SqliteRow, index: usize, zone: &TimeZone) -> Result<Option<UnixMillis>, String> {
        let value = row.try_get_raw(index).map_err(|error| error.to_string())?;
        let kind = value.type_info().name().to_owned();
        let unreadable = |error: sqlx::Error| error.to_string();
        match kind.as_str() {
            _ if value.is_null() => Ok(None),
            "TEXT" => {
                let text: &str = row.try_get_unchecked(index).map_err(unreadable)?;
                // Digits alone are no date to JavaScript; a year is.
                UnixMillis::parse_iso_in(text, zone)
                    .map(Some)
                    .ok_or_else(|| "is text that is no date".to_owned())
            }
            "INTEGER" => {
                row.try_get_unchecked(index).map(|millis| Some(UnixMillis::new(millis))).map_err(unreadable)
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "JavaScript drops the fraction, and `as` saturates"
            )]
            "REAL" => row
                .try_get_unchecked::<f64, _>(index)
                .map(|millis| Some(UnixMillis::new(millis as i64)))
                .map_err(unreadable),
            _ => Err(format!("is of type {kind}, not text, integer or real")),
        }
    }

    /// Of whatever type the value has, for a column's type binds nobody.
    fn value(row: &SqliteRow, index: usize, reading: Reading) -> Result<Value, String> {
        let value = row.try_get_raw(index).map_err(|error| error.to_string())?;
        let kind = value.type_info().name().to_owned();
        let unreadable = |error: sqlx::Error| error.to_string();
        let number = match kind.as_str() {
            _ if value.is_null() => return Ok(Value::Null),
            "TEXT" => {
                let text: String = row.try_get_unchecked(index).map_err(unreadable)?;
                return Ok(match reading {
                    Reading::Json | Reading::JsonText => row::of_text(text, reading),
                    Reading::Text | Reading::Number | Reading::Boolean | Reading::Date => Value::String(text),
                });
            }
            #[expect(clippy::cast_precision_loss, reason = "all of JavaScript's numbers are floats")]
            "INTEGER" => row.try_get_unchecked::<i64, _>(index).map_err(unreadable)? as f64,
            "REAL" => row.try_get_unchecked::<f64, _>(index).map_err(unreadable)?,
            _ => return Err(format!("is of type {kind}, not text, integer or real")),
        };
        let number = row::number_of(number);
        Ok(if reading == Reading::Boolean { row::boolean(&number) } else { number })
    }
}

/// Ids are told as texts, all else as it is found.
fn read(kind: FieldKind, column: &str, _: &str) -> (String, Reading) {
    match kind {
        FieldKind::Id => (format!("CAST({column} AS TEXT)"), Reading::Text),
        FieldKind::Text => (column.to_owned(), Reading::Text),
        FieldKind::Number => (column.to_owned(), Reading::Number),
        FieldKind::Boolean => (column.to_owned(), Reading::Boolean),
        FieldKind::Date => (column.to_owned(), Reading::Date),
        FieldKind::Json | FieldKind::List => (column.to_owned(), Reading::JsonText),
    }
}

/// Which file is there now: device and inode.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
