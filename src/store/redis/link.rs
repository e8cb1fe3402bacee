//! One connection that all lookups share, made when it is first needed and again whenever it broke.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, RedisError};

use super::super::{PoolState, StoreError};
use super::store_error;

/// Where connections lead.
pub(super) enum Server {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection, or one to each node of a cluster. Clones share it: commands are sent one after the other, each
/// without waiting for the answer to the one before.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

pub(super) struct Link {
    server: Server,
    connect_timeout: Duration,
    current: Mutex<Current>,
    /// Held by who connects because there is no connection.
    turn: tokio::sync::Mutex<()>,
    /// Held by who connects because the present connection may lead nowhere.
    renewal: tokio::sync::Mutex<()>,
    busy: AtomicUsize,
}

#[derive(Default)]
struct Current {
    /// How many connections there have been: the name of the latest.
    number: u64,
    connection: Option<Connection>,
}

/// A lookup at work.
pub(super) struct Busy<'a>(&'a AtomicUsize);

impl Link {
    pub(super) fn new(server: Server, connect_timeout: Duration) -> Self {
        Self {
            server,
            connect_timeout,
            current: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            renewal: tokio::sync::Mutex::default(),
            busy: AtomicUsize::new(0),
        }
    }

    /// The connection and its number. Whoever waits for somebody else's attempt waits no longer than for its own.
    pub(super) async fn connection(&self) -> Result<(u64, Connection), StoreError> {
        let connected = async {
            if let Some(current) = self.current().known() {
                return Ok(current);
            }
            let _turn = self.turn.lock().await;
            if let Some(current) = self.current().known() {
                return Ok(current);
            }
            let connection = self.server.connect().await?;
            Ok((self.current().replace(connection.clone()), connection))
        };
        match tokio::time::timeout(self.connect_timeout, connected).await {
            Ok(connected) => connected.map_err(|error: RedisError| unreachable(&error)),
            Err(_) => Err(StoreError::Unreachable(format!(
                "no connection within {:?}; `sidegate check` tells why",
                self.connect_timeout
            ))),
        }
    }

    /// A connection of the caller's own.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        match tokio::time::timeout(self.connect_timeout, self.server.connect()).await {
            Ok(connected) => connected.map_err(|error| unreachable(&error)),
            Err(_) => {
                Err(StoreError::Unreachable(format!("no connection within {:?}", self.connect_timeout)))
            }
        }
    }

    /// Has the next lookup connect anew, unless somebody else already has.
    pub(super) fn forget(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            current.connection = None;
        }
    }

    /// Has a connection replaced on which an answer did not come in time: it may lead nowhere.
    ///
    /// To a cluster only once there is another: where one node hangs, sessions on the others are still found.
    pub(super) fn renew(self: &Arc<Self>, number: u64) {
        if matches!(self.server, Server::One(_)) {
            return self.forget(number);
        }
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let Ok(_alone) = link.renewal.try_lock() else {
                return;
            };
            if let Ok(connection) = link.connect().await {
                let mut current = link.current();
                if current.number == number {
                    current.replace(connection);
                }
            }
        });
    }

    /// Counts a lookup for as long as the guard lives.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    /// One connection at the most, busy while there is any lookup on it.
    pub(super) fn state(&self) -> PoolState {
        let open = usize::from(self.current().connection.is_some());
        let busy = self.busy.load(Ordering::Relaxed).min(open);
        PoolState { busy, idle: open - busy }
    }

    pub(super) fn close(&self) {
        self.current().connection = None;
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Whatever panicked left a connection or none: both are fine.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// The new connection's number.
    fn replace(&mut self, connection: Connection) -> u64 {
        self.number += 1;
        self.connection = Some(connection);
        self.number
    }

    fn known(&self) -> Option<(u64, Connection)> {
        self.connection.clone().map(|connection| (self.number, connection))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    async fn connect(&self) -> Result<Connection, RedisError> {
        // The callers' own time is what bounds connections and answers.
        let config =
            redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        Ok(match self {
            Self::One(client) => {
                Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

impl Connection {
    pub(super) async fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, RedisError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(key);
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// Whatever is wrong with a connection that was not made.
fn unreachable(error: &RedisError) -> StoreError {
    let error = store_error(error, None);
    if let StoreError::Refused(why) = error { StoreError::Unreachable(why) } else { error }
}
