//! From a proxy's question to its answer: dialect, gate, dialect, with everything counted and denials told.

use std::sync::Arc;

use http::header::SET_COOKIE;
use http::request::Parts;
use prometheus_client::metrics::counter::Counter;

use super::connection::Service;
use super::peers::{Peer, TrustedPeers};
use crate::auth::{CheckRequest, Decision};
use crate::cache::SessionCache;
use crate::clock;
use crate::dialect::{self, Answer, Dialect, Refusal, Terms};
use crate::gate::{Checked, Gate, Lookup};
use crate::log::DENIALS;
use crate::metrics::{DecisionLabels, Metrics};
use crate::store::SessionStore;

/// The gate as proxies see it.
pub struct Front<S> {
    gate: Gate<S>,
    terms: Terms,
    trusted: TrustedPeers,
    answers_get_session: bool,
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
        Self { gate, terms, trusted, answers_get_session: false, metrics, allowed_hits }
    }

    /// Answers get-session too, if so asked: for apps that call Better Auth.
    #[must_use]
    pub fn with_get_session(self, answers: bool) -> Self {
        Self { answers_get_session: answers, ..self }
    }

    /// The gate's cache, for telling its size.
    #[must_use]
    pub fn cache(&self) -> Arc<SessionCache> {
        self.gate.cache()
    }

    /// Answers one question.
    pub async fn answer(&self, question: &Parts, peer: Peer) -> Answer {
        let Some(dialect) = Dialect::at(question.uri.path()).filter(|dialect| self.speaks(*dialect)) else {
            return dialect::not_found();
        };
        let (request, checked) = match self.judge(dialect, question, peer).await {
            Ok(judged) => judged,
            Err(refusal) => {
                self.tell_refused(dialect, &refusal, peer);
                return dialect.refuse(&refusal);
            }
        };
        let mut answer = dialect.encode(&request, &checked.decision, &self.terms);
        if let (Decision::Allow(_), Some(cookie)) = (&checked.decision, checked.set_cookie) {
            answer.headers_mut().insert(SET_COOKIE, *cookie);
        }
        if dialect::leaves_a_loop(&answer) {
            tracing::warn!(
                dialect = dialect.code(),
                "somebody was sent to sign in again and again, or login_url is itself behind sidegate: explained instead"
            );
        }
        answer
    }

    /// Decides one question of a dialect, with everything counted and denials told.
    async fn judge<'a>(
        &self,
        dialect: Dialect,
        question: &'a Parts,
        peer: Peer,
    ) -> Result<(CheckRequest<'a>, Checked), Refusal> {
        if !self.trusted.contain(peer) {
            return Err(Refusal::UntrustedPeer);
        }
        let request = dialect.decode(question, &self.terms)?;
        let checked = match dialect {
            Dialect::GetSession => self.gate.check_session(&request, clock::now).await,
            Dialect::Nginx | Dialect::Traefik | Dialect::Caddy | Dialect::Haproxy | Dialect::Envoy => {
                self.gate.check(&request, clock::now).await
            }
        };
        self.count(dialect, &checked);
        tell(dialect, &request, &checked);
        Ok((request, checked))
    }

    fn speaks(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::GetSession => self.answers_get_session,
            Dialect::Nginx | Dialect::Traefik | Dialect::Caddy | Dialect::Haproxy | Dialect::Envoy => true,
        }
    }

    fn tell_refused(&self, dialect: Dialect, refusal: &Refusal, peer: Peer) {
        self.metrics.decision(&labels(dialect, "refused", refusal.code(), Lookup::None)).inc();
        let header = refusal.header().map(http::HeaderName::as_str);
        tracing::warn!(dialect = dialect.code(), reason = refusal.code(), header, ?peer, "refused");
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

impl<S: SessionStore> Service for Front<S> {
    async fn answer(&self, question: &Parts, peer: Peer) -> Answer {
        Front::answer(self, question, peer).await
    }

    fn expects(&self, peer: Peer) -> bool {
        self.trusted.contain(peer)
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
fn tell(dialect: Dialect, request: &CheckRequest<'_>, checked: &Checked) {
    let (status, reason) = match &checked.decision {
        Decision::Allow(_) => return,
        Decision::Unauthenticated(denial) => (401, denial.code()),
        Decision::Forbidden(denial) => (403, denial.code()),
        Decision::Unavailable => (503, "store_unavailable"),
    };
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    tracing::info!(
        target: DENIALS,
        dialect = dialect.code(),
        status,
        reason,
        cache = checked.lookup.code(),
        method = request.method.as_str(),
        host = %excerpt(request.host),
        path = %excerpt(path),
        "denied"
    );
}

/// What a client sent, fit for a log: printable, and not so long that anybody could fill a disk with it.
fn excerpt(text: &[u8]) -> impl std::fmt::Display {
    const BYTES_MAX: usize = 256;
    text.get(..BYTES_MAX).unwrap_or(text).escape_ascii()
}
