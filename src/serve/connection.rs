//! One connection: HTTP on it, its limits, what ends it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Marked, Patience, Watch};
use super::peers::Peer;
use crate::dialect::Answer;

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; the next ones wait in the operating system's queue.
    pub connections: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time from the first byte of a head to its last.
    pub header_read_timeout: Duration,
    /// Time between an answer and the next request.
    pub idle_timeout: Duration,
}

/// What is served on a listener.
pub(super) trait Service: Send + Sync + 'static {
    /// Answers a request, of which no body is ever read.
    fn answer(&self, question: &Parts, peer: Peer) -> impl Future<Output = Answer> + Send;

    /// Answers a request whose body may have to be read. Dropped unread, it has hyper close the connection after the answer.
    fn respond(&self, request: http::Request<Incoming>, peer: Peer) -> impl Future<Output = Answer> + Send {
        async move {
            let (question, _) = request.into_parts();
            self.answer(&question, peer).await
        }
    }

    /// Whether a peer is one of those for whom the places are meant.
    fn expects(&self, peer: Peer) -> bool;
}

/// hyper keeps up to this many headers on the stack; only another limit costs an allocation a request.
const HEADERS_ON_STACK: usize = 100;
/// Probes and scrapes of one operator are few.
const ADMIN_CONNECTIONS: usize = 64;

impl Limits {
    pub(super) fn for_admin(self) -> Self {
        Self { connections: ADMIN_CONNECTIONS, ..self }
    }

    pub(super) fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        // `activity` does what hyper's one timer cannot.
        http.header_read_timeout(None).max_header_size(self.header_bytes).max_buf_size(self.header_bytes);
        if self.headers != HEADERS_ON_STACK {
            http.max_headers(self.headers);
        }
        http
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { head: self.header_read_timeout, idle: self.idle_timeout }
    }
}

/// Serves one connection until it ends, breaks, keeps us waiting for too long, or `drain` asks it to end.
pub(super) async fn serve_one<T, S>(
    stream: T,
    peer: Peer,
    service: Arc<S>,
    http: http1::Builder,
    patience: Patience,
    drain: Watcher,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let activity = Activity::default();
    let watch = Watch::new(activity.clone(), patience);
    let io = TokioIo::new(Marked::new(stream, activity.clone()));
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (service, activity) = (Arc::clone(&service), activity.clone());
        async move {
            activity.answering();
            let answer = service.respond(request, peer).await;
            activity.answered();
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = drain.watch(http.serve_connection(io, answer));
    tokio::select! {
        // The connection first, always: to draw lots for each wake-up costs more than to look at the watch.
        biased;
        ended = connection => {
            // Malformed requests and broken connections are the peer's doing and told at debug alone.
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        }
        () = watch.tired() => tracing::debug!("connection closed: it kept us waiting"),
    }
}
