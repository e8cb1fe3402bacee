//! What a proxy asks about, in one shape for all of them.

use http::{HeaderMap, Method};

/// One request to be judged. Untrusted: a dialect has decoded it, nobody has believed it.
#[derive(Debug)]
pub struct CheckRequest<'a> {
    /// The method that the client sent to the proxy.
    pub method: Method,
    /// The host that the client asked for, as the proxy tells it.
    pub host: &'a [u8],
    /// Path and query as the client sent them, not decoded and not normalised.
    pub target: &'a [u8],
    /// The client's headers, as far as the proxy passes them on.
    pub headers: &'a HeaderMap,
}
