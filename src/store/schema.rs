//! What Better Auth keeps of sessions and users, under which names, and the quoting of a configured name.
//!
//! Better Auth's defaults: tables `session` and `user`, camelCase columns. Its options `modelName`, `fields` and
//! `usePlural`, and the adapters' `snake_case`, rename them; the settings here take the same names. Which of the
//! columns a database really has is the [plan](super::plan)'s to find out.

use std::collections::BTreeMap;

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

/// What Better Auth takes a field for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, or whatever else the database's id is, told as text.
    Id,
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An instant.
    Date,
    /// Any JSON.
    Json,
    /// An array, which Better Auth keeps as JSON where there are no arrays.
    List,
}

/// How much a field is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No lookup without it.
    Required,
    /// Read where it is there, for the identity or a ban.
    Identity,
    /// Read where it is there, for the body of get-session alone.
    Body,
    /// Named by a setting for the body of get-session, so it has to be there.
    Additional,
}

/// One field of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Better Auth's name.
    pub name: String,
    /// The database's name.
    pub column: SqlName,
    /// What it is.
    pub kind: FieldKind,
    /// Who needs it.
    pub need: Need,
    /// Whether a plugin of Better Auth brings it.
    pub is_of_plugin: bool,
}

/// A table: its path, and the fields in Better Auth's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, with its schema or database before it where there is one.
    pub path: Vec<SqlName>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field of the operator's own (`additionalFields`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdditionalField {
    /// Better Auth's name.
    pub name: String,
    /// The column, where it has another name.
    pub column: Option<SqlName>,
    /// What it is.
    pub kind: FieldKind,
}

/// What the settings say of names.
#[derive(Clone, Debug)]
pub struct Names {
    /// The table of sessions.
    pub session: Vec<SqlName>,
    /// The table of users.
    pub user: Vec<SqlName>,
    /// The organization plugin's table of members.
    pub member: Vec<SqlName>,
    /// The jwt plugin's table of keys.
    pub jwks: Vec<SqlName>,
    /// The spelling of columns that are not named.
    pub case: ColumnCase,
    /// From Better Auth's field names, of [`SESSION_FIELDS`], to columns.
    pub session_fields: BTreeMap<String, SqlName>,
    /// From Better Auth's field names, of [`USER_FIELDS`], to columns.
    pub user_fields: BTreeMap<String, SqlName>,
    /// The operator's own fields of sessions.
    pub session_additional: Vec<AdditionalField>,
    /// The operator's own fields of users.
    pub user_additional: Vec<AdditionalField>,
}

/// Where sessions and users are kept, and what else is read.
#[derive(Clone, Debug)]
pub struct Schema {
    /// How columns are spelt.
    pub case: ColumnCase,
    /// Sessions.
    pub session: Table,
    /// Users.
    pub user: Table,
    /// Members of organizations; it need not be there.
    pub member: Table,
    /// Keys of the jwt plugin; it need not be there.
    pub jwks: Table,
}

