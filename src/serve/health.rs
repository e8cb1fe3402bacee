//! `grpc.health.v1.Health`: `/readyz` for those who ask by gRPC, and who may not reach the other listener.
//!
//! It tells anybody, for probes come from wherever the platform has them come from, and it tells nothing else. Source: grpc
//! `doc/health-checking.md`, `src/proto/grpc/health/v1/health.proto`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use hyper::body::Incoming;
use prost::Message;

use super::grpc::{self, Failure, Reply};
use super::readiness::{PROBE_AGE, Readiness};

pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(super) const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// The one service whose health is told.
const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";

/// The name of a service is shorter.
const MESSAGE_BYTES: usize = 1024;

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(bytes = "bytes", tag = "1")]
    service: Bytes,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

/// `grpc.health.v1.HealthCheckResponse.ServingStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// Answers one question.
pub(super) async fn check(readiness: &Readiness, body: Incoming, patience: Duration) -> Response<Reply> {
    match asked(body, patience).await {
        Ok(true) => grpc::answered(&HealthCheckResponse { status: status(readiness).await.into() }),
        Ok(false) => Failure::NoSuchService.reply(),
        Err(failure) => failure.reply(),
    }
}

/// Answers at once, and again whenever the answer is another one, until draining begins.
pub(super) async fn watch(readiness: &Arc<Readiness>, body: Incoming, patience: Duration) -> Response<Reply> {
    let is_known = match asked(body, patience).await {
        Ok(is_known) => is_known,
        Err(failure) => return failure.reply(),
    };
    let (stream, reply) = grpc::streamed();
    let readiness = Arc::clone(readiness);
    tokio::spawn(async move {
        let mut told = None;
        loop {
            let status = if is_known { status(&readiness).await } else { ServingStatus::ServiceUnknown };
            if told != Some(status) && !stream.send(&HealthCheckResponse { status: status.into() }).await {
                return;
            }
            told = Some(status);
            if readiness.is_draining() {
                break;
            }
            tokio::select! {
                () = stream.closed() => return,
                () = readiness.drained() => {}
                // All who watch share one answer of that age, so it is no use to look more often.
                () = tokio::time::sleep(PROBE_AGE) => {}
            }
        }
        stream.fail(Failure::Draining).await;
    });
    reply
}

/// Whether the service that is asked about is one of those here.
async fn asked(body: Incoming, patience: Duration) -> Result<bool, Failure> {
    let message = grpc::message(body, MESSAGE_BYTES, patience).await?;
    let request = HealthCheckRequest::decode(message).map_err(|_| Failure::Malformed)?;
    // Without a name it is about all of them.
    Ok(request.service.is_empty() || request.service == AUTHORIZATION)
}

async fn status(readiness: &Readiness) -> ServingStatus {
    match readiness.check().await {
        Ok(()) => ServingStatus::Serving,
        Err(_) => ServingStatus::NotServing,
    }
}
