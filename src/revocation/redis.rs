//! Redis's own word on keys that change: client tracking of all keys below Better Auth's prefix (`CLIENT TRACKING ON BCAST`,
//! Redis 6 and later, Valkey).
//!
//! Not keyspace events: those have to be switched on in the server, and come by names that hold tokens to whoever may
//! subscribe. Tracking wants nothing of the server but a right. What Better Auth 1.7.25 writes there
//! (`db/internal-adapter.mjs`, `api/rate-limiter`, `@better-auth/api-key`) tells which keys are whose.

use redis::{Cmd, FromRedisValue, PushInfo, PushKind, Value};
use tokio::sync::mpsc::unbounded_channel;

use super::pushes::{PATIENCE, Pushes, hinted};
use super::{Channel, ChannelError, Heard};
use crate::auth::{IdDigest, Revocation, TokenDigest};
use crate::store::{Owners, RedisConnection, RedisServers, StoreOptions, StoreUrlError};

/// Redis's client tracking, on connections of its own: one to the server, or to each of a cluster's that has keys.
pub struct RedisTracking {
    servers: RedisServers,
    prefix: String,
    pushes: Option<Pushes>,
}

/// What a user has to be allowed besides the lookups, for a hint.
const RIGHTS: &str = "+client|tracking +client|trackinginfo";

/// What stands before the user's id in the key of the marker that ends sessions.
const MARKER: &str = "revoked-sessions-before-";
/// Better Auth's keys that say nothing of a session: who has which, written at each sign-in; codes that were sent; API
/// keys.
const OTHERS: [&str; 3] = ["active-sessions-", "verification:", "api-key:"];
/// In the key of a rate limit, written at each request to Better Auth: `127.0.0.1|/sign-in/email`.
const RATE_LIMIT: &str = "|/";

impl RedisTracking {
    /// Prepares to track the keys of a store, without connecting to it.
    ///
    /// # Errors
    /// If the URL names no Redis.
    pub fn new(url: &str, store: &StoreOptions) -> Result<Self, StoreUrlError> {
        let servers = RedisServers::new(url, store.connect_timeout)?;
        Ok(Self { servers, prefix: store.redis_key_prefix.clone(), pushes: None })
    }

    async fn begin(&self) -> Result<Pushes, ChannelError> {
        let (sender, mut pushes) = Pushes::new();
        if !self.servers.is_cluster() {
            let connection = self.track(self.servers.any(&sender).await?).await?;
            pushes.keep(move || is_tracking(connection.clone()));
            return Ok(pushes);
        }
        let owners = self.owners().await?;
        for owner in &owners {
            let connection = self.track(self.servers.at(owner, &sender).await?).await?;
            let owners = owners.clone();
            // Any of them may be the first to see the cluster change, so each is asked.
            pushes.keep(move || is_tracking_all(connection.clone(), owners.clone()));
        }
        Ok(pushes)
    }

    async fn owners(&self) -> Result<Owners, ChannelError> {
        // That connection ends here, and nothing is told on it.
        let (unheard, _) = unbounded_channel();
        Ok(self.servers.any(&unheard).await?.owners(PATIENCE).await?)
    }

    async fn track(&self, connection: RedisConnection) -> Result<RedisConnection, ChannelError> {
        let mut command = Cmd::new();
        command.arg("CLIENT").arg("TRACKING").arg("ON").arg("BCAST");
        if !self.prefix.is_empty() {
            command.arg("PREFIX").arg(&self.prefix);
        }
        connection.ask(&command, PATIENCE).await.map_err(|error| hinted(error, RIGHTS))?;
        is_tracking(connection.clone()).await?;
        Ok(connection)
    }

    fn heard(&self, push: &PushInfo) -> Vec<Heard> {
        match (&push.kind, push.data.as_slice()) {
            (PushKind::Invalidate, [Value::Array(keys)]) => {
                keys.iter().filter_map(|key| self.meaning(key)).collect()
            }
            // All keys are gone, which has no list of names; or a later version's way to say something.
            _ => vec![everything()],
        }
    }

    fn meaning(&self, key: &Value) -> Option<Heard> {
        let Ok(key) = String::from_redis_value_ref(key) else { return Some(everything()) };
        let Some(name) = key.strip_prefix(&self.prefix) else { return Some(everything()) };
        if let Some(user) = name.strip_prefix(MARKER) {
            return Some(heard(Revocation::User(IdDigest::of(user))));
        }
        let is_other = OTHERS.iter().any(|other| name.starts_with(other)) || name.contains(RATE_LIMIT);
        (!is_other).then(|| heard(Revocation::Token(TokenDigest::of(name))))
    }
}

impl Channel for RedisTracking {
    fn code(&self) -> &'static str {
        "tracking"
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        // First of all the old connections end.
        self.pushes = None;
        self.pushes = Some(self.begin().await?);
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        let Some(pushes) = &mut self.pushes else {
            return Err(ChannelError::Broken("it is not open".to_owned()));
        };
        let told = pushes.next().await?;
        Ok(told.iter().flat_map(|push| self.heard(push)).collect())
    }
}

/// Whether the server still means to tell. Its answer comes after all that it had to tell before.
async fn is_tracking(connection: RedisConnection) -> Result<(), ChannelError> {
    let mut command = Cmd::new();
    command.arg("CLIENT").arg("TRACKINGINFO");
    let answer = connection.ask(&command, PATIENCE).await.map_err(|error| hinted(error, RIGHTS))?;
    let mut pairs = answer.as_map_iter().into_iter().flatten();
    let flags = pairs.find(|(name, _)| is_text(name, "flags")).and_then(|(_, flags)| flags.as_sequence());
    let has = |wanted| flags.is_some_and(|flags| flags.iter().any(|flag| is_text(flag, wanted)));
    if has("on") && has("bcast") {
        return Ok(());
    }
    Err(ChannelError::Broken("Redis tracks no keys on this connection".to_owned()))
}

async fn is_tracking_all(connection: RedisConnection, owners: Owners) -> Result<(), ChannelError> {
    is_tracking(connection.clone()).await?;
    if connection.owners(PATIENCE).await? == owners {
        return Ok(());
    }
    Err(ChannelError::Broken("the cluster's keys are on other servers now".to_owned()))
}

fn is_text(value: &Value, text: &str) -> bool {
    String::from_redis_value_ref(value).is_ok_and(|value| value == text)
}

const fn heard(what: Revocation) -> Heard {
    Heard { what, at: None }
}

const fn everything() -> Heard {
    heard(Revocation::Everything)
}
