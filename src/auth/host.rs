//! Names of hosts as settings write them: `app.example.com`, `app.example.com:8443`, `*.example.com`.

use std::fmt;
use std::str::FromStr;

/// A host, or all hosts below one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// That host, in lower case; with its port if there is one.
    Exactly(String),
    /// Every host below: the text begins with a dot.
    Below(String),
}

/// Why a text names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host such as app.example.com, localhost:3000 or *.example.com")]
pub struct HostPatternError(String);

impl HostPattern {
    /// Whether it is that of `host`, as a client wrote it, port and all.
    #[must_use]
    pub fn is_of(&self, host: &[u8]) -> bool {
        let end =
            |suffix: &str| host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at));
        match self {
            Self::Exactly(name) => host.eq_ignore_ascii_case(name.as_bytes()),
            // Something before the dot, and nothing that is no name: a browser may take other bytes for the host's end.
            Self::Below(suffix) => end(suffix).is_some_and(|(label, rest)| {
                rest.eq_ignore_ascii_case(suffix.as_bytes())
                    && !label.is_empty()
                    && label.iter().all(|byte| is_of_name(*byte))
            }),
        }
    }

    /// The same where a port and the dot that ends a full name make no difference, unless this has a port itself.
    #[must_use]
    pub(super) fn serves(&self, host: &[u8]) -> bool {
        let (name, port) = split_port(host);
        let name = name.strip_suffix(b".").unwrap_or(name);
        match (self.has_port(), port) {
            (false, _) => self.is_of(name),
            (true, Some(port)) => self.is_of(&[name, b":", port].concat()),
            (true, None) => false,
        }
    }

    /// Whether it is this very machine, to itself.
    #[must_use]
    pub(super) fn is_loopback(&self) -> bool {
        let (Self::Exactly(text) | Self::Below(text)) = self;
        let name = split_port(text.as_bytes()).0;
        let bare = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name);
        let address = std::str::from_utf8(bare).ok().and_then(|text| text.parse().ok());
        name == b"localhost"
            || name.ends_with(b".localhost")
            || address.is_some_and(|address: core::net::IpAddr| address.is_loopback())
    }

    fn has_port(&self) -> bool {
        let (Self::Exactly(text) | Self::Below(text)) = self;
        split_port(text.as_bytes()).1.is_some()
    }

    /// Whether it is one host.
    #[must_use]
    pub(super) const fn is_one(&self) -> bool {
        matches!(self, Self::Exactly(_))
    }

    /// The more of these, the fewer hosts.
    #[must_use]
    pub(super) fn length(&self) -> usize {
        let (Self::Exactly(text) | Self::Below(text)) = self;
        text.len()
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        pattern(word).ok_or_else(|| HostPatternError(word.to_owned()))
    }
}

/// As settings write it.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => f.write_str(name),
            Self::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}

fn pattern(word: &str) -> Option<HostPattern> {
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (word, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return None;
    }
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_of_name) && !name.starts_with('.');
    if let Some(parent) = host.strip_prefix("*.") {
        // Two labels at least: `*.com` is everybody.
        let is_parent = is_name(parent) && parent.trim_end_matches('.').contains('.');
        return is_parent.then(|| HostPattern::Below(word.trim_start_matches('*').to_ascii_lowercase()));
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_address || is_name(host)).then(|| HostPattern::Exactly(word.to_ascii_lowercase()))
}

/// A host and its port. The colons of an IPv6 address are none: that one is in brackets.
pub(super) fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colon = memchr::memrchr(b':', host)
        .filter(|at| memchr::memchr(b']', host.get(*at..).unwrap_or_default()).is_none());
    match colon.and_then(|at| host.split_at_checked(at)) {
        Some((name, port)) => (name, port.get(1..)),
        None => (host, None),
    }
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
