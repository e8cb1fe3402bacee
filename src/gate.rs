//! The only place where the pure rules and I/O meet: begin, cache, store, finish.

mod bearing;
mod checked;
mod query;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::bearing::outweighs;
use self::query::Without;

pub use self::checked::{Checked, Lookup};

use crate::api_key::ApiKeys;
use crate::auth::{CheckRequest, Decision, Denial, Jwt, Pending, Rules, Session, Step};
use crate::cache::SessionCache;
use crate::clock::UnixMillis;
use crate::cookie_cache::{CookieCache, Silence};
use crate::jwt::Jwts;
use crate::refresh::{Refresh, Refreshed};
use crate::store::SessionStore;

/// Decides requests against one store.
pub struct Gate<S> {
    rules: Rules,
    cache: Arc<SessionCache>,
    store: Arc<S>,
    /// Longest time that one request waits for all that it needs, whatever that goes on to do.
    patience: Duration,
    api_keys: Option<ApiKeys>,
    jwts: Option<Jwts>,
    refresh: Option<Refresh>,
    cookie_cache: Option<CookieCache>,
    is_stateless: bool,
    /// Methods in which a session passes that is only known from before; all of them if there is none.
    stale_methods: Vec<Method>,
}

/// Why a store has not said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreSilence {
    /// It could not be asked.
    Outage,
    /// It said what cannot be.
    Odd,
}

impl<S: SessionStore> Gate<S> {
    /// A gate with these rules, before that store.
    #[must_use]
    pub fn new(rules: Rules, cache: Arc<SessionCache>, store: S, patience: Duration) -> Self {
        Self::sharing(rules, cache, Arc::new(store), patience)
    }

    /// A gate before a store that others ask too.
    #[must_use]
    pub fn sharing(rules: Rules, cache: Arc<SessionCache>, store: Arc<S>, patience: Duration) -> Self {
        Self {
            rules,
            cache,
            store,
            patience,
            api_keys: None,
            jwts: None,
            refresh: None,
            cookie_cache: None,
            is_stateless: false,
            stale_methods: Vec::new(),
        }
    }

    /// Takes API keys, before any session.
    #[must_use]
    pub fn with_api_keys(self, api_keys: ApiKeys) -> Self {
        Self { api_keys: Some(api_keys), ..self }
    }

    /// Takes tokens of the jwt plugin, before any session.
    #[must_use]
    pub fn with_jwts(self, jwts: Jwts) -> Self {
        Self { jwts: Some(jwts), ..self }
    }

    /// Believes Better Auth's cookie cache where the store cannot say; without asking any store, if `is_stateless`.
    #[must_use]
    pub fn with_cookie_cache(self, cookie_cache: CookieCache, is_stateless: bool) -> Self {
        Self { cookie_cache: Some(cookie_cache), is_stateless, ..self }
    }

    /// Has sessions prolonged that pass and are due.
    #[must_use]
    pub fn with_refresh(self, refresh: Refresh) -> Self {
        Self { refresh: Some(refresh), ..self }
    }

    /// Lets a session that is only known from before pass in these methods alone.
    #[must_use]
    pub fn with_stale_methods(self, stale_methods: Vec<Method>) -> Self {
        Self { stale_methods, ..self }
    }

    /// The memory in front of the store.
    #[must_use]
    pub fn cache(&self) -> Arc<SessionCache> {
        Arc::clone(&self.cache)
    }

    /// Decides one request. Infallible: trouble becomes [`Decision::Unavailable`], so that no `?` on the way can turn
    /// it into something else.
    pub async fn check(&self, request: &CheckRequest<'_>, now: impl Fn() -> UnixMillis) -> Checked {
        self.decide(request, self.jwts.as_ref(), Without::default(), &now).await
    }

    /// [`Gate::check`] for what Better Auth's get-session is asked: it takes no tokens of the jwt plugin, and the query
    /// may forbid what the gate would do besides.
    pub async fn check_session(&self, request: &CheckRequest<'_>, now: impl Fn() -> UnixMillis) -> Checked {
        self.decide(request, None, Without::of(request.target), &now).await
    }

    async fn decide(
        &self,
        request: &CheckRequest<'_>,
        jwts: Option<&Jwts>,
        without: Without,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        // What is awaited on the way is boxed, for its state is kilobytes that every hit would have to move otherwise: a
        // third of its cost.
        let asked = now();
        if let Some(api_keys) = &self.api_keys {
            // A key that is there decides, whatever else is: Better Auth lets an invalid one beat a valid cookie.
            match api_keys.find(request.headers) {
                Ok(None) => {}
                Ok(Some(key)) => return Box::pin(self.by_api_key(api_keys, key, asked, now)).await,
                Err(denial) => return Checked::new(Decision::Unauthenticated(denial), Lookup::None),
            }
        }
        if let Some(jwts) = jwts
            && let Some(token) = Jwt::find(request.headers)
        {
            return Box::pin(self.by_jwt(jwts, &token, request, now)).await;
        }
        self.by_session(request, without, asked, now).await
    }

