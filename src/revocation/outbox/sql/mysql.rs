//! MySQL's and MariaDB's words for an outbox. Its foreign keys delete without triggers: that sessions of a user who is
//! gone go with it is covered by the user's own trigger. `TRUNCATE` fires none.

use super::{Place, Trigger};
use crate::store::Table;

/// Not by way of the session's zone, which may have an hour twice.
pub(super) const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000";

pub(super) const TRIGGERS: &str = "SELECT trigger_name FROM information_schema.triggers";

/// Whether one of these is that table's.
pub(super) fn is_of(place: &Place<'_>, table: &Table) -> String {
    let schema = match table.path.as_slice() {
        [.., schema, _] => place.literal(schema.as_str()),
        _ => "DATABASE()".to_owned(),
    };
    format!("event_object_schema = {schema} AND event_object_table = {}", place.name_of(table))
}

pub(super) fn table(outbox: &str) -> Vec<String> {
    // The index is for the clean-up, which would lock all rows without it, and sign-outs with them.
    vec![format!(
        "CREATE TABLE IF NOT EXISTS {outbox} (\
         id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         kind CHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, \
         name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \
         written_at BIGINT NOT NULL, KEY (written_at)) ENGINE = InnoDB"
    )]
}

/// A plain `VALUES`: for an `INSERT … SELECT` the server may lock the table's counter until the end of the statement.
pub(super) fn trigger(place: &Place<'_>, trigger: &Trigger<'_>) -> Vec<String> {
    let (name, table) = (place.trigger_name(trigger), trigger.table.quoted('`'));
    let (event, writes) = (trigger.event.word(), place.writes(trigger));
    let body = match &trigger.when {
        Some(when) => format!("IF {when} THEN {writes}; END IF;"),
        None => format!("{writes};"),
    };
    // 1146, no such table: then nobody reads it either, and sidegate knows.
    let body = format!("BEGIN DECLARE CONTINUE HANDLER FOR 1146 BEGIN END; {body} END");
    vec![
        format!("DROP TRIGGER IF EXISTS {name}"),
        format!("CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {body}"),
    ]
}

/// As bytes where it is text: a collation may call other spellings equal.
pub(super) fn differs(name: &str, sql_type: &str) -> String {
    let is_text = ["char", "text", "enum", "set"].iter().any(|part| sql_type.contains(part));
    if is_text {
        format!("NOT (CAST(OLD.{name} AS BINARY) <=> CAST(NEW.{name} AS BINARY))")
    } else {
        format!("NOT (OLD.{name} <=> NEW.{name})")
    }
}

/// Of the UTF-8 bytes, whatever the column's character set.
pub(super) fn name(text: &str) -> String {
    format!("SHA2(CONVERT({text} USING utf8mb4), 256)")
}
