//! Settings that are read again while requests are answered: when SIGHUP comes, and when a look at the files finds something new.
//!
//! Either all of them are right, and all that can change does so between two requests, or none does and all mistakes are told. What
//! is about sockets, threads or the store waits for the next start, and is told by name (`Counts` in the table of settings).
//!
//! Files are read now and then instead of having the kernel tell of them: they are few and small; what the kernel tells is of a file,
//! where Kubernetes swaps a link two directories above it and editors put another in its place; and network file systems tell nothing.
//! One that was just written is looked at a second time before it is believed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};

use super::assemble::{FrontInUse, Lasting};
use super::{Origin, hear};
use crate::clock::{self, UnixMillis};
use crate::config::{Config, ConfigError, Contents, Look, Sources, Watch};
use crate::metrics::{ReloadMetrics, Reloaded};
use crate::serve::{Hangups, Live, Revoke};

/// What a configuration is made into, and a new one replaces.
pub(super) struct InUse {
    pub(super) front: Arc<Live<FrontInUse>>,
    pub(super) revoke: Arc<Live<Option<Revoke>>>,
}

/// Reads settings again.
pub(super) struct Reloader {
    /// What settings said that count from the start on.
    started: Arc<Origin>,
    /// What is used now.
    origin: Origin,
    config: Config,
    watch: Watch,
    lasting: Lasting,
    in_use: InUse,
    metrics: ReloadMetrics,
}

/// What the files hold, and what that says.
type Found = (Contents, Result<Sources, Vec<ConfigError>>);

/// A configuration that is right.
struct Loaded {
    /// What can be used now.
    config: Config,
    /// What will be at the next start, if that is something else.
    at_start: Option<Config>,
    /// The settings in which they differ.
    waiting: Vec<&'static str>,
}

/// The files changed while they were read.
struct Unsettled;

/// Whoever writes a file in several steps is done with it by then.
const SETTLE: Duration = Duration::from_secs(1);
/// So often is read again what changes under our eyes, if somebody asked for it.
const TRIES: usize = 10;

impl Reloader {
    pub(super) fn new(origin: Origin, config: Config, lasting: Lasting, in_use: InUse) -> Self {
        let metrics = lasting.metrics.reloads();
        metrics.loaded(now());
        let watch = Watch::new(origin.contents.clone());
        Self { started: Arc::new(origin.clone()), origin, config, watch, lasting, in_use, metrics }
    }

