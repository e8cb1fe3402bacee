//! What proxies are answered by: what lasts for as long as the process, and what is made anew of each configuration.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::Uri;

use crate::api_key::ApiKeys;
use crate::assertion::{self, Assertions, MadeKeys};
use crate::auth::Strategy;
use crate::cache::{Generations, SessionCache};
use crate::config::{Assertion, AssertionKeys, Config, ConfigError};
use crate::cookie_cache::CookieCache;
use crate::gate::Gate;
use crate::jwt::Jwts;
use crate::keys::{KeyAges, KeyRing, Published};
use crate::metrics::Metrics;
use crate::refresh::Refresh;
use crate::revocation::Publisher;
use crate::serve::{Front, Revoke};
use crate::store::{AnyStore, Circuit, Guarded, Measured};

type StoreInUse = Guarded<Measured<AnyStore>>;
pub(super) type FrontInUse = Front<StoreInUse>;

/// What every configuration judges by.
pub(super) struct Lasting {
    pub(super) store: AnyStore,
    pub(super) circuit: Circuit,
    pub(super) generations: Arc<Generations>,
    pub(super) metrics: Arc<Metrics>,
    /// Tells the other replicas what was revoked.
    publisher: Option<Publisher>,
    guarded: Arc<StoreInUse>,
    cache: Arc<SessionCache>,
    ring: Option<Ring>,
    made_keys: MadeKeys,
}

/// Public keys, which are known from before while their source is down: they outlive a configuration that changes nothing of them.
struct Ring {
    keys: Arc<KeyRing<Published>>,
    origin: RingOrigin,
}

/// Where keys come from, for how long they are believed, and whether they are kept at hand.
#[derive(PartialEq, Eq)]
struct RingOrigin {
    jwks_url: Option<Uri>,
    auth_url: Option<Uri>,
    ttl: Duration,
    is_kept: bool,
}

impl Lasting {
    pub(super) fn new(
        config: &Config,
        store: AnyStore,
        metrics: Arc<Metrics>,
        publisher: Option<Publisher>,
        generations: Arc<Generations>,
    ) -> Self {
        let circuit = Circuit::default();
        let cache = SessionCache::new(config.cache_capacity, config.ages, Arc::clone(&generations));
        let measured = Measured::new(store.clone(), metrics.lookups());
        let guarded = Arc::new(Guarded::new(measured, config.load, circuit.clone()));
        let made_keys = MadeKeys::default();
        Self { store, circuit, generations, metrics, publisher, guarded, cache, ring: None, made_keys }
    }

    /// What answers proxies as `config` says.
    ///
    /// # Errors
    /// If its settings do not go together.
    pub(super) fn front(&mut self, config: &Config) -> Result<FrontInUse, ConfigError> {
        let gate = self.gate(config)?;
        let (terms, trusted) = (config.terms.clone(), config.trusted_proxies.clone());
        let front = Front::new(gate, terms, trusted, Arc::clone(&self.metrics))
            .with_get_session(config.store.bodies)
            .with_routes(Arc::clone(&config.routes))
            .with_mode(config.mode);
        Ok(match &config.assertion {
            Some(settings) => front.with_assertions(self.assertions(settings)?),
            None => front,
        })
    }

