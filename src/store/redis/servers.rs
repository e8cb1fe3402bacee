//! Connections on which Redis may speak first: RESP3, to one server or to each of a cluster's that has keys.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, ProtocolVersion, PushInfo, RedisError, Value,
    from_redis_value_ref,
};
use tokio::sync::mpsc::UnboundedSender;

use super::super::{StoreError, StoreUrlError};
use super::url::Servers;
use super::{Redis, store_error};

/// Redis, for whoever wants to be told something by it.
#[derive(Clone)]
pub struct RedisServers(Servers);

/// A connection to one server. Clones share it.
#[derive(Clone)]
pub struct RedisConnection {
    connection: MultiplexedConnection,
    /// By which its cluster's nodes know the server, where it has to be known.
    host: String,
}

/// Where the keys of a cluster are.
pub type Owners = BTreeSet<(String, u16)>;

impl RedisServers {
    /// Whether a URL is one of those that name Redis.
    #[must_use]
    pub fn knows(url: &str) -> bool {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        Redis::SCHEMES.contains(&scheme)
    }

    /// The servers that a URL names, without connecting to them.
    ///
    /// # Errors
    /// If the URL names none.
    pub fn new(url: &str, connect_timeout: Duration) -> Result<Self, StoreUrlError> {
        Servers::of(url, connect_timeout).map(Self).map_err(StoreUrlError::Malformed)
    }

    /// Whether its keys are on several servers.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.0.is_cluster
    }

    /// A connection to the first of them that takes one.
    ///
    /// # Errors
    /// Why the last of them did not.
    pub async fn any(&self, pushes: &UnboundedSender<PushInfo>) -> Result<RedisConnection, StoreError> {
        let mut failure = StoreError::Unreachable("the URL names no server".to_owned());
        for info in &self.0.infos {
            match self.connect(info, pushes).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// A connection to one of a cluster's nodes.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn at(
        &self,
        (host, port): &(String, u16),
        pushes: &UnboundedSender<PushInfo>,
    ) -> Result<RedisConnection, StoreError> {
        let Some(info) = self.0.infos.first() else {
            return Err(StoreError::Unreachable("the URL names no server".to_owned()));
        };
        let (host, port) = (host.clone(), *port);
        let addr = if let ConnectionAddr::TcpTls { insecure, tls_params, .. } = info.addr().clone() {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        self.connect(&info.clone().set_addr(addr), pushes).await
    }

    async fn connect(
        &self,
        info: &ConnectionInfo,
        pushes: &UnboundedSender<PushInfo>,
    ) -> Result<RedisConnection, StoreError> {
        // Only the newer protocol lets a server speak first.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let host = if let ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } = info.addr() {
            host
        } else {
            ""
        };
        let host = host.to_owned();
        let client =
            self.0.client(info.clone().set_redis_settings(settings)).map_err(|error| told(&error))?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(pushes.clone());
        let limit = self.0.connect_timeout;
        match tokio::time::timeout(limit, client.get_multiplexed_async_connection_with_config(&config)).await
        {
            Ok(Ok(connection)) => Ok(RedisConnection { connection, host }),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(StoreError::Unreachable(format!("no connection within {limit:?}"))),
        }
    }
}

impl RedisConnection {
    /// Puts one command, and waits for the answer for so long.
    ///
    /// # Errors
    /// The server's, that the connection broke, or that it took too long.
    pub async fn ask(&self, command: &Cmd, patience: Duration) -> Result<Value, StoreError> {
        let mut connection = self.connection.clone();
        match tokio::time::timeout(patience, command.query_async(&mut connection)).await {
            Ok(answer) => answer.map_err(|error| told(&error)),
            Err(_) => Err(StoreError::Timeout(patience)),
        }
    }

    /// Has the server tell what is published on a channel.
    ///
    /// # Errors
    /// As of [`RedisConnection::ask`].
    pub async fn subscribe(&self, channel: &str, patience: Duration) -> Result<(), StoreError> {
        let mut connection = self.connection.clone();
        match tokio::time::timeout(patience, connection.subscribe(channel)).await {
            Ok(answer) => answer.map_err(|error| told(&error)),
            Err(_) => Err(StoreError::Timeout(patience)),
        }
    }

    /// Which servers have the keys of the cluster, as far as this one knows.
    ///
    /// # Errors
    /// As of [`RedisConnection::ask`].
    pub async fn owners(&self, patience: Duration) -> Result<Owners, StoreError> {
        let mut command = Cmd::new();
        command.arg("CLUSTER").arg("SLOTS");
        let answer = self.ask(&command, patience).await?;
        owners(&answer, &self.host)
            .ok_or_else(|| StoreError::Malformed("CLUSTER SLOTS tells no servers".to_owned()))
    }
}

/// `[[first slot, last slot, [host, port, …], replica, …], …]`; no host stands for the one that was asked.
fn owners(answer: &Value, asked: &str) -> Option<Owners> {
    let Value::Array(ranges) = answer else { return None };
    let owner = |range: &Value| {
        let Value::Array(range) = range else { return None };
        let Value::Array(owner) = range.get(2)? else { return None };
        let host: Option<String> = from_redis_value_ref(owner.first()?).ok()?;
        let host = host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| asked.to_owned());
        Some((host, from_redis_value_ref(owner.get(1)?).ok()?))
    };
    ranges.iter().map(owner).collect::<Option<Owners>>().filter(|owners| !owners.is_empty())
}

fn told(error: &RedisError) -> StoreError {
    store_error(error, None)
}

/// The URL may hold a password.
impl fmt::Debug for RedisServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServers").field("is_cluster", &self.0.is_cluster).finish_non_exhaustive()
    }
}
