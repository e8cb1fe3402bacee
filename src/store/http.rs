//! Better Auth itself, asked over HTTP: whatever its database is, its own get-session knows.
//!
//! One cookie, or one API key, is all that it is told: no address, no origin, no other header of the client's. Source:
//! better-auth 1.7.25 `api/routes/session.mjs`, @better-auth/api-key 1.7.5; its origin check is for other methods than
//! GET (`api/middlewares/origin-check.mjs`).

mod answer;

use http::header::{ACCEPT, CONTENT_LENGTH, COOKIE, ORIGIN, SET_COOKIE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};

use self::answer::Told;
use super::{PoolState, SessionStore, StoreError};
use crate::auth::{ApiKey, Body, CookieName, KeyVerdict, Session, VerifiedToken, cookie_value};
use crate::clock::UnixMillis;
use crate::fetch::{Client, FetchError, Repeat};

/// Better Auth below one URL.
#[derive(Clone, Debug)]
pub struct BetterAuth {
    client: Client,
    /// Reads, and prolongs nothing.
    reading: Uri,
    /// Prolongs what is due.
    prolonging: Uri,
    origin: HeaderValue,
    cookie: CookieName,
    bodies: bool,
}

/// What Better Auth made of a session that was due.
#[derive(Debug)]
pub enum Renewal {
    /// It lives until then.
    Until {
        /// `session.expiresAt`, which need not be later than before.
        expires_at: UnixMillis,
        /// Its answer, if such are kept.
        body: Option<Body>,
        /// Its Set-Cookie for the session cookie, if it sent one.
        set_cookie: Option<HeaderValue>,
    },
    /// There is no such session.
    Gone,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SIDEGATE: HeaderValue = HeaderValue::from_static(concat!("sidegate/", env!("CARGO_PKG_VERSION")));

impl BetterAuth {
    /// The Better Auth whose endpoints are below `base`; `bodies` keeps its answers for get-session.
    ///
    /// # Errors
    /// If no longer URL can be made of `base`.
    pub fn new(base: &Uri, cookie: CookieName, bodies: bool, client: Client) -> Result<Self, http::Error> {
        let path = base.path().trim_end_matches('/');
        let below = |end: &str| {
            let mut parts = base.clone().into_parts();
            parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}/get-session{end}"))?);
            Uri::from_parts(parts).map_err(http::Error::from)
        };
        let (scheme, authority) = (base.scheme_str().unwrap_or("http"), base.authority());
        let origin = format!("{scheme}://{}", authority.map_or("", http::uri::Authority::as_str));
        Ok(Self {
            client,
            reading: below("?disableRefresh=true&disableCookieCache=true")?,
            prolonging: below("?disableCookieCache=true")?,
            origin: HeaderValue::try_from(origin)?,
            cookie,
            bodies,
        })
    }

    /// What `key` opens.
    ///
    /// # Errors
    /// Whatever is not clearly a verdict.
    pub async fn judge(&self, header: &HeaderName, key: &ApiKey) -> Result<KeyVerdict, StoreError> {
        let mut question = question(Method::GET, &self.reading);
        question.headers_mut().insert(header, key.header_value());
        // Each use of a key is counted there.
        let answer = self.ask(question, Repeat::Never).await?;
        if let Some(verdict) = answer::refusal_of_key(&answer) {
            return Ok(verdict);
        }
        if let Some(told) = answer::read(&answer)? {
            return Ok(KeyVerdict::Opens(self.session(&told, &answer).without_sign_in().into()));
        }
        tracing::warn!(
            "Better Auth does not look at API keys: its api-key plugin needs enableSessionForAPIKeys and this header \
             among its apiKeyHeaders"
        );
        Ok(KeyVerdict::Refused)
    }

    /// Has a session prolonged that is due, as a visit of its browser would. The cookie cache is left out of it.
    ///
    /// # Errors
    /// Whatever is not clearly an answer.
    pub async fn prolong(&self, token: &VerifiedToken) -> Result<Renewal, StoreError> {
        let answer = self.ask(self.with_cookie(Method::GET, &self.prolonging, token)?, Repeat::Once).await?;
        let renewal = self.renewal(token, &answer)?;
        if !answer::read(&answer).is_ok_and(|told| told.is_some_and(|told| told.needs_refresh)) {
            return Ok(renewal);
        }
        // deferSessionRefresh: its GET only says that a POST would. That one has its origin checked.
        let mut question = self.with_cookie(Method::POST, &self.prolonging, token)?;
        question.headers_mut().insert(ORIGIN, self.origin.clone());
        question.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = self.ask(question, Repeat::Never).await?;
        self.renewal(token, &answer)
    }

