//! `allowed_return_hosts`: where a sign-in page on another host may send people back to.
//!
//! The host of a request is the client's word. Told to a sign-in page unchecked, it would be the link that a phisher
//! needs: sign in on the true page, land on the false one.

use std::str::FromStr;

/// Hosts to which people may be sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnHosts(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// That host, in lower case; with its port if there is one.
    Exactly(String),
    /// Every host below: the text begins with a dot.
    Below(String),
}

/// Why a text names no hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host such as app.example.com, localhost:3000 or *.example.com")]
pub struct ReturnHostsError(String);

impl ReturnHosts {
    /// Whether one may be sent back to `host`, as a client wrote it.
    pub(super) fn contain(&self, host: &[u8]) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exactly(name) => host == name.as_bytes(),
            // Something before the dot, and nothing that is no name: a browser may take other bytes for the host's end.
            Pattern::Below(suffix) => {
                let label = host.strip_suffix(suffix.as_bytes());
                label.is_some_and(|label| !label.is_empty() && label.iter().all(|byte| is_of_name(*byte)))
            }
        })
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hosts with commas between them.
impl FromStr for ReturnHosts {
    type Err = ReturnHostsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let patterns = words.map(|word| pattern(word).ok_or_else(|| ReturnHostsError(word.to_owned())));
        patterns.collect::<Result<_, _>>().map(Self)
    }
}

fn pattern(word: &str) -> Option<Pattern> {
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
        return is_parent.then(|| Pattern::Below(word.trim_start_matches('*').to_ascii_lowercase()));
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_address || is_name(host)).then(|| Pattern::Exactly(word.to_ascii_lowercase()))
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
