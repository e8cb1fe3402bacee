//! Whose page made a request: the gate for what a browser sends along by itself.
//!
//! A browser adds the session cookie to whatever any page has it send; that the request was meant to be sent is told only by
//! headers that no page can write: `Origin` (Fetch §3.1) and `Sec-Fetch-Site` (Fetch Metadata §2.2, §4). Either is enough.
//! The second is the browser's own verdict, by the URL that it asked for, and holds where the first says `null`, as it does
//! with `Referrer-Policy: no-referrer`. Better Auth checks its own routes so (`api/middlewares/origin-check`, 1.7.25); an app
//! beside it that reads the same cookie has nothing of the kind.
//!
//! Looked at are methods that change something, and handshakes of a WebSocket: a GET that no CORS rule holds up. Both
//! headers have to be there once. No browser writes one twice, so whoever did is no browser of an honest page's.

use std::fmt;
use std::str::FromStr;

use http::header::{ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, Method};

use super::host::{HostPattern, split_port};
use super::request::{CheckRequest, Scheme};

/// From where requests with a session cookie may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameOrigin {
    origins: AllowedOrigins,
    sites: FetchSites,
}

/// Where a request comes from, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// It changes nothing, so it may come from anywhere.
    Any,
    /// From a page that may send it.
    Own,
    /// From elsewhere.
    Foreign,
    /// Neither header tells: no browser's, or a proxy did not pass them on.
    Untold,
}

/// Origins of pages: scheme, host and port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<AllowedOrigin>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedOrigin {
    scheme: String,
    /// With its port, unless that is the scheme's own.
    host: HostPattern,
}

/// Why a text names no origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin such as https://app.example.com, https://*.example.com or http://localhost:3000")]
pub struct AllowedOriginsError(String);

/// Values of `Sec-Fetch-Site` that are enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchSites(Vec<&'static str>);

/// Why a text names no such values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchSitesError {
    /// It is every other site.
    #[error("cross-site is everybody")]
    Everybody,
    /// A browser never says so.
    #[error("{0:?} is none of same-origin, same-site and none")]
    Unknown(String),
}

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// A handshake has it over HTTP/1.1 (RFC 6455 §4.1) and over HTTP/2, where it has no key (RFC 8441 §5).
static SOCKET_VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
static SOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");

/// RFC 9110 §9.2.1. In any other case they are other methods (§9.1).
const SAFE: [Method; 4] = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];

const SITES: [&str; 3] = ["same-origin", "same-site", "none"];

impl Provenance {
    /// Whether it may come from there.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        match self {
            Self::Any | Self::Own => true,
            Self::Foreign | Self::Untold => false,
        }
    }
}

impl SameOrigin {
    /// Pages of these origins, and requests of which the browser says one of these things.
    #[must_use]
    pub fn new(origins: AllowedOrigins, sites: FetchSites) -> Self {
        Self { origins, sites }
    }

    /// Where `request` comes from.
    #[must_use]
    pub fn provenance(&self, request: &CheckRequest<'_>) -> Provenance {
        if SAFE.contains(&request.method) && !opens_socket(request) {
            return Provenance::Any;
        }
        let (Ok(origin), Ok(site)) = (single(request.headers, &ORIGIN), single(request.headers, &FETCH_SITE))
        else {
            return Provenance::Foreign;
        };
        let is_own = origin.is_some_and(|origin| self.origins.contain(origin))
            || site.is_some_and(|site| self.sites.contain(site));
        match (is_own, origin, site) {
            (true, _, _) => Provenance::Own,
            (false, None, None) => Provenance::Untold,
            (false, _, _) => Provenance::Foreign,
        }
    }
}

