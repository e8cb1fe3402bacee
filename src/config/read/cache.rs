//! How long what a store said is believed, and how much it is asked.

use std::time::Duration;

use http::Method;

use super::Reader;
use super::store::pairs;
use crate::cache::Ages;
use crate::revocation::Hear;
use crate::store::Load;

/// `cache_ttl` where nobody sets it: while revocations are heard of, and while they are not.
const HEARD: Duration = Duration::from_secs(30);
const UNHEARD: Duration = Duration::from_secs(5);

impl Reader<'_> {
    pub(super) fn ages(&mut self) -> Option<Ages> {
        let given = match self.given("cache_ttl") {
            Some(_) => Some(self.duration("cache_ttl", Duration::ZERO)?),
            None => None,
        };
        let absence = self.duration("negative_ttl", Duration::ZERO)?;
        let stale = self.duration("stale_if_error", Duration::ZERO)?;
        // Whoever wants the store asked every time does not want to hear of earlier, unless they say so.
        let is_meant = given != Some(Duration::ZERO) || !self.given("stale_if_error")?.is_default();
        let stale = if is_meant { stale } else { Duration::ZERO };
        Some(Ages {
            session: given.unwrap_or(UNHEARD),
            heard: given.unwrap_or(HEARD),
            lost: given.unwrap_or(UNHEARD).min(UNHEARD),
            absence,
            stale,
        })
    }

    /// In which methods a session passes that is only known from before; all of them if there is none.
    pub(super) fn stale_methods(&mut self) -> Option<Vec<Method>> {
        let hint = "write methods such as GET,HEAD with commas between them";
        self.value("stale_methods", hint, |text| {
            pairs(text).map(|method| Method::from_bytes(method.as_bytes())).collect::<Result<_, _>>()
        })
    }

    pub(super) fn load(&mut self) -> Option<Load> {
        let connections = self.count("store_connections", 1, 1000);
        let queue = self.count("store_queue", 0, 1_000_000);
        let wait = self.store_timeout();
        Some(Load {
            lookups: usize::try_from(connections?).ok()?,
            queue: usize::try_from(queue?).ok()?,
            wait: wait?,
        })
    }

    pub(super) fn hear(&mut self) -> Option<Hear> {
        self.parsed("revocation", "write auto, off, listen, outbox or tracking")
    }

    pub(super) fn revocation_poll(&mut self) -> Option<Duration> {
        self.duration("revocation_poll", Duration::from_millis(10))
    }
}
