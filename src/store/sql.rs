//! What the three SQL databases have in common: a pool, and one prepared statement to each question.

pub(super) mod broken;
mod flavour;
mod rows;

use std::fmt;
use std::future::Future;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Database as _, Pool, SqlSafeStr as _};

pub(super) use self::flavour::Flavour;

use self::broken::Broken;
use self::flavour::{Askable as _, Link, Options, Row};
use super::columns::{ColumnRow, Columns, FoundTable, Survey};
use super::plan::Plan;
use super::plans::{Now, Plans};
use super::schema::Schema;
use super::{PoolState, SessionStore, StoreError, StoreOptions, StoreUrlError};
use crate::auth::{KeyRow, Session, VerifiedToken};

/// Sessions in an SQL database.
pub(super) struct SqlStore<F: Flavour> {
    pool: Pool<F::Db>,
    options: Options<F>,
    plans: Arc<Plans>,
    schema: Arc<Schema>,
    zone: TimeZone,
    bodies: bool,
    ignored: Vec<String>,
    connections: u32,
    connect_timeout: Duration,
    timeout: Duration,
}

/// What is asked by a plan.
#[derive(Clone, Copy)]
enum Question<'q> {
    /// The session with that token.
    Session(&'q str),
    /// The keys of the jwt plugin.
    Keys,
}

