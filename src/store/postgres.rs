//! PostgreSQL.

use sqlx::postgres::{PgConnectOptions, PgRow, PgValueFormat};
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::StoreOptions;
use super::schema::Grammar;
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// PostgreSQL, through sqlx.
#[derive(Debug)]
pub(super) struct Postgres;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in milliseconds after the epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000;

impl Flavour for Postgres {
    type Db = sqlx::Postgres;

    const PARAMETERS: &'static [&'static str] = &[
        "sslmode",
        "ssl-mode",
        "sslrootcert",
        "ssl-root-cert",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ];

    fn grammar() -> Grammar {
        Grammar { quote: '"', parameter: "$1", text: "text", instant: ("", "") }
    }

    fn prepare(options: PgConnectOptions, _: &StoreOptions) -> PgConnectOptions {
        // PgBouncer knows no extra_float_digits, which sqlx would send, and nothing here is a float.
        options.application_name("sidegate").extra_float_digits(None)
    }

    /// `timestamptz`, and `timestamp` taken as UTC: both are microseconds on the wire.
    fn instant(row: &PgRow, index: usize) -> Result<UnixMillis, String> {
        let value = row.try_get_raw(index).map_err(|error| error.to_string())?;
        if value.is_null() {
            return Ok(UnixMillis::EPOCH);
        }
        let kind = value.type_info().name().to_owned();
        if !matches!(kind.as_str(), "TIMESTAMPTZ" | "TIMESTAMP") || value.format() != PgValueFormat::Binary {
            return Err(format!("is of type {kind}, not timestamptz or timestamp"));
        }
        let bytes = value.as_bytes().map_err(|error| error.to_string())?;
        let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| "is not eight bytes".to_owned())?);
        Ok(match micros {
            i64::MAX => UnixMillis::NEVER, // infinity
            i64::MIN => UnixMillis::EPOCH, // -infinity
            // Better Auth drops what is finer than a millisecond.
            micros => UnixMillis::new(micros.div_euclid(1000).saturating_add(POSTGRES_EPOCH)),
        })
    }
}
