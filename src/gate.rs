//! The only place where the pure rules and I/O meet: begin, cache, store, finish.

mod bearing;
mod checked;
mod query;
mod question;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::bearing::outweighs;
use self::query::Without;
use self::question::Question;

pub use self::checked::{Checked, Lookup};

use crate::api_key::ApiKeys;
use crate::auth::{CheckRequest, Decision, Denial, Jwt, Pending, Policies, Rules, Session, Step};
use crate::cache::SessionCache;
use crate::clock::UnixMillis;
use crate::cookie_cache::{CookieCache, Silence, Told};
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
    /// Methods in which a session passes without the store's word; all of them if there is none.
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
        self.check_under(request, &Policies::default(), now).await
    }

    /// [`Gate::check`] at a place that asks for more than a session, or for less.
    pub async fn check_under(
        &self,
        request: &CheckRequest<'_>,
        policies: &Policies<'_>,
        now: impl Fn() -> UnixMillis,
    ) -> Checked {
        // On the way of a hit, what nobody asks for is looked at once.
        let is_plain = policies.are_none();
        let question = if is_plain {
            Question::of(request)
        } else if let Some(decision) = policies.at_once() {
            return Checked::new(decision, Lookup::None);
        } else {
            Question::under(request, policies)
        };
        // A token says what was so when it was signed: where that is not enough, it counts for nothing.
        let jwts = self.jwts.as_ref().filter(|_| question.wanted.max_staleness.is_none());
        let mut checked = self.decide(question, jwts, &now).await;
        // Nor does anybody look at the clock once more for nothing.
        if !is_plain && !policies.ask_for_a_session_alone() {
            checked.decision = policies.conclude(checked.decision, now());
        }
        checked
    }

    /// [`Gate::check`] for what Better Auth's get-session is asked: it takes no tokens of the jwt plugin, and the query
    /// may forbid what the gate would do besides.
    pub async fn check_session(&self, request: &CheckRequest<'_>, now: impl Fn() -> UnixMillis) -> Checked {
        let question = Question { without: Without::of(request.target), ..Question::of(request) };
        self.decide(question, None, &now).await
    }

    async fn decide(
        &self,
        question: Question<'_>,
        jwts: Option<&Jwts>,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        // What is awaited on the way is boxed, for its state is kilobytes that every hit would have to move otherwise: a
        // third of its cost.
        let asked = now();
        if let Some(api_keys) = &self.api_keys {
            // A key that is there decides, whatever else is: Better Auth lets an invalid one beat a valid cookie.
            match api_keys.find(question.request.headers) {
                Ok(None) => {}
                Ok(Some(key)) => return Box::pin(self.by_api_key(api_keys, key, question, asked, now)).await,
                Err(denial) => return Checked::new(Decision::Unauthenticated(denial), Lookup::None),
            }
        }
        if let Some(jwts) = jwts
            && let Some(token) = Jwt::find(question.request.headers)
        {
            return Box::pin(self.by_jwt(jwts, &token, question, now)).await;
        }
        self.by_session(question, asked, now).await
    }

    async fn by_session(
        &self,
        question: Question<'_>,
        asked: UnixMillis,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        let pending = match self.rules.begin(question.request, asked) {
            Step::Done(decision) => return Checked::new(decision, Lookup::None),
            Step::Lookup(pending) => pending,
        };
        if self.is_stateless {
            let deadline = Instant::now() + self.patience;
            return Box::pin(self.by_cookie_alone(question, &pending, deadline, now)).await;
        }
        match self.cache.get(pending.token().digest(), asked, question.wanted) {
            Some(Some(session)) if !question.without.refresh && self.is_due(&session, asked) => {
                let deadline = Instant::now() + self.patience;
                Box::pin(self.pass_on(question, pending, session, Lookup::Hit, deadline, now)).await
            }
            Some(found) => Checked::new(pending.finish(found, asked), Lookup::Hit),
            None => Box::pin(self.ask(question, pending, now)).await,
        }
    }

    async fn ask(&self, question: Question<'_>, pending: Pending, now: &impl Fn() -> UnixMillis) -> Checked {
        let deadline = Instant::now() + self.patience;
        let silence = match self.look_up(question, &pending, deadline, now).await {
            Ok(Some(session)) if !question.without.refresh && self.is_due(&session, now()) => {
                return self.pass_on(question, pending, session, Lookup::Miss, deadline, now).await;
            }
            // Read again: a session can end while the store thinks.
            Ok(found) => return Checked::new(pending.finish(found, now()), Lookup::Miss),
            Err(silence) => silence,
        };
        let is_meant = self.stale_methods.is_empty() || self.stale_methods.contains(&question.request.method);
        if !is_meant {
            return Checked::new(Decision::Unavailable, Lookup::Miss);
        }
        // What the store itself said not long ago is better than what the request brings along.
        if let Some(checked) = self.by_what_was_known(question, &pending, silence, now()) {
            return checked;
        }
        match self.by_cookie_cache(question, &pending, deadline, now).await {
            Some(Ok(checked)) => checked,
            Some(Err(_)) | None => Checked::new(Decision::Unavailable, Lookup::Miss),
        }
    }

    /// Decides on a session that passed before, while the store cannot be asked.
    fn by_what_was_known(
        &self,
        question: Question<'_>,
        pending: &Pending,
        silence: StoreSilence,
        now: UnixMillis,
    ) -> Option<Checked> {
        if silence != StoreSilence::Outage {
            return None;
        }
        let (session, age) = self.cache.stale(pending.token().digest(), now, question.wanted)?;
        Some(Checked::new(pending.finish_with(session, age, now), Lookup::Stale))
    }

    /// Decides where there is no store.
    async fn by_cookie_alone(
        &self,
        question: Question<'_>,
        pending: &Pending,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        match self.by_cookie_cache(question, pending, deadline, now).await {
            Some(Ok(checked)) => checked,
            Some(Err(Silence::Unusable(_))) | None => {
                Checked::new(Decision::Unauthenticated(Denial::NoSession), Lookup::Cookie)
            }
            Some(Err(Silence::KeysUnavailable | Silence::Outdated)) => {
                Checked::new(Decision::Unavailable, Lookup::Cookie)
            }
        }
    }

    /// Decides on what the request itself brings along, if that is looked at and says something.
    async fn by_cookie_cache(
        &self,
        question: Question<'_>,
        pending: &Pending,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Option<Result<Checked, Silence>> {
        let cookie_cache = self.cookie_cache.as_ref().filter(|_| !question.without.cookie_cache)?;
        let token = pending.token();
        let told = cookie_cache.session(question.request.headers, token, deadline, now).await;
        let judge = |told: Told| {
            let asked = now();
            if self.is_stateless {
                return Ok(pending.finish(Some(told.session), asked));
            }
            // The store, and whoever tells of revocations, knew better once.
            let age = told.age(asked);
            let is_outdated = question.wanted.stale_if_error.is_some_and(|max| age >= max)
                || self.cache.outdates(token.digest(), &told.session, told.written_at);
            if is_outdated {
                Err(Silence::Outdated)
            } else {
                Ok(pending.finish_with(told.session, age, asked))
            }
        };
        Some(told.and_then(judge).map(|decision| Checked::new(decision, Lookup::Cookie)))
    }

    async fn look_up(
        &self,
        question: Question<'_>,
        pending: &Pending,
        deadline: Instant,
        now: &impl Fn() -> UnixMillis,
    ) -> Result<Option<Arc<Session>>, StoreSilence> {
        let (store, token) = (Arc::clone(&self.store), Arc::new(pending.token().for_lookup()));
        let lookup = move || {
            let (store, token) = (Arc::clone(&store), Arc::clone(&token));
            async move { store.find(&token).await }
        };
        let landing = self.cache.load(*pending.token().digest(), question.wanted, now, lookup);
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
        question: Question<'_>,
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
        if self.rules.carries_signed(question.request, refresh.dont_remember()) {
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
            Refreshed::Gone => match self.look_up(question, &pending, deadline, now).await {
                Ok(found) => Checked::new(pending.finish(found, now()), Lookup::Miss),
                Err(_) => Checked::new(Decision::Unavailable, Lookup::Miss),
            },
        }
    }
}
