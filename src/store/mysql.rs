//! MySQL and MariaDB.

use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};

use super::StoreOptions;
use super::columns::DateColumn;
use super::plan::{Grammar, Untold};
use super::row::{self, Reading};
use super::schema::{FieldKind, SqlName, Table};
use super::sql::Flavour;
use crate::clock::UnixMillis;

/// MySQL or MariaDB, through sqlx.
#[derive(Debug)]
pub(super) struct MySql;

impl Flavour for MySql {
    type Db = sqlx::MySql;

    // `information_schema.columns` has those alone for which this role has some right.
    const GRAMMAR: Grammar =
        Grammar { quote: '`', parameter: "?", text: "CHAR", read, untold: Untold::Unknown };

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

    const FOLDS_CASE: bool = true;

    const SURVEY: &'static str = "SELECT IF(table_schema = DATABASE(), '', CAST(table_schema AS CHAR)), CAST(table_name AS CHAR), \
        CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
        CAST(FIND_IN_SET('select', privileges) > 0 AS CHAR) FROM information_schema.columns \
        WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') \
        ORDER BY table_schema, table_name, ordinal_position LIMIT 20000";

    /// One question for each table: only so does MariaDB open no other. `information_schema` takes names without regard
    /// to case, the server perhaps not.
    fn columns(tables: [&Table; 4]) -> (String, Vec<String>) {
        let mut bound = Vec::new();
        let mut one = |(place, table): (usize, &Table)| {
            let (schema, name) = match table.path.as_slice() {
                [.., schema, name] => {
                    bound.push(schema.as_str().to_owned());
                    ("?", name.as_str())
                }
                rest => ("DATABASE()", rest.last().map_or("", SqlName::as_str)),
            };
            bound.extend([name.to_owned(), name.to_owned()]);
            format!(
                "SELECT '{place}', '', CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
                 CAST(FIND_IN_SET('select', privileges) > 0 AS CHAR), ordinal_position AS place \
                 FROM information_schema.columns WHERE table_schema = {schema} AND table_name = ? \
                 AND (BINARY table_name = ? OR @@lower_case_table_names <> 0)"
            )
        };
        let parts: Vec<_> = tables.into_iter().enumerate().map(&mut one).collect();
        (format!("{} ORDER BY 1, 6", parts.join(" UNION ALL ")), bound)
    }

    /// Better Auth's driver hands the text of its session's clock on to JavaScript, which takes it for the zone of the
    /// process. With UTC for both, the session's zone is set to that; else the server's own is left alone.
    fn prepare(options: MySqlConnectOptions, store: &StoreOptions) -> MySqlConnectOptions {
        if store.time_zone == TimeZone::UTC { options } else { options.timezone(None) }
    }

    fn date(sql_type: &str) -> DateColumn {
        match sql_type.split(['(', ' ']).next().unwrap_or_default() {
            "timestamp" | "datetime" | "date" => DateColumn::Wall,
            "bigint" => DateColumn::Instant,
            text if text.contains("char") || text.contains("text") => DateColumn::Text,
            _ => DateColumn::Unfit,
        }
    }

    /// SQLSTATE: unknown column, unknown table, and the 42000 of refused access (MySQL's 1142 and 1143 among others).
    fn is_about_columns(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| matches!(code.as_ref(), "42S22" | "42S02" | "42000"))
    }

    fn instant(row: &MySqlRow, index: usize, zone: &TimeZone) -> Result<Option<UnixMillis>, String> {
        let text: Option<String> = row.try_get(index).map_err(|error| error.to_string())?;
        text.map(|text| row::instant_of_text(&text, zone)).transpose()
    }

    fn value(row: &MySqlRow, index: usize, reading: Reading) -> Result<Value, String> {
        let text: Option<String> = row.try_get(index).map_err(|error| error.to_string())?;
        Ok(text.map_or(Value::Null, |text| row::of_text(text, reading)))
    }
}

/// As mysql2 hands it over: decimals as texts, JSON as such. All is cast to text, dates to those of the session's clock.
fn read(kind: FieldKind, column: &str, sql_type: &str) -> (String, Reading) {
    const NUMBERS: [&str; 8] =
        ["tinyint", "smallint", "mediumint", "int", "bigint", "float", "double", "year"];
    let text = |reading| (format!("CAST({column} AS CHAR)"), reading);
    let name = sql_type.split(['(', ' ']).next().unwrap_or_default();
    match (kind, name) {
        (FieldKind::Id, _) => text(Reading::Text),
        (_, "timestamp" | "datetime") | (FieldKind::Date, _) if name != "date" => text(Reading::Date),
        // Its midnight is the zone's too.
        (_, "date") => (format!("CAST(CAST({column} AS DATETIME) AS CHAR)"), Reading::Date),
        (FieldKind::Boolean, "bit") => (format!("CAST({column} + 0 AS CHAR)"), Reading::Boolean),
        (FieldKind::Boolean, name) if NUMBERS.contains(&name) => text(Reading::Boolean),
        (_, name) if NUMBERS.contains(&name) => text(Reading::Number),
        // MariaDB's json is a longtext, which it tells mysql2 apart by, and information_schema nobody.
        (_, "json") | (FieldKind::Json | FieldKind::List, "longtext") => text(Reading::Json),
        (FieldKind::Json | FieldKind::List, _) => text(Reading::JsonText),
        (FieldKind::Text | FieldKind::Number | FieldKind::Boolean | FieldKind::Date, _) => {
            text(Reading::Text)
        }
    }
}