type Row = (&'static str, FieldKind, Need);

// In the order in which Better Auth 1.7.25's get-session tells them (`getAuthTables`). The plugins' fields follow in the
// order of its `plugins` array, which a database does not know: see `plan`.
const SESSION: [Row; 8] = [
    ("expiresAt", FieldKind::Date, Need::Required),
    ("token", FieldKind::Text, Need::Required),
    ("createdAt", FieldKind::Date, Need::Identity), // the sign-in
    ("updatedAt", FieldKind::Date, Need::Body),
    ("ipAddress", FieldKind::Text, Need::Body),
    ("userAgent", FieldKind::Text, Need::Body),
    ("userId", FieldKind::Id, Need::Required),
    ("id", FieldKind::Id, Need::Required),
];
const SESSION_PLUGINS: [Row; 3] = [
    ("impersonatedBy", FieldKind::Text, Need::Identity),
    ("activeOrganizationId", FieldKind::Text, Need::Identity),
    ("activeTeamId", FieldKind::Text, Need::Identity),
];
const USER: [Row; 7] = [
    ("name", FieldKind::Text, Need::Required),
    ("email", FieldKind::Text, Need::Required),
    ("emailVerified", FieldKind::Boolean, Need::Identity),
    ("image", FieldKind::Text, Need::Body),
    ("createdAt", FieldKind::Date, Need::Body),
    ("updatedAt", FieldKind::Date, Need::Body),
    ("id", FieldKind::Id, Need::Required),
];
const USER_PLUGINS: [Row; 11] = [
    ("role", FieldKind::Text, Need::Identity),
    ("banned", FieldKind::Boolean, Need::Identity),
    ("banReason", FieldKind::Text, Need::Body),
    ("banExpires", FieldKind::Date, Need::Identity),
    ("isAnonymous", FieldKind::Boolean, Need::Identity),
    ("username", FieldKind::Text, Need::Identity),
    ("displayUsername", FieldKind::Text, Need::Body),
    ("phoneNumber", FieldKind::Text, Need::Identity),
    ("phoneNumberVerified", FieldKind::Boolean, Need::Identity),
    ("twoFactorEnabled", FieldKind::Boolean, Need::Identity),
    ("lastLoginMethod", FieldKind::Text, Need::Body),
];
const MEMBER: [Row; 4] = [
    ("id", FieldKind::Id, Need::Required),
    ("organizationId", FieldKind::Id, Need::Required),
    ("userId", FieldKind::Id, Need::Required),
    ("role", FieldKind::Text, Need::Required),
];
const JWKS: [Row; 5] = [
    ("id", FieldKind::Id, Need::Required),
    ("publicKey", FieldKind::Text, Need::Required),
    ("alg", FieldKind::Text, Need::Identity),
    ("expiresAt", FieldKind::Date, Need::Identity),
    ("createdAt", FieldKind::Date, Need::Identity),
];

/// The fields of `session` whose columns can be named, by Better Auth's names.
pub const SESSION_FIELDS: [&str; SESSION.len() + SESSION_PLUGINS.len()] = names(&SESSION, &SESSION_PLUGINS);
/// The fields of `user` whose columns can be named, by Better Auth's names.
pub const USER_FIELDS: [&str; USER.len() + USER_PLUGINS.len()] = names(&USER, &USER_PLUGINS);

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of range")]
const fn names<const N: usize>(core: &[Row], plugins: &[Row]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = if index < core.len() { core[index].0 } else { plugins[index - core.len()].0 };
        index += 1;
    }
    names
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

    /// The name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name between quotes, with the quotes inside it doubled: nothing can end it early.
    #[must_use]
    pub fn quoted(&self, quote: char) -> String {
        let doubled = self.0.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}")
    }
}

impl Schema {
    /// Better Auth's names in that spelling, but for the tables and fields named here.
    ///
    /// Keys of the maps are of [`SESSION_FIELDS`] and [`USER_FIELDS`], which the caller has made sure of.
    #[must_use]
    pub fn new(names: Names) -> Self {
        let none = BTreeMap::new();
        let table = |path, core: &[Row], plugins: &[Row], named, additional: &[AdditionalField]| {
            let field = |row: &Row, is_of_plugin| Field {
                name: row.0.to_owned(),
                column: column(row.0, names.case, named),
                kind: row.1,
                need: row.2,
                is_of_plugin,
            };
            let (id, rest) = core.split_last().map_or((None, core), |(id, rest)| (Some(id), rest));
            let fields = rest.iter().map(|row| field(row, false));
            let fields = fields.chain(plugins.iter().map(|row| field(row, true)));
            let fields = fields.chain(additional.iter().map(|own| Field {
                name: own.name.clone(),
                column: own.column.clone().unwrap_or_else(|| column(&own.name, names.case, &none)),
                kind: own.kind,
                need: Need::Additional,
                is_of_plugin: false,
            }));
            Table { path, fields: fields.chain(id.map(|row| field(row, false))).collect() }
        };
        Self {
            case: names.case,
            session: table(
                names.session,
                &SESSION,
                &SESSION_PLUGINS,
                &names.session_fields,
                &names.session_additional,
            ),
            user: table(names.user, &USER, &USER_PLUGINS, &names.user_fields, &names.user_additional),
            member: table(names.member, &MEMBER, &[], &none, &[]),
            jwks: table(names.jwks, &JWKS, &[], &none, &[]),
        }
    }

    /// All tables, in the order in which a database is asked for their columns.
    pub(super) fn tables(&self) -> [&Table; 4] {
        [&self.session, &self.user, &self.member, &self.jwks]
    }
}

impl Table {
    /// The path between quotes.
    #[must_use]
    pub fn quoted(&self, quote: char) -> String {
        self.path.iter().map(|name| name.quoted(quote)).collect::<Vec<_>>().join(".")
    }

    /// The path as a setting writes it.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.iter().map(SqlName::as_str).collect::<Vec<_>>().join(".")
    }

    /// A field by Better Auth's name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn column(field: &str, case: ColumnCase, named: &BTreeMap<String, SqlName>) -> SqlName {
    named.get(field).cloned().unwrap_or_else(|| SqlName(case.spell(field)))
}

impl ColumnCase {
    /// A field's name in this spelling.
    #[must_use]
    pub fn spell(self, field: &str) -> String {
        match self {
            Self::Camel => field.to_owned(),
            Self::Snake => field.chars().fold(String::new(), |mut snake, c| {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
                snake
            }),
        }
    }
}
