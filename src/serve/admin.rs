//! The operator's listener: alive, ready, counted, told of revocations, asked for public keys. Never on the listener that proxies ask, so that nothing there is
//! exempt from the gate (oauth2-proxy's GHSA-5hvv-m4w4-gf6v).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use super::connection::Service;
use super::live::Live;
use super::peers::Peer;
use super::readiness::Readiness;
use super::revoke::Revoke;
use crate::cache::{Generations, SessionCache};
use crate::dialect::Answer;
use crate::metrics::{Metrics, Snapshot};
use crate::store::AnyStore;

/// Answers probes and scrapes.
pub(super) struct Admin {
    pub(super) readiness: Arc<Readiness>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) cache: Arc<SessionCache>,
    pub(super) generations: Arc<Generations>,
    pub(super) store: AnyStore,
    pub(super) revoke: Arc<Live<Option<Revoke>>>,
    pub(super) jwks: Jwks,
    /// Longest wait for a body.
    pub(super) patience: Duration,
}

/// The public keys of this moment, if anything is signed.
pub(super) type Jwks = Box<dyn Fn() -> Option<Bytes> + Send + Sync>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// RFC 7517 §8.5.2.
const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");
/// As long as an assertion counts, so keys may be replaced at that pace (see `assertion_key_file`).
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

impl Admin {
    async fn ready(&self) -> Answer {
        match self.readiness.check().await {
            Ok(()) => page(StatusCode::OK, TEXT, "ready\n"),
            Err(reason) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {reason}\n")),
        }
    }

    fn public_keys(&self) -> Answer {
        let Some(keys) = (self.jwks)() else {
            return page(StatusCode::NOT_FOUND, TEXT, "assertion_audience is not set: nothing is signed\n");
        };
        let mut answer = page(StatusCode::OK, JWK_SET, keys);
        answer.headers_mut().insert(CACHE_CONTROL, FOR_A_MINUTE);
        answer
    }

    fn scrape(&self) -> Answer {
        let pool = self.store.pool();
        let evicted = self.generations.evicted();
        let snapshot = Snapshot {
            evictions: [
                ("token", evicted.token),
                ("session", evicted.session),
                ("user", evicted.user),
                ("everything", evicted.everything),
            ],
            cache_entries: self.cache.len(),
            store_busy: pool.busy,
            store_idle: pool.idle,
        };
        page(StatusCode::OK, OPEN_METRICS, self.metrics.encode(snapshot))
    }
}

impl Service for Admin {
    async fn answer(&self, question: &Parts, _: Peer) -> Answer {
        if question.method != Method::GET && question.method != Method::HEAD {
            let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match question.uri.path() {
            "/livez" => page(StatusCode::OK, TEXT, "alive\n"),
            "/readyz" => self.ready().await,
            "/metrics" => self.scrape(),
            "/.well-known/jwks.json" => self.public_keys(),
            _ => page(
                StatusCode::NOT_FOUND,
                TEXT,
                "there is /livez, /readyz, /metrics and /.well-known/jwks.json\n",
            ),
        }
    }

    async fn respond(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        if request.uri().path() != "/revoke" {
            let (question, _) = request.into_parts();
            return self.answer(&question, peer).await;
        }
        match &**self.revoke.now() {
            Some(revoke) => revoke.answer(request, self.patience).await,
            None => page(StatusCode::NOT_FOUND, TEXT, "revoke_secret_file is not set\n"),
        }
    }

    /// Probes come from wherever the platform has them come from.
    fn expects(&self, _: Peer) -> bool {
        true
    }
}

fn page(status: StatusCode, kind: HeaderValue, text: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
