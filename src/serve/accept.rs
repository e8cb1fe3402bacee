//! Taking connections: how many at once, from whom, and until when.

use std::future::{Future, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::Patience;
use super::connection::{Http, Limits, Service, serve_one};
use super::drain::Drain;
use super::listener::{Accept, Bound};

/// Descriptors may be free again after this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Peers that are not expected get an answer, but not the places of those that are: more than this many at once are
/// turned away unheard.
const STRANGERS: usize = 64;
/// As many as a kernel would queue (`net.core.somaxconn`); whatever floods us at the end is not waited for.
const QUEUED_MAX: usize = 4096;

/// Serves every connection that `bound` takes until `stop`, each in a task of its own: a panic or a bad request ends
/// that one alone. Connections still open afterwards are `drain`'s.
pub(super) async fn serve_all<S: Service>(
    bound: Bound,
    service: &Arc<S>,
    limits: &Limits,
    drain: &Drain,
    open: Option<&Gauge>,
    stop: impl Future<Output = ()>,
) {
    let acceptor = Acceptor {
        service,
        http: limits.http(),
        patience: limits.patience(),
        places: Arc::new(Semaphore::new(limits.connections)),
        strangers: Arc::new(Semaphore::new(STRANGERS)),
        drain,
        open,
    };
    match bound {
        Bound::Tcp(listener) => acceptor.run(&listener, stop).await,
        Bound::Unix(listener, _file) => acceptor.run(&listener, stop).await,
    }
}

struct Acceptor<'a, S> {
    service: &'a Arc<S>,
    http: Http,
    patience: Patience,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    drain: &'a Drain,
    open: Option<&'a Gauge>,
}

impl<S: Service> Acceptor<'_, S> {
    async fn run<L: Accept>(&self, listener: &L, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = self.accept(listener) => {}
                () = &mut stop => break,
            }
        }
        // Whoever the kernel has already connected to us would be reset; to them, their request is under way.
        for _ in 0..QUEUED_MAX {
            tokio::select! {
                biased;
                () = self.accept(listener) => {}
                () = ready(()) => break,
            }
        }
    }

    async fn accept<L: Accept>(&self, listener: &L) {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let place = if self.service.expects(peer) {
                    place
                } else {
                    drop(place);
                    match Arc::clone(&self.strangers).try_acquire_owned() {
                        Ok(place) => place,
                        Err(_) => return,
                    }
                };
                let opened = Opened::new(place, self.open.cloned());
                let (service, http) = (Arc::clone(self.service), self.http.clone());
                let connection = serve_one(stream, peer, service, http, self.patience, self.drain.for_one());
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
