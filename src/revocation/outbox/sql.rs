//! The outbox's statements: its table, the triggers that fill it, what is asked of it, how it is cleaned up.
//!
//! A trigger writes when something changes that sidegate tells of somebody or judges by; a refresh that only prolongs a
//! session, Better Auth's `updatedAt` and a new session write nothing. What a trigger cannot write fails the change
//! itself: a sign-out that was answered with success counts. So nothing in a trigger can fail that need not, and it runs
//! with the rights of whoever installed it.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ledger::{Ledger, PAGE};
use crate::store::{Column, Columns, Dialect, Field, Schema, SqlName, Table};

/// The table's name, beside the table of sessions.
pub const TABLE: &str = "sidegate_revocation";

/// Rows older than this are of no more use: far longer than any transaction is open.
const KEPT_MILLIS: i64 = 86_400_000;

/// 9999-12-31, when notes of what is covered would be cleaned up.
const NEVER_MILLIS: i64 = 253_402_300_799_999;

/// Where an outbox is or is to be.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Which SQL is spoken there.
    pub dialect: Dialect,
    /// The tables that are watched.
    pub schema: &'a Schema,
    /// The schema or database of the table of sessions, where the settings leave it to the connection.
    pub home: Option<SqlName>,
}

/// One trigger.
struct Trigger<'a> {
    /// Of all of these, unique in a database.
    name: &'static str,
    table: &'a Table,
    event: Event,
    /// On which condition; on any if there is none.
    when: Option<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Insert,
    Update,
    Delete,
    /// PostgreSQL alone tells of it.
    Truncate,
}

/// What a trigger writes: a kind, and the text whose digest is the name.
struct Row {
    kind: Kind,
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Token,
    Session,
    User,
    Everything,
}

/// The tables that are watched, with what was found of each.
type Watched<'a> = [(&'static str, &'a Table, &'a [Column]); 3];

/// The statements as a database's own client reads them.
#[must_use]
pub fn script(dialect: Dialect, statements: &[String]) -> String {
    let (before, end, after) = match dialect {
        // A trigger's body has semicolons.
        Dialect::MySql => ("DELIMITER //\n", "//", "DELIMITER ;\n"),
        // All or nothing; here tables and triggers can be made so.
        Dialect::Postgres | Dialect::Sqlite => ("BEGIN;\n", ";", "COMMIT;\n"),
    };
    let mut script = before.to_owned();
    for statement in statements {
        let _ = writeln!(script, "{statement}{end}");
    }
    script + after
}

/// In which schema or database the connection finds the table of sessions: one text. `None` where that is told, or of
/// no consequence.
pub(super) fn ask_home(dialect: Dialect, schema: &Schema) -> Option<String> {
    let table = schema.session.quoted('"').replace('\'', "''");
    match dialect {
        _ if schema.session.path.len() > 1 => None,
        Dialect::Postgres => Some(format!(
            "SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE c.oid = to_regclass('{table}')"
        )),
        Dialect::MySql => Some("SELECT DATABASE()".to_owned()),
        Dialect::Sqlite => None,
    }
}

