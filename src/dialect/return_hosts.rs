//! `allowed_return_hosts`: where a sign-in page on another host may send people back to.
//!
//! The host of a request is the client's word. Told to a sign-in page unchecked, it would be the link that a phisher
//! needs: sign in on the true page, land on the false one.

use std::str::FromStr;

use crate::auth::{HostPattern, split_port};

/// Hosts to which people may be sent back, each with its port if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnHosts(Vec<(HostPattern, Option<u16>)>);

/// Why a text names no hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host such as app.example.com, localhost:3000 or *.example.com")]
pub struct ReturnHostsError(String);

impl ReturnHosts {
    /// Whether one may be sent back to `host`, as a client wrote it.
    pub(super) fn contain(&self, host: &[u8]) -> bool {
        let Some((host, port)) = split_port(host) else { return false };
        self.0.iter().any(|(pattern, named)| *named == port && pattern.matches(host))
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
        let hosts = words.map(|word| named(word).ok_or_else(|| ReturnHostsError(word.to_owned())));
        hosts.collect::<Result<_, _>>().map(Self)
    }
}

fn named(word: &str) -> Option<(HostPattern, Option<u16>)> {
    let (host, port) = split_port(word.as_bytes())?;
    Some((HostPattern::new(std::str::from_utf8(host).ok()?)?, port))
}
