//! What the tests share: a cookie that Better Auth signed, a clock that is set by hand, a store that asks the test.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use proptest::prelude::ProptestConfig;
use serde_json::{Value, json};
use sidegate::auth::{
    CheckRequest, CookieName, Decision, Fields, Grant, Rules, Scheme, Session, SessionRecord, SigningKey,
    Step, VerifiedToken,
};
use sidegate::cache::{Ages, SessionCache};
use sidegate::clock::UnixMillis;
use sidegate::dialect::{HeaderNames, LoginPage, Terms};
use sidegate::gate::Gate;
use sidegate::secret::Secret;
use sidegate::store::{SessionStore, StoreError};
use tokio::sync::{mpsc, oneshot};

/// The secret, the instant and the `tok-valid` cookie of `tests/vectors/session-cookie.json`.
pub(crate) const SECRET: &str = "sidegate-oracle-secret-0123456789abcdef";
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_768_478_400_123);
pub(crate) const COOKIE_NAME: &str = "better-auth.session_token";
pub(crate) const TOKEN: &str = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo";
pub(crate) const SIGNATURE: &str = "0CRfik/Dg5ZD0p2A8djY4Svx+DYpfTkrfjOrlzT1v68=";
pub(crate) const WIRE: &str =
    "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo.0CRfik%2FDg5ZD0p2A8djY4Svx%2BDYpfTkrfjOrlzT1v68%3D";

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) fn key() -> SigningKey {
    SigningKey::new(&Secret::new(SECRET.to_owned()))
}

pub(crate) fn rules() -> Rules {
    Rules::new(CookieName::new(COOKIE_NAME).unwrap(), key())
}

/// What all dialects are told: sidegate's own header names, and that sign-in page.
pub(crate) fn terms(login: Option<LoginPage>) -> Terms {
    Terms { names: HeaderNames::sidegate(), login }
}

/// Headers with one Cookie line for each of `lines`.
pub(crate) fn cookie_lines<L: AsRef<[u8]>>(lines: &[L]) -> HeaderMap {
    lines.iter().map(|line| (header::COOKIE, HeaderValue::from_bytes(line.as_ref()).unwrap())).collect()
}

/// Headers with the session cookie of that value.
pub(crate) fn session_cookie(value: impl AsRef<[u8]>) -> HeaderMap {
    cookie_lines(&[[COOKIE_NAME.as_bytes(), b"=", value.as_ref()].concat()])
}

/// A cookie for a token that Better Auth never made, signed with the same key.
pub(crate) fn signed_cookie(token: &str) -> HeaderMap {
    session_cookie(key().sign(token))
}

pub(crate) fn request(headers: &HeaderMap) -> CheckRequest<'_> {
    CheckRequest {
        method: Method::GET,
        scheme: Some(Scheme::Https),
        host: b"app.example.com",
        target: b"/",
        headers,
    }
}

/// The token that these headers prove, or the code of why they prove none.
pub(crate) fn proof(headers: &HeaderMap) -> Result<String, &'static str> {
    match rules().begin(&request(headers), NOW) {
        Step::Lookup(pending) => Ok(pending.token().as_str().to_owned()),
        Step::Done(decision) => Err(word(&decision)),
    }
}

pub(crate) fn token(text: &str) -> VerifiedToken {
    key().verify(key().sign(text).into()).unwrap()
}

pub(crate) fn later(by: Duration) -> UnixMillis {
    UnixMillis::new(NOW.get() + i64::try_from(by.as_millis()).unwrap())
}

pub(crate) fn record(expires_at: UnixMillis) -> SessionRecord {
    SessionRecord {
        expires_at,
        session: fields(json!({ "id": "ses_1" })),
        user: fields(json!({ "id": "usr_1", "email": "ada@example.com", "name": "Ada Lovelace" })),
        organization_role: None,
    }
}

/// The members of a JSON object.
pub(crate) fn fields(object: Value) -> Fields {
    let Value::Object(fields) = object else { panic!("{object} is no object") };
    fields
}

