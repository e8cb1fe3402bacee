//! nginx `auth_request`.
//!
//! It asks with a GET of its own and all the client's headers; only what its configuration sets by `proxy_set_header`
//! is its word: `X-Original-URL` and `X-Original-Method`. It understands 2xx, 401 and 403; anything else becomes a 500
//! at the client (`ngx_http_auth_request_module.c`), which for our 503 is what fails closed.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};

use super::original::OriginalUrl;
use super::{Answer, HeaderNames, Refusal, Terms, answer, guard, redirect};
use crate::auth::{CheckRequest, Decision};

static ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
static ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");

pub(super) fn decode<'a>(question: &'a Parts, names: &HeaderNames) -> Result<CheckRequest<'a>, Refusal> {
    let headers = &question.headers;
    guard::check(headers, &[&ORIGINAL_URL, &ORIGINAL_METHOD, &AUTHORIZATION], names)?;
    let url = guard::required(headers, &ORIGINAL_URL)?;
    let method = guard::required(headers, &ORIGINAL_METHOD)?;
    let url =
        OriginalUrl::split(url.as_bytes()).ok_or_else(|| Refusal::MalformedHeader(ORIGINAL_URL.clone()))?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Refusal::MalformedHeader(ORIGINAL_METHOD.clone()))?;
    Ok(CheckRequest { method, scheme: Some(url.scheme), host: url.host, target: url.target, headers })
}

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    answer::decided(decision, &terms.names, |denial| {
        redirect::told_where(request, denial, terms.login.as_ref())
    })
}

/// 403 whatever it is: the only other status that nginx hands on is 401, and signing in would not help.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    answer::deny(StatusCode::FORBIDDEN, "refused", refusal.code())
}
