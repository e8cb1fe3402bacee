//! From texts to values: each with its range, each mistake with its hint.

mod assertion;
mod cache;
mod callers;
mod credentials;
mod revocation;
mod routes;
mod service;
mod store;

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

pub(super) use self::service::{AUTHORITIES, base_url};
use super::Config;
use super::error::ConfigError;
use super::secret::{self, Secrets};
use super::sources::{Given, Sources, nearest};
use crate::log::{LogFormat, LogOptions};
use crate::secret::Secret;
use crate::serve::{Limits, Listen};

/// Collects mistakes instead of stopping at the first.
pub(super) struct Reader<'a> {
    sources: &'a Sources,
    errors: Vec<ConfigError>,
    warnings: Vec<String>,
}

/// A day: what is longer was hardly meant, and no sum of two overflows.
const DURATION_MAX: Duration = Duration::from_hours(24);
/// nginx closes idle upstream connections after this long (`keepalive_timeout` in `upstream`).
const NGINX_KEEPALIVE: Duration = Duration::from_mins(1);

impl<'a> Reader<'a> {
    pub(super) fn read(sources: &'a Sources) -> Result<Config, Vec<ConfigError>> {
        Self::only(sources, Self::config)
    }

    /// What `part` reads, and no other setting need be right for that.
    pub(super) fn only<T>(
        sources: &'a Sources,
        part: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Vec<ConfigError>> {
        let mut reader = Self { sources, errors: Vec::new(), warnings: Vec::new() };
        match part(&mut reader) {
            Some(value) if reader.errors.is_empty() => Ok(value),
            Some(_) | None => Err(reader.errors),
        }
    }

    /// `None` where a mistake leaves nothing to go on with; it is among the errors then.
    fn config(&mut self) -> Option<Config> {
        let listen = self.listen();
        let listen_mode = self.value("listen_mode", "write an octal number such as 0660", octal);
        let admin_listen = self.admin_listen();
        let secrets = self.secrets();
        let previous_secret = self.previous_secret();
        let cookie_name = self.cookie_name();
        let bearer = self.bearer();
        let refuse_banned = self.switch("refuse_banned");
        let cookie_cache = self.cookie_cache();
        let store_url = self.store_url();
        let fallback_url = self.given("fallback_store").map(|given| Secret::new(given.text.to_owned()));
        let store = self.store(cookie_name.clone());
        let auth_url = self.auth_url(store_url.as_ref().map(Secret::expose));
        let roots = self.roots();
        let jwt = self.jwt(auth_url.as_ref());
        let jwks_url = self.url("jwks_url", "write the http(s) URL of Better Auth's /jwks", http_url);
        let jwks_ttl = self.duration("jwks_ttl", Duration::from_secs(1));
        let api_keys = self.api_keys(auth_url.as_ref());
        let refresh = self.refresh(auth_url.as_ref());
        let ages = self.ages();
        let stale_methods = self.stale_methods();
        let load = self.load();
        let hear = self.hear();
        let revocation_poll = self.revocation_poll();
        let revoke_secret = self.revoke_secret();
        let revocation_redis = self.revocation_redis();
        let cache_capacity = self.count("cache_capacity", 1, 1_000_000_000);
        let trusted_proxies = self.parsed(
            "trusted_proxies",
            "write addresses, networks, loopback or unix with commas between them",
        );
        let terms = self.terms();
        let assertion = self.assertion();
        let passes_preflights = self.preflight();
        let same_origin = self.same_origin();
        let mode = self.mode();
        let routes = self.routes();
        if let (Some(routes), Some(store)) = (&routes, &store_url) {
            self.check_staleness(routes, store.expose());
        }
        let limits = self.limits();
        let drain_timeout = self.duration("drain_timeout", Duration::ZERO);
        let reload_interval = self.duration("reload_interval", Duration::ZERO);
        let workers = self.workers();
        let log = self.log();
        self.strangers();
        Some(Config {
            listen: listen?,
            listen_mode: listen_mode?,
            admin_listen: admin_listen?,
            secrets: secrets?,
            previous_secret,
            cookie_name: cookie_name?,
            bearer: bearer?,
            refuse_banned: refuse_banned?,
            cookie_cache,
            jwt,
            jwks_url,
            jwks_ttl: jwks_ttl?,
            api_keys,
            store: store?,
            store_url: store_url?,
            fallback_url,
            auth_url,
            roots: roots?,
            refresh,
            ages: ages?,
            stale_methods: stale_methods?,
            load: load?,
            hear: hear?,
            revocation_poll: revocation_poll?,
            revoke_secret,
            revocation_redis,
            cache_capacity: cache_capacity?,
            trusted_proxies: trusted_proxies?,
            terms: terms?,
            assertion,
            passes_preflights: passes_preflights?,
            same_origin,
            mode: mode?,
            routes: Arc::new(routes?),
            limits: limits?,
            drain_timeout: drain_timeout?,
            reload_interval: reload_interval.map(|interval| (!interval.is_zero()).then_some(interval))?,
            workers: workers?,
            log: log?,
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    pub(super) fn listen(&mut self) -> Option<Listen> {
        self.parsed("listen", "write 127.0.0.1:4180, unix:/path/to/socket or fd:3")
    }

    pub(super) fn admin_listen(&mut self) -> Option<Listen> {
        self.parsed("admin_listen", "write 127.0.0.1:4181, unix:/path/to/socket or fd:3")
    }

    fn secrets(&mut self) -> Option<Secrets> {
        match secret::find(self.sources, &mut self.warnings) {
            Ok(secrets) => Some(secrets),
            Err(error) => self.mistake(error),
        }
    }

    fn limits(&mut self) -> Option<Limits> {
        let connections = self.count("connections_max", 1, 1_000_000);
        // hyper reads no less at once.
        let header_bytes = self.count("header_bytes_max", 8192, 1 << 24);
        let headers = self.count("headers_max", 1, 10_000);
        let head = self.duration("header_read_timeout", Duration::from_millis(1));
        let idle = self.duration("idle_timeout", Duration::from_millis(1));
        if let Some(idle) = idle.filter(|idle| *idle <= NGINX_KEEPALIVE) {
            self.warnings.push(format!(
                "idle_timeout is {idle:?}, no longer than nginx keeps a connection: now and then a request will fail"
            ));
        }
        Some(Limits {
            connections: usize::try_from(connections?).ok()?,
            header_bytes: usize::try_from(header_bytes?).ok()?,
            headers: usize::try_from(headers?).ok()?,
            header_read_timeout: head?,
            idle_timeout: idle?,
        })
    }

    fn workers(&mut self) -> Option<usize> {
        let workers = usize::try_from(self.count("workers", 0, 1024)?).ok()?;
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Some(if workers == 0 { cores() } else { workers })
    }

    fn log(&mut self) -> Option<LogOptions> {
        let format = self.value("log_format", "write text or json", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("there are two"),
        });
        let level = self.parsed("log_level", "write error, warn, info, debug or trace");
        let denials = self.switch("log_denials");
        Some(LogOptions { format: format?, level: level?, denials: denials? })
    }

    fn strangers(&mut self) {
        for name in self.sources.environment().strangers() {
            let likely = nearest(name.trim_start_matches("SIDEGATE_"));
            let likely = likely.map(|name| format!("; did you mean the one for {name}?")).unwrap_or_default();
            self.warnings.push(format!("the variable {name} is no setting and is ignored{likely}"));
        }
    }

    fn given(&self, name: &'static str) -> Option<Given<'a>> {
        self.sources.given(name).filter(|given| !given.text.is_empty() || given.is_default())
    }

    fn switch(&mut self, name: &'static str) -> Option<bool> {
        self.parsed(name, "write true or false")
    }

    fn count(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        self.value(name, &format!("write a whole number from {least} to {most}"), |text| {
            match text.parse::<u64>() {
                Ok(count) if (least..=most).contains(&count) => Ok(count),
                Ok(_) => Err("it is out of range".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn duration(&mut self, name: &'static str, least: Duration) -> Option<Duration> {
        self.duration_up_to(name, least, DURATION_MAX)
    }

    fn duration_up_to(&mut self, name: &'static str, least: Duration, most: Duration) -> Option<Duration> {
        let hours = most.as_secs() / 3600;
        let hint =
            format!("write a number with its unit, from {least:?} to {hours}h, such as 500ms, 5s or 2m");
        self.value(name, &hint, |text| {
            let signed = SignedDuration::from_str(text).map_err(|_| "it is not a duration with a unit")?;
            let duration = Duration::try_from(signed).map_err(|_| "it is negative")?;
            if duration < least || duration > most { Err("it is out of range") } else { Ok(duration) }
        })
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, hint: &str) -> Option<T>
    where
        T::Err: Display,
    {
        self.value(name, hint, T::from_str)
    }

    /// The value of a setting that always has one.
    fn value<T, E: Display>(
        &mut self,
        name: &'static str,
        hint: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(given) = self.sources.given(name) else {
            return self.mistake(ConfigError::new(format!("{name} is not set")).hint(hint));
        };
        self.check(name, &given, hint, parse)
    }

    fn check<T, E: Display>(
        &mut self,
        name: &str,
        given: &Given<'_>,
        hint: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(given.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let what = format!("{name} is {:?}, set by {}", given.text, given.origin);
                self.mistake(ConfigError::new(what).because(error).hint(hint))
            }
        }
    }

    /// The URL of something that speaks HTTP, made of its text by `make`.
    fn url(
        &mut self,
        name: &'static str,
        hint: &str,
        make: impl FnOnce(&str) -> Result<http::Uri, String>,
    ) -> Option<http::Uri> {
        let given = self.given(name)?;
        if given.text.contains('@') {
            // It may be a password, so it is not quoted.
            let what = format!("{name}, set by {}, holds a user's name or a password", given.origin);
            return self.mistake(ConfigError::new(what).hint(hint));
        }
        self.check(name, &given, hint, make)
    }

    fn mistake<T>(&mut self, error: ConfigError) -> Option<T> {
        self.errors.push(error);
        None
    }
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text.trim_start_matches("0o"), 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        Ok(_) => Err("it is beyond 0777".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The URL of something that speaks HTTP.
fn http_url(text: &str) -> Result<http::Uri, String> {
    let url: http::Uri = text.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it does not begin with http:// or https://".to_owned());
    }
    if url.authority().is_none() { Err("it names no host".to_owned()) } else { Ok(url) }
}
