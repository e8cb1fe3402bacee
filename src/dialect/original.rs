//! The client's own URL, as a proxy tells it.

use crate::auth::Scheme;

/// The parts of an absolute URL that rules may look at. Bytes, for clients send what they like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OriginalUrl<'a> {
    pub(super) scheme: Scheme,
    pub(super) host: &'a [u8],
    /// Path and query.
    pub(super) target: &'a [u8],
}

/// RFC 3986 §3.2: any of the first three ends a host, the fourth does to browsers, and before the last one there is no
/// host at all. Whoever took `h?x=/admin` for a host would judge another path than the one that is served.
const NOT_IN_HOST: &[u8] = b"/?#\\@";

impl<'a> OriginalUrl<'a> {
    /// Splits `scheme://host/target`; `None` if it is not of that form.
    pub(super) fn split(url: &'a [u8]) -> Option<Self> {
        let (scheme, rest) = match (url.strip_prefix(b"http://"), url.strip_prefix(b"https://")) {
            (Some(rest), _) => (Scheme::Http, rest),
            (_, Some(rest)) => (Scheme::Https, rest),
            (None, None) => return None,
        };
        let end = rest.iter().position(|byte| NOT_IN_HOST.contains(byte))?;
        let (host, target) = rest.split_at_checked(end)?;
        Self::of(scheme, host, target)
    }

    /// The same from its parts.
    pub(super) fn of(scheme: Scheme, host: &'a [u8], target: &'a [u8]) -> Option<Self> {
        let is_clean = |text: &[u8]| !text.iter().any(u8::is_ascii_control);
        let is_host =
            !host.is_empty() && is_clean(host) && !host.iter().any(|byte| NOT_IN_HOST.contains(byte));
        (is_host && target.starts_with(b"/") && is_clean(target)).then_some(Self { scheme, host, target })
    }
}

/// A scheme as proxies write it.
pub(super) fn scheme(text: &[u8]) -> Option<Scheme> {
    match text {
        b"http" => Some(Scheme::Http),
        b"https" => Some(Scheme::Https),
        b"ws" => Some(Scheme::Ws),
        b"wss" => Some(Scheme::Wss),
        _ => None,
    }
}
