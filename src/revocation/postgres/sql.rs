//! What PostgreSQL is told to do so that it tells of revocations, and what that looks like once it is done.
//!
//! Row triggers, not statement triggers with transition tables: those are about three times as cheap for ten thousand rows
//! at once, but they see neither what a logical replica applies nor what is written into a partition, and a refresh (by far
//! the most frequent write that revokes nothing) would cost a join. A transaction that changes more than [`TOLD_MAX`] rows of
//! a table tells of everything instead and costs little from there on.
//!
//! The functions run with the rights of whoever writes: `pg_notify` asks for none. They must never fail a write of Better
//! Auth's, so a column that is no longer there means "everything" and no error. They look at whole rows, so that columns of
//! plugins that come later are watched too. Channels are named by the table's number, which no setting and no search path
//! can mistake.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::store::{Schema, Table};

/// Most rows of one table that a transaction tells of one by one.
const TOLD_MAX: u32 = 10_000;

/// On each row that is changed or gone.
pub(super) const CHANGED: &str = "sidegate_changed";
/// On a whole table that is emptied.
pub(super) const EMPTIED: &str = "sidegate_emptied";
/// Before the number of the table in the name of a channel.
pub(super) const CHANNEL: &str = "sidegate_";

/// What the triggers on one table are.
pub(super) struct Watch<'a> {
    pub(super) table: &'a Table,
    /// Whether sessions are read without it.
    pub(super) is_optional: bool,
    /// The text of the function.
    pub(super) body: String,
    /// Upon what else than a deletion or an update the row trigger fires.
    fires_on_insert: bool,
}

impl Watch<'_> {
    /// `pg_trigger.tgtype` of the row trigger: its bits are row 1, insert 4, delete 8, update 16 (`catalog/pg_trigger.h`).
    pub(super) fn trigger_type(&self) -> i16 {
        if self.fires_on_insert { 29 } else { 25 }
    }

    /// The function, beside the table.
    fn function(&self) -> String {
        let mut path = self.table.path.clone();
        let name = path.pop().map(|name| bounded(name.as_str())).unwrap_or_default();
        let quoted =
            path.iter().map(|name| name.quoted('"')).chain([format!("\"{}\"", name.replace('"', "\"\""))]);
        quoted.collect::<Vec<_>>().join(".")
    }

    /// The statements that set it up.
    fn install(&self) -> Vec<String> {
        let (table, function) = (self.table.quoted('"'), self.function());
        let events = if self.fires_on_insert { "INSERT OR UPDATE OR DELETE" } else { "UPDATE OR DELETE" };
        let statements = vec![
            format!(
                "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS \
                 {}",
                dollar_quoted(&self.body)
            ),
            format!("DROP TRIGGER IF EXISTS {CHANGED} ON {table}"),
            format!(
                "CREATE TRIGGER {CHANGED} AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
            ),
            format!("DROP TRIGGER IF EXISTS {EMPTIED} ON {table}"),
            format!(
                "CREATE TRIGGER {EMPTIED} AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            ),
            // Also for what a logical replica applies, and for whoever sets session_replication_role.
            format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {CHANGED}, ENABLE ALWAYS TRIGGER {EMPTIED}"),
        ];
        if !self.is_optional {
            return statements;
        }
        let mut block = format!("\nBEGIN\nIF to_regclass({}) IS NOT NULL THEN\n", dollar_quoted(&table));
        for statement in statements {
            let _ = writeln!(block, "{statement};");
        }
        block.push_str("END IF;\nEND\n");
        vec![format!("DO {}", dollar_quoted(&block))]
    }

    fn uninstall(&self) -> Vec<String> {
        let table = self.table.quoted('"');
        vec![
            format!("DROP TRIGGER IF EXISTS {CHANGED} ON {table}"),
            format!("DROP TRIGGER IF EXISTS {EMPTIED} ON {table}"),
            format!("DROP FUNCTION IF EXISTS {}()", self.function()),
        ]
    }
}

/// Statements that have the database tell; to be run in one transaction, any number of times.
pub(in crate::revocation) fn install(schema: &Schema) -> Vec<String> {
    watches(schema).iter().flat_map(Watch::install).collect()
}

/// Statements that undo [`install`].
pub(in crate::revocation) fn uninstall(schema: &Schema) -> Vec<String> {
    watches(schema).iter().flat_map(Watch::uninstall).collect()
}

