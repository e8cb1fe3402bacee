//! From one replica to all: what is told to one by `POST /revoke` is published in Redis, where all of them listen.
//!
//! It carries no more than replicas are told: an open relay has no answer believed for longer, but a broken one has
//! them believed for a shorter time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, PushInfo, PushKind};

use super::pushes::{PATIENCE, Pushes, hinted};
use super::{Channel, ChannelError, Heard, Notice};
use crate::auth::Revocation;
use crate::store::{RedisConnection, RedisServers, StoreUrlError};

/// Redis's pub/sub, on a connection of its own. In a cluster any node will do: they pass it on to each other.
pub struct Relay {
    servers: RedisServers,
    publisher: Publisher,
    pushes: Option<Pushes>,
}

/// Publishes on a relay's connection while there is one.
#[derive(Clone, Default)]
pub struct Publisher(Arc<Mutex<Option<RedisConnection>>>);

/// Where it is published, whichever database a URL names: pub/sub knows none.
const CHANNEL: &str = "sidegate:revocations";
/// What a user has to be allowed, for a hint.
const RIGHTS: &str = "&sidegate:revocations +subscribe +publish +ping";
/// Longest wait until it is published: whoever told us waits as long.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(1);

impl Relay {
    /// Prepares to relay by the Redis that a URL names, without connecting to it.
    ///
    /// # Errors
    /// If the URL names no Redis.
    pub fn new(url: &str, connect_timeout: Duration) -> Result<Self, StoreUrlError> {
        let servers = RedisServers::new(url, connect_timeout)?;
        Ok(Self { servers, publisher: Publisher::default(), pushes: None })
    }

    /// For whoever has something to publish.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }
}

impl Publisher {
    /// Tells the other replicas.
    ///
    /// # Errors
    /// If they cannot have been told.
    pub async fn publish(&self, notice: &Notice) -> Result<(), ChannelError> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(connection) = connection else {
            return Err(ChannelError::Broken("there is no connection to revocation_redis".to_owned()));
        };
        let mut command = Cmd::new();
        command.arg("PUBLISH").arg(CHANNEL).arg(notice.to_message());
        connection.ask(&command, PUBLISH_PATIENCE).await.map_err(|error| hinted(error, RIGHTS))?;
        Ok(())
    }

    fn set(&self, connection: Option<RedisConnection>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

impl Channel for Relay {
    fn code(&self) -> &'static str {
        "relay"
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        // First of all the old connection ends.
        self.publisher.set(None);
        self.pushes = None;
        let (sender, mut pushes) = Pushes::new();
        let connection = self.servers.any(&sender).await?;
        connection.subscribe(CHANNEL, PATIENCE).await.map_err(|error| hinted(error, RIGHTS))?;
        // Asked here as well: what is not allowed is told before anybody counts on it.
        answers(connection.clone()).await?;
        self.publisher.set(Some(connection.clone()));
        pushes.keep(move || answers(connection.clone()));
        self.pushes = Some(pushes);
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        let Some(pushes) = &mut self.pushes else {
            return Err(ChannelError::Broken("it is not open".to_owned()));
        };
        match pushes.next().await {
            Ok(told) => Ok(told.iter().flat_map(heard).collect()),
            Err(error) => {
                self.publisher.set(None);
                Err(error)
            }
        }
    }
}

/// Whether the server is still there. Its answer comes after all that it had to tell before.
async fn answers(connection: RedisConnection) -> Result<(), ChannelError> {
    let mut command = Cmd::new();
    command.arg("PING");
    connection.ask(&command, PATIENCE).await.map(|_| ()).map_err(|error| hinted(error, RIGHTS))
}

fn heard(push: &PushInfo) -> Vec<Heard> {
    if push.kind == PushKind::Subscribe {
        return Vec::new();
    }
    match push.data.as_slice() {
        [_, message] if push.kind == PushKind::Message => Vec::from_redis_value_ref(message)
            .map_or_else(|_| everything(), |text: Vec<u8>| Notice::of_message(&text)),
        // Told to leave the channel, or something that later versions tell.
        _ => everything(),
    }
}

fn everything() -> Vec<Heard> {
    vec![Heard { what: Revocation::Everything, at: None }]
}
