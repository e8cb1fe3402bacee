//! Hosts that an operator names in a setting: one, or all below one.

// Addresses alone, and not the sockets that `std` has beside them.
use core::net::{IpAddr, Ipv6Addr};

/// A host's name, an address, or every host below a name. Without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(Names);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    /// That one, in lower case.
    Exactly(String),
    /// Every host below: the text begins with a dot.
    Below(String),
}

impl HostPattern {
    /// `app.example.com`, `[::1]` or `*.example.com`; `None` if the text is none of these.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if let Some(parent) = text.strip_prefix("*.") {
            // Two labels at least: `*.com` is everybody.
            let is_parent = is_name(parent.as_bytes()) && parent.trim_end_matches('.').contains('.');
            return is_parent.then(|| Self(Names::Below(format!(".{parent}").to_ascii_lowercase())));
        }
        is_host(text.as_bytes()).then(|| Self(Names::Exactly(text.to_ascii_lowercase())))
    }

    /// Whether `host`, as a client wrote it, is one of them.
    #[must_use]
    pub fn matches(&self, host: &[u8]) -> bool {
        match &self.0 {
            Names::Exactly(name) => host.eq_ignore_ascii_case(name.as_bytes()),
            // Something before the dot, and nothing that is no name: a browser may take other bytes for the host's end.
            Names::Below(suffix) => {
                let split = host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at));
                split.is_some_and(|(label, end)| {
                    end.eq_ignore_ascii_case(suffix.as_bytes())
                        && !label.is_empty()
                        && label.iter().all(|byte| is_of_name(*byte))
                })
            }
        }
    }

    /// Whether it is this very machine, to itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.0 {
            Names::Exactly(name) => {
                let address = name.trim_start_matches('[').trim_end_matches(']');
                name == "localhost"
                    || name.ends_with(".localhost")
                    || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
            Names::Below(suffix) => suffix.ends_with(".localhost"),
        }
    }
}

/// A host and its port, of `host` or `host:port`; `None` if the port is written in no way that a browser writes it.
#[must_use]
pub fn split_port(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let colon = authority.iter().rposition(|&byte| byte == b':');
    let split = colon.filter(|at| !authority.get(*at..).unwrap_or_default().contains(&b']'));
    let Some((host, port)) = split.and_then(|at| authority.split_at_checked(at)) else {
        return Some((authority, None));
    };
    match port {
        [b':', b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            let digits = std::str::from_utf8(port.get(1..)?).ok()?;
            digits.parse().ok().map(|port| (host, Some(port)))
        }
        _ => None,
    }
}

/// Whether it is a name, or an address of IPv6 in brackets.
fn is_host(host: &[u8]) -> bool {
    let address = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    match address.map(std::str::from_utf8) {
        Some(address) => address.is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => is_name(host),
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && name.iter().all(|byte| is_of_name(*byte))
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
