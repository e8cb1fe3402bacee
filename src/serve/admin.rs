//! The operator's listener: alive, ready, counted. Never on the listener that proxies ask, so that nothing there is
//! exempt from the gate (oauth2-proxy's GHSA-5hvv-m4w4-gf6v).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;

use super::connection::Service;
use super::peers::Peer;
use super::readiness::Readiness;
use crate::cache::SessionCache;
use crate::dialect::Answer;
use crate::metrics::{Metrics, Snapshot};
use crate::store::AnyStore;

/// Answers probes and scrapes.
pub(super) struct Admin {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    cache: Arc<SessionCache>,
    store: AnyStore,
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

impl Admin {
    pub(super) fn new(
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        cache: Arc<SessionCache>,
        store: AnyStore,
    ) -> Self {
        Self { readiness, metrics, cache, store }
    }

    async fn ready(&self) -> Answer {
        match self.readiness.check().await {
            Ok(()) => page(StatusCode::OK, TEXT, "ready\n"),
            Err(reason) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {reason}\n")),
        }
    }

    fn scrape(&self) -> Answer {
        let pool = self.store.pool();
        let snapshot =
            Snapshot { cache_entries: self.cache.len(), store_busy: pool.busy, store_idle: pool.idle };
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
            _ => page(StatusCode::NOT_FOUND, TEXT, "there is /livez, /readyz and /metrics\n"),
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
