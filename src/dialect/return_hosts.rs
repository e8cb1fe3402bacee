//! `allowed_return_hosts`: where a sign-in page on another host may send people back to.
//!
//! The host of a request is the client's word. Told to a sign-in page unchecked, it would be the link that a phisher
//! needs: sign in on the true page, land on the false one.

use std::str::FromStr;

use crate::auth::{HostPattern, HostPatternError};

/// Hosts to which people may be sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnHosts(Vec<HostPattern>);

impl ReturnHosts {
    /// Whether one may be sent back to `host`, as a client wrote it.
    pub(super) fn contain(&self, host: &[u8]) -> bool {
        self.0.iter().any(|pattern| pattern.is_of(host))
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hosts with commas between them.
impl FromStr for ReturnHosts {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(HostPattern::from_str).collect::<Result<_, _>>().map(Self)
    }
}
