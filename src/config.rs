//! Settings: flags over environment over file, one name each, into one validated [`Config`].
//!
//! Every setting is one row of [`SETTINGS`]; flags, variables, file keys, help and the checks of `deploy/sidegate.toml`
//! come from that table.

mod error;
mod read;
mod secret;
mod settings;
mod sources;

use std::time::Duration;

pub use self::error::ConfigError;
pub use self::settings::{SETTINGS, Setting};
pub use self::sources::{Environment, Sources};

use self::read::Reader;
use crate::auth::{CookieName, Rules, SigningKey};
use crate::cache::Ages;
use crate::dialect::LoginPage;
use crate::log::LogOptions;
use crate::secret::Secret;
use crate::serve::{Limits, Listen, TrustedPeers};
use crate::store::{AnyStore, StoreOptions};

/// Everything that sidegate was told, checked.
#[derive(Debug)]
pub struct Config {
    /// Where proxies ask.
    pub listen: Listen,
    /// Permission bits of a UNIX socket's file.
    pub listen_mode: u32,
    /// Where operators and probes ask.
    pub admin_listen: Listen,
    /// Better Auth's secret.
    pub secret: Secret,
    /// The one cookie that is read.
    pub cookie_name: CookieName,
    /// How the store is reached.
    pub store: StoreOptions,
    store_url: Secret,
    /// How long answers of the store are believed.
    pub ages: Ages,
    /// Most answers remembered.
    pub cache_capacity: u64,
    /// Who may ask.
    pub trusted_proxies: TrustedPeers,
    /// Where people sign in.
    pub login: Option<LoginPage>,
    /// What a connection may take.
    pub limits: Limits,
    /// Longest time that requests under way are waited for at the end.
    pub drain_timeout: Duration,
    /// Threads that serve.
    pub workers: usize,
    /// What is logged, and how.
    pub log: LogOptions,
    /// Legal, but hardly meant.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// Every mistake at once, so that they can be mended at once.
    pub fn load(sources: &Sources) -> Result<Self, Vec<ConfigError>> {
        Reader::read(sources)
    }

    /// Where the admin listener is, for asking it: no other setting need be right for that.
    ///
    /// # Errors
    /// If `admin_listen` is no address.
    pub fn admin_listen(sources: &Sources) -> Result<Listen, Vec<ConfigError>> {
        Reader::read_admin_listen(sources)
    }

    /// Prepares the store, without connecting to it. Wants a runtime, for the pool looks after itself.
    ///
    /// # Errors
    /// If `store` names none.
    pub fn open_store(&self) -> Result<AnyStore, ConfigError> {
        AnyStore::open(self.store_url.expose(), &self.store).map_err(|error| {
            ConfigError::new("store is no URL of a session store").because(error).hint(format!(
                "write one of the form {}, with %-escapes for / # ? @ in a user's name or password",
                AnyStore::SCHEMES
            ))
        })
    }

    /// What the gate accepts.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::new(self.cookie_name.clone(), SigningKey::new(&self.secret))
    }
}
