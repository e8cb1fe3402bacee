//! The listener that callers ask: HTTP requests to a dialect's path, and over HTTP/2 calls besides.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::connection::{Limits, Service};
use super::front::Front;
use super::grpc::{self, Failure, Reply};
use super::health;
use super::live::Live;
use super::peers::Peer;
use super::readiness::Readiness;
use crate::dialect::{Answer, Dialect, Refusal};
use crate::store::SessionStore;

/// Answers whoever asks there.
pub(super) struct Callers<S> {
    front: Arc<Live<Front<S>>>,
    readiness: Arc<Readiness>,
    limits: Limits,
}

/// A method that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Check,
    Health,
    WatchHealth,
}

impl Method {
    fn at(path: &str) -> Option<Self> {
        match path {
            health::CHECK => Some(Self::Health),
            health::WATCH => Some(Self::WatchHealth),
            _ => (path == Dialect::EnvoyGrpc.path()).then_some(Self::Check),
        }
    }
}

impl<S: SessionStore> Callers<S> {
    pub(super) fn new(front: Arc<Live<Front<S>>>, readiness: Arc<Readiness>, limits: Limits) -> Self {
        Self { front, readiness, limits }
    }

    async fn call(&self, method: Method, body: Incoming, peer: Peer) -> Response<Reply> {
        let patience = self.limits.header_read_timeout;
        match method {
            Method::Check => self.check(body, patience, peer).await,
            Method::Health => health::check(&self.readiness, body, patience).await,
            Method::WatchHealth => health::watch(&self.readiness, body, patience).await,
        }
    }

    /// Envoy's question. Whatever a client can make of it is answered by a denial: see `dialect::EnvoyCheck`.
    async fn check(&self, body: Incoming, patience: Duration, peer: Peer) -> Response<Reply> {
        let front = self.front.now();
        let message = if front.trusts(peer) {
            match grpc::message(body, self.limits.message_bytes(), patience).await {
                Ok(message) => Ok(message),
                Err(Failure::TooLarge) => Err(Refusal::TooLarge),
                Err(failure) => return failure.reply(),
            }
        } else {
            // What a stranger says is not even read.
            Err(Refusal::UntrustedPeer)
        };
        grpc::answered(&front.check(message, peer).await)
    }
}

impl<S: SessionStore> Service for Callers<S> {
    async fn answer(&self, question: &Parts, peer: Peer) -> Answer {
        self.front.now().answer(question, peer).await
    }

    async fn converse(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let path = request.uri().path();
        let is_call = grpc::is_call(&request);
        match Method::at(path) {
            Some(method) if is_call => self.call(method, request.into_body(), peer).await,
            Some(_) => grpc::not_a_call(),
            // A client's own call may be what is asked about: Envoy passes its method and headers on.
            None if is_call && Dialect::at(path).is_none() => Failure::NoSuchMethod.reply(),
            None => {
                let (question, _) = request.into_parts();
                self.answer(&question, peer).await.map(BodyExt::boxed_unsync)
            }
        }
    }

    fn expects(&self, peer: Peer) -> bool {
        self.front.now().trusts(peer)
    }
}
