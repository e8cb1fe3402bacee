//! PostgreSQL's words for an outbox.

use super::{Event, Place, Trigger};
use crate::store::Table;

pub(super) const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)";

pub(super) const TRIGGERS: &str = "SELECT tgname FROM pg_catalog.pg_trigger";

/// Whether one of these is that table's, and fires.
pub(super) fn is_of(place: &Place<'_>, table: &Table) -> String {
    let name = place.literal(&table.quoted(place.quote()));
    format!("tgrelid = to_regclass({name}) AND tgenabled IN ('O', 'A')")
}

pub(super) fn table(outbox: &str) -> Vec<String> {
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {outbox} (\
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind \"char\" NOT NULL, name text, \
             written_at bigint NOT NULL)"
        ),
        format!("CREATE INDEX IF NOT EXISTS sidegate_outbox_written_at ON {outbox} (written_at)"),
    ]
}

/// A function for each, which writes with the rights of its owner and along no search path. Where the outbox is gone
/// nobody reads it either, and sidegate knows: no write fails for that.
pub(super) fn trigger(place: &Place<'_>, trigger: &Trigger<'_>) -> Vec<String> {
    let (function, table) = (function(place, trigger), trigger.table.quoted('"'));
    let (name, event, writes) = (trigger.name, trigger.event.word(), place.writes(trigger));
    let each = if trigger.event == Event::Truncate { "STATEMENT" } else { "ROW" };
    let when = trigger.when.as_ref().map(|when| format!(" WHEN ({when})")).unwrap_or_default();
    vec![
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp AS $$ BEGIN {writes}; RETURN NULL; \
             EXCEPTION WHEN undefined_table THEN RETURN NULL; END $$"
        ),
        format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"),
        format!("DROP TRIGGER IF EXISTS {name} ON {table}"),
        format!(
            "CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH {each}{when} EXECUTE FUNCTION {function}()"
        ),
        // Also for what a logical replica applies, and for whoever sets session_replication_role.
        format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"),
    ]
}

/// Its trigger goes with it.
pub(super) fn drop(place: &Place<'_>, trigger: &Trigger<'_>) -> String {
    format!("DROP FUNCTION IF EXISTS {}() CASCADE", function(place, trigger))
}

/// As text: `json` knows no equality, and that of `citext` is another.
pub(super) fn differs(name: &str) -> String {
    format!("CAST(OLD.{name} AS text) IS DISTINCT FROM CAST(NEW.{name} AS text)")
}

pub(super) fn name(text: &str) -> String {
    format!("encode(sha256(convert_to(CAST({text} AS text), 'UTF8')), 'hex')")
}

fn function(place: &Place<'_>, trigger: &Trigger<'_>) -> String {
    place.beside(&place.schema.session, trigger.name)
}