/// What is watched, in the order in which tables are locked: users first, as their deletion goes on to sessions.
pub(super) fn watches(schema: &Schema) -> [Watch<'_>; 3] {
    let user = body(&format!(
        "names := ARRAY['user ' || {}];
      IF TG_OP = 'UPDATE' THEN
        -- Better Auth touches this with whatever else it writes.
        {};
        IF NEW *= OLD THEN RETURN NULL; END IF;
      END IF;",
        digest("OLD", &schema.user, "id"),
        keep(&schema.user, "updatedAt"),
    ));
    let expires_at = column(&schema.session, "expiresAt");
    let session = body(&format!(
        "names := ARRAY['token ' || {}];
      IF TG_OP = 'UPDATE' THEN
        -- Prolonging alone revokes nothing: whoever remembers the end before asks again when it has come.
        {};
        IF NEW.{expires_at} > OLD.{expires_at} AND pg_typeof(OLD.{expires_at})::text LIKE 'timestamp%' THEN
          {};
        END IF;
        IF NEW *= OLD THEN RETURN NULL; END IF;
      END IF;",
        digest("OLD", &schema.session, "token"),
        keep(&schema.session, "updatedAt"),
        keep(&schema.session, "expiresAt"),
    ));
    let member = body(&format!(
        "names := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY['user ' || {new}]
        WHEN 'DELETE' THEN ARRAY['user ' || {old}]
        ELSE ARRAY['user ' || {old}, 'user ' || {new}]
      END;
      IF TG_OP = 'UPDATE' AND NEW *= OLD THEN RETURN NULL; END IF;",
        new = digest("NEW", &schema.member, "userId"),
        old = digest("OLD", &schema.member, "userId"),
    ));
    let watch = |table, body, is_optional| Watch { table, is_optional, body, fires_on_insert: is_optional };
    [
        watch(&schema.user, user, false),
        watch(&schema.session, session, false),
        watch(&schema.member, member, true),
    ]
}

/// A function's text around what names those that a row is about.
fn body(names: &str) -> String {
    format!(
        "
-- sidegate: tells by digests alone who may no longer be believed. Written by `sidegate revocation install`.
DECLARE
  place text := coalesce(pg_partition_root(TG_RELID), TG_RELID)::oid::text;
  counter text := 'sidegate.told_' || place;
  told integer := coalesce(nullif(current_setting(counter, true), ''), '0')::integer;
  names text[] := ARRAY['everything'];
BEGIN
  -- Everything was told of, in this very transaction.
  IF told > {TOLD_MAX} THEN RETURN NULL; END IF;
  IF told < {TOLD_MAX} AND TG_OP <> 'TRUNCATE' THEN
    BEGIN
      {names}
    EXCEPTION WHEN OTHERS THEN
      -- A column has another name now. No write may fail for that; what is named so far is told.
      NULL;
    END;
  END IF;
  PERFORM set_config(counter, (told + 1)::text, true);
  PERFORM pg_notify('{CHANNEL}' || place, coalesce(name, 'everything') || ' '
    || floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    FROM unnest(names) AS name;
  RETURN NULL;
END
"
    )
}

fn digest(row: &str, table: &Table, field: &str) -> String {
    format!("encode(sha256(convert_to({row}.{}::text, 'UTF8')), 'hex')", column(table, field))
}

/// Takes a change of one column for none.
fn keep(table: &Table, field: &str) -> String {
    let column = column(table, field);
    format!("NEW.{column} := OLD.{column}")
}

fn column(table: &Table, field: &str) -> String {
    table.field(field).map(|field| field.column.quoted('"')).unwrap_or_default()
}

/// A function's name for that table, of no more bytes than PostgreSQL keeps of a name (63, `NAMEDATALEN`).
fn bounded(table: &str) -> String {
    let name = format!("sidegate_tell_{table}");
    if name.len() <= 63 {
        return name;
    }
    let digest = Sha256::digest(table.as_bytes());
    let number = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("sidegate_tell_{number:016x}")
}

/// A text between dollar quotes that it cannot end.
pub(super) fn dollar_quoted(text: &str) -> String {
    let mut tag = "$sidegate$".to_owned();
    let mut number = 0_u32;
    while text.contains(&tag) {
        number += 1;
        tag = format!("$sidegate{number}$");
    }
    format!("{tag}{text}{tag}")
}
