//! Settings: flags over environment over file, one name each, into one validated [`Config`].
//!
//! Every setting is one row of [`SETTINGS`]; flags, variables, file keys, help and the checks of `deploy/sidegate.toml`
//! come from that table.

mod error;
mod open;
mod read;
mod reload;
mod secret;
mod settings;
mod sources;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};

pub use self::error::ConfigError;
pub use self::reload::Contents;
pub use self::secret::Secrets;
pub use self::settings::{Counts, SETTINGS, Setting};
pub(crate) use self::sources::read_text;
pub use self::sources::{Environment, Sources};
pub use self::watch::{Look, Watch};

use self::read::Reader;
use crate::assertion::{Algorithm, AssertionRules, KeyRing};
use crate::auth::{Bearer, CookieName, JwtRules, Routes, SameOrigin, Strategy};
use crate::cache::Ages;
use crate::clock::UnixMillis;
use crate::dialect::{HeaderNames, Terms};
use crate::fetch::Roots;
use crate::log::LogOptions;
use crate::refresh::Sliding;
use crate::revocation::Hear;
use crate::secret::Secret;
use crate::serve::{Limits, Listen, Mode, TrustedPeers};
use crate::store::{Load, StoreOptions};

/// The value of `store` for Better Auth without a database.
const NO_STORE: &str = "none";

/// Everything that sidegate was told, checked.
#[derive(Debug)]
pub struct Config {
    /// Where proxies ask.
    pub listen: Listen,
    /// Permission bits of a UNIX socket's file.
    pub listen_mode: u32,
    /// Where operators and probes ask.
    pub admin_listen: Listen,
    /// Better Auth's secrets.
    pub secrets: Secrets,
    /// The secret before, while it is being replaced.
    pub previous_secret: Option<PreviousSecret>,
    /// The one cookie that names a session.
    pub cookie_name: CookieName,
    /// Which tokens are read from the Authorization header.
    pub bearer: Bearer,
    /// Whether banned users are refused.
    pub refuse_banned: bool,
    /// The `session_data` cookie, if it may answer.
    pub cookie_cache: Option<CookieCache>,
    /// Tokens of the jwt plugin, if they are taken.
    pub jwt: Option<JwtRules>,
    /// Where the jwt plugin's keys are, if not in the store.
    pub jwks_url: Option<http::Uri>,
    /// How long those keys are remembered.
    pub jwks_ttl: Duration,
    /// API keys, if they are taken.
    pub api_keys: Option<ApiKeys>,
    /// How the store is reached.
    pub store: StoreOptions,
    store_url: Secret,
    fallback_url: Option<Secret>,
    /// The URL below which Better Auth answers.
    pub auth_url: Option<http::Uri>,
    /// Whose certificates are trusted where Better Auth is asked.
    pub roots: Roots,
    /// How sessions are prolonged, if they are.
    pub refresh: Option<Sliding>,
    /// How long answers of the store are believed.
    pub ages: Ages,
    /// Methods in which a session passes that is only known from before; all of them if there is none.
    pub stale_methods: Vec<Method>,
    /// How much the store is asked at once.
    pub load: Load,
    /// How revocations are heard of.
    pub hear: Hear,
    /// How often an outbox is looked into.
    pub revocation_poll: Duration,
    /// What whoever tells of revocations has to know, if anybody may.
    pub revoke_secret: Option<Secret>,
    revocation_redis: Option<Secret>,
    /// Most answers remembered.
    pub cache_capacity: u64,
    /// Who may ask.
    pub trusted_proxies: TrustedPeers,
    /// What proxies are told.
    pub terms: Terms,
    /// How apps are told by signed assertions too, if they are.
    pub assertion: Option<Assertion>,
    /// Whether CORS preflights are let by as nobody's.
    pub passes_preflights: bool,
    /// From where the session cookie is taken on requests that change something; from anywhere if there is none.
    pub same_origin: Option<SameOrigin>,
    /// Whether what is decided is kept to.
    pub mode: Mode,
    /// Which place asks for what.
    pub routes: Arc<Routes>,
    /// What a connection may take.
    pub limits: Limits,
    /// Longest time that requests under way are waited for at the end.
    pub drain_timeout: Duration,
    /// Threads that serve.
    pub workers: usize,
    /// How often the files are looked at; `None` if only when somebody asks for it.
    pub reload_interval: Option<Duration>,
    /// What is logged, and how.
    pub log: LogOptions,
    /// Legal, but hardly meant.
    pub warnings: Vec<String>,
}

