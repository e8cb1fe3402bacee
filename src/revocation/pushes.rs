//! What Redis tells by itself on one or more connections, and whether it still would: a connection that nobody answers
//! on any more looks like one on which there is nothing to tell.

use std::future::Future;
use std::time::Duration;

use redis::{PushInfo, PushKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::ChannelError;
use crate::store::StoreError;

/// Between two questions whether a connection still leads to the server.
const PERIOD: Duration = Duration::from_secs(1);
/// Longest wait for an answer: with [`PERIOD`], a broken connection is noticed within three seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// Taken at once, so that a flood of them is still dealt with in turn with all else.
const AT_ONCE: usize = 1024;

/// Open connections.
pub(super) struct Pushes {
    // Unbounded, because Redis would not wait either: it drops whoever does not take what it tells.
    told: UnboundedReceiver<PushInfo>,
    keepers: JoinSet<ChannelError>,
}

impl Pushes {
    /// None yet, and where those to come have to put what they are told.
    pub(super) fn new() -> (UnboundedSender<PushInfo>, Self) {
        let (sender, told) = unbounded_channel();
        (sender, Self { told, keepers: JoinSet::new() })
    }

    /// Asks from time to time whether all is well, for as long as it is.
    pub(super) fn keep<W>(&mut self, mut is_well: impl FnMut() -> W + Send + 'static)
    where
        W: Future<Output = Result<(), ChannelError>> + Send,
    {
        self.keepers.spawn(async move {
            loop {
                tokio::time::sleep(PERIOD).await;
                if let Err(error) = is_well().await {
                    return error;
                }
            }
        });
    }

    /// What was told since the last call, as soon as there is something.
    ///
    /// # Errors
    /// If something may not have been told.
    pub(super) async fn next(&mut self) -> Result<Vec<PushInfo>, ChannelError> {
        let mut told = Vec::new();
        tokio::select! {
            biased;
            _ = self.told.recv_many(&mut told, AT_ONCE) => {}
            Some(ended) = self.keepers.join_next() => {
                return Err(ended.unwrap_or_else(|_| ChannelError::Broken("a task broke off".to_owned())));
            }
        }
        let is_broken = told.iter().any(|push| push.kind == PushKind::Disconnection);
        if is_broken || told.is_empty() {
            return Err(ChannelError::Broken("the connection to Redis broke".to_owned()));
        }
        Ok(told)
    }
}

/// What Redis refused, with the rights that are wanted.
pub(super) fn hinted(error: StoreError, rights: &str) -> ChannelError {
    ChannelError::from(error).advised(&format!("what the user has to be allowed is {rights}"))
}
