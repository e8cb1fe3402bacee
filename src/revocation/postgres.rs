//! PostgreSQL's LISTEN, on a connection of its own.
//!
//! Triggers tell as a transaction commits, so that whoever hears of it finds it done. What a lost connection would have told
//! is lost: each doubt about the connection, or about the triggers, is an error that has the cache begin anew.

mod prepare;
mod sql;
mod state;

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::time::{Instant, timeout, timeout_at};

pub(super) use self::prepare::{apply, rights, state_of};
pub(super) use self::sql::{install, uninstall};
use self::state::Telling;
use super::{Channel, ChannelError, Heard};
use crate::auth::{IdDigest, Revocation, TokenDigest};
use crate::clock::UnixMillis;
use crate::store::Schema;

/// How often the connection and the triggers are looked at, and how long that may take: what hangs is noticed within the sum.
const LOOK: Duration = Duration::from_secs(2);
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

const INSTALL: &str = "run `sidegate revocation install` with a role that owns the tables";

const POOLED: &str = "what is notified does not arrive, as through a pooler in transaction mode; point store at PostgreSQL \
                      itself, or set revocation to outbox and run `sidegate revocation install --outbox`";

/// A listener, connected or not.
pub struct Listener {
    options: PgConnectOptions,
    schema: Schema,
    connect_timeout: Duration,
    listening: Option<Listening>,
}

struct Listening {
    link: PgListener,
    telling: Telling,
    next_look: Instant,
}

impl Listener {
    /// To connect by these options, to tables of that schema.
    #[must_use]
    pub fn new(options: &PgConnectOptions, schema: &Schema, connect_timeout: Duration) -> Self {
        Self { options: options.clone(), schema: schema.clone(), connect_timeout, listening: None }
    }

    async fn connect(&self) -> Result<Listening, ChannelError> {
        // Another connection than the one that listens: its errors name their cause where a pool's would not, and what it
        // says to itself has to come back over the one that listens.
        let mut other = within(self.connect_timeout, self.options.connect()).await?;
        let listening = self.listen_beside(&mut other).await;
        // Its end is noticed by the server in any case.
        let _ = timeout(LOOK_TIMEOUT, other.close()).await;
        listening
    }

    async fn listen_beside(&self, other: &mut PgConnection) -> Result<Listening, ChannelError> {
        let telling = within(LOOK_TIMEOUT, Telling::of(&mut *other, &self.schema)).await?;
        if !telling.is_complete() {
            return Err(ChannelError::NotPrepared(format!("{}; {INSTALL}", telling.complaint())));
        }
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(self.connect_timeout)
            .connect_lazy_with(self.options.clone());
        let mut link = within(self.connect_timeout, PgListener::connect_with(&pool)).await?;
        // A connection made anew behind our back would have missed something.
        link.eager_reconnect(false);
        link.ignore_pool_close_event(true);
        let test = format!("sidegate_test_{:016x}", nonce());
        let mut channels = telling.channels();
        channels.push(test.clone());
        within(LOOK_TIMEOUT, link.listen_all(channels.iter().map(String::as_str))).await.map_err(refused)?;
        hear_oneself(&mut link, other, &test).await?;
        Ok(Listening { link, telling, next_look: Instant::now() + LOOK })
    }
}

impl Channel for Listener {
    fn code(&self) -> &'static str {
        "listen"
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        self.listening = None;
        self.listening = Some(self.connect().await?);
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        let heard = match &mut self.listening {
            Some(listening) => listening.next(&self.schema).await,
            None => Err(ChannelError::Broken("the listener is not connected".to_owned())),
        };
        if heard.is_err() {
            self.listening = None;
        }
        heard
    }
}

