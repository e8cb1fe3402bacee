//! nginx `auth_request`.
//!
//! It asks with a GET of its own and all the client's headers; only what its configuration sets by `proxy_set_header`
//! is its word: `X-Original-URL` and `X-Original-Method`. It understands 2xx, 401 and 403; anything else becomes a 500
//! at the client (`ngx_http_auth_request_module.c`), which for our 503 is what fails closed.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};

use super::answer;
use super::guard;
use super::original::OriginalUrl;
use super::{Answer, LoginPage, Refusal};
use crate::auth::{CheckRequest, Decision};

static ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
static ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
/// nginx cannot relay a redirect: it is told where to, and redirects by itself.
static LOGIN: HeaderName = HeaderName::from_static("x-auth-login");

pub(super) fn decode(question: &Parts) -> Result<CheckRequest<'_>, Refusal> {
    let headers = &question.headers;
    guard::check(headers, &[&ORIGINAL_URL, &ORIGINAL_METHOD, &AUTHORIZATION])?;
    let url = guard::required(headers, &ORIGINAL_URL)?;
    let method = guard::required(headers, &ORIGINAL_METHOD)?;
    let url =
        OriginalUrl::split(url.as_bytes()).ok_or_else(|| Refusal::MalformedHeader(ORIGINAL_URL.clone()))?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Refusal::MalformedHeader(ORIGINAL_METHOD.clone()))?;
    Ok(CheckRequest { method, host: url.host, target: url.target, headers })
}

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, login: Option<&LoginPage>) -> Answer {
    match decision {
        Decision::Allow(grant) => answer::allow(grant),
        Decision::Unauthenticated(denial) => {
            let mut answer = answer::deny(StatusCode::UNAUTHORIZED, "unauthenticated", denial.code());
            if let Some(login) = login {
                answer.headers_mut().insert(&LOGIN, login.for_request(request));
            }
            answer
        }
        Decision::Forbidden(denial) => answer::deny(StatusCode::FORBIDDEN, "forbidden", denial.code()),
        Decision::Unavailable => answer::unavailable(),
    }
}

pub(super) fn refuse(refusal: &Refusal) -> Answer {
    answer::deny(StatusCode::FORBIDDEN, "refused", refusal.code())
}
