//! SQLite's words for an outbox. It makes no digests, so the ids themselves are written, which are no secrets. `REPLACE` fires
//! the triggers of what it replaces with `recursive_triggers` alone; Better Auth never does that.

use super::{Place, Trigger};
use crate::store::Table;

pub(super) const NOW: &str = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

pub(super) const TRIGGERS: &str = "SELECT name FROM sqlite_master";

/// Whether one of these is a trigger of that table.
pub(super) fn is_of(place: &Place<'_>, table: &Table) -> String {
    format!("type = 'trigger' AND tbl_name = {} COLLATE NOCASE", place.name_of(table))
}

pub(super) fn table(outbox: &str) -> Vec<String> {
    // AUTOINCREMENT: a number is never given twice, not after a clean-up either.
    vec![format!(
        "CREATE TABLE IF NOT EXISTS {outbox} (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT, \
         written_at INTEGER NOT NULL)"
    )]
}

pub(super) fn trigger(place: &Place<'_>, trigger: &Trigger<'_>) -> Vec<String> {
    let name = place.trigger_name(trigger);
    let table = trigger.table.path.last().map(|name| name.quoted('"')).unwrap_or_default();
    let (event, writes) = (trigger.event.word(), place.writes(trigger));
    let when = trigger.when.as_ref().map(|when| format!("WHEN {when} ")).unwrap_or_default();
    vec![
        format!("DROP TRIGGER IF EXISTS {name}"),
        format!("CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {when}BEGIN {writes}; END"),
    ]
}

pub(super) fn differs(name: &str) -> String {
    format!("OLD.{name} IS NOT NEW.{name} COLLATE BINARY")
}

pub(super) fn name(text: &str) -> String {
    format!("CAST({text} AS TEXT)")
}
