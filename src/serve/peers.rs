//! Who may ask. Forwarded headers are a proxy's word, and only these addresses are proxies.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address.
    Ip(IpAddr),
    /// A UNIX socket, whose file mode has already said who may connect.
    Unix,
}

/// The peers that are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedPeers {
    networks: Vec<IpNet>,
    unix: bool,
}

/// Why a text does not name peers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address, nor a network such as 10.0.0.0/8, nor the word loopback or unix")]
pub struct TrustedPeersError(String);

impl TrustedPeers {
    /// Whether `peer` is one of them.
    #[must_use]
    pub fn contain(&self, peer: Peer) -> bool {
        match peer {
            // A dual-stack listener sees IPv4 peers as ::ffff:a.b.c.d.
            Peer::Ip(address) => {
                let address = address.to_canonical();
                self.networks.iter().any(|network| network.contains(&address))
            }
            Peer::Unix => self.unix,
        }
    }
}

/// A comma-separated list. An empty one believes nobody.
impl FromStr for TrustedPeers {
    type Err = TrustedPeersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut peers = Self { networks: Vec::new(), unix: false };
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "unix" => peers.unix = true,
                "loopback" => {
                    peers.networks.push(IpNet::new_assert([127, 0, 0, 0].into(), 8));
                    peers.networks.push(IpNet::new_assert([0, 0, 0, 0, 0, 0, 0, 1].into(), 128));
                }
                _ => peers.networks.push(
                    IpNet::from_str(word)
                        .or_else(|_| IpAddr::from_str(word).map(IpNet::from))
                        .map_err(|_| TrustedPeersError(word.to_owned()))?,
                ),
            }
        }
        Ok(peers)
    }
}
