//! Revocations out of a table that triggers fill, looked into every `revocation_poll`: MySQL, MariaDB, SQLite, and
//! PostgreSQL behind a transaction pooler, where nobody can LISTEN.
//!
//! [`sql`] has the statements, [`ledger`] what of the table has been read; here is when it is asked. Each question is a
//! statement of its own, outside any transaction: none sees an old snapshot.

pub mod ledger;
pub mod pace;
mod prepared;
pub(super) mod setup;
pub mod sql;
mod still;

use std::time::{Duration, Instant};

use self::ledger::{Entry, Ledger, PAGE, Read};
use self::prepared::{Prepared, Sight};
use self::sql::Place;
use self::still::Still;
use super::{Channel, ChannelError, Heard};
use crate::auth::{IdDigest, Revocation, TokenDigest};
use crate::clock::UnixMillis;
use crate::store::{AnyStore, Columns, Dialect, Link, Schema, SqlName, StoreError, Texts};

/// How long an answer is waited for. What is remembered is believed meanwhile, so it is less than an answer counts
/// without a channel; a database under load takes its time, and is not helped by emptying the cache.
const ANSWER: Duration = Duration::from_secs(2);

const INSTALL: &str =
    "run `sidegate revocation install --outbox` with a role that may create tables and triggers";

/// The outbox of a database.
pub struct Outbox {
    store: AnyStore,
    dialect: Dialect,
    schema: Schema,
    poll: Duration,
    /// Of the triggers, through all times that it is opened: where all are gone at once, none is told of.
    sight: Sight,
    open: Option<Open>,
}

/// What is known while it is open.
struct Open {
    link: Link,
    ledger: Ledger,
    since: Instant,
    /// When it was looked into last.
    looked: Instant,
    /// Whether there is anything to read, in SQLite.
    still: Still,
    prepared: Prepared,
}

impl Outbox {
    /// The outbox in that store, looked into once in `poll`; `None` if the store is no database.
    #[must_use]
    pub fn new(store: &AnyStore, poll: Duration) -> Option<Self> {
        let (dialect, schema) = (store.dialect()?, store.schema()?.clone());
        Some(Self { store: store.clone(), dialect, schema, poll, sight: Sight::Unknown, open: None })
    }

    /// Asks once. Nothing may have happened.
    async fn look(&mut self) -> Result<Vec<Heard>, ChannelError> {
        let place = Place { dialect: self.dialect, schema: &self.schema, home: None };
        let Some(open) = &mut self.open else {
            return Err(ChannelError::Broken("it is not open".to_owned()));
        };
        if open.link.is_replaced() {
            return Err(ChannelError::Broken("another file is in the place of the database".to_owned()));
        }
        // Before the rows are read: what is committed in between is looked for the next time.
        let is_still = self.dialect == Dialect::Sqlite
            && !open.ledger.is_behind()
            && open.still.is(&mut open.link).await?;
        open.looked = Instant::now();
        if !is_still {
            open.prepared.doubt();
        }
        open.prepared.find_again(&self.store, &place, &mut open.link, &mut self.sight).await?;
        if is_still {
            return Ok(Vec::new());
        }
        let rows = open.link.ask(place.ask_news(&open.ledger)).await.map_err(told)?;
        let rows = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(match open.ledger.read(rows, PAGE, open.since.elapsed()) {
            Read::Rows(rows) => rows.iter().filter_map(heard).collect(),
            Read::Many => vec![EVERYTHING],
            Read::Restarted => {
                open.ledger = begin(&place, &mut open.link, open.since).await?;
                vec![EVERYTHING]
            }
        })
    }
}

