//! What was signed a short time ago, so that the path of a remembered session does not sign.

use std::time::Duration;

use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::Binding;
use super::claims::Claims;
use crate::auth::{ActiveSession, CheckRequest, SessionHandle};
use crate::clock::UnixMillis;

/// All on which the content of an assertion depends, but for the time and what is the same for everybody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Occasion {
    session: SessionHandle,
    /// Of a stale answer: since when nothing newer is known, in seconds.
    pub(super) checked_at: Option<i64>,
    pub(super) host: Option<Box<str>>,
    pub(super) request: Option<[u8; 32]>,
}

/// An assertion with its times, in seconds.
#[derive(Clone)]
struct Kept {
    issued_at: i64,
    expires_at: i64,
    assertion: HeaderValue,
}

pub(super) struct Memory(moka::sync::Cache<Occasion, Kept>);

/// How old an assertion may be when it is handed out again. Half of its life, so that an app still has the other half, 30
/// seconds: for a clock that is ahead of this one, for a request that waits in a queue, for calls of its own to other apps.
/// A session is signed for twice a minute at most, then.
const REUSE_SECONDS: i64 = 30;

/// Most memory that it takes, about: 64 MiB, some 80,000 assertions of an ordinary length.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What an entry takes besides its texts: key, value and the cache's own part, with room.
const ENTRY_BYTES: usize = 400;

impl Occasion {
    /// `None` if a host is to be told that is no text.
    pub(super) fn of(
        session: &ActiveSession,
        stale_for: Option<Duration>,
        request: &CheckRequest<'_>,
        bind: &[Binding],
        now: UnixMillis,
    ) -> Option<Self> {
        let host = if bind.contains(&Binding::Host) {
            Some(str::from_utf8(request.host).ok()?.to_ascii_lowercase().into_boxed_str())
        } else {
            None
        };
        let age = stale_for.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        Some(Self {
            session: session.handle(),
            checked_at: age.map(|age| UnixMillis::new(now.get().saturating_sub(age)).seconds()),
            host,
            request: bind.contains(&Binding::Request).then(|| digest(request)),
        })
    }
}

/// What `req` tells: SHA-256 of the method, a line feed and the path as the client sent it, without its query.
fn digest(request: &CheckRequest<'_>) -> [u8; 32] {
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let method = Sha256::new_with_prefix(request.method.as_str());
    method.chain_update(b"\n").chain_update(path).finalize().into()
}

impl Memory {
    pub(super) fn new() -> Self {
        let bytes = |occasion: &Occasion, kept: &Kept| {
            let texts = kept.assertion.len() + occasion.host.as_deref().map_or(0, str::len);
            u32::try_from(texts + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let life = Duration::from_secs(REUSE_SECONDS.unsigned_abs());
        Self(moka::sync::Cache::builder().max_capacity(BYTES_MAX).weigher(bytes).time_to_live(life).build())
    }

    /// The assertion of such an occasion, if it is still good enough.
    pub(super) fn recall(&self, occasion: &Occasion, now: UnixMillis) -> Option<HeaderValue> {
        let kept = self.0.get(occasion)?;
        // By the wall clock, which may have been set: what was issued in the future is not handed out.
        let age = now.seconds().saturating_sub(kept.issued_at);
        let is_good = (0..REUSE_SECONDS).contains(&age) && now.seconds() < kept.expires_at;
        is_good.then_some(kept.assertion)
    }

    pub(super) fn keep(&self, occasion: Occasion, assertion: &HeaderValue, claims: &Claims, now: UnixMillis) {
        let kept =
            Kept { issued_at: now.seconds(), expires_at: claims.expires_at, assertion: assertion.clone() };
        self.0.insert(occasion, kept);
    }
}