    fn renewal(&self, token: &VerifiedToken, answer: &Response<bytes::Bytes>) -> Result<Renewal, StoreError> {
        if answer::says_that_it_vanished(answer) {
            return Ok(Renewal::Gone);
        }
        let Some(told) = answer::read(answer)? else { return Ok(Renewal::Gone) };
        told.check_token(token)?;
        let is_ours = |value: &&HeaderValue| {
            let rest = value.as_bytes().strip_prefix(self.cookie.as_str().as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"="))
        };
        Ok(Renewal::Until {
            expires_at: told.record.expires_at,
            body: self.bodies.then(|| answer::body(answer)),
            set_cookie: answer.headers().get_all(SET_COOKIE).iter().find(is_ours).cloned(),
        })
    }

    /// Asks without a cookie: wherever get-session is, it says that nobody is signed in.
    ///
    /// # Errors
    /// Whatever is not that.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let answer = self.ask(question(Method::GET, &self.reading), Repeat::Once).await?;
        match answer::read(&answer)? {
            None => Ok(()),
            Some(_) => {
                Err(StoreError::Malformed("it names a session to somebody who sent no cookie".to_owned()))
            }
        }
    }

    pub(super) async fn diagnose(&self) -> Result<(), StoreError> {
        self.probe().await
    }

    /// Its URL was checked for having no query.
    #[expect(clippy::unused_self, reason = "the stores are asked alike")]
    pub(super) fn ignored_parameters(&self) -> &[String] {
        &[]
    }

    /// Connections end with the last clone of the client.
    #[expect(clippy::unused_async, reason = "the stores are asked alike")]
    pub(super) async fn close(&self) {}

    pub(super) fn pool(&self) -> PoolState {
        // The client does not tell how many it keeps idle.
        PoolState { busy: self.client.busy(), idle: 0 }
    }

    fn session(&self, told: &Told, answer: &Response<bytes::Bytes>) -> Session {
        let session = Session::new(&told.record);
        if self.bodies { session.with_body(answer::body(answer)) } else { session }
    }

    fn with_cookie(
        &self,
        method: Method,
        url: &Uri,
        token: &VerifiedToken,
    ) -> Result<Request<()>, StoreError> {
        let value = cookie_value(token.signed());
        let mut cookie = HeaderValue::try_from(format!("{}={value}", self.cookie))
            .map_err(|_| StoreError::Refused("the token fits into no cookie".to_owned()))?;
        cookie.set_sensitive(true);
        let mut question = question(method, url);
        question.headers_mut().insert(COOKIE, cookie);
        Ok(question)
    }

    async fn ask(&self, question: Request<()>, repeat: Repeat) -> Result<Response<bytes::Bytes>, StoreError> {
        self.client.ask(question, repeat).await.map_err(|error| match error {
            FetchError::Timeout(limit) => StoreError::Timeout(limit),
            FetchError::TooLong(_) => StoreError::Malformed(error.to_string()),
            FetchError::Busy(_)
            | FetchError::Unreachable(_)
            | FetchError::Tls(_)
            | FetchError::BrokenOff(_) => StoreError::Unreachable(error.to_string()),
        })
    }
}

impl SessionStore for BetterAuth {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        let answer = self.ask(self.with_cookie(Method::GET, &self.reading, token)?, Repeat::Once).await?;
        let Some(told) = answer::read(&answer)? else { return Ok(None) };
        told.check_token(token)?;
        Ok(Some(self.session(&told, &answer)))
    }
}

fn question(method: Method, url: &Uri) -> Request<()> {
    let mut question = Request::new(());
    *question.method_mut() = method;
    *question.uri_mut() = url.clone();
    let headers = question.headers_mut();
    headers.insert(ACCEPT, JSON);
    headers.insert(USER_AGENT, SIDEGATE);
    question
}
