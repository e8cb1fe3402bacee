//! Accepting connections and keeping each within its limits.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::{Activity, Marked, Patience, Watch};
use super::listener::{Accept, Bound};
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

/// What is served on a listener. It never sees a body: none is ever read.
pub(super) trait Service: Send + Sync + 'static {
    fn answer(&self, question: &Parts, peer: Peer) -> impl Future<Output = Answer> + Send;
}

/// hyper keeps up to this many headers on the stack; only another limit costs an allocation a request.
pub(crate) const HEADERS_ON_STACK: usize = 100;
/// Probes and scrapes of one operator are few.
const ADMIN_CONNECTIONS: usize = 64;
/// Descriptors may be free again after this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Limits {
    pub(super) fn for_admin(self) -> Self {
        Self { connections: ADMIN_CONNECTIONS, ..self }
    }

    fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        // `activity` does what hyper's one timer cannot.
        http.header_read_timeout(None).max_buf_size(self.header_bytes);
        if self.headers != HEADERS_ON_STACK {
            http.max_headers(self.headers);
        }
        http
    }
}

/// Serves every connection that `bound` takes until `stop`, each in a task of its own: a panic or a bad request ends
/// that one alone. Connections still open afterwards are `drain`'s.
pub(super) async fn serve_all<S: Service>(
    bound: Bound,
    service: &Arc<S>,
    limits: &Limits,
    drain: &GracefulShutdown,
    open: Option<&Gauge>,
    stop: impl Future<Output = ()>,
) {
    let accepting = async {
        match bound {
            Bound::Tcp(listener) => accept_all(&listener, service, limits, drain, open).await,
            Bound::Unix(listener, _file) => accept_all(&listener, service, limits, drain, open).await,
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
}

async fn accept_all<L: Accept, S: Service>(
    listener: &L,
    service: &Arc<S>,
    limits: &Limits,
    drain: &GracefulShutdown,
    open: Option<&Gauge>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let http = limits.http();
    let patience = Patience { head: limits.header_read_timeout, idle: limits.idle_timeout };
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let opened = Opened::new(place, open.cloned());
                let connection =
                    serve_one(stream, peer, Arc::clone(service), http.clone(), patience, drain.watcher());
                tokio::spawn(async move {
                    connection.await;
                    drop(opened);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // The connection's own error is over with it; a lack of descriptors would make this a busy loop.
                if !is_of_connection(&error) {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve_one<T, S>(
    stream: T,
    peer: Peer,
    service: Arc<S>,
    http: http1::Builder,
    patience: Patience,
    drain: Watcher,
) where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let activity = Activity::default();
    let watch = Watch::new(activity.clone(), patience);
    let io = TokioIo::new(Marked::new(stream, activity.clone()));
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (service, activity) = (Arc::clone(&service), activity.clone());
        async move {
            activity.answering();
            // The body is dropped unread. If there is one, hyper closes the connection after the answer.
            let (question, _) = request.into_parts();
            let answer = service.answer(&question, peer).await;
            activity.answered();
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = drain.watch(http.serve_connection(io, answer));
    tokio::select! {
        ended = connection => {
            // Malformed requests and broken connections are the peer's doing and told at debug alone.
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        }
        () = watch.tired() => tracing::debug!("connection closed: it kept us waiting"),
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// A connection's place among the allowed ones, given back however the connection ends.
struct Opened {
    _place: OwnedSemaphorePermit,
    open: Option<Gauge>,
}

impl Opened {
    fn new(place: OwnedSemaphorePermit, open: Option<Gauge>) -> Self {
        open.as_ref().map(Gauge::inc);
        Self { _place: place, open }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.open.as_ref().map(Gauge::dec);
    }
}
