//! One connection: which HTTP is on it, its limits, what ends it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Answering, Patience, Watch};
use super::drain::Draining;
use super::grpc::Reply;
use super::peers::Peer;
use super::stream::{Marked, Version};
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

    /// Answers what came over HTTP/2: by that, unless it is a call.
    fn converse(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Reply>> + Send {
        async move {
            let (question, _) = request.into_parts();
            self.answer(&question, peer).await.map(BodyExt::boxed_unsync)
        }
    }

    /// Whether a peer is one of those for whom the places are meant.
    fn expects(&self, peer: Peer) -> bool;
}

/// How each version is spoken.
#[derive(Clone)]
pub(super) struct Http {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// hyper keeps up to this many headers on the stack; only another limit costs an allocation a request.
const HEADERS_ON_STACK: usize = 100;
/// Probes and scrapes of one operator are few.
const ADMIN_CONNECTIONS: usize = 64;
/// Requests at once on one HTTP/2 connection. Whoever has more of them waits, or opens another (Envoy does).
const STREAMS: u32 = 256;

impl Limits {
    pub(super) fn for_admin(self) -> Self {
        Self { connections: ADMIN_CONNECTIONS, ..self }
    }

    pub(super) fn http(&self) -> Http {
        let mut http1 = http1::Builder::new();
        // `activity` does what hyper's one timer cannot.
        http1.header_read_timeout(None).max_header_size(self.header_bytes).max_buf_size(self.header_bytes);
        if self.headers != HEADERS_ON_STACK {
            http1.max_headers(self.headers);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(self.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS)
            // A proxy's connection is that of all its clients: those who break off must not end it for the others.
            .max_pending_accept_reset_streams(usize::try_from(STREAMS).ok())
            // An idle connection is ended before that. One with an answer that goes on and on is asked whether there is
            // still somebody.
            .keep_alive_interval(self.idle_timeout.saturating_mul(2))
            .keep_alive_timeout(self.idle_timeout);
        Http { http1, http2 }
    }

    /// Bytes of a message: all the headers that a request may have, and what is told besides.
    pub(super) fn message_bytes(&self) -> usize {
        self.header_bytes.saturating_mul(2)
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { head: self.header_read_timeout, idle: self.idle_timeout }
    }
}

/// Serves one connection until it ends, breaks, keeps us waiting for too long, or is asked to end.
pub(super) async fn serve_one<T, S>(
    stream: T,
    peer: Peer,
    service: Arc<S>,
    http: Http,
    patience: Patience,
    mut draining: Draining,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let activity = Activity::default();
    let mut tired = pin!(Watch::new(activity.clone(), patience).tired());
    let mut stream = Marked::new(stream, activity.clone());
    // What is served first, always: to draw lots for each wake-up costs more than to look at the rest.
    let version = tokio::select! {
        biased;
        version = stream.version() => version,
        // Nothing has been asked yet.
        () = draining.asked() => return,
        () = tired.as_mut() => return,
    };
    let stream = TokioIo::new(stream);
    let ended = match version {
        Ok(None) | Err(_) => return,
        Ok(Some(Version::Http1)) => {
            let answer = service_fn(move |request: Request<Incoming>| {
                let (service, activity) = (Arc::clone(&service), activity.clone());
                async move {
                    activity.answering();
                    // The body is dropped unread. If there is one, hyper closes the connection after the answer.
                    let (question, _) = request.into_parts();
                    let answer = service.answer(&question, peer).await;
                    activity.answered();
                    Ok::<_, Infallible>(answer)
                }
            });
            tokio::select! {
                biased;
                ended = draining.serve(http.http1.serve_connection(stream, answer)) => ended,
                () = tired => return tracing::debug!("connection closed: it kept us waiting"),
            }
        }
        Ok(Some(Version::Http2)) => {
            activity.shared();
            let answer = service_fn(move |request: Request<Incoming>| {
                let (service, answering) = (Arc::clone(&service), activity.stream());
                async move {
                    let reply = service.converse(request, peer).await;
                    Ok::<_, Infallible>(reply.map(|body| Held { body, _answering: answering }))
                }
            });
            let connection = http.http2.serve_connection(stream, answer);
            draining.serve_until(tired, patience.head, connection).await
        }
    };
    // Malformed requests and broken connections are the peer's doing and told at debug alone.
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// A body until the end of which its stream is being answered.
struct Held {
    body: Reply,
    _answering: Answering,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
