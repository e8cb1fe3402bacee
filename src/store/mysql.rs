//! MySQL and MariaDB.

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};

use super::StoreOptions;
use super::schema::Grammar;
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// MySQL or MariaDB, through sqlx.
#[derive(Debug)]
pub(super) struct MySql;

impl Flavour for MySql {
    type Db = sqlx::MySql;

    const PARAMETERS: &'static [&'static str] = &[
        "sslmode",
        "ssl-mode",
        "sslca",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
        "charset",
        "collation",
        "statement-cache-capacity",
        "socket",
        "timezone",
        "time-zone",
    ];

    fn grammar() -> Grammar {
        Grammar {
            quote: '`',
            parameter: "?",
            text: "CHAR",
            // Not UNIX_TIMESTAMP, which ends in 2038 for a DATETIME. The session's zone is UTC, by sqlx's default.
            instant: ("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ", ") DIV 1000"),
        }
    }

    fn prepare(options: MySqlConnectOptions, _: &StoreOptions) -> MySqlConnectOptions {
        options
    }

    fn instant(row: &MySqlRow, index: usize) -> Result<UnixMillis, String> {
        let millis: Option<i64> = row.try_get(index).map_err(|error| error.to_string())?;
        Ok(millis.map_or(UnixMillis::EPOCH, UnixMillis::new))
    }
}