impl<F: Flavour> SqlStore<F> {
    pub(super) fn open(url: &str, store: &StoreOptions) -> Result<Self, StoreUrlError> {
        let options =
            Options::<F>::from_str(url).map_err(|error| StoreUrlError::Malformed(error.to_string()))?;
        // Statements are logged nowhere: at best they are noise, and a driver may add what was bound.
        let options = F::prepare(options, store).disable_statement_logging();
        let pool = F::watch(PoolOptions::new(), &options)
            .max_connections(store.connections)
            .acquire_timeout(store.connect_timeout)
            // A ping would be a round trip for each lookup; a dead connection shows itself and is retried.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options,
            plans: Arc::new(Plans::new(store.plan_age)),
            schema: Arc::new(store.schema.clone()),
            zone: store.time_zone.clone(),
            bodies: store.bodies,
            ignored: parameters(url)
                .filter(|name| !F::PARAMETERS.contains(name))
                .map(str::to_owned)
                .collect(),
            connections: store.connections,
            connect_timeout: store.connect_timeout,
            timeout: store.timeout,
        })
    }

    pub(super) fn options(&self) -> &Options<F> {
        &self.options
    }

    pub(super) fn ignored_parameters(&self) -> &[String] {
        &self.ignored
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        self.ask(Question::Session("")).await.map(|_| ())
    }

    /// The keys of the jwt plugin; `None` if the table is not there.
    pub(super) async fn public_keys(&self) -> Result<Option<Vec<KeyRow>>, StoreError> {
        let (plan, rows) = self.ask(Question::Keys).await?;
        let Some(keys) = &plan.keys else { return Ok(None) };
        rows.iter().map(|row| rows::key::<F>(row, keys, &self.zone)).collect::<Result<_, _>>().map(Some)
    }

    pub(super) async fn diagnose(&self) -> Result<(), StoreError> {
        let mut link = self.connected().await?;
        let asked = self.in_time(self.put(&mut link, Question::Session(""))).await;
        // The lookup's answer is what counts; the server notices the end of the connection by itself.
        let _ = link.close().await;
        asked.map(|_| ())
    }

    /// All tables in sight, on a connection of its own.
    pub(super) async fn survey(&self) -> Result<Survey, StoreError> {
        let mut link = self.connected().await?;
        let asked = self.in_time(self.look_around(&mut link)).await;
        let _ = link.close().await;
        asked
    }

    async fn look_around(&self, link: &mut Link<F>) -> Result<Survey, Broken> {
        let columns = self.read_columns(link).await?;
        let tables = FoundTable::of(self.rows_of_columns(link, F::SURVEY.to_owned(), &[]).await?);
        let lookup = Plan::new(&self.schema, &columns, &F::GRAMMAR, self.bodies).lookup.map(|_| ());
        Ok(Survey { schema: Schema::clone(&self.schema), columns, tables, lookup, date: F::date })
    }

    /// A connection that nobody has used before.
    pub(super) async fn connected(&self) -> Result<Link<F>, StoreError> {
        match tokio::time::timeout(self.connect_timeout, self.options.connect()).await {
            Ok(connected) => connected.map_err(|error| StoreError::Unreachable(error.to_string())),
            Err(_) => {
                Err(StoreError::Unreachable(format!("no connection within {:?}", self.connect_timeout)))
            }
        }
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, Broken>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(answer) => answer.map_err(|broken| broken.told("", self.timeout)),
            Err(_) => Err(StoreError::Timeout(self.timeout)),
        }
    }

    /// Asks on a connection of the pool. One that turns out to be dead is dropped and the next one asked, for a
    /// database that was restarted leaves a whole pool of them.
    async fn ask(&self, question: Question<'_>) -> Result<(Arc<Plan>, Vec<Row<F>>), StoreError> {
        let mut attempts = 0;
        loop {
            let mut connection = self.pool.acquire().await.map_err(|error| self.no_connection(&error))?;
            match tokio::time::timeout(self.timeout, self.put(&mut connection, question)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(broken)) if attempts < self.connections && broken.is_spent() => {
                    connection.close_on_drop();
                    attempts += 1;
                }
                Ok(Err(broken)) => return Err(broken.told(question.token(), self.timeout)),
                Err(_) => {
                    // Its answer is still to come: the next lookup must not be the one to wait for it.
                    connection.close_on_drop();
                    return Err(StoreError::Timeout(self.timeout));
                }
            }
        }
    }

    /// One round trip, but for the first time, once in a while, and after a migration: then the columns are looked at,
    /// and the question put once more if they are others than the plan has.
    async fn put(
        &self,
        link: &mut Link<F>,
        question: Question<'_>,
    ) -> Result<(Arc<Plan>, Vec<Row<F>>), Broken> {
        let plan = self.plan(link).await?;
        match Self::rows(link, &plan, question).await {
            Err(Broken::Database(error)) if is_about_columns::<F>(&error) => {
                let newer = self.newer_plan(link, &plan).await?;
                if newer == plan {
                    return Err(error.into());
                }
                let rows = Self::rows(link, &newer, question).await?;
                Ok((newer, rows))
            }
            rows => Ok((plan, rows?)),
        }
    }

    async fn rows(link: &mut Link<F>, plan: &Plan, question: Question<'_>) -> Result<Vec<Row<F>>, Broken> {
        match question {
            Question::Session(token) => {
                Ok(F::Db::rows(link, plan.lookup()?.sql.statement(), &[token]).await?)
            }
            Question::Keys => match &plan.keys {
                Some(keys) => Ok(F::Db::rows(link, keys.sql.statement(), &[]).await?),
                None => Ok(Vec::new()),
            },
        }
    }

    async fn plan(&self, link: &mut Link<F>) -> Result<Arc<Plan>, Broken> {
        match self.plans.now().await {
            Now::Good(plan) => Ok(plan),
            Now::Missing(making) => Ok(making.done(self.new_plan(link).await?)),
            // The plan before does for as long again if there is none to be had now.
            Now::Old(old, making) => {
                match tokio::time::timeout(self.timeout / 2, self.new_plan(link)).await {
                    Ok(Ok(plan)) => Ok(making.done(plan)),
                    Ok(Err(broken)) if broken.is_spent() => Err(broken),
                    Ok(Err(_)) => Ok(old),
                    Err(_) => Err(Broken::Renewal),
                }
            }
        }
    }

    async fn newer_plan(&self, link: &mut Link<F>, outdated: &Arc<Plan>) -> Result<Arc<Plan>, Broken> {
        match self.plans.newer_than(outdated).await {
            Now::Good(plan) => Ok(plan),
            Now::Missing(making) | Now::Old(_, making) => Ok(making.done(self.new_plan(link).await?)),
        }
    }

    async fn new_plan(&self, link: &mut Link<F>) -> Result<Plan, Broken> {
        let columns = self.read_columns(link).await?;
        Ok(Plan::new(&self.schema, &columns, &F::GRAMMAR, self.bodies))
    }

    async fn read_columns(&self, link: &mut Link<F>) -> Result<Columns, Broken> {
        let (sql, bound) = F::columns(self.schema.tables());
        Ok(Columns::of(self.rows_of_columns(link, sql, &bound).await?, F::FOLDS_CASE))
    }

    async fn rows_of_columns(
        &self,
        link: &mut Link<F>,
        sql: String,
        bound: &[String],
    ) -> Result<Vec<ColumnRow>, Broken> {
        // Audited: a flavour writes it of constants alone; names are bound.
        let sql = AssertSqlSafe(sql).into_sql_str();
        let bound: Vec<_> = bound.iter().map(String::as_str).collect();
        let rows = F::Db::rows(link, sql, &bound).await?;
        rows.iter().map(rows::column::<F>).collect::<Result<_, _>>().map_err(Broken::Database)
    }

    /// The pool tries again and again until its time is up, and then does not say what it met.
    fn no_connection(&self, error: &sqlx::Error) -> StoreError {
        StoreError::Unreachable(if matches!(error, sqlx::Error::PoolTimedOut) {
            format!("no connection within {:?}; `sidegate check` tells why", self.connect_timeout)
        } else {
            error.to_string()
        })
    }

    pub(super) fn pool(&self) -> PoolState {
        let idle = self.pool.num_idle();
        let open = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        PoolState { busy: open.saturating_sub(idle), idle }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl<F: Flavour> SessionStore for SqlStore<F> {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        let (plan, rows) = self.ask(Question::Session(token.as_str())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let lookup = plan.lookup()?;
        let found = rows::session::<F>(row, lookup, &self.zone)?;
        // A collation may call other spellings equal (MySQL's default does); the signature is over one.
        if found.token != token.as_str() {
            return Ok(None);
        }
        let session = Session::new(&found.record);
        let session =
            if lookup.tells_of_impersonation { session } else { session.with_impersonation_unknown() };
        Ok(Some(if self.bodies { session.with_body(found.record.body()) } else { session }))
    }
}

impl<F: Flavour> Clone for SqlStore<F> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            options: self.options.clone(),
            plans: Arc::clone(&self.plans),
            schema: Arc::clone(&self.schema),
            zone: self.zone.clone(),
            bodies: self.bodies,
            ignored: self.ignored.clone(),
            connections: self.connections,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
        }
    }
}

/// The connection options hold a password.
impl<F: Flavour> fmt::Debug for SqlStore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(F::Db::NAME).field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Question<'_> {
    fn token(&self) -> &str {
        match self {
            Self::Session(token) => token,
            Self::Keys => "",
        }
    }
}

fn is_about_columns<F: Flavour>(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(F::is_about_columns)
}

/// Names of the parameters in a URL. Their values may be secrets.
pub(super) fn parameters(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty())
}