/// What a proxy's configuration depends on.
#[derive(Debug)]
pub struct CallerSettings {
    /// Where the proxy asks.
    pub listen: Listen,
    /// Which headers it hands on.
    pub names: HeaderNames,
    /// How long sidegate itself may wait for its store.
    pub store_timeout: Duration,
    /// The session cookie.
    pub cookie_name: CookieName,
    /// The header of API keys, if they are taken.
    pub api_key_header: Option<HeaderName>,
}

/// Signed assertions.
#[derive(Debug)]
pub struct Assertion {
    /// What all of them say.
    pub rules: AssertionRules,
    /// What signs them.
    pub keys: AssertionKeys,
    /// Where the public keys are written at the start.
    pub jwks_file: Option<PathBuf>,
}

/// What signs assertions.
#[derive(Debug)]
pub enum AssertionKeys {
    /// The keys of files.
    Files(Arc<KeyRing>),
    /// One that is made at the start.
    Generated(Algorithm),
}

/// A secret that counts until an instant.
#[derive(Debug)]
pub struct PreviousSecret {
    /// What signed cookies before.
    pub secret: Secret,
    /// The last instant at which its signatures count.
    pub until: UnixMillis,
}

/// The `session_data` cookie.
#[derive(Debug)]
pub struct CookieCache {
    /// Its form.
    pub strategy: Strategy,
    /// The version that it must have.
    pub version: String,
    /// Its name.
    pub cookie: CookieName,
}

/// The store alone, for preparing it.
#[derive(Debug)]
pub struct StoreSettings {
    /// How it is reached.
    pub options: StoreOptions,
    url: Secret,
}

/// API keys, which Better Auth itself judges.
#[derive(Debug)]
pub struct ApiKeys {
    /// The header that carries one.
    pub header: HeaderName,
    /// How long an answer is remembered.
    pub ttl: Duration,
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
        Reader::only(sources, Reader::admin_listen)
    }

    /// Which headers tell who somebody is: no other setting need be right for that.
    ///
    /// # Errors
    /// If a header cannot do that.
    pub fn header_names(sources: &Sources) -> Result<HeaderNames, Vec<ConfigError>> {
        Reader::only(sources, Reader::header_names)
    }

    /// What a proxy's configuration depends on: no other setting need be right for that.
    ///
    /// # Errors
    /// Every mistake in these settings.
    pub fn for_callers(sources: &Sources) -> Result<CallerSettings, Vec<ConfigError>> {
        Reader::only(sources, Reader::caller_settings)
    }

    /// Which place asks for what: no other setting need be right for that.
    ///
    /// # Errors
    /// Every mistake in these.
    pub fn routes(sources: &Sources) -> Result<Routes, Vec<ConfigError>> {
        Reader::only(sources, Reader::routes)
    }

    /// Where sessions are kept: no other setting need be right for that, and no secret be known.
    ///
    /// # Errors
    /// Every mistake in these settings.
    pub fn for_store(sources: &Sources) -> Result<StoreSettings, Vec<ConfigError>> {
        Reader::only(sources, Reader::store_settings)
    }

    /// Whether what has that name in [`Sources::changes`] counts from the next start on alone.
    #[must_use]
    pub fn waits_for_start(&self, name: &str) -> bool {
        // Of all that is read again, the store alone asks by connections that outlive it.
        let is_of_store = || name == read::AUTHORITIES && self.store_url.expose().starts_with("https://");
        let is_at_start = |setting: &Setting| setting.name == name && setting.counts == Counts::AtStart;
        SETTINGS.iter().any(is_at_start) || is_of_store()
    }
}