    async fn by_session(
        &self,
        request: &CheckRequest<'_>,
        without: Without,
        asked: UnixMillis,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        let pending = match self.rules.begin(request, asked) {
            Step::Done(decision) => return Checked::new(decision, Lookup::None),
            Step::Lookup(pending) => pending,
        };
        if self.is_stateless {
            let deadline = Instant::now() + self.patience;
            return Box::pin(self.by_cookie_alone(request, &pending, without, deadline, now)).await;
        }
        match self.cache.get(pending.token().digest(), asked) {
            Some(Some(session)) if !without.refresh && self.is_due(&session, asked) => {
                let deadline = Instant::now() + self.patience;
                Box::pin(self.pass_on(request, pending, session, Lookup::Hit, deadline, now)).await
            }
            Some(found) => Checked::new(pending.finish(found, asked), Lookup::Hit),
            None => Box::pin(self.ask(request, pending, without, now)).await,
        }
    }

    async fn ask(
        &self,
        request: &CheckRequest<'_>,
        pending: Pending,
        without: Without,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        let deadline = Instant::now() + self.patience;
        let silence = match self.look_up(&pending, deadline, now).await {
            Ok(Some(session)) if !without.refresh && self.is_due(&session, now()) => {
                return self.pass_on(request, pending, session, Lookup::Miss, deadline, now).await;
            }
            // Read again: a session can end while the store thinks.
            Ok(found) => return Checked::new(pending.finish(found, now()), Lookup::Miss),
            Err(silence) => silence,
        };
        // What the store itself said not long ago is better than what the request brings along.
        if let Some(checked) = self.by_what_was_known(request, &pending, silence, now()) {
            return checked;
        }
        match self.by_cookie_cache(request, &pending, without, deadline, now).await {
            Some(Ok(checked)) => checked,
            Some(Err(_)) | None => Checked::new(Decision::Unavailable, Lookup::Miss),
        }
    }

    /// Decides on a session that passed before, while the store cannot be asked.
    fn by_what_was_known(
        &self,
        request: &CheckRequest<'_>,
        pending: &Pending,
        silence: StoreSilence,
        now: UnixMillis,
    ) -> Option<Checked> {
        let is_meant = self.stale_methods.is_empty() || self.stale_methods.contains(&request.method);
        if silence != StoreSilence::Outage || !is_meant {
            return None;
        }
        let (session, age) = self.cache.stale(pending.token().digest(), now)?;
        Some(Checked::new(pending.finish_with(session, age, now), Lookup::Stale))
    }

    /// Decides where there is no store.
    async fn by_cookie_alone(
        &self,
        request: &CheckRequest<'_>,
        pending: &Pending,
        without: Without,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        match self.by_cookie_cache(request, pending, without, deadline, now).await {
            Some(Ok(checked)) => checked,
            Some(Err(Silence::Unusable(_))) | None => {
                Checked::new(Decision::Unauthenticated(Denial::NoSession), Lookup::Cookie)
            }
            Some(Err(Silence::KeysUnavailable)) => Checked::new(Decision::Unavailable, Lookup::Cookie),
        }
    }

    /// Decides on what the request itself brings along, if that is looked at and says something.
    async fn by_cookie_cache(
        &self,
        request: &CheckRequest<'_>,
        pending: &Pending,
        without: Without,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Option<Result<Checked, Silence>> {
        let cookie_cache = self.cookie_cache.as_ref().filter(|_| !without.cookie_cache)?;
        let told = cookie_cache.session(request.headers, pending.token(), deadline, now).await;
        Some(told.map(|session| Checked::new(pending.finish(Some(session), now()), Lookup::Cookie)))
    }

    async fn look_up(
        &self,
        pending: &Pending,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Result<Option<Arc<Session>>, StoreSilence> {
        let (store, token) = (Arc::clone(&self.store), Arc::new(pending.token().for_lookup()));
        let lookup = move || {
            let (store, token) = (Arc::clone(&store), Arc::clone(&token));
            async move { store.find(&token).await }
        };
        let landing = self.cache.load(*pending.token().digest(), now, lookup);
        match timeout_at(deadline, landing).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) if !error.is_outage() => Err(StoreSilence::Odd),
            Ok(Err(_)) | Err(_) => Err(StoreSilence::Outage),
        }
    }

    fn is_due(&self, session: &Session, now: UnixMillis) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.is_due(session, now))
    }

    /// Decides on a session that is due, and has it prolonged if it passes.
    async fn pass_on(
        &self,
        request: &CheckRequest<'_>,
        pending: Pending,
        session: Arc<Session>,
        lookup: Lookup,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        let asked = now();
        let decision = pending.finish(Some(Arc::clone(&session)), asked);
        let (Decision::Allow(_), Some(refresh)) = (&decision, &self.refresh) else {
            return Checked::new(decision, lookup);
        };
        if self.rules.carries_signed(request, refresh.dont_remember()) {
            return Checked::new(decision, lookup);
        }
        let token = pending.token().for_lookup();
        match refresh.prolong(token, session, self.cache(), asked, deadline).await {
            Refreshed::Nothing => Checked::new(decision, lookup),
            Refreshed::Prolonged(session, set_cookie) => {
                let decision = pending.finish(Some(session), now());
                Checked { set_cookie: set_cookie.map(Box::new), ..Checked::new(decision, lookup) }
            }
            // The store is the one to say so.
            Refreshed::Gone => match self.look_up(&pending, deadline, now).await {
                Ok(found) => Checked::new(pending.finish(found, now()), Lookup::Miss),
                Err(_) => Checked::new(Decision::Unavailable, Lookup::Miss),
            },
        }
    }
}
