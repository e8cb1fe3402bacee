//! Whether the triggers still write all that is read.
//!
//! Nothing tells of a trigger that is gone: SQLite drops those of a table with it, and a migration makes a table anew to change it; a
//! column that a plugin adds later is in no trigger's condition. So it is looked at when an outbox is opened, and now and
//! then while it is open.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::sql::Place;
use super::{ChannelError, columns, not_prepared, texts, told};
use crate::store::{AnyStore, Dialect, Link};

/// So often are the triggers looked at: what nobody hears of then counts no longer than that and an answer's time without
/// a channel.
const TRIGGERS: Duration = Duration::from_secs(5);
/// So often are the columns: no sooner does a lookup read a new one.
const COLUMNS: Duration = Duration::from_mins(1);

/// Whether a role that is told of no trigger may conclude that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Not yet: MySQL tells of none to whoever may make none.
    Unknown,
    /// It was told of some, so that it would be of others.
    Clear,
}

/// What was found, and when.
pub(super) struct Prepared {
    names: BTreeSet<&'static str>,
    triggers: Instant,
    columns: Instant,
    /// Of an SQLite file's schema, which counts its changes.
    version: Option<String>,
    /// Whether anything was written since they were looked at.
    is_doubted: bool,
}

impl Prepared {
    /// Looks at everything, as far as this role may. What `sight` comes to is for the next time.
    ///
    /// # Errors
    /// What is missing.
    pub(super) async fn find(
        store: &AnyStore,
        place: &Place<'_>,
        link: &mut Link,
        sight: &mut Sight,
    ) -> Result<Self, ChannelError> {
        let (begun, version) = (Instant::now(), version(place, link).await?);
        let covered = texts(link.ask(place.ask_coverage()).await.map_err(told)?);
        let found = triggers(place, link).await?;
        let columns = columns(store).await?;
        if place.dialect != Dialect::MySql || !found.is_empty() {
            *sight = Sight::Clear;
        }
        let names = match sight {
            Sight::Clear => place.trigger_names(&columns),
            Sight::Unknown => BTreeSet::new(),
        };
        all_there(&names, &found)?;
        // TRUNCATE takes the notes along: then there is nothing to compare.
        let coverage = place.coverage(&columns);
        let missing = coverage.iter().find(|note| !covered.contains(note));
        if let Some(note) = missing.filter(|_| !covered.is_empty()) {
            return Err(not_prepared(&format!("no trigger looks at {note}")));
        }
        Ok(Self { names, triggers: begun, columns: begun, version, is_doubted: false })
    }

    /// Something was written.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// Looks again, if it is time to: at an SQLite file, whose readers may be in somebody's way, only if something was
    /// written, and whole only if its schema is another one.
    ///
    /// # Errors
    /// What is missing by now.
    pub(super) async fn find_again(
        &mut self,
        store: &AnyStore,
        place: &Place<'_>,
        link: &mut Link,
        sight: &mut Sight,
    ) -> Result<(), ChannelError> {
        if !self.is_doubted || self.triggers.elapsed() < TRIGGERS {
            return Ok(());
        }
        (self.triggers, self.is_doubted) = (Instant::now(), false);
        if place.dialect == Dialect::Sqlite && version(place, link).await? == self.version {
            return Ok(());
        }
        // Those that were told once are told as long as they are there.
        all_there(&self.names, &triggers(place, link).await?)?;
        if place.dialect == Dialect::Sqlite || self.columns.elapsed() >= COLUMNS {
            *self = Self::find(store, place, link, sight).await?;
        }
        Ok(())
    }
}

async fn version(place: &Place<'_>, link: &mut Link) -> Result<Option<String>, ChannelError> {
    match place.dialect {
        Dialect::Sqlite => Ok(texts(link.ask("PRAGMA schema_version".to_owned()).await.map_err(told)?).pop()),
        Dialect::Postgres | Dialect::MySql => Ok(None),
    }
}

async fn triggers(place: &Place<'_>, link: &mut Link) -> Result<Vec<String>, ChannelError> {
    Ok(texts(link.ask(place.ask_triggers()).await.map_err(told)?))
}

fn all_there(names: &BTreeSet<&'static str>, found: &[String]) -> Result<(), ChannelError> {
    match names.iter().find(|name| !found.iter().any(|other| other == *name)) {
        None => Ok(()),
        Some(name) => Err(not_prepared(&format!("there is no trigger {name}"))),
    }
}
