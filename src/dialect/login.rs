//! Where to send a client that has to sign in, and where it comes back to.

use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::original::OriginalUrl;
use super::return_hosts::ReturnHosts;
use crate::auth::CheckRequest;

/// RFC 3986 §2.3, unreserved: all else is escaped in a query's value.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A longer target is not worth returning to: the whole head of an answer has to fit into nginx's 4 KiB.
const RETURN_BYTES_MAX: usize = 1024;

/// Where people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPage {
    url: String,
    return_to: String,
    return_hosts: ReturnHosts,
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
        Ok(Self { url: url.to_owned(), return_to, return_hosts: ReturnHosts::default() })
    }

    /// The same page, told whole URLs to return to on these hosts. Only a page on another host needs them.
    #[must_use]
    pub fn with_return_hosts(self, return_hosts: ReturnHosts) -> Self {
        Self { return_hosts, ..self }
    }

    /// Whether it is on a host of its own.
    #[must_use]
    pub fn names_host(&self) -> bool {
        !self.url.starts_with('/')
    }

    /// The URL to which the client of `request` is sent, with the place to come back to where there is one.
    ///
    /// That place is a path on the asked host, for the host is the client's word; it is a whole URL only where the
    /// operator named that host.
    #[must_use]
    pub fn for_request(&self, request: &CheckRequest<'_>) -> HeaderValue {
        value(self.url_for(request))
    }

    /// The same as a whole URL; `None` if that cannot be made: the page is a path, and the proxy did not tell where.
    pub(super) fn absolute_for(&self, request: &CheckRequest<'_>) -> Option<HeaderValue> {
        let url = self.url_for(request);
        if self.names_host() {
            return Some(value(url));
        }
        let (scheme, host) = (request.scheme?, std::str::from_utf8(request.host).ok()?);
        // A client that made up its own host is sent to it, and nobody else is.
        let is_authority = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        host.bytes().all(is_authority).then(|| value(format!("{}://{host}{url}", scheme.as_str())))
    }

    /// Whether it is this very page that `request` asks for.
    pub(super) fn is_asked_by(&self, request: &CheckRequest<'_>) -> bool {
        let path = |target: &[u8]| target.split(|&byte| byte == b'?').next().unwrap_or_default().to_vec();
        match OriginalUrl::split(self.url.as_bytes()) {
            Some(page) => {
                page.host.eq_ignore_ascii_case(request.host) && path(page.target) == path(request.target)
            }
            None => path(self.url.as_bytes()) == path(request.target),
        }
    }

    fn url_for(&self, request: &CheckRequest<'_>) -> String {
        let url = &self.url;
        let Some(place) = self.place(request) else { return url.clone() };
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{}={}", self.return_to, percent_encode(&place, QUERY_VALUE))
    }

    /// Where to come back to, if there is such a place.
    fn place(&self, request: &CheckRequest<'_>) -> Option<Vec<u8>> {
        let target = request.target;
        // `//host` and `/\host` are other hosts to a browser; an unsafe request cannot be repeated by a link.
        let returns =
            matches!(target, [b'/', second, ..] if !matches!(second, b'/' | b'\\')) || target == b"/";
        let repeats = [Method::GET, Method::HEAD].contains(&request.method);
        if self.return_to.is_empty() || !returns || !repeats || target.len() > RETURN_BYTES_MAX {
            return None;
        }
        Some(match request.scheme {
            Some(scheme) if self.names_host() && self.return_hosts.contain(request.host) => {
                [scheme.as_str().as_bytes(), b"://", request.host, target].concat()
            }
            _ => target.to_vec(),
        })
    }
}

/// Printable ASCII all through, so it is one.
fn value(url: String) -> HeaderValue {
    HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static("/"))
}
