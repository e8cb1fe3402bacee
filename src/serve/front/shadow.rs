//! `mode`: whether what is decided is kept to, or only told.
//!
//! In shadow whatever a proxy asks about passes, as nobody where it would not have passed, so that sidegate can be tried out
//! beside an app that has its own way of knowing people. What would have been decided is counted and told as ever. Two
//! things are as they always are. A peer that is none of `trusted_proxies` is refused: it asks on behalf of no app, and a
//! proxy that was forgotten there shows at once. And get-session answers what is so, for its answer lets nobody by.

use http::{HeaderMap, Method};

use super::Front;
use crate::auth::{CheckRequest, Decision};
use crate::dialect::{Answer, Dialect, Refusal};

/// Whether decisions are kept to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    #[default]
    Enforce,
    /// Everything passes; what would not have is told.
    Shadow,
}

impl Mode {
    /// The stable code, in events that tell of what is not kept to.
    pub(super) fn code(self) -> Option<&'static str> {
        (self == Self::Shadow).then_some("shadow")
    }

    /// What stands before `denied` in such an event.
    pub(super) const fn would(self) -> &'static str {
        match self {
            Self::Enforce => "",
            Self::Shadow => "would be ",
        }
    }
}

impl<S> Front<S> {
    /// What counts for one question.
    pub(super) fn mode(&self, dialect: Dialect, refusal: Option<&Refusal>) -> Mode {
        if dialect == Dialect::GetSession || refusal == Some(&Refusal::UntrustedPeer) {
            return Mode::Enforce;
        }
        self.mode
    }

    /// What the proxy is told of a decision.
    pub(super) fn kept_to(&self, dialect: Dialect, decision: Decision) -> Decision {
        match (self.mode(dialect, None), decision.denied()) {
            (Mode::Shadow, Some((_, reason))) => self.let_by(dialect, reason),
            (Mode::Enforce, _) | (Mode::Shadow, None) => decision,
        }
    }

    /// What the proxy is told where its question was refused.
    pub(super) fn refused(&self, dialect: Dialect, refusal: &Refusal) -> (Answer, Option<Decision>) {
        match self.mode(dialect, Some(refusal)) {
            Mode::Enforce => (dialect.refuse(refusal), None),
            Mode::Shadow => {
                let decision = self.let_by(dialect, refusal.code());
                // What was asked could not be read, and nobody's pass says nothing of it.
                let (method, headers) = (Method::GET, HeaderMap::new());
                let unread =
                    CheckRequest { method, scheme: None, host: b"", target: b"/", headers: &headers };
                (dialect.encode(&unread, &decision, &self.terms), Some(decision))
            }
        }
    }

    fn let_by(&self, dialect: Dialect, reason: &'static str) -> Decision {
        self.metrics.let_by(dialect.code(), reason);
        Decision::unenforced()
    }
}
