//! Whether an SQLite file stands still, so that it need not be read.
//!
//! In WAL mode readers are in nobody's way, and SQLite's own count of changes tells. With a rollback journal each read, of
//! that count as well, holds a lock for a moment in which nobody can commit; and several drivers have a commit fail
//! at once that cannot be made (libSQL's, `node:sqlite`). So there the file's time of change is looked at, which takes no lock, and
//! the file is read only once the writing has paused. That misses nothing: whoever writes into the file keeps readers
//! out from before the first page is written until it is committed.

use std::time::Duration;

use super::{ChannelError, texts, told};
use crate::clock;
use crate::store::{Link, Stamp};

/// A pause in writing. The kernel's clock for files ticks each 10 ms at the slowest, so that a later write has
/// another time of change.
const PAUSE: Duration = Duration::from_millis(20);

/// What a file was like when it was read.
#[derive(Default)]
pub(super) struct Still {
    stamp: Option<Stamp>,
    version: Option<String>,
}

/// How long a reading may be put off for that.
pub(super) fn longest_wait(link: &Link) -> Duration {
    link.stamp().map_or(Duration::ZERO, |_| PAUSE)
}

impl Still {
    /// Whether the file has not changed since the last call. If it has, it is to be read after this.
    pub(super) async fn is(&mut self, link: &mut Link) -> Result<bool, ChannelError> {
        let Some(mut stamp) = link.stamp() else {
            self.stamp = None;
            let version = texts(link.ask("PRAGMA data_version".to_owned()).await.map_err(told)?).pop();
            let is_still = version.is_some() && version == self.version;
            self.version = version;
            return Ok(is_still);
        };
        if self.stamp.as_ref() == Some(&stamp) {
            return Ok(true);
        }
        if !stamp.is_older(PAUSE, clock::now()) {
            tokio::time::sleep(PAUSE).await;
            stamp = link.stamp().unwrap_or(stamp);
        }
        // Else it is read once more the next time.
        self.stamp = Some(stamp).filter(|stamp| stamp.is_older(PAUSE, clock::now()));
        self.version = None;
        Ok(false)
    }
}
