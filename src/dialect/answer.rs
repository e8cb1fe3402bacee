//! Answers as all dialects give them: identity headers, the small JSON body of a denial.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::Full;

use super::names::REASON;
use super::{Answer, HeaderNames, Refusal};
use crate::auth::{Decision, Denial, Grant};

/// Room for every header of an allowing answer without growing: `HeaderMap` makes it twelve.
const HEADERS: usize = 8;

/// The answer to a decision; `unauthenticated` is the caller's own way with whoever is not signed in.
pub(super) fn decided(
    decision: &Decision,
    names: &HeaderNames,
    unauthenticated: impl FnOnce(Denial) -> Answer,
) -> Answer {
    match decision {
        Decision::Allow(grant) => allow(grant, names),
        Decision::Unauthenticated(denial) => {
            let mut answer = unauthenticated(*denial);
            answer.headers_mut().extend(challenge(*denial).map(|challenge| (WWW_AUTHENTICATE, challenge)));
            answer
        }
        Decision::Forbidden(denial) => deny(StatusCode::FORBIDDEN, "forbidden", denial.code()),
        Decision::Unavailable => unavailable(),
    }
}

/// That a newer sign-in would help, and how new it has to be: RFC 9470 §3.
fn challenge(denial: Denial) -> Option<HeaderValue> {
    let Denial::NotFresh(max) = denial else { return None };
    let challenge = format!(
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"a more recent sign-in is required\", max_age=\"{}\"",
        max.as_secs()
    );
    HeaderValue::try_from(challenge).ok()
}

/// 200 with the identity and no body: Envoy takes nothing else for a pass.
pub(super) fn allow(grant: &Grant, names: &HeaderNames) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(names.status(), HeaderValue::from_static(status(grant)));
    for (field, value) in grant.identity().fields() {
        if let Some(name) = names.of(field) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(assertion) = grant.assertion() {
        headers.insert(names.assertion(), assertion.clone());
    }
    if let Some(age) = grant.stale_for() {
        let freshness = HeaderValue::try_from(format!("stale; age={}", age.as_secs()));
        headers.extend(freshness.ok().map(|freshness| (names.freshness().clone(), freshness)));
    }
    answer
}

/// A statement of its own, because what is missing says nothing: any field may be without a value.
pub(super) fn status(grant: &Grant) -> &'static str {
    if grant.session().is_some() { "user" } else { "anonymous" }
}

/// The answer to what is not a question of the caller's form.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::UntrustedPeer | Refusal::UnknownPolicy => StatusCode::FORBIDDEN,
        Refusal::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Refusal::MissingHeader(_)
        | Refusal::DuplicateHeader(_)
        | Refusal::TwinHeader(_)
        | Refusal::MalformedHeader(_)
        | Refusal::MissingAttribute(_)
        | Refusal::MalformedAttribute(_)
        | Refusal::Ambiguous(_)
        | Refusal::Method => StatusCode::BAD_REQUEST,
    };
    deny(status, "refused", refusal.code())
}

/// A denial: `error` says what to do, `reason` is the stable code of why.
pub(super) fn deny(status: StatusCode, error: &str, reason: &'static str) -> Answer {
    let body = format!(r#"{{"error":"{error}","reason":"{reason}"}}"#);
    let mut answer = empty(status);
    *answer.body_mut() = Full::new(Bytes::from(body));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(&REASON, HeaderValue::from_static(reason));
    answer
}

/// 503: the store cannot be asked, and a second later it may be.
pub(super) fn unavailable() -> Answer {
    let mut answer = deny(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "store_unavailable");
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// 404: no dialect is spoken at that path.
#[must_use]
pub fn not_found() -> Answer {
    deny(StatusCode::NOT_FOUND, "not_found", "no_such_endpoint")
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *answer.headers_mut() = headers;
    answer
}
