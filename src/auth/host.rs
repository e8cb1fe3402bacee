//! Names of hosts as settings write them: `app.example.com`, `app.example.com:8443`, `*.example.com`.

use std::fmt;
use std::net::Ipv6Addr;
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
pub enum HostPatternError {
    /// It is none.
    #[error("{0:?} is no host such as app.example.com, localhost:3000 or *.example.com")]
    NoHost(String),
    /// A port, where only names can be told apart.
    #[error(
        "{0:?} has a port, and a client may write any port into its Host header, or none: name the host alone, or have the \
         proxy ask for more where it serves that port"
    )]
    Port(String),
}

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

    /// Reads one that has no port: of requests, whatever port their clients name.
    ///
    /// # Errors
    /// If it has one, or names no host.
    pub fn without_port(word: &str) -> Result<Self, HostPatternError> {
        // The dot that ends a full name makes no difference.
        let pattern = word.strip_suffix('.').unwrap_or(word).parse()?;
        match split_port(word.as_bytes()).1 {
            None => Ok(pattern),
            Some(_) => Err(HostPatternError::Port(word.to_owned())),
        }
    }

    /// Whether it is that of `host` where a port and the dot that ends a full name make no difference.
    #[must_use]
    pub(super) fn serves(&self, host: &[u8]) -> bool {
        let name = split_port(host).0;
        self.is_of(name.strip_suffix(b".").unwrap_or(name))
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
        pattern(word).ok_or_else(|| HostPatternError::NoHost(word.to_owned()))
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
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if port.is_some_and(|port| !is_port(port)) {
        return None;
    }
    if let Some(parent) = host.strip_prefix("*.") {
        // Two labels at least: `*.com` is everybody.
        let is_parent = is_name(parent.as_bytes()) && parent.trim_end_matches('.').contains('.');
        return is_parent.then(|| HostPattern::Below(word.trim_start_matches('*').to_ascii_lowercase()));
    }
    is_host(host.as_bytes()).then(|| HostPattern::Exactly(word.to_ascii_lowercase()))
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

/// Whether no two programs read another name in it: labels with dots between them, or an IPv6 address in brackets; then a
/// port, if any. Proxies take more than that (`x!.example.com`, which no pattern serves; Go takes `[app.example.com]:443`
/// for `app.example.com`), and so rules for a host would be walked around.
pub(super) fn is_clear(host: &[u8]) -> bool {
    let (name, port) = split_port(host);
    is_host(name) && port.is_none_or(|port| port.iter().all(u8::is_ascii_digit))
}

/// Whether it is a name, or an IPv6 address in brackets.
fn is_host(text: &[u8]) -> bool {
    match text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")) {
        Some(address) => std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        None => is_name(text),
    }
}

/// Whether it is labels with dots between them, and perhaps the dot that ends a full name.
fn is_name(name: &[u8]) -> bool {
    let labels = name.strip_suffix(b".").unwrap_or(name);
    let mut labels = labels.split(|&byte| byte == b'.');
    labels.all(|label| !label.is_empty() && label.iter().all(|&byte| is_of_name(byte)))
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
