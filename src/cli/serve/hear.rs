//! Which channel tells of revocations: what the setting names, or the best that the store is prepared for.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Generations;
use crate::config::{Config, ConfigError};
use crate::metrics::Metrics;
use crate::revocation::{
    Channel, ChannelError, Extent, Hear, Heard, Listener, Opened, Outbox, RedisTracking, keep_open, listen,
};
use crate::store::{AnyStore, Driver};

/// How soon a store is asked again that was prepared for nothing, or that could not be asked.
const RETRY_UNPREPARED: Duration = Duration::from_secs(15);
const RETRY_OUT_OF_REACH: Duration = Duration::from_secs(1);

const UNHEARD: &str = "nothing tells of sign-outs: a signed-out session passes for as long as cache_ttl says";

/// Any of the channels.
pub(in crate::cli) enum AnyChannel {
    Listen(Box<Listener>),
    Outbox(Box<Outbox>),
    Tracking(Box<RedisTracking>),
}

impl Channel for AnyChannel {
    fn code(&self) -> &'static str {
        match self {
            Self::Listen(channel) => channel.code(),
            Self::Outbox(channel) => channel.code(),
            Self::Tracking(channel) => channel.code(),
        }
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        match self {
            Self::Listen(channel) => channel.open().await,
            Self::Outbox(channel) => channel.open().await,
            Self::Tracking(channel) => channel.open().await,
        }
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        match self {
            Self::Listen(channel) => channel.next().await,
            Self::Outbox(channel) => channel.next().await,
            Self::Tracking(channel) => channel.next().await,
        }
    }
}

/// Hears of revocations from now on, as far as the settings and the store allow.
///
/// # Errors
/// If the setting names a channel that this store has not.
pub(super) fn spawn(
    config: &Config,
    store: &AnyStore,
    generations: &Arc<Generations>,
    metrics: &Metrics,
) -> Result<(), ConfigError> {
    let mut channels = channels(config, store)?;
    let ages = config.ages;
    let has_part = match tracking_of_a_part(config) {
        Some(tracking) => {
            let (generations, metrics) = (Arc::clone(generations), metrics.revocations());
            tokio::spawn(keep_open(tracking, Extent::Part, generations, metrics));
            true
        }
        None => false,
    };
    // The one that the settings name is told as lost until it can be opened, and so is Redis's, which takes no preparing. Of
    // several, none is before one can.
    let is_plain = config.hear != Hear::Auto || matches!(channels.as_slice(), [AnyChannel::Tracking(_)]);
    let named = if is_plain { channels.pop() } else { None };
    if named.is_none() && channels.is_empty() {
        if config.hear != Hear::Off && !config.is_stateless() && !has_part {
            tracing::info!(bound = ?ages.session, "{UNHEARD}");
        }
        return Ok(());
    }
    let (generations, metrics) = (Arc::clone(generations), metrics.revocations());
    tokio::spawn(async move {
        let tell = |channel: &'static str| {
            tracing::info!(
                channel,
                cache_ttl = ?ages.heard,
                cache_ttl_while_lost = ?ages.lost,
                "sign-outs take effect as they happen, while the channel is open"
            );
        };
        if let Some(channel) = named {
            tell(channel.code());
            keep_open(channel, Extent::Whole, generations, metrics).await;
        } else {
            let channel = first_prepared(channels, ages.session).await;
            tell(channel.code());
            listen(channel, generations, metrics).await;
        }
    });
    Ok(())
}

/// The channels that come into question, best first.
///
/// # Errors
/// If the setting names one that this store has not.
pub(in crate::cli) fn channels(config: &Config, store: &AnyStore) -> Result<Vec<AnyChannel>, ConfigError> {
    const BEST_FIRST: [Hear; 3] = [Hear::Listen, Hear::Outbox, Hear::Tracking];
    match config.hear {
        Hear::Off => Ok(Vec::new()),
        Hear::Tracking if config.has_fallback() => Ok(Vec::new()),
        Hear::Auto => Ok(BEST_FIRST.into_iter().filter_map(|hear| channel(hear, config, store)).collect()),
        Hear::Listen | Hear::Outbox | Hear::Tracking => {
            let channel = channel(config.hear, config, store).ok_or_else(|| {
                ConfigError::new(format!("revocation names a channel that {} has not", store.name()))
                    .hint("set revocation to auto, and see what sidegate check tells of it")
            })?;
            Ok(vec![channel])
        }
    }
}

fn channel(hear: Hear, config: &Config, store: &AnyStore) -> Option<AnyChannel> {
    let options = &config.store;
    match hear {
        Hear::Listen => match store.driver() {
            Some(Driver::Postgres(driver)) => {
                let listener = Listener::new(driver, &options.schema, options.connect_timeout);
                Some(AnyChannel::Listen(Box::new(listener)))
            }
            Some(Driver::MySql(_) | Driver::Sqlite(_)) | None => None,
        },
        Hear::Outbox => {
            Outbox::new(store, config.revocation_poll).map(|outbox| AnyChannel::Outbox(Box::new(outbox)))
        }
        Hear::Tracking if config.has_fallback() => None,
        Hear::Tracking => config.redis_tracking().map(|tracking| AnyChannel::Tracking(Box::new(tracking))),
        Hear::Auto | Hear::Off => None,
    }
}

/// Redis before a database tells of what happens in Redis: a session that it forgot ends in the database alone.
fn tracking_of_a_part(config: &Config) -> Option<RedisTracking> {
    let is_meant = matches!(config.hear, Hear::Auto | Hear::Tracking) && config.has_fallback();
    is_meant.then(|| config.redis_tracking()).flatten()
}

/// The first of `channels` that can be opened, once there is one: somebody may prepare the store while this runs.
async fn first_prepared(mut channels: Vec<AnyChannel>, bound: Duration) -> Opened<AnyChannel> {
    let mut is_told = false;
    loop {
        let (mut closed, mut reasons) = (Vec::new(), Vec::new());
        for channel in channels {
            match Opened::open(channel).await {
                Ok(opened) => return opened,
                Err((channel, error)) => {
                    closed.push(channel);
                    reasons.push(error);
                }
            }
        }
        channels = closed;
        let is_out_of_reach = reasons.iter().any(|error| matches!(error, ChannelError::Broken(_)));
        if let Some(why) = reasons.first().filter(|_| !is_out_of_reach && !is_told) {
            tracing::warn!(?bound, %why, "{UNHEARD}");
            is_told = true;
        }
        tokio::time::sleep(if is_out_of_reach { RETRY_OUT_OF_REACH } else { RETRY_UNPREPARED }).await;
    }
}
