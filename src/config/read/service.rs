//! Better Auth itself, where it is asked: its address, and what it is asked for.

use std::path::Path;
use std::time::Duration;

use super::super::error::ConfigError;
use super::{Reader, http_url};
use crate::fetch::Roots;
use crate::refresh::Sliding;

/// The variable by which OpenSSL, curl, Python and Node know a file of certificate authorities.
pub(in super::super) const AUTHORITIES: &str = "SSL_CERT_FILE";
/// Better Auth's own default, where its address has no path.
const BASE_PATH: &str = "/api/auth";
/// A year: sessions live long, and no sum overflows.
const LIFETIME_MAX: Duration = Duration::from_hours(24 * 366);

impl Reader<'_> {
    /// `None` if there is none, or a mistake in it.
    pub(super) fn auth_url(&mut self, store: Option<&str>) -> Option<http::Uri> {
        let hint = "write Better Auth's address, such as http://127.0.0.1:3000";
        match self.given("auth_url") {
            Some(_) => self.url("auth_url", hint, base_url),
            None => store.and_then(|store| base_url(store).ok()),
        }
    }

    /// Mozilla's authorities and those of the operator's file.
    pub(super) fn roots(&mut self) -> Option<Roots> {
        let roots = Roots::mozilla();
        let speaks_tls = |name| self.given(name).is_some_and(|given| given.text.starts_with("https://"));
        // For others it may be set to whatever they make of it.
        let is_needed = ["store", "auth_url", "jwks_url"].into_iter().any(speaks_tls);
        let file = self.sources.environment().get(AUTHORITIES).filter(|_| is_needed);
        let Some(file) = file.filter(|file| !file.is_empty()) else { return Some(roots) };
        roots.with_file(Path::new(file)).map_or_else(
            |error| {
                let what = format!("cannot use {file}, which {AUTHORITIES} names");
                let hint = format!("name a PEM file of certificate authorities, or unset {AUTHORITIES}");
                self.mistake(ConfigError::new(what).because(error).hint(hint))
            },
            Some,
        )
    }

    /// `None` if there is none, or a mistake in it.
    pub(super) fn refresh(&mut self, auth_url: Option<&http::Uri>) -> Option<Sliding> {
        let expires_in = self.duration_up_to("session_expires_in", Duration::from_secs(1), LIFETIME_MAX)?;
        let update_age = self.duration_up_to("session_update_age", Duration::ZERO, LIFETIME_MAX)?;
        let relays = self.switch("relay_set_cookie")?;
        let dont_remember = self.dont_remember_name()?;
        let on = self.value("refresh", "write off or delegate", |text| match text {
            "off" => Ok(false),
            "delegate" => Ok(true),
            _ => Err("there are two"),
        })?;
        if !on {
            return None;
        }
        if auth_url.is_none() {
            let what = "refresh is delegate, but auth_url is not set";
            return self
                .mistake(ConfigError::new(what).hint("set auth_url: Better Auth itself prolongs sessions"));
        }
        Some(Sliding { expires_in, update_age, relays, dont_remember })
    }
}

/// The URL below which Better Auth answers.
pub(in super::super) fn base_url(text: &str) -> Result<http::Uri, String> {
    let url = http_url(text)?;
    if url.query().is_some() {
        return Err("it has a query".to_owned());
    }
    let path = match url.path().trim_end_matches('/') {
        "" => BASE_PATH,
        path => path,
    };
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(path.parse().map_err(|_| "its path is malformed")?);
    http::Uri::from_parts(parts).map_err(|error| error.to_string())
}
