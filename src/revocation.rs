//! Who tells the cache that a session or a user changed, as it happens.
//!
//! A channel is one way to hear of it: one file here. [`keep_open`] keeps a channel open and has the cache forget everything
//! whenever it may have missed something; while a channel is out of reach the cache believes answers for a shorter time.

mod notice;
pub mod outbox;
mod postgres;
mod prepare;
mod pushes;
mod redis;
mod relay;

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Revocation;
use crate::cache::Generations;
use crate::clock::{self, UnixMillis};
use crate::metrics::RevocationMetrics;
use crate::store::StoreError;

pub use self::notice::{Notice, NoticeError};
pub use self::outbox::Outbox;
pub use self::postgres::Listener;
pub use self::prepare::{Part, Preparation, PrepareError};
pub use self::redis::RedisTracking;
pub use self::relay::{Publisher, Relay};

/// The setting `revocation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hear {
    /// Whatever the store has been prepared for.
    Auto,
    /// Nothing.
    Off,
    /// PostgreSQL's LISTEN.
    Listen,
    /// A table that triggers fill, polled.
    Outbox,
    /// Redis's client tracking.
    Tracking,
}

/// Why a text is no way to hear of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are five")]
pub struct HearError;

impl FromStr for Hear {
    type Err = HearError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            "listen" => Ok(Self::Listen),
            "outbox" => Ok(Self::Outbox),
            "tracking" => Ok(Self::Tracking),
            _ => Err(HearError),
        }
    }
}

/// Something that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What may no longer be believed.
    pub what: Revocation,
    /// When it was written, by the store's clock, where the channel tells.
    pub at: Option<UnixMillis>,
}

/// One way to hear of revocations.
pub trait Channel: Send + 'static {
    /// The stable code, in snake case.
    fn code(&self) -> &'static str;

    /// Begins to listen. From when this has returned until [`Channel::next`] fails, nothing is missed.
    fn open(&mut self) -> impl Future<Output = Result<(), ChannelError>> + Send;

    /// What happened since the last call, as soon as there is something.
    ///
    /// # Errors
    /// If something may have been missed: the channel has to be opened anew.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Heard>, ChannelError>> + Send;
}

/// Why a channel does not tell. It holds no token and no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// The store is out of reach, or the connection broke.
    Broken(String),
    /// The store has not been prepared for it: triggers or rights are missing.
    NotPrepared(String),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Broken(why) | Self::NotPrepared(why)) = self;
        write!(f, "nothing tells of revocations: {why}")
    }
}

impl std::error::Error for ChannelError {}

impl ChannelError {
    /// With what is to be done where the store has not been prepared.
    fn advised(self, advice: &str) -> Self {
        match self {
            Self::NotPrepared(why) => Self::NotPrepared(format!("{why}; {advice}")),
            Self::Broken(why) => Self::Broken(why),
        }
    }
}

impl From<StoreError> for ChannelError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(why) => Self::NotPrepared(why),
            StoreError::Timeout(_)
            | StoreError::Unreachable(_)
            | StoreError::Malformed(_)
            | StoreError::RateLimited
            | StoreError::Overloaded
            | StoreError::Resting
            | StoreError::Unsettled
            | StoreError::BrokeOff => Self::Broken(error.detail()),
        }
    }
}

/// How much of what happens a channel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it: while it is open, answers are believed for longer.
    Whole,
    /// A part: while it is open, answers are believed for as long as they would be without it.
    Part,
}

impl Extent {
    fn begin(self, generations: &Generations) {
        match self {
            Self::Whole => generations.begin_to_hear(),
            Self::Part => generations.regain_part(),
        }
    }

    fn lose(self, generations: &Generations) {
        match self {
            Self::Whole => generations.lose(),
            Self::Part => generations.lose_part(),
        }
    }
}

/// Until a channel that broke is opened again: longer each time in a row, and not for all replicas at one moment.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What ends in two places ends in the second one a moment later.
const SETTLED: Duration = Duration::from_secs(1);

/// A channel that is open.
pub struct Opened<C>(C);

impl<C: Channel> Opened<C> {
    /// Opens `channel`.
    ///
    /// # Errors
    /// Why it cannot be, and the channel, to be tried again.
    pub async fn open(mut channel: C) -> Result<Self, (C, ChannelError)> {
        match channel.open().await {
            Ok(()) => Ok(Self(channel)),
            Err(error) => Err((channel, error)),
        }
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }
}

/// Keeps a channel of all that happens open for as long as this is polled, and tells `generations` what it tells.
pub async fn listen<C: Channel>(
    channel: Opened<C>,
    generations: Arc<Generations>,
    metrics: RevocationMetrics,
) {
    keep(channel.0, Ok(()), Extent::Whole, generations, metrics).await;
}

/// The same for a channel that is yet to be opened, and tells of so much.
pub async fn keep_open(
    mut channel: impl Channel,
    extent: Extent,
    generations: Arc<Generations>,
    metrics: RevocationMetrics,
) {
    // Whoever counts on a part of what happens misses it from the start.
    if extent == Extent::Part {
        extent.lose(&generations);
    }
    let opened = channel.open().await;
    keep(channel, opened, extent, generations, metrics).await;
}

async fn keep(
    mut channel: impl Channel,
    mut opened: Result<(), ChannelError>,
    extent: Extent,
    generations: Arc<Generations>,
    metrics: RevocationMetrics,
) {
    let code = channel.code();
    let mut is_lost = extent == Extent::Part;
    let mut failures = 0_u32;
    let mut was_told = None;
    loop {
        let error = match opened {
            Ok(()) => {
                failures = 0;
                is_lost = false;
                was_told = None;
                extent.begin(&generations);
                metrics.heard(code, true);
                tracing::info!(channel = code, "revocations are heard of");
                relay(&mut channel, extent, &generations, &metrics).await
            }
            Err(error) => error,
        };
        // Only what was heard of before can be lost: else the shorter age holds already.
        if !is_lost {
            extent.lose(&generations);
            is_lost = true;
        }
        metrics.heard(code, false);
        // Once for each reason: an hour of outage is one line, not thousands.
        if was_told.as_ref() != Some(&error) {
            tracing::warn!(channel = code, "{error}");
            was_told = Some(error);
        }
        tokio::time::sleep(pause(failures)).await;
        failures = failures.saturating_add(1);
        opened = channel.open().await;
    }
}

/// Passes on what is heard, until something may have been missed.
async fn relay(
    channel: &mut impl Channel,
    extent: Extent,
    generations: &Arc<Generations>,
    metrics: &RevocationMetrics,
) -> ChannelError {
    let code = channel.code();
    loop {
        let heard = match channel.next().await {
            Ok(heard) => heard,
            Err(error) => return error,
        };
        for one in heard {
            let now = clock::now();
            generations.revoke(&one.what, now);
            metrics.revoked(code, one.what.code(), one.at.and_then(|at| now.since(at)));
            if extent == Extent::Part {
                revoke_again(generations, vec![one.what], now);
            }
        }
    }
}

/// Revokes once more in a moment what whoever told of it may have ended in the first of two places: who was looked up between
/// the two is looked up once more.
pub fn revoke_again(generations: &Arc<Generations>, what: Vec<Revocation>, now: UnixMillis) {
    let generations = Arc::clone(generations);
    tokio::spawn(async move {
        tokio::time::sleep(SETTLED).await;
        for what in what {
            generations.revoke(&what, now);
        }
    });
}

fn pause(failures: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX);
    longest.mul_f64(0.5 + crate::store::jitter() / 2.0)
}