impl Channel for Outbox {
    fn code(&self) -> &'static str {
        "outbox"
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        self.open = None;
        let mut link = self.store.connect(ANSWER).await.map_err(told)?.ok_or_else(no_database)?;
        match self.dialect {
            // Whatever the server's default is: a transaction left open would see one snapshot for ever.
            Dialect::MySql => link.ask("SET autocommit = 1".to_owned()).await.map_err(told)?,
            // While somebody holds the whole file, nobody else can have changed it.
            Dialect::Sqlite => {
                link.ask(format!("PRAGMA busy_timeout = {}", (ANSWER / 2).as_millis())).await.map_err(told)?
            }
            Dialect::Postgres => Vec::new(),
        };
        // Where the connection finds its table of sessions, it finds what is beside it.
        let place = Place { dialect: self.dialect, schema: &self.schema, home: None };
        let prepared = Prepared::find(&self.store, &place, &mut link, &mut self.sight).await?;
        let since = Instant::now();
        let ledger = begin(&place, &mut link, since).await?;
        self.open = Some(Open { link, ledger, since, looked: since, still: Still::default(), prepared });
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        loop {
            if let Some(open) = self.open.as_ref().filter(|open| !open.ledger.is_behind()) {
                let ahead = still::longest_wait(&open.link);
                tokio::time::sleep(pace::pause(self.poll, open.looked.elapsed(), ahead)).await;
            }
            let heard = self.look().await?;
            if !heard.is_empty() {
                return Ok(heard);
            }
        }
    }
}

const EVERYTHING: Heard = Heard { what: Revocation::Everything, at: None };

async fn begin(place: &Place<'_>, link: &mut Link, since: Instant) -> Result<Ledger, ChannelError> {
    let rows = link.ask(place.ask_newest()).await.map_err(told)?;
    let rows = rows.into_iter().rev().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(Ledger::begin(&rows, PAGE, since.elapsed()))
}

/// The columns of the tables that are watched, as this role is told them.
async fn columns(store: &AnyStore) -> Result<Columns, ChannelError> {
    let survey = store.survey().await.map_err(told)?.ok_or_else(no_database)?;
    survey.lookup.map_err(|why| not_prepared(&why))?;
    Ok(survey.columns)
}

async fn place_in(store: &AnyStore) -> Result<Place<'_>, ChannelError> {
    let (dialect, schema) = store.dialect().zip(store.schema()).ok_or_else(no_database)?;
    let mut home = None;
    if let Some(question) = sql::ask_home(dialect, schema) {
        let mut link = store.connect(ANSWER).await.map_err(told)?.ok_or_else(no_database)?;
        home = texts(link.ask(question).await.map_err(told)?).into_iter().next();
        link.close().await;
    }
    Ok(Place { dialect, schema, home: home.and_then(|name| SqlName::new(&name).ok()) })
}

/// What a row tells; nothing if it is a note of what is covered.
fn heard(row: &Entry) -> Option<Heard> {
    let name = row.name.as_deref();
    let digest = |of: fn(IdDigest) -> Revocation| name.and_then(IdDigest::from_hex).map(of);
    let what = match row.kind.as_str() {
        "i" => return None,
        "t" => name.and_then(TokenDigest::from_hex).map(Revocation::Token),
        "s" => digest(Revocation::Session),
        "u" => digest(Revocation::User),
        "S" => name.map(|id| Revocation::Session(IdDigest::of(id))),
        "U" => name.map(|id| Revocation::User(IdDigest::of(id))),
        _ => None,
    };
    // What cannot be read may be anything.
    Some(Heard { what: what.unwrap_or(Revocation::Everything), at: Some(UnixMillis::new(row.written_at)) })
}

fn entry(row: Texts) -> Result<Entry, ChannelError> {
    let [id, kind, name, written_at] = <[Option<String>; 4]>::try_from(row).map_err(|_| odd_row())?;
    Ok(Entry {
        id: id.and_then(|id| id.parse().ok()).ok_or_else(odd_row)?,
        kind: kind.ok_or_else(odd_row)?,
        name,
        written_at: written_at.and_then(|at| at.parse().ok()).ok_or_else(odd_row)?,
    })
}

fn odd_row() -> ChannelError {
    ChannelError::Broken(format!("a row of {} is none of the outbox", sql::TABLE))
}

/// Of rows of one text each.
fn texts(rows: Vec<Texts>) -> Vec<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

fn told(error: StoreError) -> ChannelError {
    ChannelError::from(error).advised(INSTALL)
}

fn not_prepared(why: &str) -> ChannelError {
    ChannelError::NotPrepared(why.to_owned()).advised(INSTALL)
}

fn no_database() -> ChannelError {
    ChannelError::NotPrepared("the store is no database".to_owned())
}