impl Event {
    const fn word(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

impl<'a> Place<'a> {
    /// What installs it, in order. Once more after a migration of Better Auth it covers the new columns.
    #[must_use]
    pub fn install(&self, columns: &Columns) -> Vec<String> {
        let (outbox, now) = (self.outbox(), self.now());
        let mut all = match self.dialect {
            Dialect::Postgres => postgres::table(&outbox),
            Dialect::MySql => mysql::table(&outbox),
            Dialect::Sqlite => sqlite::table(&outbox),
        };
        for trigger in self.triggers(columns) {
            all.extend(match self.dialect {
                Dialect::Postgres => postgres::trigger(self, &trigger),
                Dialect::MySql => mysql::trigger(self, &trigger),
                Dialect::Sqlite => sqlite::trigger(self, &trigger),
            });
        }
        let notes: Vec<_> = self
            .coverage(columns)
            .iter()
            .map(|note| format!("('i', {}, {NEVER_MILLIS})", self.literal(note)))
            .collect();
        all.push(format!("DELETE FROM {outbox} WHERE kind = 'i'"));
        all.push(format!("INSERT INTO {outbox} (kind, name, written_at) VALUES {}", notes.join(", ")));
        // Whatever happened while a trigger was replaced.
        all.push(format!("INSERT INTO {outbox} (kind, name, written_at) VALUES ('e', NULL, {now})"));
        all
    }

    /// What removes it, in order.
    #[must_use]
    pub fn uninstall(&self) -> Vec<String> {
        let triggers = self.triggers(&Columns::default());
        let drop = |trigger: &Trigger<'_>| match self.dialect {
            Dialect::Postgres => postgres::drop(self, trigger),
            Dialect::MySql | Dialect::Sqlite => {
                format!("DROP TRIGGER IF EXISTS {}", self.trigger_name(trigger))
            }
        };
        // The triggers first: without their table they could not write.
        let mut all: Vec<_> = triggers.iter().map(drop).collect();
        all.push(format!("DROP TABLE IF EXISTS {}", self.outbox()));
        all
    }

    /// What removes old rows. sidegate itself only reads.
    #[must_use]
    pub fn clean_up(&self) -> String {
        format!("DELETE FROM {} WHERE written_at < {} - {KEPT_MILLIS}", self.outbox(), self.now())
    }

    /// What has the database itself clean up each hour, where it can.
    #[must_use]
    pub fn clean_up_event(&self) -> Option<String> {
        let name = self.beside(&self.schema.session, "sidegate_outbox_clean_up");
        let clean_up = self.clean_up();
        (self.dialect == Dialect::MySql)
            .then(|| format!("CREATE EVENT IF NOT EXISTS {name} ON SCHEDULE EVERY 1 HOUR DO {clean_up}"))
    }

    /// The columns whose change is written, as they are noted in the outbox.
    #[must_use]
    pub fn coverage(&self, columns: &Columns) -> BTreeSet<String> {
        let notes = self.watched(columns).into_iter().flat_map(|(name, table, found)| {
            Self::compared(table, found, columns)
                .into_iter()
                .map(move |(_, column)| format!("{name}.{}", column.name))
        });
        notes.collect()
    }

    /// The names of all triggers that there have to be.
    #[must_use]
    pub fn trigger_names(&self, columns: &Columns) -> BTreeSet<&'static str> {
        let triggers = self.triggers(columns);
        let there = |trigger: &&Trigger<'_>| {
            self.watched(columns).iter().any(|(_, table, found)| *table == trigger.table && !found.is_empty())
        };
        triggers.iter().filter(there).map(|trigger| trigger.name).collect()
    }

    /// What was covered when it was installed: one text a row.
    pub(super) fn ask_coverage(&self) -> String {
        format!("SELECT name FROM {} WHERE kind = 'i'", self.outbox())
    }

    /// The triggers of the tables that are watched, and of no tables of those names elsewhere: one name a row. MySQL tells
    /// them to those alone who may make some.
    pub(super) fn ask_triggers(&self) -> String {
        let (all, is_of): (_, fn(&Self, &Table) -> String) = match self.dialect {
            Dialect::Postgres => (postgres::TRIGGERS, postgres::is_of),
            Dialect::MySql => (mysql::TRIGGERS, mysql::is_of),
            Dialect::Sqlite => (sqlite::TRIGGERS, sqlite::is_of),
        };
        let Schema { session, user, member, .. } = self.schema;
        format!("{all} WHERE {}", [session, user, member].map(|table| is_of(self, table)).join(" OR "))
    }

    /// The newest rows, the newest one first.
    pub(super) fn ask_newest(&self) -> String {
        format!("SELECT id, kind, name, written_at FROM {} ORDER BY id DESC LIMIT {PAGE}", self.outbox())
    }

    /// What the ledger lacks, from the row on that it read last.
    pub(super) fn ask_news(&self, ledger: &Ledger) -> String {
        let newest = ledger.newest();
        let mut sql =
            format!("SELECT id, kind, name, written_at FROM {} WHERE id >= {newest}", self.outbox());
        for gap in ledger.gaps() {
            let _ = write!(sql, " OR id BETWEEN {} AND {}", gap.from, gap.to);
        }
        let _ = write!(sql, " ORDER BY id LIMIT {PAGE}");
        sql
    }

    fn triggers(&self, columns: &Columns) -> Vec<Trigger<'a>> {
        let Schema { session, user, member, .. } = self.schema;
        let gone = |table: &Table, field: &str| self.value("OLD", table, field);
        // The token's digest where the database can make one; its own id elsewhere, which is no secret.
        let (kind, field) =
            if self.dialect == Dialect::Sqlite { (Kind::Session, "id") } else { (Kind::Token, "token") };
        let old_session = || vec![Row { kind, text: gone(session, field) }];
        let old_user = || vec![Row { kind: Kind::User, text: gone(user, "id") }];
        let old_member = || Row { kind: Kind::User, text: gone(member, "userId") };
        let new_member = || Row { kind: Kind::User, text: self.value("NEW", member, "userId") };
        let on = |name, table: &'a Table, event, rows| {
            let found = self.watched(columns).into_iter().find(|(_, other, _)| *other == table);
            let found = found.map_or(&[][..], |(_, _, found)| found);
            let when = (event == Event::Update).then(|| self.is_changed(table, found, columns));
            Trigger { name, table, event, when, rows }
        };
        let mut all = vec![
            on("sidegate_outbox_session_update", session, Event::Update, old_session()),
            on("sidegate_outbox_session_delete", session, Event::Delete, old_session()),
            on("sidegate_outbox_user_update", user, Event::Update, old_user()),
            on("sidegate_outbox_user_delete", user, Event::Delete, old_user()),
            on("sidegate_outbox_member_insert", member, Event::Insert, vec![new_member()]),
            on("sidegate_outbox_member_update", member, Event::Update, vec![old_member(), new_member()]),
            on("sidegate_outbox_member_delete", member, Event::Delete, vec![old_member()]),
        ];
        if self.dialect == Dialect::Postgres {
            let everything = || vec![Row { kind: Kind::Everything, text: None }];
            all.extend([
                on("sidegate_outbox_session_truncate", session, Event::Truncate, everything()),
                on("sidegate_outbox_user_truncate", user, Event::Truncate, everything()),
                on("sidegate_outbox_member_truncate", member, Event::Truncate, everything()),
            ]);
        }
        // Nobody knows yet, where no columns are told: then all of them may be there.
        let is_there = |trigger: &Trigger<'_>| trigger.table != member || !columns.member.is_empty();
        if !columns.session.is_empty() {
            all.retain(is_there);
        }
        all
    }

    fn watched<'b>(&'b self, columns: &'b Columns) -> Watched<'b> {
        [
            ("session", &self.schema.session, &columns.session),
            ("user", &self.schema.user, &columns.user),
            ("member", &self.schema.member, &columns.member),
        ]
    }

    /// The fields whose change counts, with the columns they are in. A column that the asking role may not read is none
    /// that it tells of.
    fn compared<'b>(
        table: &'b Table,
        found: &'b [Column],
        columns: &Columns,
    ) -> Vec<(&'b Field, &'b Column)> {
        let is_told = |field: &&Field| !["createdAt", "updatedAt"].contains(&field.name.as_str());
        let with_column = |field: &'b Field| Some((field, columns.readable(found, field)?));
        table.fields.iter().filter(is_told).filter_map(with_column).collect()
    }

    fn is_changed(&self, table: &Table, found: &[Column], columns: &Columns) -> String {
        let conditions: Vec<_> = Self::compared(table, found, columns)
            .into_iter()
            .map(|(field, column)| {
                let name = field.column.quoted(self.quote());
                if field.name == "expiresAt" {
                    self.is_earlier(&name)
                } else {
                    match self.dialect {
                        Dialect::Postgres => postgres::differs(&name),
                        Dialect::MySql => mysql::differs(&name, &column.sql_type),
                        Dialect::Sqlite => sqlite::differs(&name),
                    }
                }
            })
            .collect();
        conditions.join(" OR ")
    }

    /// Whether an expiry moved to an earlier instant, or to none.
    fn is_earlier(&self, name: &str) -> String {
        let is_later = format!("NOT COALESCE(NEW.{name} >= OLD.{name}, 1 = 0)");
        match self.dialect {
            Dialect::Postgres | Dialect::MySql => is_later,
            // Text is later than any number there.
            Dialect::Sqlite => format!("typeof(OLD.{name}) <> typeof(NEW.{name}) OR {is_later}"),
        }
    }

    fn value(&self, row: &str, table: &Table, field: &str) -> Option<String> {
        let field = table.fields.iter().find(|other| other.name == field)?;
        Some(format!("{row}.{}", field.column.quoted(self.quote())))
    }

    /// `INSERT` of what a trigger writes.
    fn writes(&self, trigger: &Trigger<'_>) -> String {
        let now = self.now();
        let rows: Vec<_> = trigger
            .rows
            .iter()
            .map(|row| {
                let name = row.text.as_ref().map(|text| match self.dialect {
                    Dialect::Postgres => postgres::name(text),
                    Dialect::MySql => mysql::name(text),
                    Dialect::Sqlite => sqlite::name(text),
                });
                let name = name.as_deref().unwrap_or("NULL");
                format!("('{}', {name}, {now})", self.letter(row.kind))
            })
            .collect();
        format!("INSERT INTO {} (kind, name, written_at) VALUES {}", self.outbox(), rows.join(", "))
    }

    /// Small letters name digests, capital ones the ids themselves.
    fn letter(&self, kind: Kind) -> char {
        match (kind, self.dialect) {
            (Kind::Token, _) => 't',
            (Kind::Session, Dialect::Sqlite) => 'S',
            (Kind::User, Dialect::Sqlite) => 'U',
            (Kind::Session, Dialect::Postgres | Dialect::MySql) => 's',
            (Kind::User, Dialect::Postgres | Dialect::MySql) => 'u',
            (Kind::Everything, _) => 'e',
        }
    }

    fn outbox(&self) -> String {
        match self.dialect {
            // A trigger there may name no other database, and writes into its own.
            Dialect::Sqlite => TABLE.to_owned(),
            Dialect::Postgres | Dialect::MySql => self.beside(&self.schema.session, TABLE),
        }
    }

    fn trigger_name(&self, trigger: &Trigger<'_>) -> String {
        self.beside(trigger.table, trigger.name)
    }

    /// `name`, in the schema or database of `table`.
    fn beside(&self, table: &Table, name: &str) -> String {
        let quote = self.quote();
        let own = table.path.split_last().map_or(&[][..], |(_, schema)| schema);
        let schema = if own.is_empty() { self.home.as_slice() } else { own };
        let quoted = schema.iter().map(|part| part.quoted(quote));
        quoted.chain([name.to_owned()]).collect::<Vec<_>>().join(".")
    }

    fn quote(&self) -> char {
        if self.dialect == Dialect::MySql { '`' } else { '"' }
    }

    /// A table's name alone, as a text.
    fn name_of(&self, table: &Table) -> String {
        self.literal(table.path.last().map_or("", SqlName::as_str))
    }

    fn literal(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        format!("'{}'", if self.dialect == Dialect::MySql { text.replace('\\', "\\\\") } else { text })
    }

    /// Now, in milliseconds since the epoch.
    fn now(&self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => postgres::NOW,
            Dialect::MySql => mysql::NOW,
            Dialect::Sqlite => sqlite::NOW,
        }
    }
}
