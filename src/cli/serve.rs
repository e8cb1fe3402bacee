//! `sidegate serve`

mod assemble;
pub(super) mod hear;
mod reload;

use std::process::ExitCode;
use std::sync::Arc;

use tokio::task::JoinSet;

use self::assemble::Lasting;
use self::reload::{InUse, Reloader};
use super::{Failure, Outcome, block_on};
use crate::cache::Generations;
use crate::config::{Config, ConfigError, Contents, Sources};
use crate::log;
use crate::metrics::Metrics;
use crate::revocation::{Extent, Publisher, Relay, keep_open};
use crate::serve::{Ended, Live, Server, Signals, bind};

/// Where a configuration comes from, and what was there when it was read.
#[derive(Clone)]
pub(super) struct Origin {
    sources: Arc<Sources>,
    contents: Contents,
}

impl Origin {
    /// What says something else than it did in `before`, by name.
    fn changes_since(&self, before: &Self) -> Vec<&'static str> {
        self.sources.changes(&self.contents, &before.sources, &before.contents)
    }
}

pub(super) fn run(sources: Sources) -> Outcome {
    // Before they are read: what changes meanwhile is found to be new.
    let contents = sources.contents();
    let config = Config::load(&sources)?;
    let metrics = Arc::new(Metrics::new());
    let _log = log::init(config.log, metrics.log_events_lost().clone());
    let origin = Origin { sources: Arc::new(sources), contents };
    block_on(config.workers, serve(config, Some(origin), metrics, |_, _| {}))
}

/// Serves as `config` says, and as `origin` says from then on; `ready` is told both addresses once they are bound.
pub(super) async fn serve(
    config: Config,
    origin: Option<Origin>,
    metrics: Arc<Metrics>,
    ready: impl FnOnce(&str, &str),
) -> Outcome {
    // Before the first thing that a signal could leave half done.
    let (mut signals, hangups) = Signals::new()
        .map_err(|error| Failure::failed(&ConfigError::new("cannot wait for signals").because(error)))?;
    let store = config.open_store()?;
    let (gate, admin) =
        bind(&config.listen, &config.admin_listen, config.listen_mode).map_err(|(setting, error)| {
            let at = if setting == "listen" { &config.listen } else { &config.admin_listen };
            let what = format!("cannot listen on {at}, the address of {setting}");
            Failure::failed(
                &ConfigError::new(what).because(error).hint(format!("free it, or set {setting} to another")),
            )
        })?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for parameter in store.ignored_parameters() {
        tracing::warn!(parameter, "the store's URL has a parameter that means nothing here");
    }
    let (listen, admin_listen) = (gate.address(), admin.address());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %listen,
        %admin_listen,
        store = store.name(),
        cookie = %config.cookie_name,
        workers = config.workers,
        "listening"
    );
    ready(&listen, &admin_listen);

    let generations = Arc::new(Generations::default());
    hear::spawn(&config, &store, &generations, &metrics)?;
    let publisher = publisher(&config, &generations, &metrics)?;
    let mut lasting =
        Lasting::new(&config, store.clone(), Arc::clone(&metrics), publisher, Arc::clone(&generations));
    let in_use = InUse {
        front: Arc::new(Live::new(lasting.front(&config)?)),
        revoke: Arc::new(Live::new(lasting.revoke(&config))),
    };
    let server = Server {
        front: Arc::clone(&in_use.front),
        gate,
        admin,
        store,
        circuit: lasting.circuit.clone(),
        generations,
        revoke: Arc::clone(&in_use.revoke),
        metrics,
        limits: config.limits,
        drain_timeout: config.drain_timeout,
    };
    let mut meanwhile = JoinSet::new();
    match origin {
        Some(origin) => {
            meanwhile.spawn(Reloader::new(origin, config, lasting, in_use).run(hangups));
        }
        None => signals = signals.with_hangups(hangups),
    }
    match server.run(signals, meanwhile).await {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::CutOff => Err(Failure::failed(
            &ConfigError::new("some requests under way were cut off")
                .because("they took longer than drain_timeout, or a second signal came"),
        )),
    }
}

/// Tells other replicas of revocations, once it is told by them.
fn publisher(
    config: &Config,
    generations: &Arc<Generations>,
    metrics: &Metrics,
) -> Result<Option<Publisher>, ConfigError> {
    let relay = config.relay().transpose()?;
    let publisher = relay.as_ref().map(Relay::publisher);
    if let Some(relay) = relay {
        tokio::spawn(keep_open(relay, Extent::Part, Arc::clone(generations), metrics.revocations()));
    }
    Ok(publisher)
}
