//! The lookup: which columns are asked for, in one statement that is prepared once.
//!
//! What Better Auth's plugins add to the tables is read where it is there and not missed where it is not. The plugins'
//! fields are told in the order of the table's own columns: that is the order of Better Auth's `plugins` array where its
//! migrations made the table at once, and the array itself is nowhere in a database.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::StoreError;
use super::columns::{Column, Columns};
use super::row::Reading;
use super::schema::{Field, FieldKind, Need, Schema, Table};

/// What a dialect of SQL writes its own way.
pub(super) struct Grammar {
    /// The character around names.
    pub(super) quote: char,
    /// The first bound parameter.
    pub(super) parameter: &'static str,
    /// The type to which ids and texts are cast, so that text, UUID and serial ids read alike.
    pub(super) text: &'static str,
    /// The expression that is asked for, and how its value is read: for a field of that kind in a column (its name with
    /// its table) of that type.
    pub(super) read: fn(FieldKind, &str, &str) -> (String, Reading),
    /// What it means that a column is not among those that are told.
    pub(super) untold: Untold,
}

/// Why a column is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untold {
    /// There is none.
    Absent,
    /// There is none, or this role may not see it.
    Unknown,
}

/// The statements for what a database has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The lookup, or why there can be none.
    pub(super) lookup: Result<Lookup, String>,
    /// The question for keys, where they are kept.
    pub(super) keys: Option<Keys>,
}

/// One statement for a session with its user, and what each column of its row is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lookup {
    pub(super) sql: SqlText,
    /// Fields of the session, the first columns of the row.
    pub(super) session: Vec<(String, Reading)>,
    /// Fields of the user, the columns after those.
    pub(super) user: Vec<(String, Reading)>,
    /// Whether the role in the active organization is the column after those.
    pub(super) has_organization_role: bool,
    /// Whether it would be seen that an administrator acts in a session: by a column, or because there can be none.
    pub(super) tells_of_impersonation: bool,
}

/// One statement for the keys of the jwt plugin. Its row: id, public key, algorithm, expiry; the last two where the
/// table has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) sql: SqlText,
    pub(super) has_algorithm: bool,
    pub(super) has_expiry: bool,
}

/// An SQL text that is made of constants of ours and quoted names alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SqlText(String);

/// Most keys that are read: the jwt plugin adds one a rotation and removes none.
const KEYS_MAX: usize = 100;

impl SqlText {
    pub(super) fn statement(&self) -> SqlStr {
        // Audited: `Plan::new` makes the only ones, of constants of ours and quoted names.
        AssertSqlSafe(self.0.clone()).into_sql_str()
    }
}

impl Plan {
    /// The statements for these columns. With `bodies`, all is asked for that get-session tells.
    pub(super) fn new(schema: &Schema, columns: &Columns, grammar: &Grammar, bodies: bool) -> Self {
        Self { lookup: lookup(schema, columns, grammar, bodies), keys: keys(schema, columns, grammar) }
    }

    pub(super) fn lookup(&self) -> Result<&Lookup, StoreError> {
        self.lookup.as_ref().map_err(|why| StoreError::Refused(why.clone()))
    }
}

/// No expiry in SQL: whether it is live is decided at an instant, in `auth`.
fn lookup(schema: &Schema, columns: &Columns, grammar: &Grammar, bodies: bool) -> Result<Lookup, String> {
    let mut asked = Vec::new();
    let mut choose = |table: &Table, found: &[Column], letter: char| {
        let fields = chosen(table, found, columns, bodies)?;
        let read = |(field, column): (&Field, &Column)| {
            let name = format!("{letter}.{}", field.column.quoted(grammar.quote));
            let (expression, reading) = (grammar.read)(field.kind, &name, &column.sql_type);
            asked.push(expression);
            (field.name.clone(), reading)
        };
        Ok::<_, String>(fields.into_iter().map(read).collect::<Vec<_>>())
    };
    let session = choose(&schema.session, &columns.session, 's')?;
    let user = choose(&schema.user, &columns.user, 'u')?;
    let impersonation = schema.session.field("impersonatedBy");
    let tells_of_impersonation =
        match impersonation.and_then(|field| columns.of_field(&columns.session, field)) {
            Some(column) => column.is_readable,
            None => grammar.untold == Untold::Absent,
        };
    let role = organization_role(schema, columns, grammar);
    let has_organization_role = role.is_some();
    asked.extend(role);

    let name = |letter: char, table: &Table, field: &str| {
        table
            .field(field)
            .map_or_else(String::new, |field| format!("{letter}.{}", field.column.quoted(grammar.quote)))
    };
    let sql = format!(
        "SELECT {} FROM {} AS s INNER JOIN {} AS u ON {} = {} WHERE {} = {} LIMIT 1",
        asked.join(", "),
        schema.session.quoted(grammar.quote),
        schema.user.quoted(grammar.quote),
        name('u', &schema.user, "id"),
        name('s', &schema.session, "userId"),
        name('s', &schema.session, "token"),
        grammar.parameter,
    );
    Ok(Lookup { sql: SqlText(sql), session, user, has_organization_role, tells_of_impersonation })
}

