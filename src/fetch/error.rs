//! Why there is no answer, told without what was asked.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::LengthLimitError;

/// Why a question got no answer. No variant holds a URL, a header or a body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The answer was not there in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// All connections were busy all the time.
    #[error("no connection was free within {0:?}")]
    Busy(Duration),
    /// No connection could be made.
    #[error("{0}")]
    Unreachable(String),
    /// The server's certificate is not trusted, or it speaks no TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// The connection ended before the answer did.
    #[error("the connection broke off: {0}")]
    BrokenOff(String),
    /// The answer is longer than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl FetchError {
    /// Whether a kept connection that was just being closed would explain it.
    pub(super) fn is_broken_off(&self) -> bool {
        matches!(self, Self::BrokenOff(_))
    }

    pub(super) fn of(error: &hyper_util::client::legacy::Error) -> Self {
        if let Some(tls) = chain(error).find_map(tls) {
            return Self::Tls(tls.to_string());
        }
        let cause = last(error);
        if error.is_connect() { Self::Unreachable(cause) } else { Self::BrokenOff(cause) }
    }

    pub(super) fn of_body(error: &(dyn Error + 'static), bytes_max: usize) -> Self {
        if error.is::<LengthLimitError>() {
            return Self::TooLong(bytes_max);
        }
        Self::BrokenOff(last(error))
    }
}

/// rustls hides inside an I/O error, and that one inside another.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner: &(dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref().or_else(|| tls(inner))
}

fn last(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
