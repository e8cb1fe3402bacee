//! The owner's part: whether a role may set the triggers up, and setting them up in one transaction.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use super::super::prepare::{Part, PrepareError};
use super::sql::watches;
use super::state::{TableState, Telling, TellingTable};
use crate::store::Schema;

/// Locks are waited for so long and no longer: whoever waits for a lock on a table holds up all who come after.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '3s'";
/// Longest time that a question or the whole transaction may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(in crate::revocation) async fn state_of(
    options: &PgConnectOptions,
    schema: &Schema,
    connect_timeout: Duration,
) -> Result<Vec<Part>, PrepareError> {
    let telling = connected(options, connect_timeout, async |link| Telling::of(link, schema).await).await?;
    let part = |table: TellingTable| Part {
        state: table.state.to_string(),
        is_good: matches!(table.state, TableState::Tells | TableState::NotNeeded),
        name: table.name,
    };
    Ok(telling.tables.into_iter().map(part).collect())
}

/// Triggers that fire always are the owner's to make, and functions need a place.
pub(in crate::revocation) async fn rights(
    options: &PgConnectOptions,
    schema: &Schema,
    connect_timeout: Duration,
) -> Result<Vec<Part>, PrepareError> {
    const QUESTION: &str = "SELECT quote_ident(current_user), c.relkind IN ('r', 'p', 'f'), quote_ident(pg_get_userbyid(c.relowner)), \
        pg_has_role(c.relowner, 'USAGE'), quote_ident(n.nspname), has_schema_privilege(n.oid, 'CREATE') \
        FROM pg_catalog.pg_class AS c \
        JOIN pg_catalog.pg_namespace AS n ON n.nspname = CASE WHEN $2 THEN current_schema() \
        ELSE (SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = c.relnamespace) END \
        WHERE c.oid = to_regclass($1::text)";
    connected(options, connect_timeout, async |link| {
        let mut parts = Vec::new();
        for watch in watches(schema) {
            let question =
                sqlx::query(QUESTION).bind(watch.table.quoted('"')).bind(watch.table.path.len() == 1);
            if let Some(row) = question.fetch_optional(&mut *link).await? {
                parts.push(right(watch.table.name(), &row)?);
            }
        }
        Ok(parts)
    })
    .await
}

fn right(name: String, row: &PgRow) -> Result<Part, sqlx::Error> {
    let [role, owner, place]: [String; 3] = [row.try_get(0)?, row.try_get(2)?, row.try_get(4)?];
    let [is_table, is_owner, may_create]: [bool; 3] = [row.try_get(1)?, row.try_get(3)?, row.try_get(5)?];
    let state = if !is_table {
        "is a view: name the table beneath it in the settings".to_owned()
    } else if !is_owner {
        format!("belongs to {owner}, and {role} is not a member of that role: connect as {owner}")
    } else if !may_create {
        format!(
            "{role} may not create functions in the schema {place}: GRANT CREATE ON SCHEMA {place} TO {role}"
        )
    } else {
        format!("may be prepared by {role}")
    };
    Ok(Part { name, state, is_good: is_table && is_owner && may_create })
}

pub(in crate::revocation) async fn apply(
    options: &PgConnectOptions,
    statements: &[String],
    connect_timeout: Duration,
) -> Result<(), PrepareError> {
    connected(options, connect_timeout, async |link| {
        let mut transaction = link.begin().await?;
        sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await?;
        for statement in statements {
            // Audited: `sql` makes them, of constants of ours and quoted names.
            sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    })
    .await
}

/// What `work` comes to on a connection of its own.
async fn connected<T>(
    options: &PgConnectOptions,
    limit: Duration,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
) -> Result<T, PrepareError> {
    let connecting = timeout(limit, options.connect()).await.map_err(|_| too_late(limit))?;
    let mut link = connecting.map_err(|error| failed(&error))?;
    let done = timeout(PATIENCE, work(&mut link)).await.map_err(|_| too_late(PATIENCE))?;
    // What was done is done; the server notices the end of the connection by itself.
    let _ = link.close().await;
    done.map_err(|error| failed(&error))
}

fn too_late(limit: Duration) -> PrepareError {
    let hint = "start the database, or mend its URL in store".to_owned();
    PrepareError { because: format!("no answer within {limit:?}"), hint }
}

/// PostgreSQL's `lock_not_available`, `deadlock_detected` and `insufficient_privilege` (its Appendix A) have their own ways
/// out.
fn failed(error: &sqlx::Error) -> PrepareError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let hint = match code.as_deref() {
        Some("55P03" | "40P01") => "try again when no long transaction holds one of the tables",
        Some("42501") => "connect as the owner of the tables: --store=postgres://owner@host/db",
        Some(_) => "see what sidegate check tells of the tables",
        None => "start the database, or mend its URL in store",
    };
    PrepareError { because: error.to_string(), hint: hint.to_owned() }
}
