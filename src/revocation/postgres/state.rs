//! Whether PostgreSQL tells of revocations: by its catalogs, which every role may read.

use std::fmt;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, Postgres, Row as _};

use super::sql::{CHANGED, CHANNEL, EMPTIED, Watch, dollar_quoted, watches};
use crate::store::Schema;

/// What the tables tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    /// Each table that is watched.
    pub(super) tables: Vec<TellingTable>,
}

/// What one table tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TellingTable {
    /// Its name as a setting writes it.
    pub(super) name: String,
    /// Its number; `None` if it is not there.
    pub(super) number: Option<i64>,
    /// Whether it tells.
    pub(super) state: TableState,
}

/// Whether a table tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableState {
    /// It is not there, and not needed.
    NotNeeded,
    /// It is not there.
    Missing,
    /// Nothing of ours is on it.
    Silent,
    /// Triggers of ours are on it, but not those of this version and these settings, or they are turned off.
    Other,
    /// It tells.
    Tells,
}

impl fmt::Display for TableState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNeeded => "is not there, and not missed",
            Self::Missing => "is not there",
            Self::Silent => "has no trigger of sidegate's",
            Self::Other => "has triggers of another version or other settings, or they are turned off",
            Self::Tells => "tells of its changes",
        })
    }
}

impl Telling {
    /// Asks the catalogs.
    ///
    /// # Errors
    /// The driver's.
    pub(super) async fn of<'c>(
        connection: impl Executor<'c, Database = Postgres>,
        schema: &Schema,
    ) -> Result<Self, sqlx::Error> {
        let watches = watches(schema);
        // Nothing is prepared, for which a pooler may stand in the way. Audited: constants of ours and quoted texts.
        let rows = sqlx::raw_sql(AssertSqlSafe(question(&watches))).fetch_all(connection).await?;
        let tables = watches.iter().zip(&rows).map(|(watch, row)| table(watch, row));
        Ok(Self { tables: tables.collect::<Result<_, _>>()? })
    }

    /// Whether all tables tell that are there.
    pub(super) fn is_complete(&self) -> bool {
        self.tables.iter().all(|table| matches!(table.state, TableState::Tells | TableState::NotNeeded))
    }

    /// Where the tables tell.
    pub(super) fn channels(&self) -> Vec<String> {
        self.tables
            .iter()
            .filter_map(|table| table.number)
            .map(|number| format!("{CHANNEL}{number}"))
            .collect()
    }

    /// What is not as it should be.
    pub(super) fn complaint(&self) -> String {
        let bad = self
            .tables
            .iter()
            .filter(|table| !matches!(table.state, TableState::Tells | TableState::NotNeeded))
            .map(|table| format!("{} {}", table.name, table.state));
        bad.collect::<Vec<_>>().join(", ")
    }
}

fn table(watch: &Watch<'_>, row: &PgRow) -> Result<TellingTable, sqlx::Error> {
    let number: Option<i64> = row.try_get(1)?;
    let (ours, fitting): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
    let state = match (number, ours, fitting) {
        (None, ..) if watch.is_optional => TableState::NotNeeded,
        (None, ..) => TableState::Missing,
        (Some(_), 0, _) => TableState::Silent,
        (Some(_), _, 2) => TableState::Tells,
        (Some(_), ..) => TableState::Other,
    };
    Ok(TellingTable { name: watch.table.name(), number, state })
}

/// How many triggers of ours each table has, and how many of them do what this version would have them do: the whole text
/// of their function is compared, so that nothing old or altered is believed. `tgtype` 32 is TRUNCATE by statement.
fn question(watches: &[Watch<'_>]) -> String {
    let places: Vec<_> = watches
        .iter()
        .enumerate()
        .map(|(place, watch)| {
            let (table, body) = (dollar_quoted(&watch.table.quoted('"')), dollar_quoted(&watch.body));
            format!("({place}, to_regclass({table}), {body}::text, {}::int2)", watch.trigger_type())
        })
        .collect();
    format!(
        "SELECT w.place, w.relation::oid::int8, count(t.oid), count(t.oid) FILTER (WHERE p.prosrc = w.body \
         AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = '' \
         AND t.tgtype = CASE t.tgname WHEN '{CHANGED}' THEN w.kind ELSE 32 END) \
         FROM (VALUES {}) AS w(place, relation, body, kind) \
         LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = w.relation AND t.tgname IN ('{CHANGED}', '{EMPTIED}') \
         LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid \
         GROUP BY w.place, w.relation ORDER BY w.place",
        places.join(", ")
    )
}
