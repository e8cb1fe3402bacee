//! Two listeners, one gate: sockets, limits, the order in which things stop.

mod accept;
mod activity;
mod admin;
mod callers;
mod connection;
mod drain;
mod front;
mod grpc;
mod health;
mod listener;
mod live;
mod peers;
mod readiness;
mod revoke;
mod shutdown;
mod stream;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::connection::Limits;
pub use self::front::{Front, Mode};
pub use self::listener::{Bound, Listen, ListenError};
pub use self::live::Live;
pub use self::peers::{Peer, TrustedPeers, TrustedPeersError};
pub use self::revoke::Revoke;
pub use self::shutdown::{Hangups, Signals, Stop};

use self::accept::serve_all;
use self::admin::Admin;
use self::callers::Callers;
use self::drain::Drain;
use self::readiness::Readiness;
use crate::cache::Generations;
use crate::metrics::Metrics;
use crate::store::{AnyStore, Circuit, SessionStore};

/// A gate with its sockets bound, about to serve.
pub struct Server<S> {
    /// Answers proxies.
    pub front: Arc<Live<Front<S>>>,
    /// The listener that proxies ask.
    pub gate: Bound,
    /// The listener that operators and probes ask.
    pub admin: Bound,
    /// The store behind the gate, for readiness and the state of its pool.
    pub store: AnyStore,
    /// Whether that store is asked at the moment.
    pub circuit: Circuit,
    /// What was revoked.
    pub generations: Arc<Generations>,
    /// Who else may tell of it, on the admin listener.
    pub revoke: Arc<Live<Option<Revoke>>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What a connection may take.
    pub limits: Limits,
    /// Longest time that requests under way are waited for.
    pub drain_timeout: Duration,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request under way was answered.
    Drained,
    /// Some were cut off: the drain took too long, or a second signal came.
    CutOff,
}

impl<S: SessionStore> Server<S> {
    /// Serves until `signals` say stop: unready first, then no new connections, then the requests under way are
    /// finished within the limit. The admin listener answers to the end. What goes on `meanwhile` ends with the first signal.
    pub async fn run(self, mut signals: Signals, mut meanwhile: JoinSet<()>) -> Ended {
        let readiness = Arc::new(Readiness::new(self.store.clone(), self.circuit));
        let front = Arc::clone(&self.front);
        let admin = Admin {
            readiness: Arc::clone(&readiness),
            metrics: Arc::clone(&self.metrics),
            cache: self.front.now().cache(),
            generations: self.generations,
            store: self.store.clone(),
            revoke: self.revoke,
            jwks: Box::new(move || front.now().jwks()),
            patience: self.limits.header_read_timeout,
        };
        let (stop_admin, admin_stopped) = watch::channel(false);
        let admin_limits = self.limits.for_admin();
        let admin_task = tokio::spawn(async move {
            let drain = Drain::new();
            let admin = Arc::new(admin);
            serve_all(self.admin, &admin, &admin_limits, &drain, None, stopped(admin_stopped)).await;
        });

        let callers = Arc::new(Callers::new(Arc::clone(&self.front), Arc::clone(&readiness), self.limits));
        let drain = Drain::new();
        let (stop_gate, gate_stopped) = watch::channel(false);
        let open = Some(self.metrics.connections());
        let accepting = serve_all(self.gate, &callers, &self.limits, &drain, open, stopped(gate_stopped));
        let first_signal = async {
            let stop = signals.next().await;
            tracing::info!(signal = stop.name(), "draining");
            meanwhile.abort_all();
            readiness.drain();
            stop_gate.send_replace(true);
        };
        tokio::join!(accepting, first_signal);

        let mut limit = pin!(tokio::time::sleep(self.drain_timeout));
        let ended = tokio::select! {
            () = drain.finish() => Ended::Drained,
            () = &mut limit => Ended::CutOff,
            _ = signals.next() => Ended::CutOff,
        };
        if ended == Ended::Drained {
            // All are answered. A lookup that nobody waits for any more may still hold a connection for as long as the
            // store likes, and that is no reason to call anything cut off.
            tokio::select! {
                () = self.store.close() => {}
                () = &mut limit => {}
                _ = signals.next() => {}
            }
        }
        tracing::info!(?ended, "stopped");
        stop_admin.send_replace(true);
        // It ends by itself once it accepts no more; how is of no consequence now.
        let _ = admin_task.await;
        ended
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone says stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Binds both listeners, so that a taken address is an error at start-up and not in a log.
///
/// # Errors
/// Which listener, and why.
pub fn bind(gate: &Listen, admin: &Listen, mode: u32) -> Result<(Bound, Bound), (&'static str, io::Error)> {
    let gate = gate.bind(mode).map_err(|error| ("listen", error))?;
    let admin = admin.bind(mode).map_err(|error| ("admin_listen", error))?;
    Ok((gate, admin))
}
