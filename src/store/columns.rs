//! Which columns the tables have, as the database tells this role.

use super::schema::{Field, Schema, Table};

/// A column as the database tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it, in lower case.
    pub sql_type: String,
    /// Whether this role may read it.
    pub is_readable: bool,
}

/// What dates a column holds, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateColumn {
    /// Instants.
    Instant,
    /// What a clock on the wall showed, in a zone that is nowhere in the database.
    Wall,
    /// Texts or numbers, each of which says what it is.
    Text,
    /// None that Better Auth could read.
    Unfit,
}

/// A table that a database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTable {
    /// The schema or database it is in; empty where its name does without.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in its own order.
    pub columns: Vec<Column>,
}

/// The columns of the tables that are read, in their tables' own order. A table that is not there has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Of sessions.
    pub session: Vec<Column>,
    /// Of users.
    pub user: Vec<Column>,
    /// Of members of organizations.
    pub member: Vec<Column>,
    /// Of keys.
    pub jwks: Vec<Column>,
    /// Whether names that differ in case alone are the same.
    pub folds_case: bool,
}

/// All that a database shows this role, for finding what a setting misnames.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What is looked for.
    pub schema: Schema,
    /// What was found of it.
    pub columns: Columns,
    /// Every table in sight.
    pub tables: Vec<FoundTable>,
    /// Why no lookup is possible, if none is.
    pub lookup: Result<(), String>,
    /// What dates a column of a type holds.
    pub date: fn(&str) -> DateColumn,
}

/// A row of an answer: the table's number or schema, its name, a column, its type, whether it may be read.
pub(super) type ColumnRow = [String; 5];

impl Columns {
    /// Of the rows of [`Flavour::columns`](super::sql::Flavour::columns), whose first text is the number of the table.
    pub(super) fn of(rows: Vec<ColumnRow>, folds_case: bool) -> Self {
        let mut columns = Self { folds_case, ..Self::default() };
        for [number, _, name, sql_type, readable] in rows {
            let table = match number.as_str() {
                "0" => &mut columns.session,
                "1" => &mut columns.user,
                "2" => &mut columns.member,
                _ => &mut columns.jwks,
            };
            table.push(Column::new(name, &sql_type, &readable));
        }
        columns
    }

    /// The column of a field, if it is there.
    #[must_use]
    pub fn of_field<'a>(&self, table: &'a [Column], field: &Field) -> Option<&'a Column> {
        let name = field.column.as_str();
        table
            .iter()
            .find(|column| column.name == name || self.folds_case && column.name.eq_ignore_ascii_case(name))
    }

    /// The column of a field that this role may read.
    #[must_use]
    pub fn readable<'a>(&self, table: &'a [Column], field: &Field) -> Option<&'a Column> {
        self.of_field(table, field).filter(|column| column.is_readable)
    }

    /// The tables of the schema with what was found of each.
    #[must_use]
    pub fn tables<'a>(&'a self, schema: &'a Schema) -> [(&'a Table, &'a [Column]); 4] {
        let [session, user, member, jwks] = schema.tables();
        [(session, &self.session), (user, &self.user), (member, &self.member), (jwks, &self.jwks)]
    }
}

impl Column {
    fn new(name: String, sql_type: &str, readable: &str) -> Self {
        // PostgreSQL casts true to "true", the others have 1.
        Self { name, sql_type: sql_type.to_ascii_lowercase(), is_readable: matches!(readable, "true" | "1") }
    }
}

impl FoundTable {
    /// Its name as a setting writes it.
    #[must_use]
    pub fn path(&self) -> String {
        if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// Of the rows of a survey, which come table by table.
    pub(super) fn of(rows: Vec<ColumnRow>) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        for [schema, table, name, sql_type, readable] in rows {
            let column = Column::new(name, &sql_type, &readable);
            match tables.last_mut() {
                Some(last) if last.schema == schema && last.name == table => last.columns.push(column),
                Some(_) | None => tables.push(Self { schema, name: table, columns: vec![column] }),
            }
        }
        tables
    }
}