    /// What signs assertions. Its public keys are written last, when nothing else can go wrong any more, and before anything
    /// is signed.
    fn assertions(&self, settings: &Assertion) -> Result<Assertions, ConfigError> {
        let keys = match &settings.keys {
            AssertionKeys::Files(keys) => Arc::clone(keys),
            AssertionKeys::Generated(algorithm) => self.made_keys.of(*algorithm).map_err(|_| {
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
        Ok(Assertions::new(settings.rules.clone(), keys, self.metrics.assertions()))
    }

    /// Who may tell of revocations, as `config` says.
    pub(super) fn revoke(&self, config: &Config) -> Option<Revoke> {
        let secret = config.revoke_secret.as_ref()?;
        let (generations, metrics) = (Arc::clone(&self.generations), self.metrics.revocations());
        Some(Revoke::new(secret, generations, metrics, self.publisher.clone()))
    }

    /// A gate with all its parts. Each that asks Better Auth has connections of its own: guessed API keys must not hold up
    /// sessions.
    fn gate(&mut self, config: &Config) -> Result<Gate<StoreInUse>, ConfigError> {
        let (cache, store) = (Arc::clone(&self.cache), Arc::clone(&self.guarded));
        let mut gate = Gate::sharing(config.rules(), cache, store, config.store.timeout)
            .with_stale_methods(config.stale_methods.clone());
        if let (Some(keys), Some(better_auth)) = (&config.api_keys, config.better_auth()) {
            let (ttl, negative_ttl) = (keys.ttl, config.ages.absence);
            gate = gate.with_api_keys(ApiKeys::new(
                keys.header.clone(),
                better_auth?,
                ttl,
                negative_ttl,
                Arc::clone(&self.generations),
                self.metrics.api_keys(),
            ));
        }
        if let (Some(sliding), Some(better_auth)) = (&config.refresh, config.better_auth()) {
            gate = gate.with_refresh(Refresh::new(sliding.clone(), better_auth?, self.metrics.refreshes()));
        }
        self.with_public_keys(gate, config)
    }

    fn with_public_keys(
        &mut self,
        mut gate: Gate<StoreInUse>,
        config: &Config,
    ) -> Result<Gate<StoreInUse>, ConfigError> {
        let ring = self.ring(config)?;
        if let (Some(rules), Some(ring)) = (&config.jwt, &ring) {
            gate = gate.with_jwts(Jwts::new(rules.clone(), Arc::clone(ring), config.jwks_ttl));
        }
        if let Some((rules, strategy)) = config.snapshot_rules() {
            let keys = ring.filter(|_| strategy == Strategy::Jwks);
            let ages = self.metrics.cookie_cache_ages();
            let cookie_cache = CookieCache::new(rules, keys, config.store.bodies, ages);
            gate = gate.with_cookie_cache(cookie_cache, config.is_stateless());
        }
        Ok(gate)
    }

    /// The public keys that `config` needs: those from before, if they are the same.
    fn ring(&mut self, config: &Config) -> Result<Option<Arc<KeyRing<Published>>>, ConfigError> {
        let wanted = config.needs_public_keys().then(|| RingOrigin {
            jwks_url: config.jwks_url.clone(),
            auth_url: config.auth_url.clone(),
            ttl: config.jwks_ttl,
            is_kept: config.snapshot_rules().is_some_and(|(_, strategy)| strategy == Strategy::Jwks),
        });
        if self.ring.as_ref().map(|ring| &ring.origin) != wanted.as_ref() {
            self.ring = match wanted {
                Some(origin) => {
                    let ages = KeyAges { ttl: origin.ttl, ..KeyAges::DEFAULT };
                    let keys = Arc::new(KeyRing::new(config.public_keys(&self.store)?, ages));
                    if origin.is_kept {
                        tokio::spawn(keep(Arc::downgrade(&keys), origin.ttl));
                    }
                    Some(Ring { keys, origin })
                }
                None => None,
            };
        }
        Ok(self.ring.as_ref().map(|ring| Arc::clone(&ring.keys)))
    }
}

/// Has keys at hand before they are needed, for as long as anybody needs them: the cookie cache is looked at when the store is
/// down, and with the store its table of keys.
async fn keep(ring: Weak<KeyRing<Published>>, ttl: Duration) {
    while let Some(keys) = ring.upgrade() {
        let wait = match keys.current(Instant::now()).await {
            Ok(_) => ttl,
            Err(_) => KeyAges::DEFAULT.retry,
        };
        drop(keys);
        tokio::time::sleep(wait).await;
    }
}
