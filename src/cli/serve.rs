//! `sidegate serve`

mod assemble;
pub(super) mod hear;

use std::process::ExitCode;
use std::sync::Arc;

use super::{Failure, Outcome, block_on};
use crate::cache::{Generations, SessionCache};
use crate::config::{Config, ConfigError};
use crate::gate::Gate;
use crate::log;
use crate::metrics::Metrics;
use crate::revocation::{Extent, Relay, keep_open};
use crate::serve::{Ended, Front, Revoke, Server, Signals, bind};
use crate::store::{AnyStore, Circuit, Guarded, Measured};

pub(super) fn run(config: &Config) -> Outcome {
    let metrics = Arc::new(Metrics::new());
    let _log = log::init(config.log, metrics.log_events_lost().clone());
    block_on(config.workers, async {
        let store = config.open_store()?;
        serve(config, store, metrics, |_, _| {}).await
    })
}

/// Serves `store` as `config` says; `ready` is told both addresses once they are bound.
pub(super) async fn serve(
    config: &Config,
    store: AnyStore,
    metrics: Arc<Metrics>,
    ready: impl FnOnce(&str, &str),
) -> Outcome {
    // Before the first thing that a signal could leave half done.
    let signals = Signals::new()
        .map_err(|error| Failure::failed(&ConfigError::new("cannot wait for signals").because(error)))?;
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

    let (generations, circuit) = (Arc::new(Generations::default()), Circuit::default());
    let cache = SessionCache::new(config.cache_capacity, config.ages, Arc::clone(&generations));
    let measured = Measured::new(store.clone(), metrics.lookups());
    let guarded = Guarded::new(measured, config.load, circuit.clone());
    let bare = Gate::new(config.rules(), cache, guarded, config.store.timeout)
        .with_stale_methods(config.stale_methods.clone());
    hear::spawn(config, &store, &generations, &metrics)?;
    let gate_of_all = assemble::gate(bare, config, &store, &generations, &metrics)?;
    let front =
        Front::new(gate_of_all, config.terms.clone(), config.trusted_proxies.clone(), Arc::clone(&metrics))
            .with_get_session(config.store.bodies)
            .with_mode(config.mode);
    let revoke = told(config, &generations, &metrics)?;
    let server = Server {
        front: Arc::new(front),
        gate,
        admin,
        store,
        circuit,
        generations,
        revoke,
        metrics,
        limits: config.limits,
        drain_timeout: config.drain_timeout,
    };
    match server.run(signals).await {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::CutOff => Err(Failure::failed(
            &ConfigError::new("some requests under way were cut off")
                .because("they took longer than drain_timeout, or a second signal came"),
        )),
    }
}

/// What is told of revocations by other replicas, and by whoever knows the secret.
fn told(
    config: &Config,
    generations: &Arc<Generations>,
    metrics: &Metrics,
) -> Result<Option<Revoke>, ConfigError> {
    let relay = config.relay().transpose()?;
    let publisher = relay.as_ref().map(Relay::publisher);
    if let Some(relay) = relay {
        tokio::spawn(keep_open(relay, Extent::Part, Arc::clone(generations), metrics.revocations()));
    }
    let revoke =
        |secret| Revoke::new(secret, Arc::clone(generations), metrics.revocations(), publisher.clone());
    Ok(config.revoke_secret.as_ref().map(revoke))
}