impl Listening {
    async fn next(&mut self, schema: &Schema) -> Result<Vec<Heard>, ChannelError> {
        loop {
            // What came while something else was asked is handed out first, and what comes in time proves the connection.
            match timeout_at(self.next_look, self.link.try_recv()).await {
                Ok(Ok(Some(told))) => return Ok(vec![heard(told.payload())]),
                Ok(Ok(None)) => return Err(ChannelError::Broken("the connection ended".to_owned())),
                Ok(Err(error)) => return Err(ChannelError::Broken(error.to_string())),
                Err(_) => self.look(schema).await?,
            }
        }
    }

    /// Whether the connection still carries answers, and the triggers are still those.
    async fn look(&mut self, schema: &Schema) -> Result<(), ChannelError> {
        let telling = within(LOOK_TIMEOUT, Telling::of(&mut self.link, schema)).await?;
        if !telling.is_complete() {
            return Err(ChannelError::NotPrepared(format!("{}; {INSTALL}", telling.complaint())));
        }
        if telling != self.telling {
            return Err(ChannelError::Broken("the tables are others than before".to_owned()));
        }
        self.next_look = Instant::now() + LOOK;
        Ok(())
    }
}

/// `PgBouncer` in transaction mode takes LISTEN and never delivers. What is said on another connection proves the contrary.
async fn hear_oneself(
    link: &mut PgListener,
    other: &mut PgConnection,
    test: &str,
) -> Result<(), ChannelError> {
    // Audited: a name of ours.
    let say = sqlx::raw_sql(AssertSqlSafe(format!("NOTIFY {test}")));
    match timeout(LOOK_TIMEOUT, say.execute(&mut *other)).await {
        Ok(Ok(_)) => {}
        // It came to whoever said it, who had not asked for it: both share what the pooler has.
        Ok(Err(sqlx::Error::Protocol(_))) => return Err(ChannelError::NotPrepared(POOLED.to_owned())),
        Ok(Err(error)) => return Err(ChannelError::Broken(error.to_string())),
        Err(_) => return Err(ChannelError::Broken(format!("no answer within {LOOK_TIMEOUT:?}"))),
    }
    let come_back = async {
        // What the triggers tell meanwhile need not be kept: the cache begins anew once this is open.
        while let Some(told) = link.try_recv().await? {
            if told.channel() == test {
                return Ok(true);
            }
        }
        Ok::<_, sqlx::Error>(false)
    };
    match timeout(LOOK_TIMEOUT, come_back).await {
        Ok(Ok(true)) => within(LOOK_TIMEOUT, link.unlisten(test)).await,
        Ok(Ok(false)) => Err(ChannelError::Broken("the connection ended".to_owned())),
        Ok(Err(error)) => Err(ChannelError::Broken(error.to_string())),
        Err(_) => Err(ChannelError::NotPrepared(POOLED.to_owned())),
    }
}

/// What a trigger told. What cannot be read means that nothing may be believed.
fn heard(payload: &str) -> Heard {
    let mut words = payload.split(' ');
    let what = match words.next() {
        Some("token") => words.next().and_then(TokenDigest::from_hex).map(Revocation::Token),
        Some("user") => words.next().and_then(IdDigest::from_hex).map(Revocation::User),
        Some(_) | None => None,
    };
    let at = words.next().and_then(|millis| millis.parse().ok()).map(UnixMillis::new);
    Heard { what: what.unwrap_or(Revocation::Everything), at }
}

/// A LISTEN that is refused will be refused again: a standby takes none.
fn refused(error: ChannelError) -> ChannelError {
    match &error {
        ChannelError::Broken(why) if why.contains("during recovery") => ChannelError::NotPrepared(format!(
            "{why}: a standby takes no LISTEN; point store at the primary, or set revocation to outbox"
        )),
        ChannelError::Broken(_) | ChannelError::NotPrepared(_) => error,
    }
}

/// So that no other replica hears it.
fn nonce() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness they may hear it, which does nothing to them.
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, ChannelError> {
    match timeout(limit, asking).await {
        Ok(answer) => answer.map_err(|error| ChannelError::Broken(error.to_string())),
        Err(_) => Err(ChannelError::Broken(format!("no answer within {limit:?}"))),
    }
}
