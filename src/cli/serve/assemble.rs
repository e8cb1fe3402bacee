//! What a gate judges besides sessions of its store, as far as the settings ask for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api_key::ApiKeys;
use crate::assertion::{self, Assertions, MadeKeys};
use crate::auth::Strategy;
use crate::cache::Generations;
use crate::config::{AssertionKeys, Config, ConfigError};
use crate::cookie_cache::CookieCache;
use crate::gate::Gate;
use crate::jwt::Jwts;
use crate::keys::{KeyAges, KeyRing, Published};
use crate::metrics::Metrics;
use crate::refresh::Refresh;
use crate::store::{AnyStore, Guarded, Measured};

type StoreGate = Gate<Guarded<Measured<AnyStore>>>;

/// `gate` with all its parts. Each that asks Better Auth has connections of its own: guessed API keys must not hold up
/// sessions.
pub(super) fn gate(
    mut gate: StoreGate,
    config: &Config,
    store: &AnyStore,
    generations: &Arc<Generations>,
    metrics: &Metrics,
) -> Result<StoreGate, ConfigError> {
    if let (Some(keys), Some(better_auth)) = (&config.api_keys, config.better_auth()) {
        let (ttl, negative_ttl) = (keys.ttl, config.ages.absence);
        gate = gate.with_api_keys(ApiKeys::new(
            keys.header.clone(),
            better_auth?,
            ttl,
            negative_ttl,
            Arc::clone(generations),
            metrics.api_keys(),
        ));
    }
    if let (Some(sliding), Some(better_auth)) = (&config.refresh, config.better_auth()) {
        gate = gate.with_refresh(Refresh::new(sliding.clone(), better_auth?, metrics.refreshes()));
    }
    with_public_keys(gate, config, store, metrics)
}

fn with_public_keys(
    mut gate: StoreGate,
    config: &Config,
    store: &AnyStore,
    metrics: &Metrics,
) -> Result<StoreGate, ConfigError> {
    let ring = if config.needs_public_keys() {
        let ages = KeyAges { ttl: config.jwks_ttl, ..KeyAges::DEFAULT };
        Some(Arc::new(KeyRing::new(config.public_keys(store)?, ages)))
    } else {
        None
    };
    if let (Some(rules), Some(ring)) = (&config.jwt, &ring) {
        gate = gate.with_jwts(Jwts::new(rules.clone(), Arc::clone(ring), config.jwks_ttl));
    }
    if let Some((rules, strategy)) = config.snapshot_rules() {
        let keys = ring.filter(|_| strategy == Strategy::Jwks);
        if let Some(ring) = &keys {
            tokio::spawn(keep(Arc::clone(ring), config.jwks_ttl));
        }
        let cookie_cache = CookieCache::new(rules, keys, config.store.bodies, metrics.cookie_cache_ages());
        gate = gate.with_cookie_cache(cookie_cache, config.is_stateless());
    }
    Ok(gate)
}

/// What signs assertions, if anything does, with its public keys written where the settings say.
pub(super) fn assertions(
    config: &Config,
    made: &MadeKeys,
    metrics: &Metrics,
) -> Result<Option<Assertions>, ConfigError> {
    let Some(settings) = &config.assertion else { return Ok(None) };
    let keys = match &settings.keys {
        AssertionKeys::Files(keys) => Arc::clone(keys),
        AssertionKeys::Generated(algorithm) => made.of(*algorithm).map_err(|_| {
            ConfigError::new("no key can be made for assertions").because("there is no randomness")
        })?,
    };
    if let Some(path) = &settings.jwks_file {
        assertion::write_jwks(path, &keys).map_err(|error| {
            ConfigError::new(format!("cannot write {}, which assertion_jwks_file names", path.display()))
                .because(error)
                .hint("name a file in a directory that the user sidegate runs as may write to")
        })?;
    }
    Ok(Some(Assertions::new(settings.rules.clone(), keys, metrics.assertions())))
}

/// Has keys at hand before they are needed: the cookie cache is looked at when the store is down, and with the store its
/// table of keys.
async fn keep(ring: Arc<KeyRing<Published>>, ttl: Duration) {
    loop {
        let wait = match ring.current(Instant::now()).await {
            Ok(_) => ttl,
            Err(_) => KeyAges::DEFAULT.retry,
        };
        tokio::time::sleep(wait).await;
    }
}
