//! gRPC on HTTP/2, as far as calls need it that are one message long: a message in a frame of its own, statuses in trailers.
//!
//! Source: grpc `doc/PROTOCOL-HTTP2.md` and `doc/compression.md`. No message is taken or sent compressed. A deadline
//! (`grpc-timeout`) means nothing here: `store_timeout` is shorter than any that makes sense.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use prost::Message;
use tokio::sync::mpsc;

/// The body of any answer over HTTP/2.
pub(super) type Reply = UnsyncBoxBody<Bytes, Infallible>;

/// Why a call is not answered by a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The message is longer than any that has to be read.
    TooLarge,
    /// It is compressed.
    Compressed,
    /// It is not one message, or none of that kind.
    Malformed,
    /// It did not come in time.
    Slow,
    /// There is no such method.
    NoSuchMethod,
    /// There is nothing of that name to tell the health of.
    NoSuchService,
    /// This process is about to end.
    Draining,
}

static STATUS: HeaderName = HeaderName::from_static("grpc-status");
static MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
static ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

const KIND: HeaderValue = HeaderValue::from_static("application/grpc");

/// A flag and four bytes of length.
const PREFIX: usize = 5;

impl Failure {
    /// Number (grpc `doc/statuscodes.md`) and text; plain ASCII, so that nothing is to be escaped.
    const fn status(self) -> (&'static str, &'static str) {
        match self {
            Self::Slow => ("4", "the message did not come in time"),
            Self::NoSuchService => ("5", "no such service"),
            Self::TooLarge => ("8", "the message is too long"),
            Self::Compressed => ("12", "messages are not taken compressed"),
            Self::NoSuchMethod => ("12", "no such method"),
            Self::Malformed => ("13", "that is not one message of the expected kind"),
            Self::Draining => ("14", "draining"),
        }
    }

    fn trailers(self) -> HeaderMap {
        let (code, text) = self.status();
        let status = (STATUS.clone(), HeaderValue::from_static(code));
        HeaderMap::from_iter([status, (MESSAGE.clone(), HeaderValue::from_static(text))])
    }

    /// The answer that has nothing but this.
    pub(super) fn reply(self) -> Response<Reply> {
        let mut reply = reply(Full::default().boxed_unsync());
        reply.headers_mut().extend(self.trailers());
        reply.headers_mut().insert(&ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        reply
    }
}

/// Whether a request is a call, of whichever method.
pub(super) fn is_call<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let format = kind.and_then(|kind| kind.strip_prefix("application/grpc"));
    let is_proto = format.is_some_and(|format| matches!(format.split(';').next(), Some("" | "+proto")));
    is_proto && request.method() == Method::POST
}

/// The answer where a method is asked for and not called.
pub(super) fn not_a_call() -> Response<Reply> {
    let mut reply = Response::new(Full::default().boxed_unsync());
    *reply.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    reply
}

/// The one message of a call, of at most `limit` bytes, unless it takes longer than `patience` to come.
pub(super) async fn message(body: Incoming, limit: usize, patience: Duration) -> Result<Bytes, Failure> {
    tokio::time::timeout(patience, one(body, limit)).await.unwrap_or(Err(Failure::Slow))
}

async fn one(mut body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let mut received = BytesMut::new();
    let mut end = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Malformed)?;
        let Ok(data) = frame.into_data() else { continue };
        received.extend_from_slice(&data);
        // Refused as soon as the prefix says so, whatever would follow.
        if let (None, Some(&[flag, ref length @ ..])) = (end, received.first_chunk::<PREFIX>()) {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            match flag {
                0 if length <= limit => end = Some(PREFIX + length),
                0 => return Err(Failure::TooLarge),
                1 => return Err(Failure::Compressed),
                _ => return Err(Failure::Malformed),
            }
        }
        if end.is_some_and(|end| received.len() > end) {
            return Err(Failure::Malformed);
        }
    }
    if end != Some(received.len()) {
        return Err(Failure::Malformed);
    }
    Ok(received.freeze().slice(PREFIX..))
}

/// The answer to a call: a message, and that all is well.
pub(super) fn answered(message: &impl Message) -> Response<Reply> {
    let trailers = HeaderMap::from_iter([(STATUS.clone(), HeaderValue::from_static("0"))]);
    reply(Full::new(framed(message)).with_trailers(ready(Some(Ok(trailers)))).boxed_unsync())
}

/// An answer of several messages, each of which is sent as soon as it is there.
pub(super) fn streamed() -> (Stream, Response<Reply>) {
    let (sender, receiver) = mpsc::channel(1);
    (Stream(sender), reply(Frames(receiver).boxed_unsync()))
}

/// Where the messages of an answer come from.
pub(super) struct Stream(mpsc::Sender<Frame<Bytes>>);

impl Stream {
    /// Sends one; `false` if nobody takes it any more.
    pub(super) async fn send(&self, message: &impl Message) -> bool {
        self.0.send(Frame::data(framed(message))).await.is_ok()
    }

    /// Returns when nobody takes anything any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    pub(super) async fn fail(self, failure: Failure) {
        // Whoever is gone need not be told.
        let _ = self.0.send(Frame::trailers(failure.trailers())).await;
    }
}

struct Frames(mpsc::Receiver<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

fn reply(body: Reply) -> Response<Reply> {
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, KIND);
    reply
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    // Answers are a few kilobytes long.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // It grows where there is no room, so it cannot fail.
    let _ = message.encode(&mut frame);
    frame.freeze()
}
