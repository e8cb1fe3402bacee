//! What `sidegate check` tells of revocations: which channel is in force, and the bound that follows.

use crate::cli::serve::hear::channels;
use crate::cli::{Failure, say};
use crate::config::{Config, ConfigError};
use crate::revocation::{Channel as _, ChannelError, Hear};
use crate::store::AnyStore;

/// Opens what `serve` would listen to, and tells.
///
/// # Errors
/// If the setting names a channel and it tells nothing.
pub(super) async fn tell(config: &Config, store: &AnyStore) -> Result<(), Failure> {
    let ages = config.ages;
    let mut reasons = Vec::new();
    for mut channel in channels(config, store)? {
        match channel.open().await {
            Ok(()) => {
                say(&format!(
                    "revoked   ok    sign-outs take effect as they happen ({}): a session is looked up anew after {:?} in any \
                     case, and after {:?} while the channel is lost\n",
                    channel.code(),
                    ages.heard,
                    ages.lost,
                ));
                return Ok(());
            }
            Err(ChannelError::Broken(why) | ChannelError::NotPrepared(why)) => reasons.push(why),
        }
    }
    let bound =
        format!("nothing tells of sign-outs: a signed-out session passes for up to {:?}", ages.session);
    let why = reasons.first().map_or(String::new(), |why| format!("; {why}"));
    match config.hear {
        // Redis before a database tells a part of what happens, which has no longer bound.
        Hear::Tracking if reasons.is_empty() => {
            say(&format!("revoked   part  Redis tells what happens there; {bound}\n"));
            Ok(())
        }
        Hear::Off | Hear::Auto => {
            say(&format!("revoked   none  {bound}{why}\n"));
            Ok(())
        }
        Hear::Listen | Hear::Outbox | Hear::Tracking => {
            say("revoked   FAIL\n");
            let what = "nothing tells of revocations, though revocation names a channel";
            Err(Failure::failed(&ConfigError::new(what).because(reasons.join("; "))))
        }
    }
}