/// Whether it is a WebSocket's handshake, as far as anything of it has come through.
fn opens_socket(request: &CheckRequest<'_>) -> bool {
    let headers = request.headers;
    let is_websocket = |value: &http::HeaderValue| {
        let mut protocols = value.as_bytes().split(|&byte| byte == b',');
        protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    matches!(request.scheme, Some(Scheme::Ws | Scheme::Wss))
        || headers.contains_key(&SOCKET_VERSION)
        || headers.contains_key(&SOCKET_KEY)
        || headers.get_all(&FETCH_MODE).iter().any(|mode| mode == "websocket")
        || headers.get_all(UPGRADE).iter().any(is_websocket)
}

/// There is more than one.
struct Several;

/// The one value of a header, if it is there. Neither header can hold a comma: where there is one, a proxy joined two.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, Several> {
    let mut values = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.contains(&b',') => Ok(Some(value)),
        (None, _) => Ok(None),
        (Some(_), _) => Err(Several),
    }
}

impl AllowedOrigins {
    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what stands in an `Origin` header is one of them. `null` never is.
    #[must_use]
    pub fn contain(&self, text: &[u8]) -> bool {
        parts(text).is_some_and(|(scheme, host)| {
            let is_of = |allowed: &AllowedOrigin| {
                allowed.scheme.as_bytes().eq_ignore_ascii_case(scheme) && allowed.host.is_of(host)
            };
            self.0.iter().any(is_of)
        })
    }

    /// Whether whoever is on the network can be a page of one of them.
    #[must_use]
    pub fn trust_the_network(&self) -> bool {
        self.0.iter().any(|allowed| allowed.scheme == "http" && !allowed.host.is_loopback())
    }
}

/// The scheme of an origin as it is written (RFC 6454 §6.1) and what stands behind that, without a port that is the scheme's own.
fn parts(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = text.split_at_checked(colon)?;
    let host = rest.strip_prefix(b"://")?;
    let own: Option<&[u8]> = if scheme.eq_ignore_ascii_case(b"https") {
        host.strip_suffix(b":443")
    } else if scheme.eq_ignore_ascii_case(b"http") {
        host.strip_suffix(b":80")
    } else {
        None
    };
    Some((scheme, own.unwrap_or(host)))
}

/// Origins with commas between them; none for an empty text, and for no other.
impl FromStr for AllowedOrigins {
    type Err = AllowedOriginsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let words = text.split(',').map(str::trim);
        let origins = words.map(|word| allowed(word).ok_or_else(|| AllowedOriginsError(word.to_owned())));
        origins.collect::<Result<_, _>>().map(Self)
    }
}

fn allowed(word: &str) -> Option<AllowedOrigin> {
    let (scheme, host) = parts(word.as_bytes())?;
    // RFC 3986 §3.1. An app's own, such as capacitor, is one too.
    let is_scheme = scheme.first()?.is_ascii_alphabetic()
        && scheme.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A browser writes no port in any other way, so one that is would be of no page.
    let is_port =
        |port: &[u8]| matches!(port, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
    let is_origin = is_scheme && split_port(host).1.is_none_or(is_port);
    let [scheme, host] = [scheme, host].map(|part| std::str::from_utf8(part).ok());
    let (scheme, host) = (scheme.filter(|_| is_origin)?.to_ascii_lowercase(), host?.parse().ok()?);
    Some(AllowedOrigin { scheme, host })
}

impl FetchSites {
    fn contain(&self, site: &[u8]) -> bool {
        self.0.iter().any(|allowed| allowed.as_bytes() == site)
    }
}

/// Values with commas between them; none for an empty text.
impl FromStr for FetchSites {
    type Err = FetchSitesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let site = |word: &str| match SITES.into_iter().find(|site| *site == word) {
            Some(site) => Ok(site),
            None if word == "cross-site" => Err(FetchSitesError::Everybody),
            None => Err(FetchSitesError::Unknown(word.to_owned())),
        };
        words.map(site).collect::<Result<_, _>>().map(Self)
    }
}

/// As it is told to people.
impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "it changes nothing, so it may come from anywhere",
            Self::Own => "Origin or Sec-Fetch-Site says that a page of an allowed origin sent it",
            Self::Foreign => {
                "neither Origin nor Sec-Fetch-Site is one of those in allowed_origins and allowed_fetch_sites"
            }
            Self::Untold => "it has neither Origin nor Sec-Fetch-Site: does the proxy pass them on?",
        })
    }
}
