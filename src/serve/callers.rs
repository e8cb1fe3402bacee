//! The listener that callers ask: HTTP requests to a dialect's path, and over HTTP/2 calls besides.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::connection::{Limits, Service};
use super::front::Front;
use super::grpc::{self, Failure, Reply};
use super::peers::Peer;
use crate::dialect::{Answer, Dialect, Refusal};
use crate::store::SessionStore;

/// Answers whoever asks there.
pub(super) struct Callers<S> {
    front: Arc<Front<S>>,
    limits: Limits,
}

impl<S: SessionStore> Callers<S> {
    pub(super) fn new(front: Arc<Front<S>>, limits: Limits) -> Self {
        Self { front, limits }
    }

    /// Envoy's question. Whatever a client can make of it is answered by a denial: see `dialect::EnvoyCheck`.
    async fn check(&self, body: Incoming, peer: Peer) -> Response<Reply> {
        let message = if self.expects(peer) {
            grpc::message(body, self.limits.message_bytes(), self.limits.header_read_timeout).await
        } else {
            // Not even read: the answer is known.
            Ok(Bytes::new())
        };
        let message = match message {
            Ok(message) => Ok(message),
            Err(Failure::TooLarge) => Err(Refusal::TooLarge),
            Err(failure) => return failure.reply(),
        };
        grpc::answered(&self.front.check(message, peer).await)
    }
}

impl<S: SessionStore> Service for Callers<S> {
    async fn answer(&self, question: &Parts, peer: Peer) -> Answer {
        self.front.answer(question, peer).await
    }

    async fn converse(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let path = request.uri().path();
        let is_call = grpc::is_call(&request);
        let is_check = path == Dialect::EnvoyGrpc.path();
        // A client's own call may be what is asked about: Envoy passes its method and headers on.
        if Dialect::at(path).is_some() || !(is_call || is_check) {
            let (question, _) = request.into_parts();
            return self.front.answer(&question, peer).await.map(BodyExt::boxed_unsync);
        }
        match (is_check, is_call) {
            (true, true) => self.check(request.into_body(), peer).await,
            (true, false) => grpc::not_a_call(),
            (false, _) => Failure::NoSuchMethod.reply(),
        }
    }

    fn expects(&self, peer: Peer) -> bool {
        self.front.trusts(peer)
    }
}
