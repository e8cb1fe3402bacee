//! What was configured, made into what does it: stores, clients of Better Auth, the relay, keys, rules.

use super::error::ConfigError;
use super::{Config, CookieCache, NO_STORE, Secrets, StoreSettings, read};
use crate::auth::{Rules, SigningKey, SnapshotRules, Strategy};
use crate::fetch::{Bounds, Client};
use crate::keys::Published;
use crate::revocation::{RedisTracking, Relay};
use crate::secret::Secret;
use crate::store::{AnyStore, BetterAuth, RedisServers, StoreOptions};

impl StoreSettings {
    /// Prepares the store, without connecting to it.
    ///
    /// # Errors
    /// If `store` names no database.
    pub fn open(&self) -> Result<AnyStore, ConfigError> {
        AnyStore::open(self.url.expose(), &self.options).map_err(|error| {
            let what = ConfigError::new("store is no URL of a database").because(error);
            what.hint(format!("write one of the form {}", AnyStore::SCHEMES))
        })
    }
}

impl Config {
    /// Prepares the store, without connecting to it. Wants a runtime, for the pool looks after itself.
    ///
    /// # Errors
    /// If `store` or `fallback_store` names none, or they do not go together.
    pub fn open_store(&self) -> Result<AnyStore, ConfigError> {
        let store = self.open("store", &self.store_url)?;
        let Some(url) = &self.fallback_url else {
            return Ok(store);
        };
        store.with_fallback(self.open("fallback_store", url)?).map_err(|error| {
            ConfigError::new("fallback_store does not go with store").because(error).hint(
                "set store to the redis:// URL of Better Auth's secondary storage and fallback_store to its database, \
                 or leave fallback_store out",
            )
        })
    }

    fn open(&self, setting: &str, url: &Secret) -> Result<AnyStore, ConfigError> {
        let url = url.expose();
        if setting == "store" && url == NO_STORE {
            return Ok(AnyStore::none());
        }
        let opened = if url.starts_with("http://") || url.starts_with("https://") {
            read::base_url(url)
                .and_then(|url| self.better_auth_at(&url).map_err(|error| error.to_string()))
                .map(AnyStore::asking)
        } else {
            AnyStore::open(url, &self.store).map_err(|error| error.to_string())
        };
        opened.map_err(|error| {
            ConfigError::new(format!("{setting} is no URL of a session store")).because(error).hint(format!(
                "write one of the form {}, with %-escapes for / # ? @ in a user's name or password",
                AnyStore::SCHEMES
            ))
        })
    }

    /// Redis's client tracking, where sessions are in Redis.
    #[must_use]
    pub fn redis_tracking(&self) -> Option<RedisTracking> {
        // What is no URL of Redis's is not tracked; what is one, the store has taken already.
        let url = self.store_url.expose();
        RedisServers::knows(url).then(|| RedisTracking::new(url, &self.store).ok()).flatten()
    }

    /// Whether some sessions may be in `fallback_store` alone.
    #[must_use]
    pub fn has_fallback(&self) -> bool {
        self.fallback_url.is_some()
    }

    /// What replicas tell each other by; `None` if there is no such setting.
    ///
    /// # Errors
    /// If `revocation_redis` is no URL of Redis's.
    pub fn relay(&self) -> Option<Result<Relay, ConfigError>> {
        let url = self.revocation_redis.as_ref()?.expose();
        let relay = if RedisServers::knows(url) {
            Relay::new(url, self.store.connect_timeout).map_err(|error| error.to_string())
        } else {
            // What is no URL may be a password that slipped in: none of it is told.
            Err("its scheme is none of Redis's".to_owned())
        };
        Some(relay.map_err(|error| {
            ConfigError::new("revocation_redis is no URL of a Redis server")
                .because(error)
                .hint("write one of the form redis://user:password@host:6379, rediss://host or redis+unix:///path/to/socket")
        }))
    }

    /// Prepares to ask Better Auth at `auth_url`, over connections of its own; `None` if there is no such setting.
    ///
    /// # Errors
    /// If nothing can stand below that URL.
    pub fn better_auth(&self) -> Option<Result<BetterAuth, ConfigError>> {
        let opened = self.better_auth_at(self.auth_url.as_ref()?);
        Some(opened.map_err(|error| ConfigError::new("auth_url is no URL of Better Auth").because(error)))
    }

    fn better_auth_at(&self, url: &http::Uri) -> Result<BetterAuth, http::Error> {
        BetterAuth::new(url, self.store.cookie.clone(), self.store.bodies, self.client())
    }

    fn client(&self) -> Client {
        let StoreOptions { connections, connect_timeout, timeout, .. } = self.store;
        Client::new(Bounds { connections, connect_timeout, timeout }, &self.roots)
    }

    /// Whether tokens or cookies are judged by the jwt plugin's keys.
    #[must_use]
    pub fn needs_public_keys(&self) -> bool {
        let is_signed = |cookie_cache: &CookieCache| cookie_cache.strategy == Strategy::Jwks;
        self.jwt.is_some() || self.cookie_cache.as_ref().is_some_and(is_signed)
    }

    /// Where the jwt plugin's keys are read.
    ///
    /// # Errors
    /// If nothing tells.
    pub fn public_keys(&self, store: &AnyStore) -> Result<Published, ConfigError> {
        let beside_better_auth = || self.auth_url.as_ref().and_then(|url| format!("{url}/jwks").parse().ok());
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None if store.keeps_tables() => return Ok(Published::Table(Box::new(store.clone()))),
            None => beside_better_auth().ok_or_else(|| {
                ConfigError::new("nothing tells where the jwt plugin's keys are: the store has no tables")
                    .hint("set jwks_url to Better Auth's /jwks, or auth_url to Better Auth's address")
            })?,
        };
        Ok(Published::At(Box::new(self.client()), url))
    }

    /// How `session_data` cookies are opened, if they are.
    #[must_use]
    pub fn snapshot_rules(&self) -> Option<(SnapshotRules, Strategy)> {
        let CookieCache { strategy, version, cookie } = self.cookie_cache.as_ref()?;
        let Secrets { current, older } = &self.secrets;
        // Any issuer: the keys are this deployment's own, and Better Auth writes its baseURL as it was configured.
        let rules = SnapshotRules::new(cookie.clone(), *strategy, version, current, older, None);
        Some((rules, *strategy))
    }

    /// Whether there is no store, and all that is known is in the request.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        self.store_url.expose() == NO_STORE
    }

    /// What the gate accepts.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let mut rules = Rules::new(self.cookie_name.clone(), SigningKey::new(&self.secrets.current))
            .with_bearer(self.bearer);
        if let Some(previous) = &self.previous_secret {
            rules = rules.with_previous_key(SigningKey::new(&previous.secret), previous.until);
        }
        if !self.refuse_banned {
            rules = rules.with_banned();
        }
        if self.passes_preflights {
            rules = rules.with_preflights();
        }
        if let Some(same_origin) = &self.same_origin {
            rules = rules.with_same_origin(same_origin.clone());
        }
        rules
    }
}
