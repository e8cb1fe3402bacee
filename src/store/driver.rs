//! How databases are connected to by whoever needs a connection of their own.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

/// The connection options of a store, by driver. They hold a password.
#[derive(Clone, Copy)]
pub enum Driver<'a> {
    /// PostgreSQL.
    Postgres(&'a PgConnectOptions),
    /// MySQL or MariaDB.
    MySql(&'a MySqlConnectOptions),
    /// SQLite.
    Sqlite(&'a SqliteConnectOptions),
}
