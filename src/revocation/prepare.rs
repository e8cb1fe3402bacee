//! What is done to a database once, by a role that may, so that it tells of revocations.
//!
//! Which statements those are is each channel's own to say; this decides which channel a database is prepared for, and that
//! nothing is left half done.

use std::time::Duration;

use super::outbox::setup::Setup;
use super::postgres;
use crate::store::{AnyStore, Driver, Schema};

/// A database that can be prepared.
pub struct Preparation<'a> {
    target: Target<'a>,
    schema: &'a Schema,
    connect_timeout: Duration,
}

/// What is prepared for which channel.
enum Target<'a> {
    /// PostgreSQL for LISTEN.
    Listen(&'a sqlx::postgres::PgConnectOptions),
    /// Any of the databases for the outbox.
    Outbox(Box<Setup<'a>>),
}

/// What was found of one table or of another thing that has to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, such as a table's name.
    pub name: String,
    /// How it is.
    pub state: String,
    /// Whether it is as it should be.
    pub is_good: bool,
}

/// Why a database was not prepared. Nothing of it was done then, where the database can undo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{because}")]
pub struct PrepareError {
    /// What the database said.
    pub because: String,
    /// What to do about it.
    pub hint: String,
}

impl<'a> Preparation<'a> {
    /// Of the database that `driver` leads to, where the settings alone tell what is to be done: for LISTEN.
    #[must_use]
    pub fn new(
        driver: Driver<'a>,
        schema: &'a Schema,
        is_for_outbox: bool,
        connect_timeout: Duration,
    ) -> Option<Self> {
        let target = match driver {
            Driver::Postgres(options) if !is_for_outbox => Target::Listen(options),
            Driver::Postgres(_) | Driver::MySql(_) | Driver::Sqlite(_) => return None,
        };
        Some(Self { target, schema, connect_timeout })
    }

    /// Of the database that is `store`, for its own channel or for the outbox; `None` if there is nothing to prepare.
    ///
    /// # Errors
    /// What connecting or asking meets, where the statements depend on what the tables have.
    pub async fn of(
        store: &'a AnyStore,
        schema: &'a Schema,
        is_for_outbox: bool,
        connect_timeout: Duration,
    ) -> Result<Option<Self>, PrepareError> {
        let Some(driver) = store.driver() else { return Ok(None) };
        if let Some(known) = Self::new(driver, schema, is_for_outbox, connect_timeout) {
            return Ok(Some(known));
        }
        let target = Target::Outbox(Box::new(Setup::of(store).await?));
        Ok(Some(Self { target, schema, connect_timeout }))
    }

    /// The code of the channel that it is prepared for.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        match &self.target {
            Target::Listen(_) => "listen",
            Target::Outbox(_) => "outbox",
        }
    }

    /// The statements that prepare it; any number of times.
    #[must_use]
    pub fn install(&self) -> Vec<String> {
        match &self.target {
            Target::Listen(_) => postgres::install(self.schema),
            Target::Outbox(setup) => setup.install(),
        }
    }

    /// The statements that undo them.
    #[must_use]
    pub fn uninstall(&self) -> Vec<String> {
        match &self.target {
            Target::Listen(_) => postgres::uninstall(self.schema),
            Target::Outbox(setup) => setup.uninstall(),
        }
    }

    /// The statements as the database's own client reads them.
    #[must_use]
    pub fn script(&self, statements: &[String]) -> String {
        match &self.target {
            Target::Listen(_) => format!("BEGIN;\n{};\nCOMMIT;\n", statements.join(";\n")),
            Target::Outbox(setup) => setup.script(statements),
        }
    }

    /// What removes old rows, and what has the database do it each hour, where it can; `None` if there is nothing to
    /// remove.
    #[must_use]
    pub fn clean_up(&self) -> Option<(String, Option<String>)> {
        match &self.target {
            Target::Listen(_) => None,
            Target::Outbox(setup) => Some(setup.clean_up()),
        }
    }

    /// How each part is now.
    ///
    /// # Errors
    /// What connecting or asking meets.
    pub async fn state(&self) -> Result<Vec<Part>, PrepareError> {
        match &self.target {
            Target::Listen(options) => postgres::state_of(options, self.schema, self.connect_timeout).await,
            Target::Outbox(setup) => setup.state().await,
        }
    }

    /// What the role needs for the statements and whether it has it.
    ///
    /// # Errors
    /// What connecting or asking meets.
    pub async fn rights(&self) -> Result<Vec<Part>, PrepareError> {
        match &self.target {
            Target::Listen(options) => postgres::rights(options, self.schema, self.connect_timeout).await,
            // MySQL tells of its rights in no way that can be asked: what it refuses, it names.
            Target::Outbox(_) => Ok(Vec::new()),
        }
    }

    /// Runs the statements, all or none where the database can undo.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn apply(&self, statements: &[String]) -> Result<(), PrepareError> {
        match &self.target {
            Target::Listen(options) => postgres::apply(options, statements, self.connect_timeout).await,
            Target::Outbox(setup) => setup.apply(statements, self.connect_timeout).await,
        }
    }
}
