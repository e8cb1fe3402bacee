//! From a proxy's question to its answer: dialect, gate, dialect, with everything counted and denials told.

mod shadow;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::SET_COOKIE;
use http::request::Parts;
use http_body_util::BodyExt as _;
use prometheus_client::metrics::counter::Counter;

pub use self::shadow::Mode;
use super::peers::{Peer, TrustedPeers};
use crate::assertion::Assertions;
use crate::auth::{CheckRequest, Decision, Denial, Found, Policy, Routes};
use crate::cache::SessionCache;
use crate::clock;
use crate::dialect::{self, Answer, CheckResponse, Dialect, EnvoyCheck, Refusal, Terms};
use crate::gate::{Checked, Gate, Lookup};
use crate::log::DENIALS;
use crate::metrics::{DecisionLabels, Metrics};
use crate::store::SessionStore;

/// The gate as proxies see it.
pub struct Front<S> {
    gate: Gate<S>,
    terms: Terms,
    trusted: TrustedPeers,
    routes: Arc<Routes>,
    answers_get_session: bool,
    mode: Mode,
    assertions: Option<Assertions>,
    metrics: Arc<Metrics>,
    /// Allowed from the cache, by dialect: what is counted most is looked up once.
    allowed_hits: [(Dialect, Counter); Dialect::ALL.len()],
}

impl<S: SessionStore> Front<S> {
    /// Answers `trusted` peers from `gate`.
    #[must_use]
    pub fn new(gate: Gate<S>, terms: Terms, trusted: TrustedPeers, metrics: Arc<Metrics>) -> Self {
        let allowed_hits = Dialect::ALL
            .map(|dialect| (dialect, metrics.decision(&labels(dialect, "allow", "", Lookup::Hit))));
        let routes = Arc::default();
        Self {
            gate,
            terms,
            trusted,
            routes,
            answers_get_session: false,
            mode: Mode::default(),
            assertions: None,
            metrics,
            allowed_hits,
        }
    }

    /// Asks of each request what these say of it.
    #[must_use]
    pub fn with_routes(self, routes: Arc<Routes>) -> Self {
        Self { routes, ..self }
    }

    /// Answers get-session too, if so asked: for apps that call Better Auth.
    #[must_use]
    pub fn with_get_session(self, answers: bool) -> Self {
        Self { answers_get_session: answers, ..self }
    }

    /// Keeps to what is decided, or only tells it.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Has apps told who somebody is by signed assertions too.
    #[must_use]
    pub fn with_assertions(self, assertions: Assertions) -> Self {
        Self { assertions: Some(assertions), ..self }
    }

    /// The public keys of those assertions; `None` if there are none.
    #[must_use]
    pub fn jwks(&self) -> Option<Bytes> {
        self.assertions.as_ref().map(Assertions::jwks)
    }

    /// The gate's cache, for telling its size.
    #[must_use]
    pub fn cache(&self) -> Arc<SessionCache> {
        self.gate.cache()
    }

    /// Whether the word of `peer` is believed.
    pub(super) fn trusts(&self, peer: Peer) -> bool {
        self.trusted.contain(peer)
    }

    /// Answers one question.
    pub async fn answer(&self, question: &Parts, peer: Peer) -> Answer {
        let Some(dialect) = Dialect::at(question.uri.path()).filter(|dialect| self.speaks(*dialect)) else {
            return dialect::not_found();
        };
        let asked = self
            .believe(peer)
            .and_then(|()| Ok((dialect.decode(question, &self.terms)?, dialect.asked(question)?)));
        let (asked, policy) = match asked {
            Ok((request, policy)) => (Ok(request), policy),
            Err(refusal) => (Err(refusal), None),
        };
        self.judge(dialect, asked, policy.as_ref(), peer).await.0
    }

    /// Answers one question of Envoy's by gRPC: a `CheckRequest`, or why there is none.
    pub async fn check(&self, message: Result<Bytes, Refusal>, peer: Peer) -> CheckResponse {
        let decode = |message| EnvoyCheck::decode(message, &self.terms.names);
        let check = self.believe(peer).and(message).and_then(decode);
        let (asked, policy) = match &check {
            Ok(check) => (Ok(check.request()), check.policy()),
            Err(refusal) => (Err(refusal.clone()), None),
        };
        let (answer, decision) = self.judge(Dialect::EnvoyGrpc, asked, policy, peer).await;
        let (head, body) = answer.into_parts();
        let Ok(body) = body.collect().await;
        let answer = Response::from_parts(head, body.to_bytes());
        dialect::check_response(&answer, decision.as_ref(), &self.terms.names)
    }

    fn believe(&self, peer: Peer) -> Result<(), Refusal> {
        if self.trusts(peer) { Ok(()) } else { Err(Refusal::UntrustedPeer) }
    }

