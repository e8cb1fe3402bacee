//! PostgreSQL.

use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgRow, PgValueFormat, PgValueRef};
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::StoreOptions;
use super::columns::DateColumn;
use super::plan::{Grammar, Untold};
use super::row::{self, Reading};
use super::schema::{FieldKind, Table};
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// PostgreSQL, through sqlx.
#[derive(Debug)]
pub(super) struct Postgres;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in milliseconds after the epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000;
const DAY: i64 = 86_400_000;

impl Flavour for Postgres {
    type Db = sqlx::Postgres;

    const GRAMMAR: Grammar =
        Grammar { quote: '"', parameter: "$1", text: "text", read, untold: Untold::Absent };

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

    const FOLDS_CASE: bool = false;

    const SURVEY: &'static str = "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE n.nspname::text END, c.relname::text, a.attname::text, \
        format_type(a.atttypid, NULL)::text, has_column_privilege(c.oid, a.attnum, 'SELECT')::text \
        FROM pg_catalog.pg_class AS c \
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid \
        WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
        AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' \
        ORDER BY 1, 2, a.attnum LIMIT 20000";

    /// `to_regclass` looks a name up as a query would, along the search path where it names no schema. The type of a
    /// domain is the one beneath it.
    fn columns(tables: [&Table; 4]) -> (String, Vec<String>) {
        let sql = "SELECT w.place, ''::text, a.attname::text, \
            format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL)::text, \
            has_column_privilege(a.attrelid, a.attnum, 'SELECT')::text \
            FROM (VALUES ('0'::text, to_regclass($1::text)), ('1', to_regclass($2::text)), \
            ('2', to_regclass($3::text)), ('3', to_regclass($4::text))) AS w(place, table_oid) \
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.table_oid \
            JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
            WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY w.place, a.attnum";
        (sql.to_owned(), tables.map(|table| table.quoted('"')).to_vec())
    }

    fn prepare(options: PgConnectOptions, _: &StoreOptions) -> PgConnectOptions {
        // PgBouncer knows no extra_float_digits, which sqlx would send. What is a float is read as text, of which
        // PostgreSQL 12 and later write as many digits as it takes by themselves.
        options.application_name("sidegate").extra_float_digits(None)
    }

    fn date(sql_type: &str) -> DateColumn {
        match sql_type {
            "timestamp with time zone" => DateColumn::Instant,
            "timestamp without time zone" | "date" => DateColumn::Wall,
            text if text.contains("char") || text == "text" => DateColumn::Text,
            _ => DateColumn::Unfit,
        }
    }

    /// Its `undefined_column`, `undefined_table`, `undefined_function` (no operator between two types), `datatype_mismatch`,
    /// `insufficient_privilege`, `invalid_schema_name`, `undefined_object`.
    fn is_about_columns(error: &dyn DatabaseError) -> bool {
        const CODES: [&str; 7] = ["42703", "42P01", "42883", "42804", "42501", "3F000", "42704"];
        error.code().is_some_and(|code| CODES.contains(&code.as_ref()))
    }

    /// `timestamptz`; `timestamp` and `date`, which node-pg takes for the zone of its process; and text.
    fn instant(row: &PgRow, index: usize, zone: &TimeZone) -> Result<Option<UnixMillis>, String> {
        let value = row.try_get_raw(index).map_err(|error| error.to_string())?;
        if value.is_null() {
            return Ok(None);
        }
        let kind = value.type_info().name().to_owned();
        match kind.as_str() {
            "TIMESTAMPTZ" => Ok(Some(match wire(&value).map(i64::from_be_bytes)? {
                i64::MAX => UnixMillis::NEVER, // infinity
                i64::MIN => UnixMillis::EPOCH, // -infinity
                micros => UnixMillis::new(millis(micros)),
            })),
            "TIMESTAMP" => Ok(Some(match wire(&value).map(i64::from_be_bytes)? {
                i64::MAX => UnixMillis::NEVER,
                i64::MIN => UnixMillis::EPOCH,
                micros => row::instant_of_wall(millis(micros), zone)?,
            })),
            "DATE" => Ok(Some(match wire(&value).map(i32::from_be_bytes)? {
                i32::MAX => UnixMillis::NEVER,
                i32::MIN => UnixMillis::EPOCH,
                days => row::instant_of_wall(i64::from(days) * DAY + POSTGRES_EPOCH, zone)?,
            })),
            "TEXT" => {
                let text: &str = row.try_get(index).map_err(|error| error.to_string())?;
                row::instant_of_text(text, zone).map(Some)
            }
            _ => Err(format!("is of type {kind}, not timestamptz, timestamp, date or text")),
        }
    }

    fn value(row: &PgRow, index: usize, reading: Reading) -> Result<Value, String> {
        let text: Option<String> = row.try_get(index).map_err(|error| error.to_string())?;
        Ok(text.map_or(Value::Null, |text| row::of_text(text, reading)))
    }
}

/// Better Auth drops what is finer than a millisecond.
fn millis(micros: i64) -> i64 {
    micros.div_euclid(1000).saturating_add(POSTGRES_EPOCH)
}

fn wire<const N: usize>(value: &PgValueRef<'_>) -> Result<[u8; N], String> {
    if value.format() != PgValueFormat::Binary {
        return Err("is not as it was asked for".to_owned());
    }
    let bytes = value.as_bytes().map_err(|error| error.to_string())?;
    bytes.try_into().map_err(|_| format!("is not {N} bytes"))
}

/// As node-pg hands it over: small numbers as numbers, `bigint` and `numeric` as texts, JSON and arrays as such.
fn read(kind: FieldKind, column: &str, sql_type: &str) -> (String, Reading) {
    let text = |reading| (format!("CAST({column} AS text)"), reading);
    match (kind, sql_type) {
        (FieldKind::Id, _) => text(Reading::Text),
        (_, "timestamp with time zone" | "timestamp without time zone" | "date") => {
            (column.to_owned(), Reading::Date)
        }
        (FieldKind::Date, _) => text(Reading::Date),
        (_, "boolean") => text(Reading::Boolean),
        (_, "smallint" | "integer" | "real" | "double precision") => text(Reading::Number),
        (_, "json" | "jsonb") => text(Reading::Json),
        (_, array) if array.ends_with("[]") => (format!("CAST(to_jsonb({column}) AS text)"), Reading::Json),
        (FieldKind::List, _) => text(Reading::JsonText),
        (FieldKind::Text | FieldKind::Number | FieldKind::Boolean | FieldKind::Json, _) => {
            text(Reading::Text)
        }
    }
}