    /// Goes on for ever.
    pub(super) async fn run(mut self, mut hangups: Hangups) {
        loop {
            let interval = self.config.reload_interval.filter(|_| self.origin.sources.have_files());
            let longest = if self.watch.is_waiting() { SETTLE } else { Duration::MAX };
            let pause = async {
                match interval {
                    Some(interval) => tokio::time::sleep(interval.min(longest)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = hangups.next() => {
                    tracing::info!("SIGHUP: reading the configuration again");
                    self.reload().await;
                }
                () = pause => self.look().await,
            }
        }
    }

    /// Somebody asked for it: whatever comes of it is told.
    async fn reload(&mut self) {
        for _ in 0..TRIES {
            let Ok(found) = self.read().await else { return self.refuse(&[defect()]) };
            let settled = match self.watch.look(&found.0) {
                Look::Same | Look::Mended => return self.unchanged(),
                Look::Refused | Look::Fresh | Look::Settled => self.take(found).await,
            };
            if let Ok(()) = settled {
                return;
            }
            tokio::time::sleep(SETTLE).await;
        }
        let what = ConfigError::new("the files change while they are read");
        self.refuse(&[what.hint("send SIGHUP when they are written")]);
    }

    /// Nobody asked: only what is new is told.
    async fn look(&mut self) {
        let Ok(found) = self.read().await else { return };
        match self.watch.look(&found.0) {
            Look::Same | Look::Refused | Look::Fresh => {}
            Look::Mended => self.unchanged(),
            // If they changed once more, the next look is the first at that.
            Look::Settled => drop(self.take(found).await),
        }
    }

    /// What the files hold now. An error is a defect, which was told already.
    async fn read(&self) -> Result<Found, JoinError> {
        let sources = Arc::clone(&self.origin.sources);
        spawn_blocking(move || sources.again()).await
    }

    /// Uses what was found from now on, or tells why not.
    async fn take(&mut self, (contents, found): Found) -> Result<(), Unsettled> {
        let kept = |sources: Sources| sources.check_emptied(&self.origin.sources).map(|()| sources);
        let sources = match found.and_then(kept) {
            Ok(sources) => Arc::new(sources),
            Err(errors) => {
                self.refuse(&errors);
                self.watch.refused(contents);
                return Ok(());
            }
        };
        let (read, started) = (Origin { sources, contents }, Arc::clone(&self.started));
        let loaded = {
            let read = read.clone();
            spawn_blocking(move || (Loaded::of(&read, &started), read.sources.contents() == read.contents))
                .await
        };
        let loaded = match loaded {
            // Whatever else was found: it is no more.
            Ok((_, false)) => return Err(Unsettled),
            Ok((loaded, true)) => loaded,
            Err(_) => Err(vec![defect()]),
        };
        match loaded.and_then(|loaded| Ok((self.make(&loaded).map_err(|error| vec![error])?, loaded))) {
            Ok((made, loaded)) => self.apply(made, loaded, read),
            Err(errors) => {
                self.refuse(&errors);
                self.watch.refused(read.contents);
            }
        }
        Ok(())
    }

    /// All that can fail.
    fn make(&mut self, loaded: &Loaded) -> Result<FrontInUse, ConfigError> {
        if let Some(config) = &loaded.at_start {
            let store = config.open_store()?;
            hear::channels(config, &store)?;
            config.relay().transpose()?;
        }
        self.lasting.front(&loaded.config)
    }

    fn apply(&mut self, front: FrontInUse, loaded: Loaded, read: Origin) {
        self.in_use.front.replace(front);
        self.in_use.revoke.replace(self.lasting.revoke(&loaded.config));
        let changed = read.changes_since(&self.origin).join(", ");
        tracing::info!(changed, "configuration reloaded");
        if loaded.config.routes.is_empty() && !self.config.routes.is_empty() {
            tracing::warn!("there is no route left: everywhere a session is asked for and nothing else");
        }
        for warning in loaded.config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning))
        {
            tracing::warn!("{warning}");
        }
        if !loaded.waiting.is_empty() {
            let settings = loaded.waiting.join(", ");
            tracing::warn!(settings, "changed settings that take effect at the next start");
        }
        self.metrics.reloaded(Reloaded::Applied, now());
        self.metrics.wait_for_start(loaded.waiting.len());
        self.watch.used(read.contents.clone());
        (self.config, self.origin) = (loaded.config, read);
    }

    fn unchanged(&self) {
        tracing::info!("the configuration is what it was");
        self.metrics.reloaded(Reloaded::Unchanged, now());
    }

    fn refuse(&self, errors: &[ConfigError]) {
        let mistakes: Vec<_> = errors.iter().map(ConfigError::in_one_line).collect();
        tracing::error!(
            mistakes = mistakes.join(" | "),
            "configuration not reloaded: what was before goes on to count"
        );
        self.metrics.reloaded(Reloaded::Refused, now());
    }
}

impl Loaded {
    /// Reads all settings: as they are, for all mistakes to be found, and as far as they can count now.
    fn of(read: &Origin, started: &Origin) -> Result<Self, Vec<ConfigError>> {
        read.sources.check_files()?;
        let config = Config::load(&read.sources)?;
        let waiting: Vec<_> =
            read.changes_since(started).into_iter().filter(|name| config.waits_for_start(name)).collect();
        if waiting.is_empty() {
            return Ok(Self { config, at_start: None, waiting });
        }
        let now = Config::load(&read.sources.as_started(&started.sources)).map_err(|mut errors| {
            let what = format!("the rest does not go with what {} said at the start", waiting.join(", "));
            errors.insert(0, ConfigError::new(what).hint("restart sidegate"));
            errors
        })?;
        Ok(Self { config: now, at_start: Some(config), waiting })
    }
}

fn defect() -> ConfigError {
    ConfigError::new("a defect of sidegate ended the reading")
}

fn now() -> Duration {
    clock::now().since(UnixMillis::EPOCH).unwrap_or_default()
}
