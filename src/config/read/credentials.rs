//! What a request may carry to prove who sends it.

use std::time::Duration;

use http::HeaderName;

use super::super::error::ConfigError;
use super::super::{ApiKeys, CookieCache, NO_STORE, PreviousSecret, secret};
use super::Reader;
use crate::auth::{Bearer, CookieName, JwtRules, Strategy};
use crate::clock::{self, UnixMillis};

/// Longer than any session of Better Auth lives by default, and short enough to be an interim.
const PREVIOUS_SECRET_MAX: Duration = Duration::from_hours(24 * 31);

impl Reader<'_> {
    /// The session cookie's name.
    pub(super) fn cookie_name(&mut self) -> Option<CookieName> {
        let hint = "write the name that Better Auth gives its session cookie";
        let secure = self.switch("secure_cookies")?;
        let prefix = self.given("cookie_prefix");
        let own = self.given("cookie_name");
        if let (Some(name), Some(prefix)) = (&own, &prefix)
            && !prefix.is_default()
            && !self.reads_further_cookies()
        {
            let what =
                format!("cookie_name ({}) and cookie_prefix ({}) are both set", name.origin, prefix.origin);
            let hint =
                "set one of them: Better Auth ignores its cookiePrefix where a cookie has a name of its own";
            return self.mistake(ConfigError::new(what).hint(hint));
        }
        self.named("cookie_name", "session_token", secure, hint)
    }

    /// Those have names by the prefix, whatever the session cookie's own is.
    fn reads_further_cookies(&self) -> bool {
        let says = |name, default| self.given(name).is_some_and(|given| given.text != default);
        says("cookie_cache", "off") || says("refresh", "off")
    }

    /// A cookie's name: its own, or made of prefix and `key`, after `__Secure-` where that is on.
    fn named(&mut self, name: &'static str, key: &str, secure: bool, hint: &str) -> Option<CookieName> {
        let mark = if secure { "__Secure-" } else { "" };
        match self.given(name) {
            Some(own) if secure && own.text.starts_with(mark) => {
                let what = format!("secure_cookies adds __Secure- to {name}, which begins with it");
                self.mistake(ConfigError::new(what).hint(format!("leave __Secure- out of {name}")))
            }
            Some(own) => self.check(name, &own, hint, |own| CookieName::new(&format!("{mark}{own}"))),
            None => {
                self.value("cookie_prefix", hint, |prefix| CookieName::new(&format!("{mark}{prefix}.{key}")))
            }
        }
    }

    /// The cookie with which Better Auth marks sessions that are not to be prolonged.
    pub(super) fn dont_remember_name(&mut self) -> Option<CookieName> {
        let mark = if self.switch("secure_cookies")? { "__Secure-" } else { "" };
        let hint = "write the prefix that Better Auth gives its cookies";
        self.value("cookie_prefix", hint, |prefix| CookieName::new(&format!("{mark}{prefix}.dont_remember")))
    }

    pub(super) fn bearer(&mut self) -> Option<Bearer> {
        match (self.switch("bearer")?, self.switch("trust_unsigned_bearer")?) {
            (false, false) => Some(Bearer::Off),
            (true, false) => Some(Bearer::Signed),
            (true, true) => {
                self.warnings.push(
                    "trust_unsigned_bearer is on: whoever can read the session table, a backup or a log of it can \
                     pass as anybody"
                        .to_owned(),
                );
                Some(Bearer::Unsigned)
            }
            (false, true) => {
                let what = "trust_unsigned_bearer is true, but bearer is false";
                self.mistake(ConfigError::new(what).hint("set bearer to true as well, or leave both out"))
            }
        }
    }

    /// `None` if there is none, or a mistake in it.
    pub(super) fn previous_secret(&mut self) -> Option<PreviousSecret> {
        let (Some(file), until) = (self.given("previous_secret_file"), self.given("previous_secret_until"))
        else {
            self.given("previous_secret_until")?;
            let what = "previous_secret_until is set, but previous_secret_file is not";
            return self.mistake(ConfigError::new(what).hint("set both, or leave both out"));
        };
        let Some(until) = until else {
            let what = "previous_secret_file is set, but previous_secret_until is not";
            let hint = "write when the previous secret ends, such as 2026-12-24T18:00:00Z: it must not stay for ever";
            return self.mistake(ConfigError::new(what).hint(hint));
        };
        let now = clock::now();
        let hint = "write an instant such as 2026-12-24T18:00:00Z, at most 31 days ahead";
        let until = self.check("previous_secret_until", &until, hint, |text| {
            let until = UnixMillis::parse_iso(text).ok_or("it is no date")?;
            match until.since(now) {
                Some(ahead) if ahead > PREVIOUS_SECRET_MAX => Err("it is more than 31 days ahead"),
                Some(_) | None => Ok(until),
            }
        })?;
        let secret = match secret::read_checked(file.text, &mut self.warnings) {
            Ok(secret) => secret,
            Err(error) => return self.mistake(error),
        };
        self.warnings.push(if until < now {
            format!("the previous secret ended at {until}: take previous_secret_file and previous_secret_until out")
        } else {
            format!("signatures of the previous secret count until {until}, which Better Auth itself refuses")
        });
        Some(PreviousSecret { secret, until })
    }

    /// `None` if there is none, or a mistake in it.
    pub(super) fn jwt(&mut self, auth_url: Option<&http::Uri>) -> Option<JwtRules> {
        if !self.switch("jwt")? {
            return None;
        }
        let origin = auth_url.map(origin);
        let Some(issuer) = self.given("jwt_issuer").map(|given| given.text.to_owned()).or(origin) else {
            let what = "jwt is true, but neither jwt_issuer nor auth_url tells who issues the tokens";
            return self
                .mistake(ConfigError::new(what).hint("set jwt_issuer to the iss of Better Auth's tokens"));
        };
        let audience =
            self.given("jwt_audience").map_or_else(|| issuer.clone(), |given| given.text.to_owned());
        match JwtRules::new(issuer, vec![audience]) {
            Ok(rules) => Some(rules),
            Err(error) => {
                let error =
                    ConfigError::new("jwt_issuer and jwt_audience tell nobody's tokens").because(error);
                self.mistake(error.hint("write the iss and the aud of Better Auth's tokens"))
            }
        }
    }

    pub(super) fn api_keys(&mut self, auth_url: Option<&http::Uri>) -> Option<ApiKeys> {
        let ttl = self.duration("api_key_ttl", Duration::ZERO)?;
        let header = self.api_key_header()?;
        if auth_url.is_none() {
            let what = "api_key_header is set, but auth_url is not";
            return self
                .mistake(ConfigError::new(what).hint("set auth_url: Better Auth itself judges API keys"));
        }
        Some(ApiKeys { header, ttl })
    }

    /// `None` if there is none, or a mistake in it.
    pub(super) fn api_key_header(&mut self) -> Option<HeaderName> {
        let given = self.given("api_key_header")?;
        let hint = "write a header's name, such as x-api-key";
        let header =
            self.check("api_key_header", &given, hint, |name| HeaderName::from_bytes(name.as_bytes()))?;
        if [http::header::COOKIE, http::header::HOST, http::header::AUTHORIZATION].contains(&header) {
            let what = format!("api_key_header is {header}, which carries something else");
            return self.mistake(ConfigError::new(what).hint("name a header of its own, such as x-api-key"));
        }
        Some(header)
    }

    pub(super) fn cookie_cache(&mut self) -> Option<CookieCache> {
        let strategy =
            self.value("cookie_cache", "write off, compact, jwt, jwe or jwks", |text| match text {
                "off" => Ok(None),
                "compact" => Ok(Some(Strategy::Compact)),
                "jwt" => Ok(Some(Strategy::Jwt)),
                "jwe" => Ok(Some(Strategy::Jwe)),
                "jwks" => Ok(Some(Strategy::Jwks)),
                _ => Err("there are five"),
            })?;
        let secure = self.switch("secure_cookies")?;
        let hint = "write the name that Better Auth gives its session_data cookie";
        let cookie = self.named("cookie_cache_name", "session_data", secure, hint)?;
        let is_stateless = self.given("store").is_some_and(|given| given.text == NO_STORE);
        if is_stateless && strategy.is_none() {
            let what = "store is none, but cookie_cache is off: nothing tells who is signed in";
            return self.mistake(
                ConfigError::new(what).hint("set cookie_cache to Better Auth's strategy, or store"),
            );
        }
        let version = self.given("cookie_cache_version").map_or("1", |given| given.text).to_owned();
        strategy.map(|strategy| CookieCache { strategy, version, cookie })
    }
}

fn origin(url: &http::Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    format!("{scheme}://{authority}")
}
