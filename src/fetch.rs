//! A small HTTP client for asking Better Auth: bounded in time, in size and in connections.
//!
//! Keeps connections, and nothing else: no cookies, no redirects followed, no proxy taken from the environment. Its
//! errors name neither URLs nor what was sent.

mod error;
mod roots;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

pub use self::error::FetchError;
pub use self::roots::{Roots, RootsError};

/// What a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most questions at once, and so most connections.
    pub connections: u32,
    /// Longest wait for one of these to be free, and for a new one to be made.
    pub connect_timeout: Duration,
    /// Longest wait for an answer, from its first byte to its last.
    pub timeout: Duration,
}

/// Connections to servers, shared by its clones.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    free: Arc<Semaphore>,
    bounds: Bounds,
}

/// Whether a question may be put again if its connection broke before there was an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once: asking twice changes nothing, and a connection that was kept may have been closed just now.
    Once,
    /// Not at all: each time counts.
    Never,
}

/// Longest body that is read. Better Auth's answers are a few kilobytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Node closes a connection that was idle for 5 s: let go of it first.
const IDLE: Duration = Duration::from_secs(4);

impl Client {
    /// A client that trusts `roots` where a URL begins with https.
    #[must_use]
    pub fn new(bounds: Bounds, roots: &Roots) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(bounds.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(roots.config())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let connections = usize::try_from(bounds.connections).unwrap_or(Semaphore::MAX_PERMITS);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(connections)
            .build(connector);
        Self { inner, free: Arc::new(Semaphore::new(connections)), bounds }
    }

    /// The whole answer to `question`, whatever its status.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(&self, question: Request<()>, repeat: Repeat) -> Result<Response<Bytes>, FetchError> {
        let waiting = tokio::time::timeout(self.bounds.connect_timeout, self.free.acquire());
        let Ok(Ok(_permit)) = waiting.await else {
            return Err(FetchError::Busy(self.bounds.connect_timeout));
        };
        let longest = self.bounds.connect_timeout.saturating_add(self.bounds.timeout);
        let question = question.map(|()| Empty::new());
        match tokio::time::timeout(longest, self.attempts(question, repeat)).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout(longest)),
        }
    }

    async fn attempts(
        &self,
        question: Request<Empty<Bytes>>,
        repeat: Repeat,
    ) -> Result<Response<Bytes>, FetchError> {
        let again = question.clone();
        match self.attempt(question).await {
            Err(error)
                if error.is_broken_off() && repeat == Repeat::Once && again.method() == Method::GET =>
            {
                self.attempt(again).await
            }
            answer => answer,
        }
    }

    async fn attempt(&self, question: Request<Empty<Bytes>>) -> Result<Response<Bytes>, FetchError> {
        let answer = self.inner.request(question).await.map_err(|error| FetchError::of(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| FetchError::of_body(error.as_ref(), BODY_BYTES_MAX))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// How many questions are under way.
    #[must_use]
    pub fn busy(&self) -> usize {
        let connections = usize::try_from(self.bounds.connections).unwrap_or(Semaphore::MAX_PERMITS);
        connections.saturating_sub(self.free.available_permits())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
