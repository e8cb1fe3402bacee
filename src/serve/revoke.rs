//! `POST /revoke`: whoever knows the secret tells what may no longer be believed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;
use sha2::Sha256;

use crate::auth::Revocation;
use crate::cache::Generations;
use crate::clock;
use crate::dialect::Answer;
use crate::metrics::RevocationMetrics;
use crate::revocation::{Notice, Publisher, revoke_again};
use crate::secret::Secret;

/// Takes revocations.
pub struct Revoke {
    /// Of the secret.
    tag: Hmac<Sha256>,
    generations: Arc<Generations>,
    metrics: RevocationMetrics,
    publisher: Option<Publisher>,
    refused: Mutex<Refused>,
}

/// How often somebody did not know the secret, since that was last told.
#[derive(Default)]
struct Refused {
    count: u64,
    told: Option<Instant>,
}

/// Why one was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rejection {
    NotPosted,
    NoSecret,
    WrongSecret,
    NotJson,
    TooLong,
    TooSlow,
    BrokenOff,
    NotRelayed,
}

/// The code under which such revocations are counted.
const CHANNEL: &str = "push";
/// A thousand digests take half of it.
const BODY_BYTES_MAX: usize = 128 * 1024;
/// Any key will do: it is compared here and nowhere else.
const LABEL: &[u8] = b"sidegate POST /revoke";
/// Guesses are told of so often at the most.
const TELL_EVERY: Duration = Duration::from_mins(1);

impl Revoke {
    /// For those who know `secret`; what they tell is told to other replicas by `publisher`.
    #[must_use]
    pub fn new(
        secret: &Secret,
        generations: Arc<Generations>,
        metrics: RevocationMetrics,
        publisher: Option<Publisher>,
    ) -> Self {
        let tag = mac_of(secret.expose().as_bytes());
        Self { tag, generations, metrics, publisher, refused: Mutex::default() }
    }

    /// Answers one request. Its body has to come within `patience`.
    pub(super) async fn answer(&self, request: Request<Incoming>, patience: Duration) -> Answer {
        let (question, body) = request.into_parts();
        if let Err(rejection) = self.admit(&question) {
            return rejection.answer();
        }
        let body = match tokio::time::timeout(patience, Limited::new(body, BODY_BYTES_MAX).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Rejection::TooLong.answer(),
            Ok(Err(_)) => return Rejection::BrokenOff.answer(),
            Err(_) => return Rejection::TooSlow.answer(),
        };
        let notice = match Notice::read(&body) {
            Ok(notice) => notice,
            Err(error) => return explained(StatusCode::BAD_REQUEST, "bad_request", &error.to_string()),
        };
        self.take(&notice);
        match &self.publisher {
            Some(publisher) => match publisher.publish(&notice).await {
                Ok(()) => done(),
                Err(error) => {
                    tracing::warn!("what POST /revoke was told did not reach the other replicas: {error}");
                    Rejection::NotRelayed.answer()
                }
            },
            None => done(),
        }
    }

    /// Whatever can be said before the body is read.
    fn admit(&self, question: &Parts) -> Result<(), Rejection> {
        if question.method != Method::POST {
            return Err(Rejection::NotPosted);
        }
        let refusal = match bearer(&question.headers) {
            Some(secret) if self.knows(secret) => None,
            Some(_) => Some(Rejection::WrongSecret),
            None => Some(Rejection::NoSecret),
        };
        if let Some(refusal) = refusal {
            self.tell_of_refusal();
            return Err(refusal);
        }
        if !is_json(&question.headers) {
            return Err(Rejection::NotJson);
        }
        let length =
            question.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > BODY_BYTES_MAX) {
            return Err(Rejection::TooLong);
        }
        Ok(())
    }

    /// Whether it is the secret, found out in a time that says nothing of it.
    fn knows(&self, secret: &[u8]) -> bool {
        let tag = mac_of(secret).finalize().into_bytes();
        self.tag.clone().verify_slice(&tag).is_ok()
    }

    fn take(&self, notice: &Notice) {
        let now = clock::now();
        let lag = notice.at.and_then(|at| now.since(at));
        for what in &notice.what {
            self.generations.revoke(what, now);
            self.metrics.revoked(CHANNEL, what.code(), lag);
        }
        // Better Auth runs its hooks before it writes to a secondary storage what they are about (1.7.25 `updateUser`).
        let names = notice.what.iter().filter(|what| **what != Revocation::Everything);
        revoke_again(&self.generations, names.copied().collect(), now);
    }

    fn tell_of_refusal(&self) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += 1;
        if refused.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            tracing::warn!(refused = refused.count, "POST /revoke was asked without the right secret");
            *refused = Refused { count: 0, told: Some(Instant::now()) };
        }
    }
}

impl Rejection {
    fn answer(self) -> Answer {
        let (status, code, text) = match self {
            Self::NotPosted => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "only POST"),
            Self::NoSecret => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "send Authorization: Bearer with the secret")
            }
            Self::WrongSecret => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "the secret is not that in revoke_secret_file")
            }
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Content-Type is not application/json",
            ),
            Self::TooLong => {
                (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "the body is longer than 131072 bytes")
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not come in time")
            }
            Self::BrokenOff => (StatusCode::BAD_REQUEST, "bad_request", "the body broke off"),
            Self::NotRelayed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not_relayed",
                "it counts here, but revocation_redis did not take it for the other replicas: tell it again",
            ),
        };
        let mut answer = explained(status, code, text);
        match self {
            Self::NotPosted => drop(answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"))),
            Self::NoSecret => {
                // RFC 6750 §3.1: no error where nothing was tried.
                answer
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sidegate\""));
            }
            Self::WrongSecret => {
                let challenge =
                    HeaderValue::from_static("Bearer realm=\"sidegate\", error=\"invalid_token\"");
                answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            Self::NotJson | Self::TooLong | Self::TooSlow | Self::BrokenOff | Self::NotRelayed => {}
        }
        answer
    }
}

/// The one bearer of a request; `None` if there is none, or several.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, secret) = only.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| secret.trim_ascii())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn mac_of(secret: &[u8]) -> Hmac<Sha256> {
    match Hmac::<Sha256>::new_from_slice(LABEL) {
        Ok(mut mac) => {
            mac.update(secret);
            mac
        }
        Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104 §2)"),
    }
}

fn done() -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn explained(status: StatusCode, code: &str, text: &str) -> Answer {
    let body = json!({"error": code, "message": text}).to_string();
    let mut answer = Answer::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
