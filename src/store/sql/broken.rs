//! What goes wrong with a question on one connection, and what that means.

use std::time::Duration;

use super::super::StoreError;

/// Why a question on one connection has no answer.
pub(in crate::store) enum Broken {
    /// The driver's or the database's complaint.
    Database(sqlx::Error),
    /// Ours.
    Store(StoreError),
    /// The columns could not be looked at anew, and the connection is of no more use. The plan before holds.
    Renewal,
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Broken {
    /// Whether another connection may do better.
    pub(super) fn is_spent(&self) -> bool {
        match self {
            Self::Database(error) => is_spent(error),
            Self::Store(_) => false,
            Self::Renewal => true,
        }
    }

    /// What it means to whoever asked for `token`, after waiting for `timeout` at the most.
    pub(in crate::store) fn told(self, token: &str, timeout: Duration) -> StoreError {
        match self {
            Self::Database(error) => store_error(&error, token),
            Self::Store(StoreError::Refused(text)) => StoreError::Refused(without(text, token)),
            Self::Store(error) => error,
            Self::Renewal => StoreError::Timeout(timeout),
        }
    }
}

/// Whether another connection may do better: the server went away or is going, or what was prepared on this one no
/// longer fits.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "sqlx's enum is open: what is new is nothing that another connection would mend"
)]
fn is_spent(error: &sqlx::Error) -> bool {
    // "cached plan must not change result type" after a migration, and statements that a transaction pooler gave to
    // somebody else: PostgreSQL's feature_not_supported, invalid_sql_statement_name, duplicate_prepared_statement.
    const STALE_STATEMENT: [&str; 3] = ["0A000", "26000", "42P05"];
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            true
        }
        // PostgreSQL: 57P0x operator intervention, 08xxx connection exceptions (its Appendix A), which MySQL and
        // MariaDB share as the SQLSTATE of "server shutdown" (1053) and "connection was killed" (1927).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("57P0")
                || code.starts_with("08")
                || code == "70100"
                || STALE_STATEMENT.contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// A database's complaint may quote the value it was asked for.
fn store_error(error: &sqlx::Error, token: &str) -> StoreError {
    let text = without(error.to_string(), token);
    if is_spent(error) { StoreError::Unreachable(text) } else { StoreError::Refused(text) }
}

/// Whatever a text came to quote, a table that is named like the token included.
fn without(text: String, token: &str) -> String {
    if token.is_empty() { text } else { text.replace(token, "[token]") }
}