    /// The answer to one question of a dialect, with everything counted and denials told, and the decision unless it was
    /// refused.
    async fn judge(
        &self,
        dialect: Dialect,
        asked: Result<CheckRequest<'_>, Refusal>,
        policy: Option<&Policy>,
        peer: Peer,
    ) -> (Answer, Option<Decision>) {
        let (request, found) = match asked.and_then(|request| Ok((self.route(dialect, &request)?, request))) {
            Ok((found, request)) => (request, found),
            Err(refusal) => {
                self.tell_refused(dialect, &refusal, peer);
                return self.refused(dialect, &refusal);
            }
        };
        let mut checked = match dialect {
            Dialect::GetSession => self.gate.check_session(&request, clock::now).await,
            Dialect::Nginx
            | Dialect::Traefik
            | Dialect::Caddy
            | Dialect::Haproxy
            | Dialect::Envoy
            | Dialect::EnvoyGrpc => {
                self.gate.check_under(&request, &found.policies(policy), clock::now).await
            }
        };
        self.prove(dialect, &request, &mut checked.decision);
        self.count(dialect, &checked);
        tell(dialect, &request, found, &checked, self.mode(dialect, None));
        let cookie = checked.set_cookie.filter(|_| matches!(checked.decision, Decision::Allow(_)));
        let decision = self.kept_to(dialect, checked.decision);
        let mut answer = dialect.encode(&request, &decision, &self.terms);
        answer.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, *cookie)));
        let is_denied = matches!(decision, Decision::Unauthenticated(_));
        if is_denied && dialect::leaves_a_loop(&answer) {
            tracing::warn!(
                dialect = dialect.code(),
                "somebody was sent to sign in again and again, or login_url is itself behind sidegate: explained instead"
            );
        }
        (answer, Some(decision))
    }

    /// Signs for whoever may pass, once nothing can be decided otherwise any more.
    fn prove(&self, dialect: Dialect, request: &CheckRequest<'_>, decision: &mut Decision) {
        let (Decision::Allow(grant), Some(assertions)) = (decision, &self.assertions) else { return };
        // Better Auth's own answer, which has no such header.
        if dialect == Dialect::GetSession {
            return;
        }
        if let Some(assertion) = assertions.of(grant, request, clock::now()) {
            grant.prove(assertion);
        }
    }

    /// The routes of a request. Whoever asks get-session asks who somebody is, not whether they may go anywhere.
    fn route(&self, dialect: Dialect, request: &CheckRequest<'_>) -> Result<Found<'_>, Refusal> {
        match dialect {
            Dialect::GetSession => Ok(Found::default()),
            Dialect::Nginx
            | Dialect::Traefik
            | Dialect::Caddy
            | Dialect::Haproxy
            | Dialect::Envoy
            | Dialect::EnvoyGrpc => self.routes.find(request).map_err(Refusal::Ambiguous),
        }
    }

    fn speaks(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::GetSession => self.answers_get_session,
            Dialect::Nginx
            | Dialect::Traefik
            | Dialect::Caddy
            | Dialect::Haproxy
            | Dialect::Envoy
            | Dialect::EnvoyGrpc => true,
        }
    }

    fn tell_refused(&self, dialect: Dialect, refusal: &Refusal, peer: Peer) {
        self.metrics.decision(&labels(dialect, "refused", refusal.code(), Lookup::None)).inc();
        let header = refusal.header().map(|name| tracing::field::display(excerpt(name.as_str().as_bytes())));
        let attribute = refusal.attribute();
        let mode = self.mode(dialect, Some(refusal));
        tracing::warn!(
            dialect = dialect.code(),
            reason = refusal.code(),
            header,
            attribute,
            ?peer,
            mode = mode.code(),
            "{}refused",
            mode.would()
        );
    }

    fn count(&self, dialect: Dialect, checked: &Checked) {
        let (outcome, reason) = match &checked.decision {
            Decision::Allow(_) if checked.lookup == Lookup::Hit => {
                if let Some((_, counter)) = self.allowed_hits.iter().find(|(of, _)| *of == dialect) {
                    counter.inc();
                }
                return;
            }
            Decision::Allow(_) => ("allow", ""),
            Decision::Unauthenticated(denial) => ("unauthenticated", denial.code()),
            Decision::Forbidden(denial) => ("forbidden", denial.code()),
            Decision::Unavailable => ("unavailable", ""),
        };
        self.metrics.decision(&labels(dialect, outcome, reason, checked.lookup)).inc();
    }
}

const fn labels(
    dialect: Dialect,
    outcome: &'static str,
    reason: &'static str,
    lookup: Lookup,
) -> DecisionLabels {
    DecisionLabels { dialect: dialect.code(), outcome, reason, cache: lookup.code() }
}

/// One event a denial. The path goes without its query, which may hold what nobody should read.
fn tell(dialect: Dialect, request: &CheckRequest<'_>, found: Found<'_>, checked: &Checked, mode: Mode) {
    let Some((status, reason)) = checked.decision.denied() else { return };
    // Which page sent it; or that its proxy does not pass on what tells that.
    let is_cross_origin = matches!(checked.decision, Decision::Forbidden(Denial::CrossOrigin));
    let sender = |name| {
        let value = request.headers.get(name).filter(|_| is_cross_origin)?;
        Some(tracing::field::display(excerpt(value.as_bytes())))
    };
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    tracing::info!(
        target: DENIALS,
        dialect = dialect.code(),
        status,
        reason,
        route = found.route.map(tracing::field::display),
        cache = checked.lookup.code(),
        method = request.method.as_str(),
        host = %excerpt(request.host),
        path = %excerpt(path),
        origin = sender("origin"),
        sec_fetch_site = sender("sec-fetch-site"),
        mode = mode.code(),
        "{}denied",
        mode.would()
    );
}

/// What a client sent, fit for a log: printable, and not so long that anybody could fill a disk with it.
fn excerpt(text: &[u8]) -> impl std::fmt::Display {
    const BYTES_MAX: usize = 256;
    text.get(..BYTES_MAX).unwrap_or(text).escape_ascii()
}
