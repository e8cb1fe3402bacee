//! The client's own URL as a proxy tells it, and where to send a client that has to sign in.

use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::auth::CheckRequest;

/// The parts of an absolute URL that rules may look at. Bytes, for clients send what they like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OriginalUrl<'a> {
    pub(super) host: &'a [u8],
    /// Path and query.
    pub(super) target: &'a [u8],
}

/// RFC 3986 §2.3, unreserved: all else is escaped in a query's value.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A longer target is not worth returning to: the whole head of an answer has to fit into nginx's 4 KiB.
const RETURN_BYTES_MAX: usize = 1024;

impl<'a> OriginalUrl<'a> {
    /// Splits `scheme://host/target`; `None` if it is not of that form.
    pub(super) fn split(url: &'a [u8]) -> Option<Self> {
        if url.iter().any(u8::is_ascii_control) {
            return None;
        }
        let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"))?;
        // RFC 3986 §3.2: any of the first three ends a host. Whoever took `h?x=/admin` for a host would judge another
        // path than the one that is served.
        let end = rest.iter().position(|byte| b"/?#\\@".contains(byte))?;
        let (host, target) = rest.split_at_checked(end)?;
        (!host.is_empty() && target.starts_with(b"/")).then_some(Self { host, target })
    }
}

/// Where people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPage {
    url: HeaderValue,
    return_to: String,
}

/// Why a text cannot be a login page's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginPageError {
    /// A page that is neither on this host nor on a named one is an open door.
    #[error("it is neither a path such as /login nor an http(s) URL")]
    Form,
    /// Headers carry printable ASCII.
    #[error("it holds a space, a control character, a fragment or one outside ASCII")]
    Characters,
}

impl LoginPage {
    /// The page at `url`, which takes the place to return to in the query parameter `return_to`; none is
    /// told if that is empty.
    ///
    /// # Errors
    /// If it is no URL that a browser can be sent to.
    pub fn new(url: &str, return_to: &str) -> Result<Self, LoginPageError> {
        let is_path = url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\");
        if !is_path && !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(LoginPageError::Form);
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(LoginPageError::Characters);
        }
        let return_to = percent_encode(return_to.as_bytes(), QUERY_VALUE).to_string();
        let url = HeaderValue::from_str(url).map_err(|_| LoginPageError::Characters)?;
        Ok(Self { url, return_to })
    }

    /// The URL to which the client of `request` is sent, with the place to come back to where there is one.
    ///
    /// That place is a path on the asked host, never a URL: the host is the client's word.
    #[must_use]
    pub fn for_request(&self, request: &CheckRequest<'_>) -> HeaderValue {
        let target = request.target;
        // `//host` and `/\host` are other hosts to a browser; an unsafe request cannot be repeated by a link.
        let returns =
            matches!(target, [b'/', second, ..] if !matches!(second, b'/' | b'\\')) || target == b"/";
        let repeats = [Method::GET, Method::HEAD].contains(&request.method);
        if self.return_to.is_empty() || !returns || !repeats || target.len() > RETURN_BYTES_MAX {
            return self.url.clone();
        }
        let joint = if self.url.as_bytes().contains(&b'?') { '&' } else { '?' };
        let url = self.url.to_str().unwrap_or_default();
        let target = percent_encode(target, QUERY_VALUE);
        HeaderValue::try_from(format!("{url}{joint}{}={target}", self.return_to)).unwrap_or(self.url.clone())
    }
}
