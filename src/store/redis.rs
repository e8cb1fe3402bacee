//! Sessions in Better Auth's secondary storage: Redis, Valkey, or a cluster of either, by GET alone.
//!
//! As `findSession` of Better Auth 1.7.25 (`db/internal-adapter.mjs`): the token is a key whose value is authoritative,
//! and sessions that began before the user's revocation marker are over. Versions before 1.7.13 write no marker.

mod entry;
mod link;
mod servers;
mod told;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

pub(super) use self::entry::Entry;
pub use self::servers::{Owners, RedisConnection, RedisServers};

use self::entry::Value;
use self::link::{Connection, Link};
use self::told::Told;
use super::{PoolState, SessionStore, StoreError, StoreOptions, StoreUrlError};
use crate::auth::{Session, VerifiedToken};

/// Sessions in Redis.
#[derive(Clone)]
pub(super) struct Redis {
    link: Arc<Link>,
    /// What stands before a token.
    sessions: Arc<str>,
    /// What stands before the user's id in the key of the marker.
    markers: Arc<str>,
    ignored: Arc<[String]>,
    timeout: Duration,
    /// Where sessions are kept with what get-session answers.
    told: Option<Told>,
}

/// Keys by which a server is got to know. Each lies on another of a cluster's nodes than the one before, by chance.
const SAMPLES: u32 = 32;

/// Why one attempt came to nothing.
enum Failure {
    Redis(RedisError),
    Malformed(String),
}

impl Redis {
    /// Schemes of URLs that [`Redis::open`] takes.
    pub(super) const SCHEMES: [&str; 8] =
        ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis+unix", "unix", "valkey", "valkeys"];

    pub(super) fn open(url: &str, store: &StoreOptions) -> Result<Self, StoreUrlError> {
        let target = url::read(url, store).map_err(StoreUrlError::Malformed)?;
        let prefix = &store.redis_key_prefix;
        Ok(Self {
            link: Arc::new(Link::new(target.server, store.connect_timeout)),
            sessions: prefix.as_str().into(),
            markers: format!("{prefix}revoked-sessions-before-").into(),
            ignored: target.ignored.into(),
            timeout: store.timeout,
            told: store.bodies.then(|| Told::of(&store.schema)),
        })
    }

    pub(super) fn ignored_parameters(&self) -> &[String] {
        &self.ignored
    }

    /// What is kept under a token. A connection that turns out to be dead is replaced, once, for that is all that a
    /// restart leaves behind.
    pub(super) async fn ask(&self, token: &str) -> Result<Entry, StoreError> {
        self.attempt(Some(token)).await
    }

    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        self.attempt(None).await.map(|_| ())
    }

    pub(super) async fn diagnose(&self) -> Result<(), StoreError> {
        let mut connection = self.link.connect().await?;
        let asked = async {
            // Each node of a cluster is met, and one that was taken for a server by itself shows what it is.
            for number in 0..SAMPLES {
                connection.get(&format!("{}{number}", self.sessions)).await?;
            }
            self.exchange(&mut connection, None).await
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Err(_) => Err(StoreError::Timeout(self.timeout)),
            Ok(answer) => answer.map(|_| ()).map_err(|failure| failure.told(None)),
        }
    }

    async fn attempt(&self, token: Option<&str>) -> Result<Entry, StoreError> {
        let mut is_first = true;
        loop {
            let (number, mut connection) = self.link.connection().await?;
            let _busy = self.link.busy();
            match tokio::time::timeout(self.timeout, self.exchange(&mut connection, token)).await {
                Ok(Ok(entry)) => return Ok(entry),
                Ok(Err(Failure::Redis(error))) if is_spent(&error) => {
                    self.link.forget(number);
                    if !is_first {
                        return Err(Failure::Redis(error).told(token));
                    }
                    is_first = false;
                }
                Ok(Err(failure)) => return Err(failure.told(token)),
                Err(_) => {
                    self.link.renew(number);
                    return Err(StoreError::Timeout(self.timeout));
                }
            }
        }
    }

    /// At most two commands, the second only for a session that is there. Without a token: what a lookup needs to be
    /// allowed.
    async fn exchange(&self, connection: &mut Connection, token: Option<&str>) -> Result<Entry, Failure> {
        let Some(token) = token else {
            connection.get(&self.sessions).await?;
            connection.get(&self.markers).await?;
            return Ok(Entry::Absent);
        };
        let Some(value) = connection.get(&format!("{}{token}", self.sessions)).await? else {
            return Ok(Entry::Absent);
        };
        let held = match entry::read(&value, token)? {
            Value::Nothing => return Ok(Entry::Absent),
            Value::Denial => return Ok(Entry::Denied),
            Value::Session(held) => held,
        };
        if let Some(marker) = connection.get(&format!("{}{}", self.markers, held.user_id)).await?
            && held.is_revoked_by(&marker)?
        {
            return Ok(Entry::Denied);
        }
        let record = held.into_record()?;
        let session = Session::new(&record);
        Ok(Entry::Found(match &self.told {
            Some(told) => session.with_body(told.body(record)),
            None => session,
        }))
    }

    pub(super) fn pool(&self) -> PoolState {
        self.link.state()
    }

    #[expect(clippy::unused_async, reason = "as of the other stores, whose connections say goodbye")]
    pub(super) async fn close(&self) {
        self.link.close();
    }
}

impl SessionStore for Redis {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        Ok(match self.ask(token.as_str()).await? {
            Entry::Found(session) => Some(session),
            Entry::Denied | Entry::Absent => None,
        })
    }
}

/// The link holds a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

impl Failure {
    fn told(self, token: Option<&str>) -> StoreError {
        match self {
            Self::Redis(error) => store_error(&error, token),
            Self::Malformed(what) => StoreError::Malformed(what),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Malformed(what)
    }
}

/// Whether another connection may do better.
fn is_spent(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Redis quotes a command that it does not know, and the key is the token.
fn store_error(error: &RedisError, token: Option<&str>) -> StoreError {
    let text = error.to_string();
    let text = text.split(", with args beginning with").next().unwrap_or_default();
    let text = token.map_or_else(|| text.to_owned(), |token| text.replace(token, "[token]"));
    match (error.kind(), error.code()) {
        (_, Some("WRONGTYPE")) => StoreError::Malformed("the key holds no string".to_owned()),
        (_, Some("NOAUTH")) => StoreError::Unreachable(format!("{text}: the URL has no password")),
        (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => {
            StoreError::Refused(format!(
                "{text}: the server belongs to a cluster, whose URL begins with redis-cluster:// or rediss-cluster://"
            ))
        }
        (
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::TryAgain,
            )
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::AuthenticationFailed,
            _,
        ) => StoreError::Unreachable(text),
        _ if is_spent(error) => StoreError::Unreachable(text),
        _ => StoreError::Refused(text),
    }
}
