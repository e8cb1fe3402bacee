//! The owner's part: whether a role may set the triggers up, and setting them up in one transaction.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
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
    let mut connection = connect(options, connect_timeout).await?;
    let telling = in_time(Telling::of(&mut connection, schema)).await?;
    let part = |table: &TellingTable| Part {
        name: table.name.clone(),
        state: table.state.to_string(),
        is_good: matches!(table.state, TableState::Tells | TableState::NotNeeded),
    };
    Ok(telling.tables.iter().map(part).collect())
}

/// Triggers that fire always are the owner's to make, and functions need a place.
pub(in crate::revocation) async fn rights(
    options: &PgConnectOptions,
    schema: &Schema,
    connect_timeout: Duration,
) -> Result<Vec<Part>, PrepareError> {
    const QUESTION: &str = "SELECT current_user::text, c.relkind IN ('r', 'p', 'f'), pg_get_userbyid(c.relowner)::text, \
        pg_has_role(c.relowner, 'USAGE'), n.nspname::text, has_schema_privilege(n.oid, 'CREATE') \
        FROM pg_catalog.pg_class AS c \
        JOIN pg_catalog.pg_namespace AS n ON n.nspname = CASE WHEN $2 THEN current_schema() \
        ELSE (SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = c.relnamespace) END \
        WHERE c.oid = to_regclass($1::text)";
    let mut connection = connect(options, connect_timeout).await?;
    let mut parts = Vec::new();
    for watch in watches(schema) {
        let question = sqlx::query(QUESTION).bind(watch.table.quoted('"')).bind(watch.table.path.len() == 1);
        let row = in_time(question.fetch_optional(&mut connection)).await?;
        let Some(row) = row else { continue };
        let read = || {
            let texts: [String; 3] = [row.try_get(0)?, row.try_get(2)?, row.try_get(4)?];
            let rights: [bool; 3] = [row.try_get(1)?, row.try_get(3)?, row.try_get(5)?];
            Ok::<_, sqlx::Error>((texts, rights))
        };
        let ([role, owner, place], [is_table, is_owner, may_create]) =
            read().map_err(|error| failed(&error))?;
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
        parts.push(Part { name: watch.table.name(), state, is_good: is_table && is_owner && may_create });
    }
    Ok(parts)
}

pub(in crate::revocation) async fn apply(
    options: &PgConnectOptions,
    statements: &[String],
    connect_timeout: Duration,
) -> Result<(), PrepareError> {
    let mut connection = connect(options, connect_timeout).await?;
    let transaction = async {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await?;
        for statement in statements {
            // Audited: `sql` makes them, of constants of ours and quoted names.
            sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    };
    in_time(transaction).await
}

async fn connect(options: &PgConnectOptions, limit: Duration) -> Result<PgConnection, PrepareError> {
    match timeout(limit, options.connect()).await {
        Ok(connected) => connected.map_err(|error| failed(&error)),
        Err(_) => Err(too_late(limit)),
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, PrepareError> {
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| failed(&error)),
        Err(_) => Err(too_late(PATIENCE)),
    }
}

fn too_late(limit: Duration) -> PrepareError {
    let hint = "start the database, or mend its URL in store".to_owned();
    PrepareError { because: format!("no answer within {limit:?}"), hint }
}

/// PostgreSQL's `lock_not_available`, `deadlock_detected` and `insufficient_privilege` (its Appendix A) have their own ways
/// out.
fn failed(error: &sqlx::Error) -> PrepareError {
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    let hint = match code.as_deref() {
        Some("55P03" | "40P01") => "try again when no long transaction holds one of the tables",
        Some("42501") => "connect as the owner of the tables: --store=postgres://owner@host/db",
        Some(_) => "see what sidegate check tells of the tables",
        None => "start the database, or mend its URL in store",
    };
    PrepareError { because: error.to_string(), hint: hint.to_owned() }
}
