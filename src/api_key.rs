//! API keys: found in their header, judged by Better Auth, its verdict believed for a short time.
//!
//! Nothing of a key can be verified here, so each one that is new is a question. Verdicts have a memory of their own:
//! whoever guesses keys pushes out verdicts on keys, never sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};

use crate::auth::{ApiKey, Denial, KeyDigest, KeyVerdict, Marks};
use crate::cache::{Ages, Answer, Answers, Generations, Landed, Wanted};
use crate::clock::UnixMillis;
use crate::metrics::Lookups;
use crate::store::BetterAuth;

/// Better Auth's verdicts on API keys.
pub struct ApiKeys {
    header: HeaderName,
    better_auth: BetterAuth,
    verdicts: Answers<KeyDigest, KeyVerdict>,
    lookups: Lookups,
}

/// Most verdicts remembered: some ten megabytes.
const CAPACITY: u64 = 10_000;

impl Answer for KeyVerdict {
    fn is_live_at(&self, now: UnixMillis) -> bool {
        match self {
            Self::Opens(session) => session.is_active_at(now),
            Self::Refused | Self::Limited => false,
        }
    }

    fn marks(&self) -> Option<Marks> {
        match self {
            Self::Opens(session) => Some(session.marks()),
            Self::Refused | Self::Limited => None,
        }
    }
}

impl ApiKeys {
    /// Keys in the header of that name. A verdict is believed for `ttl`, a refusal no longer than `negative_ttl`, and none
    /// on a user of whom `generations` tells that something changed.
    #[must_use]
    pub fn new(
        header: HeaderName,
        better_auth: BetterAuth,
        ttl: Duration,
        negative_ttl: Duration,
        generations: Arc<Generations>,
        lookups: Lookups,
    ) -> Self {
        let ages = Ages::plain(ttl, ttl.min(negative_ttl));
        Self { header, better_auth, verdicts: Answers::new(CAPACITY, ages, generations), lookups }
    }

    /// The key in these headers, if there is one.
    ///
    /// # Errors
    /// If what is there can be none.
    pub fn find(&self, headers: &HeaderMap) -> Result<Option<ApiKey>, Denial> {
        ApiKey::find(headers, &self.header)
    }

    /// The verdict that is remembered for `key`, if it may still be given at `now` to who wants it so.
    #[must_use]
    pub fn remembered(&self, key: &ApiKey, now: UnixMillis, wanted: Wanted) -> Option<KeyVerdict> {
        self.verdicts.get(key.digest(), now, wanted)
    }

    /// Better Auth's verdict on `key`: asked for once, however many wait for it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn judge(
        &self,
        key: ApiKey,
        wanted: Wanted,
        now: impl Fn() -> UnixMillis,
    ) -> Landed<KeyVerdict> {
        let digest = *key.digest();
        let (header, better_auth) = (self.header.clone(), self.better_auth.clone());
        let (lookups, key) = (self.lookups.clone(), Arc::new(key));
        let lookup = move || {
            let (header, better_auth) = (header.clone(), better_auth.clone());
            let (lookups, key) = (lookups.clone(), Arc::clone(&key));
            async move {
                let asked = Instant::now();
                let verdict = better_auth.judge(&header, &key).await.map_err(Arc::new);
                let result = match &verdict {
                    Ok(KeyVerdict::Opens(_)) => "opens",
                    Ok(KeyVerdict::Refused) => "refused",
                    Ok(KeyVerdict::Limited) => "limited",
                    Err(error) => {
                        let why = error.detail();
                        tracing::warn!(reason = error.code(), api_key = %digest, "API key not judged by Better Auth: {why}");
                        error.code()
                    }
                };
                lookups.took(result, asked.elapsed());
                verdict
            }
        };
        self.verdicts.load(digest, wanted, now, lookup).await
    }
}
