//! `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`: how Traefik and Caddy tell what a client asked for, and how our
//! HAProxy configuration does.
//!
//! Each of them is written by the proxy itself, over whatever the client sent (`PLATFORM.md` §1a), so each has to be
//! there: what a client could write in the place of a missing one must not count. `X-Forwarded-Prefix`, `-Port`,
//! `-Server` and `Forwarded`, which a client's own may survive, mean nothing here.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, Method};

use super::original::{OriginalUrl, scheme};
use super::{HeaderNames, Refusal, guard};
use crate::auth::CheckRequest;

static METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
pub(super) static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

pub(super) fn decode<'a>(question: &'a Parts, names: &HeaderNames) -> Result<CheckRequest<'a>, Refusal> {
    let headers = &question.headers;
    guard::check(headers, &[&METHOD, &PROTO, &HOST, &URI, &AUTHORIZATION], names)?;
    let method = guard::required(headers, &METHOD)?;
    let proto = guard::required(headers, &PROTO)?;
    let host = guard::required(headers, &HOST)?.as_bytes();
    let target = guard::required(headers, &URI)?.as_bytes();
    let malformed = |name: &HeaderName| Refusal::MalformedHeader(name.clone());
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| malformed(&METHOD))?;
    let scheme = scheme(proto.as_bytes()).ok_or_else(|| malformed(&PROTO))?;
    // A list would be two proxies' words, of which a client may have written the first.
    if OriginalUrl::of(scheme, host, b"/").is_none() || host.contains(&b',') {
        return Err(malformed(&HOST));
    }
    let url = OriginalUrl::of(scheme, host, target).ok_or_else(|| malformed(&URI))?;
    Ok(CheckRequest { method, scheme: Some(url.scheme), host: url.host, target: url.target, headers })
}
