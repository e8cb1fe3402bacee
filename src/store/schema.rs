//! Names of tables and columns, and the one place where a configured name becomes part of an SQL text.
//!
//! Better Auth's defaults: tables `session` and `user`, camelCase columns. Its options `modelName`, `fields` and
//! `usePlural`, and the adapters' `snake_case`, rename them; the settings here take the same names.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// A table's or column's name as the database knows it, of any characters that quoting can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlName(String);

/// Why a text cannot name a table or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlNameError {
    /// There is no name.
    #[error("the name is empty")]
    Empty,
    /// Longer than any of the databases allows.
    #[error("the name is longer than 64 bytes, the most that MySQL takes (PostgreSQL takes 63)")]
    TooLong,
    /// No database allows these in a name.
    #[error("the name holds a control character")]
    Control,
}

/// How columns are spelt where no setting names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnCase {
    /// `expiresAt`: Better Auth's own migrations, Prisma.
    #[default]
    Camel,
    /// `expires_at`: Drizzle as Better Auth's CLI writes it.
    Snake,
}

/// Where sessions and users are kept.
#[derive(Clone, Debug)]
pub struct Schema {
    session: Vec<SqlName>,
    user: Vec<SqlName>,
    session_columns: [SqlName; SESSION_FIELDS.len()],
    user_columns: [SqlName; USER_FIELDS.len()],
}

/// The fields of `session` that a lookup reads, by Better Auth's names.
pub const SESSION_FIELDS: [&str; 4] = ["id", "token", "userId", "expiresAt"];
/// The fields of `user` that a lookup reads, by Better Auth's names.
pub const USER_FIELDS: [&str; 3] = ["id", "email", "name"];

/// What a dialect of SQL writes its own way.
pub(super) struct Grammar {
    /// The character around names.
    pub(super) quote: char,
    /// The first bound parameter.
    pub(super) parameter: &'static str,
    /// The type to which ids and texts are cast, so that text, UUID and serial ids read alike.
    pub(super) text: &'static str,
    /// What stands before and after the expiry's column, to make it something that can be read.
    pub(super) instant: (&'static str, &'static str),
}

impl SqlName {
    /// One name, without quotes.
    ///
    /// # Errors
    /// If no database could have such a name.
    pub fn new(name: &str) -> Result<Self, SqlNameError> {
        if name.is_empty() {
            return Err(SqlNameError::Empty);
        }
        if name.len() > 64 {
            return Err(SqlNameError::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(SqlNameError::Control);
        }
        Ok(Self(name.to_owned()))
    }

    /// A table's name, with its schema or database before a dot where there is one.
    ///
    /// # Errors
    /// If a part is no name.
    pub fn path(text: &str) -> Result<Vec<Self>, SqlNameError> {
        text.split('.').map(Self::new).collect()
    }

    /// The name between quotes, with the quotes inside it doubled: nothing can end it early.
    fn quoted(&self, quote: char) -> String {
        let doubled = self.0.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}")
    }
}

impl Schema {
    /// Better Auth's names in that spelling, but for the tables and fields named here.
    ///
    /// The maps go from Better Auth's field name to the column's; keys are of [`SESSION_FIELDS`] and
    /// [`USER_FIELDS`], which the caller has made sure of.
    #[must_use]
    pub fn new(
        session: Vec<SqlName>,
        user: Vec<SqlName>,
        case: ColumnCase,
        session_fields: &BTreeMap<String, SqlName>,
        user_fields: &BTreeMap<String, SqlName>,
    ) -> Self {
        Self {
            session,
            user,
            session_columns: SESSION_FIELDS.map(|field| column(field, case, session_fields)),
            user_columns: USER_FIELDS.map(|field| column(field, case, user_fields)),
        }
    }

    /// The lookup: a session joined to its user, by token. The columns of its row, in order, are
    /// [`SqlStore`](super::sql::SqlStore)'s to read.
    ///
    /// No expiry in SQL: whether it is live is decided at an instant, in `auth`.
    pub(super) fn lookup(&self, grammar: &Grammar) -> SqlStr {
        let column = |table: char, name: &SqlName| format!("{table}.{}", name.quoted(grammar.quote));
        let text = |column: &str| format!("CAST({column} AS {})", grammar.text);
        let table = |path: &[SqlName]| {
            path.iter().map(|name| name.quoted(grammar.quote)).collect::<Vec<_>>().join(".")
        };
        let [session_id, token, user_ref, expires_at] =
            self.session_columns.each_ref().map(|name| column('s', name));
        let [user_id, email, name] = self.user_columns.each_ref().map(|name| column('u', name));
        let (before, after) = grammar.instant;

        let mut sql = String::from("SELECT ");
        for one in [&token, &session_id, &user_id, &email, &name] {
            let _ = write!(sql, "{}, ", text(one));
        }
        let _ = write!(
            sql,
            "{before}{expires_at}{after} FROM {} AS s INNER JOIN {} AS u ON {user_id} = {user_ref} \
             WHERE {token} = {}",
            table(&self.session),
            table(&self.user),
            grammar.parameter,
        );
        // Audited: every part above is a constant of ours or a quoted SqlName.
        AssertSqlSafe(sql).into_sql_str()
    }
}

fn column(field: &str, case: ColumnCase, named: &BTreeMap<String, SqlName>) -> SqlName {
    named.get(field).cloned().unwrap_or_else(|| {
        SqlName(match case {
            ColumnCase::Camel => field.to_owned(),
            ColumnCase::Snake => snake(field),
        })
    })
}

fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}
