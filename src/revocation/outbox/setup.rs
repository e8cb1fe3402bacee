//! The owner's part: setting the outbox up, seeing how it is, removing it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Database, Executor};
use tokio::time::timeout;

use super::super::prepare::{Part, PrepareError};
use super::super::{ChannelError, postgres};
use super::sql::{self, Place};
use super::{columns, no_database, place_in, told};
use crate::store::{AnyStore, Columns, Driver};

/// Longest time that all statements together may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An outbox that is to be set up or removed.
pub(in crate::revocation) struct Setup<'a> {
    store: &'a AnyStore,
    driver: Driver<'a>,
    place: Place<'a>,
    columns: Columns,
}

impl<'a> Setup<'a> {
    /// In the database that is `store`, as its tables are now.
    pub(in crate::revocation) async fn of(store: &'a AnyStore) -> Result<Self, PrepareError> {
        let found = async {
            let driver = store.driver().ok_or_else(no_database)?;
            Ok(Self { store, driver, place: place_in(store).await?, columns: columns(store).await? })
        };
        found.await.map_err(refused)
    }

    pub(in crate::revocation) fn install(&self) -> Vec<String> {
        self.place.install(&self.columns)
    }

    pub(in crate::revocation) fn uninstall(&self) -> Vec<String> {
        self.place.uninstall()
    }

    /// The statements as the database's own client reads them.
    pub(in crate::revocation) fn script(&self, statements: &[String]) -> String {
        sql::script(self.place.dialect, statements)
    }

    /// What removes old rows, and what has the database do it each hour, where it can.
    pub(in crate::revocation) fn clean_up(&self) -> (String, Option<String>) {
        (self.place.clean_up(), self.place.clean_up_event())
    }

    pub(in crate::revocation) async fn state(&self) -> Result<Vec<Part>, PrepareError> {
        let found = async {
            let mut link = self.store.connect(PATIENCE).await.map_err(told)?.ok_or_else(no_database)?;
            let covered = link.ask(self.place.ask_coverage()).await;
            if let Err(crate::store::StoreError::Refused(_)) = &covered {
                let state = "is not there".to_owned();
                return Ok(vec![Part { name: sql::TABLE.to_owned(), state, is_good: false }]);
            }
            let covered = super::texts(covered.map_err(told)?);
            let triggers = super::texts(link.ask(self.place.ask_triggers()).await.map_err(told)?);
            link.close().await;
            let is_complete = self.place.coverage(&self.columns).iter().all(|note| covered.contains(note));
            let state = if is_complete { "is there" } else { "is there, for other columns" };
            let table = Part { name: sql::TABLE.to_owned(), state: state.to_owned(), is_good: is_complete };
            let parts = self.place.trigger_names(&self.columns).into_iter().map(|name| {
                let is_good = triggers.iter().any(|other| other == name);
                let state = if is_good { "is there" } else { "is not there" };
                Part { name: name.to_owned(), state: state.to_owned(), is_good }
            });
            Ok(std::iter::once(table).chain(parts).collect())
        };
        found.await.map_err(refused)
    }

    /// All or none, where the database can undo: MySQL and MariaDB cannot.
    pub(in crate::revocation) async fn apply(
        &self,
        statements: &[String],
        connect_timeout: Duration,
    ) -> Result<(), PrepareError> {
        match self.driver {
            Driver::Postgres(options) => postgres::apply(options, statements, connect_timeout).await,
            Driver::MySql(options) => {
                let mut link = connected(options.connect(), connect_timeout).await?;
                done(run::<sqlx::MySql>(&mut link, statements)).await
            }
            Driver::Sqlite(options) => {
                let options = options.clone().read_only(false).busy_timeout(PATIENCE / 2);
                let mut link = connected(options.connect(), connect_timeout).await?;
                let begin = ["BEGIN IMMEDIATE".to_owned()];
                let end = ["COMMIT".to_owned()];
                let all: Vec<_> = begin.iter().chain(statements).chain(&end).cloned().collect();
                done(run::<sqlx::Sqlite>(&mut link, &all)).await
            }
        }
    }
}

async fn run<D: Database>(link: &mut D::Connection, statements: &[String]) -> Result<(), sqlx::Error>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    for statement in statements {
        // Audited: `sql` makes them, of constants of ours and quoted names.
        sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *link).await?;
    }
    Ok(())
}

async fn connected<C: Connection>(
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
    limit: Duration,
) -> Result<C, PrepareError> {
    let connected = timeout(limit, connecting).await;
    connected.map_err(|_| too_late(limit))?.map_err(|error| failed(&error))
}

async fn done(running: impl Future<Output = Result<(), sqlx::Error>>) -> Result<(), PrepareError> {
    timeout(PATIENCE, running).await.map_err(|_| too_late(PATIENCE))?.map_err(|error| failed(&error))
}

fn too_late(limit: Duration) -> PrepareError {
    let hint = "try again when the database has time".to_owned();
    PrepareError { because: format!("no answer within {limit:?}"), hint }
}

fn failed(error: &sqlx::Error) -> PrepareError {
    // MySQL's ER_BINLOG_CREATE_ROUTINE_NEED_SUPER is about triggers as well.
    let hint = if error.to_string().contains("log_bin_trust_function_creators") {
        "set log_bin_trust_function_creators to 1 on the server, or connect with SUPER"
    } else {
        "connect with a role that may create tables and triggers beside Better Auth's: --store"
    };
    PrepareError { because: error.to_string(), hint: hint.to_owned() }
}

fn refused(error: ChannelError) -> PrepareError {
    let (ChannelError::Broken(because) | ChannelError::NotPrepared(because)) = error;
    PrepareError { because, hint: "see what sidegate check tells of the tables".to_owned() }
}
