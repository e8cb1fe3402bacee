//! What a proxy asks about, in one shape for all of them.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

/// One request to be judged. Untrusted: a dialect has decoded it, nobody has believed it.
#[derive(Debug)]
pub struct CheckRequest<'a> {
    /// The method that the client sent to the proxy.
    pub method: Method,
    /// How the client reached the proxy; `None` where the proxy did not tell.
    pub scheme: Option<Scheme>,
    /// The host that the client asked for, as the proxy tells it.
    pub host: &'a [u8],
    /// Path and query as the client sent them, not decoded and not normalised.
    pub target: &'a [u8],
    /// The client's headers, as far as the proxy passes them on.
    pub headers: &'a HeaderMap,
}

/// A scheme by which a browser opens a page or a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
    /// `ws`: a WebSocket without TLS.
    Ws,
    /// `wss`: a WebSocket.
    Wss,
}

impl CheckRequest<'_> {
    /// Whether it is a CORS preflight: OPTIONS with both headers that a browser always sends with one, and that no page
    /// can set (Fetch §3.3.2 and the list of forbidden request-headers). The method is the proxy's word, so a client's
    /// `X-HTTP-Method-Override` makes none.
    pub(super) fn is_preflight(&self) -> bool {
        let has_one = |name: &HeaderName| {
            let mut values = self.headers.get_all(name).iter();
            values.next().is_some_and(|value| !value.is_empty()) && values.next().is_none()
        };
        self.method == Method::OPTIONS && has_one(&ORIGIN) && has_one(&ACCESS_CONTROL_REQUEST_METHOD)
    }
}

impl Scheme {
    /// As it stands in the URL of a page, for a WebSocket in that of the page which opens it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        if self.is_secure() { "https" } else { "http" }
    }

    /// Whether TLS is spoken with the client.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        match self {
            Self::Https | Self::Wss => true,
            Self::Http | Self::Ws => false,
        }
    }
}
