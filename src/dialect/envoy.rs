//! Envoy `ext_authz` over HTTP, and what is built on it: Istio, Envoy Gateway, the Gateway API's `ExternalAuth`.
//!
//! It asks in the client's own method, at `path_prefix` with the client's path and query behind it, for the client's own
//! host. Of the client's headers it sends those that `allowed_headers` names. 200 alone lets the request by. A header that is
//! left out of the answer stays as the client sent it, so those are named in `x-envoy-auth-headers-to-remove`; Envoy
//! removes after it has set, so none that is set may be among them (`source/extensions/filters/http/ext_authz`).

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::forwarded::PROTO;
use super::names::{LOGIN, REASON};
use super::original::{OriginalUrl, scheme};
use super::redirect::{self, Location};
use super::{Answer, HeaderNames, Refusal, Terms, answer, guard};
use crate::auth::{CheckRequest, Decision, Scheme};

pub(super) const PREFIX: &str = "/auth/envoy";

static TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

pub(super) fn decode<'a>(question: &'a Parts, names: &HeaderNames) -> Result<CheckRequest<'a>, Refusal> {
    let headers = &question.headers;
    guard::check(headers, &[&HOST, &PROTO, &AUTHORIZATION], names)?;
    let proto = match headers.get(&PROTO) {
        Some(proto) => Some(scheme(proto.as_bytes()).ok_or_else(|| Refusal::MalformedHeader(PROTO.clone()))?),
        None => None,
    };
    // HTTP/2 has the host in the request's own address.
    let authority = question.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = headers.get(HOST).map(HeaderValue::as_bytes).or(authority);
    let host = host.ok_or(Refusal::MissingHeader(HOST))?;
    let asked = question.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    // One literal prefix, once: what stands behind it is the client's, whatever it looks like.
    let target = asked.strip_prefix(PREFIX).unwrap_or_default().as_bytes();
    let url = OriginalUrl::of(proto.unwrap_or(Scheme::Http), host, target);
    let url = url.ok_or(Refusal::MalformedHeader(HOST))?;
    Ok(CheckRequest {
        method: question.method.clone(),
        scheme: proto,
        host: url.host,
        target: url.target,
        headers,
    })
}

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    let mut answer = decided(request, decision, terms);
    if matches!(decision, Decision::Allow(_)) {
        let mut list = String::with_capacity(1024);
        each_to_remove(answer.headers(), &terms.names, |name| {
            list.push_str(name);
            list.push(',');
        });
        list.pop();
        answer.headers_mut().extend(HeaderValue::try_from(list).ok().map(|names| (TO_REMOVE.clone(), names)));
    }
    answer
}

/// What Envoy is told however it asks.
pub(super) fn decided(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    answer::decided(decision, &terms.names, |denial| {
        redirect::answer(request, denial, terms.login.as_ref(), Location::Any)
    })
}

/// Every name that some app could take for sidegate's word and that is not among those `set`; their underscore twins too,
/// for those are never set.
pub(super) fn each_to_remove(set: &HeaderMap, names: &HeaderNames, mut remove: impl FnMut(&str)) {
    let mut twin = String::new();
    for name in names.all().chain([&REASON, &LOGIN]) {
        if !set.contains_key(name) {
            remove(name.as_str());
        }
        if name.as_str().contains('-') {
            twin.clear();
            twin.extend(name.as_str().chars().map(|letter| if letter == '-' { '_' } else { letter }));
            remove(&twin);
        }
    }
}
