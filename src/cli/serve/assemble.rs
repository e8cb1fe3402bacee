//! What a gate judges besides sessions of its store, as far as the settings ask for it.

use std::sync::Arc;

use crate::api_key::ApiKeys;
use crate::auth::Strategy;
use crate::config::{Config, ConfigError};
use crate::cookie_cache::CookieCache;
use crate::gate::Gate;
use crate::jwt::Jwts;
use crate::keys::{KeyAges, KeyRing};
use crate::metrics::Metrics;
use crate::refresh::Refresh;
use crate::store::{AnyStore, Measured};

type StoreGate = Gate<Measured<AnyStore>>;

/// `gate` with all its parts. Each that asks Better Auth has connections of its own: guessed API keys must not hold up
/// sessions.
pub(super) fn gate(
    mut gate: StoreGate,
    config: &Config,
    store: &AnyStore,
    metrics: &Metrics,
) -> Result<StoreGate, ConfigError> {
    if let (Some(keys), Some(better_auth)) = (&config.api_keys, config.better_auth()) {
        let (ttl, negative_ttl) = (keys.ttl, config.ages.absence);
        gate = gate.with_api_keys(ApiKeys::new(
            keys.header.clone(),
            better_auth?,
            ttl,
            negative_ttl,
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
    let ring = || {
        let ages = KeyAges { ttl: config.jwks_ttl, ..KeyAges::DEFAULT };
        config.public_keys(store).map(|published| Arc::new(KeyRing::new(published, ages)))
    };
    if let Some(rules) = &config.jwt {
        gate = gate.with_jwts(Jwts::new(rules.clone(), ring()?, config.jwks_ttl));
    }
    if let Some((rules, strategy)) = config.snapshot_rules() {
        let keys = if strategy == Strategy::Jwks { Some(ring()?) } else { None };
        let cookie_cache = CookieCache::new(rules, keys, config.store.bodies, metrics.cookie_cache_ages());
        gate = gate.with_cookie_cache(cookie_cache, config.is_stateless());
    }
    Ok(gate)
}