/// The fields that are asked for, those of plugins in the order of the table's columns.
fn chosen<'a>(
    table: &'a Table,
    found: &'a [Column],
    columns: &Columns,
    bodies: bool,
) -> Result<Vec<(&'a Field, &'a Column)>, String> {
    if found.is_empty() {
        return Err(format!("there is no table {} that may be read", table.name()));
    }
    let mut chosen = Vec::new();
    for field in &table.fields {
        let is_wanted = match field.need {
            Need::Required | Need::Identity => true,
            Need::Body | Need::Additional => bodies,
        };
        match columns.readable(found, field) {
            Some(column) if is_wanted => chosen.push((field, column)),
            None if field.need == Need::Required || is_wanted && field.need == Need::Additional => {
                return Err(format!(
                    "the table {} has no column {} that may be read",
                    table.name(),
                    field.column.as_str()
                ));
            }
            Some(_) | None => {}
        }
    }
    let place = |column: &Column| found.iter().position(|other| other == column);
    let first = chosen.iter().position(|(field, _)| field.is_of_plugin);
    let plugins = first.and_then(|first| chosen.get_mut(first..));
    let count =
        plugins.as_deref().map_or(0, |rest| rest.iter().take_while(|(field, _)| field.is_of_plugin).count());
    if let Some(plugins) = plugins.and_then(|rest| rest.get_mut(..count)) {
        plugins.sort_by_key(|(_, column)| place(column));
    }
    Ok(chosen)
}

/// The user's role in the active organization. Better Auth keeps several roles in one row with commas between them, and
/// nothing in its tables forbids a second row: the one with the first id counts, so that no role is told by chance.
fn organization_role(schema: &Schema, columns: &Columns, grammar: &Grammar) -> Option<String> {
    let member = |name: &str| {
        let field = schema.member.field(name)?;
        Some((format!("m.{}", field.column.quoted(grammar.quote)), columns.readable(&columns.member, field)?))
    };
    let session = |name: &str| {
        let field = schema.session.field(name)?;
        Some((
            format!("s.{}", field.column.quoted(grammar.quote)),
            columns.readable(&columns.session, field)?,
        ))
    };
    let mut sql = String::from("(SELECT ");
    let _ = write!(
        sql,
        "CAST({} AS {}) FROM {} AS m WHERE {} AND {} ORDER BY {} LIMIT 1)",
        member("role")?.0,
        grammar.text,
        schema.member.quoted(grammar.quote),
        equal(&member("userId")?, &session("userId")?, grammar),
        equal(&member("organizationId")?, &session("activeOrganizationId")?, grammar),
        member("id")?.0,
    );
    Some(sql)
}

/// Whether two ids are the same: as they are where both are text or both are not, else as text. Better Auth keeps the
/// active organization as text beside ids that are UUIDs or numbers.
fn equal(one: &(String, &Column), other: &(String, &Column), grammar: &Grammar) -> String {
    let is_text =
        |column: &Column| ["char", "text", "enum", "clob"].iter().any(|part| column.sql_type.contains(part));
    if is_text(one.1) == is_text(other.1) {
        return format!("{} = {}", one.0, other.0);
    }
    format!("CAST({} AS {text}) = CAST({} AS {text})", one.0, other.0, text = grammar.text)
}

fn keys(schema: &Schema, columns: &Columns, grammar: &Grammar) -> Option<Keys> {
    // A table that is there and may not be read is asked all the same: that is an error, and not "no keys".
    if columns.jwks.is_empty() {
        return None;
    }
    let found = |name: &str| {
        let field = schema.jwks.field(name)?;
        let column = columns.readable(&columns.jwks, field)?;
        Some((field, format!("k.{}", field.column.quoted(grammar.quote)), column))
    };
    let text = |name: &str| {
        let column = schema.jwks.field(name)?.column.quoted(grammar.quote);
        Some(format!("CAST(k.{column} AS {})", grammar.text))
    };
    let mut asked = vec![text("id")?, text("publicKey")?];
    let has_algorithm = found("alg").is_some();
    if has_algorithm {
        asked.extend(text("alg"));
    }
    let expiry =
        found("expiresAt").map(|(field, name, column)| (grammar.read)(field.kind, &name, &column.sql_type).0);
    let has_expiry = expiry.is_some();
    asked.extend(expiry);
    let newest = found("createdAt").map(|(_, name, _)| format!(" ORDER BY {name} DESC")).unwrap_or_default();
    let table = schema.jwks.quoted(grammar.quote);
    let sql = format!("SELECT {} FROM {table} AS k{newest} LIMIT {KEYS_MAX}", asked.join(", "));
    Some(Keys { sql: SqlText(sql), has_algorithm, has_expiry })
}
