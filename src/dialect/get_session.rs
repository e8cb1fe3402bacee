//! Better Auth's own get-session, for apps that call it today: the same JSON, from here.
//!
//! The app sends on the headers of its client, so nothing in them but the credential is believed or read. Source:
//! better-auth 1.7.25 `api/routes/session`; the answers are compared byte for byte in `tests/e2e/test_get_session.py`.

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, PRAGMA};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;

use super::names::REASON;
use super::{Answer, Refusal, answer, guard};
use crate::auth::{ActiveSession, CheckRequest, Decision};

const NULL: Bytes = Bytes::from_static(b"null");

pub(super) fn decode(question: &Parts) -> Result<CheckRequest<'_>, Refusal> {
    let headers = &question.headers;
    if question.method != Method::GET {
        return Err(Refusal::Method);
    }
    guard::single(headers, &[&AUTHORIZATION])?;
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let target = question.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).as_bytes();
    Ok(CheckRequest { method: Method::GET, scheme: None, host, target, headers })
}

/// Who is not signed in gets `null` and 200, as Better Auth has it; whoever is not let in has no session either.
pub(super) fn encode(decision: &Decision) -> Answer {
    match decision {
        Decision::Allow(grant) => match grant.session().and_then(ActiveSession::body) {
            Some(body) => json(body.json()),
            // A session of which the store was not asked to keep the answer, or a credential that is no session.
            None => json(NULL),
        },
        Decision::Unauthenticated(denial) | Decision::Forbidden(denial) => {
            let mut answer = json(NULL);
            answer.headers_mut().insert(&REASON, HeaderValue::from_static(denial.code()));
            answer
        }
        Decision::Unavailable => answer::unavailable(),
    }
}

/// As other apps' callers are refused; a method that is not answered, as HTTP has it.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    if *refusal == Refusal::Method {
        let mut answer = answer::deny(StatusCode::METHOD_NOT_ALLOWED, "refused", refusal.code());
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    answer::deny(StatusCode::FORBIDDEN, "refused", refusal.code())
}

fn json(text: Bytes) -> Answer {
    let mut answer = answer::empty(StatusCode::OK);
    *answer.body_mut() = Full::new(text);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}
