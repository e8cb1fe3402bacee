//! A shipped file with the settings in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::time::Duration;

use super::templates::{Caller, File, Place};
use crate::config::{CallerSettings, ConfigError};
use crate::serve::Listen;

/// What stands in the shipped files for a setting, with what takes its place.
pub(super) struct Rendering<'a> {
    /// sidegate's address as it is shipped, and as it is.
    place: (&'static str, String),
    /// A header's default name in lower case, and its name now; `None` if it is not told.
    headers: Vec<(&'static str, Option<&'a str>)>,
    /// Where API keys are, if they are taken.
    api_key_header: Option<&'a str>,
    timeout: String,
    /// The session cookie's name.
    cookie: &'a str,
}

/// How long the shipped files have a proxy wait.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What marks the lines that say so.
const TIMEOUT_MARK: &str = "store_timeout";
/// How much longer than sidegate's own question to its store that has to be.
const MARGIN: Duration = Duration::from_millis(500);

const API_KEY: &str = "x-api-key";
const COOKIE: &str = "better-auth.session_token";
const SECURE: &str = "__Secure-";

impl<'a> Rendering<'a> {
    pub(super) fn new(caller: &Caller, settings: &'a CallerSettings) -> Result<Self, ConfigError> {
        let timeout = (settings.store_timeout + MARGIN).max(TIMEOUT);
        let headers = settings.names.changes();
        Ok(Self {
            place: (caller.place.shipped(), address(caller, &settings.listen)?),
            headers: headers.map(|(name, now)| (name, now.map(http::HeaderName::as_str))).collect(),
            api_key_header: settings.api_key_header.as_ref().map(http::HeaderName::as_str),
            timeout: format!("{}s", timeout.as_millis().div_ceil(1000)),
            cookie: settings.cookie_name.as_str(),
        })
    }

    /// The file as these settings have it.
    pub(super) fn of(&self, file: &File) -> String {
        let lines = file.text.split_inclusive('\n');
        lines.filter_map(|line| self.line(line, file.comment)).collect()
    }

    /// `None` if the line is about a header that is not told.
    fn line(&self, line: &str, comment: &str) -> Option<String> {
        if line.trim_start().starts_with(comment) {
            return Some(line.to_owned());
        }
        let mut line = line.replace(self.place.0, &self.place.1);
        if line.contains(TIMEOUT_MARK) {
            line = line.replacen("1s", &self.timeout, 1);
        }
        for (default, now) in &self.headers {
            let words = words(default, &line);
            if !words.is_empty() {
                line = renamed(&line, &words, (*now)?);
            }
        }
        if let Some(header) = self.api_key_header {
            line = renamed(&line, &words(API_KEY, &line), header);
        }
        self.with_cookies(line)
    }

    /// Lines about the session cookie: the one of the two names that is this deployment's.
    fn with_cookies(&self, line: String) -> Option<String> {
        if !line.contains(COOKIE) {
            return Some(line);
        }
        let is_secure = |text: &str| text.contains(SECURE);
        if is_secure(&line) != is_secure(self.cookie) {
            return None;
        }
        Some(line.replace(COOKIE, self.cookie.trim_start_matches(SECURE)))
    }
}

/// sidegate's address, as `caller` writes addresses.
fn address(caller: &Caller, listen: &Listen) -> Result<String, ConfigError> {
    match (listen, &caller.place) {
        (Listen::Tcp(address), place) => {
            let mut address = *address;
            // Nobody can ask "everywhere": the proxy is on this machine unless somebody says otherwise.
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            Ok(match place {
                Place::Authority { .. } => address.to_string(),
                Place::EnvoyAddress => {
                    let (ip, port) = (address.ip(), address.port());
                    // Quoted where YAML would see more than a word in it.
                    let ip = if ip.is_ipv6() { format!("\"{ip}\"") } else { ip.to_string() };
                    format!("{{ socket_address: {{ address: {ip}, port_value: {port} }} }}")
                }
            })
        }
        (Listen::Unix(path), Place::Authority { unix: Some(prefix) }) => {
            Ok(format!("{prefix}{}", path.display()))
        }
        (Listen::Unix(path), Place::EnvoyAddress) => {
            Ok(format!("{{ pipe: {{ path: \"{}\" }} }}", path.display()))
        }
        (Listen::Unix(_), Place::Authority { unix: None }) => {
            Err(ConfigError::new(format!("listen is a UNIX socket, which {} cannot ask", caller.name))
                .hint("set listen to an address such as 127.0.0.1:4180"))
        }
        (Listen::Inherited(_), _) => {
            Err(ConfigError::new("listen is a descriptor, and only who opened it knows its address")
                .hint("give that address: --listen=unix:/run/sidegate/sidegate.sock"))
        }
    }
}

/// Where in `line` the header `name` stands as a whole word, in whatever case, with hyphens or, in a variable, underscores.
fn words(name: &str, line: &str) -> Vec<Range<usize>> {
    let folded = line.to_ascii_lowercase().replace('_', "-");
    let is_word = |at: &usize| {
        let before = folded.get(..*at).unwrap_or_default().chars().next_back();
        let after = folded.get(at + name.len()..).unwrap_or_default().chars().next();
        // A variable's own prefix ends in an underscore, which is a hyphen here.
        !before.is_some_and(|letter| letter.is_ascii_alphanumeric())
            && !after.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    folded.match_indices(name).map(|(at, _)| at).filter(is_word).map(|at| at..at + name.len()).collect()
}

/// The line with another header's name there, in the same spelling.
fn renamed(line: &str, words: &[Range<usize>], name: &str) -> String {
    let mut text = String::new();
    let mut end = 0;
    for word in words {
        let old = line.get(word.clone()).unwrap_or_default();
        text.push_str(line.get(end..word.start).unwrap_or_default());
        if old.contains('_') {
            text.push_str(&name.replace('-', "_"));
        } else if old.starts_with('X') {
            text.push_str(&titled(name));
        } else {
            text.push_str(name);
        }
        end = word.end;
    }
    text.push_str(line.get(end..).unwrap_or_default());
    text
}

/// `x-auth-user-id` as headers are written.
fn titled(name: &str) -> String {
    let mut is_first = true;
    name.chars()
        .map(|letter| {
            let written = if is_first { letter.to_ascii_uppercase() } else { letter };
            is_first = letter == '-';
            written
        })
        .collect()
}
