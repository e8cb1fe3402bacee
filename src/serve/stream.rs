//! A connection's bytes: which version of HTTP they begin, and when some come in.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::activity::Activity;

/// A stream that marks the bytes that come in.
#[derive(Debug)]
pub(super) struct Marked<T> {
    stream: T,
    activity: Activity,
    /// What was read to find out the version, and is to be read once more.
    again: Bytes,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Or anything else: then HTTP/1 is the language in which to say so.
    Http1,
    /// By prior knowledge, as proxies speak it without TLS.
    Http2,
}

/// How each HTTP/2 connection begins (RFC 9113 §3.4). It is no beginning of a request that makes sense in HTTP/1.
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl<T> Marked<T> {
    pub(super) fn new(stream: T, activity: Activity) -> Self {
        Self { stream, activity, again: Bytes::new() }
    }
}

impl<T: AsyncRead + Unpin> Marked<T> {
    /// Which version it is, as soon as the bytes say so; `None` if there are no more before that.
    pub(super) async fn version(&mut self) -> io::Result<Option<Version>> {
        let mut begun = [0; PREFACE.len()];
        let mut length = 0;
        let version = loop {
            let read = self.read(begun.get_mut(length..).unwrap_or_default()).await?;
            if read == 0 {
                return Ok(None);
            }
            length += read;
            match (begun.get(..length), PREFACE.get(..length)) {
                (begun, preface) if begun != preface => break Version::Http1,
                _ if length == PREFACE.len() => break Version::Http2,
                _ => {}
            }
        };
        self.again = Bytes::copy_from_slice(begun.get(..length).unwrap_or_default());
        Ok(Some(version))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Marked<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.again.is_empty() {
            let length = self.again.len().min(buffer.remaining());
            buffer.put_slice(self.again.get(..length).unwrap_or_default());
            self.again.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Marked<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