pub(crate) fn session_until(expires_at: UnixMillis) -> Session {
    Session::new(&record(expires_at))
}

/// How laws are tried: a case that breaks one is printed, and becomes a test in `regression.rs` rather than a seed.
pub(crate) fn laws() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// A decision as one word: `allow`, a denial's code, or `unavailable`.
pub(crate) fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allow",
        Decision::Unauthenticated(denial) | Decision::Forbidden(denial) => denial.code(),
        Decision::Unavailable => "unavailable",
    }
}

/// A wall clock that stands still until it is set.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn at(now: UnixMillis) -> Self {
        Self(Arc::new(AtomicI64::new(now.get())))
    }

    pub(crate) fn set(&self, now: UnixMillis) {
        self.0.store(now.get(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::SeqCst))
    }
}

/// A store that hands each question to the test and waits until the test answers it.
#[derive(Clone)]
pub(crate) struct AskingStore(mpsc::UnboundedSender<Question>);

/// A lookup under way. The store panics if it is dropped unanswered.
pub(crate) struct Question {
    pub(crate) token: String,
    answer: oneshot::Sender<Result<Option<Session>, StoreError>>,
}

pub(crate) struct Questions(mpsc::UnboundedReceiver<Question>);

pub(crate) fn asking_store() -> (AskingStore, Questions) {
    let (ask, questions) = mpsc::unbounded_channel();
    (AskingStore(ask), Questions(questions))
}

impl SessionStore for AskingStore {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Question { token: token.as_str().to_owned(), answer }).ok().unwrap();
        answered.await.expect("the store panics, because the test wants it to")
    }
}

impl Questions {
    /// The next lookup, as soon as there is one.
    pub(crate) async fn next(&mut self) -> Question {
        self.0.recv().await.unwrap()
    }

    /// How many lookups have begun since the last one that was taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.len()
    }
}

impl Question {
    pub(crate) fn answer(self, answer: Result<Option<Session>, StoreError>) {
        self.answer.send(answer).ok();
    }
}

/// A store that holds at most one session, and answers at once.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    expires_at: Arc<Mutex<Option<UnixMillis>>>,
    asked: Arc<AtomicUsize>,
}

impl Shelf {
    pub(crate) fn with(expires_at: UnixMillis) -> Self {
        let shelf = Self::default();
        shelf.put(Some(expires_at));
        shelf
    }

    /// What it holds from now on: a session that ends then, or none.
    pub(crate) fn put(&self, expires_at: Option<UnixMillis>) {
        *self.expires_at.lock().unwrap() = expires_at;
    }

    /// How many lookups it has answered.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl SessionStore for Shelf {
    async fn find(&self, _: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.expires_at.lock().unwrap().map(session_until))
    }
}

/// Ages that let nothing grow old during a test.
pub(crate) const LONG: Ages = Ages { session: HOUR, absence: HOUR };

pub(crate) fn cache(ages: Ages) -> Arc<SessionCache> {
    SessionCache::new(10_000, ages)
}

pub(crate) fn gate<S: SessionStore>(store: S, ages: Ages) -> Gate<S> {
    Gate::new(rules(), cache(ages), store, HOUR)
}

/// Lets a request go as far as it can without waiting: `true` if it has to wait.
pub(crate) async fn waits<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

/// Who passes with this record, at an instant at which it is live.
pub(crate) fn grant(record: &SessionRecord) -> Grant {
    let headers = session_cookie(WIRE);
    let Step::Lookup(pending) = rules().begin(&request(&headers), NOW) else {
        panic!("{WIRE} does not verify")
    };
    match pending.finish(Some(Arc::new(Session::new(record))), record.expires_at) {
        Decision::Allow(grant) => grant,
        other @ (Decision::Unauthenticated(_) | Decision::Forbidden(_) | Decision::Unavailable) => {
            panic!("{other:?}")
        }
    }
}
