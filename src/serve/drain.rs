//! Asking connections to end, and waiting until they have.

use std::pin::pin;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;

/// Asks every connection that was given a [`Draining`] to end.
pub(super) struct Drain(watch::Sender<bool>);

/// One connection's part: as long as it exists, the connection is open.
pub(super) struct Draining(watch::Receiver<bool>);

impl Drain {
    pub(super) fn new() -> Self {
        Self(watch::channel(false).0)
    }

    pub(super) fn for_one(&self) -> Draining {
        Draining(self.0.subscribe())
    }

    /// Asks them, and returns when all have ended.
    pub(super) async fn finish(&self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

impl Draining {
    /// Returns when the connection is asked to end; at once if whoever would ask is gone.
    pub(super) async fn asked(&mut self) {
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Serves a connection to its end. Asked to end, it finishes what is under way and begins nothing more.
    pub(super) async fn serve<C: GracefulConnection>(mut self, connection: C) -> Result<(), C::Error> {
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            () = self.asked() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    /// The same, but asks it to end once it is `idle` as well, and gives it `grace` for that: on HTTP/2 the other side is told
    /// first, and what it asks at that very moment is still answered.
    pub(super) async fn serve_until<C: GracefulConnection>(
        mut self,
        idle: impl Future<Output = ()>,
        grace: Duration,
        connection: C,
    ) -> Result<(), C::Error> {
        let mut connection = pin!(connection);
        let is_idle = tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            () = self.asked() => false,
            () = idle => true,
        };
        connection.as_mut().graceful_shutdown();
        if is_idle {
            return tokio::time::timeout(grace, connection).await.unwrap_or(Ok(()));
        }
        connection.await
    }
}
