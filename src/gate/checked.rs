//! What a check comes to.

use http::HeaderValue;

use crate::auth::Decision;

/// A decision, and what it cost.
#[derive(Debug)]
pub struct Checked {
    /// What was decided.
    pub decision: Decision,
    /// Whether a lookup was needed.
    pub lookup: Lookup,
    /// Better Auth's new cookie for a session that was prolonged, for proxies that hand it on.
    /// Boxed, for it is rare and every answer is moved.
    pub set_cookie: Option<Box<HeaderValue>>,
}

/// Where the session of a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// No session was asked for: there was no genuine token.
    None,
    /// The cache knew.
    Hit,
    /// The store was asked, by this request or by one just before it.
    Miss,
    /// What the store said before, for it cannot be asked now.
    Stale,
    /// The request brought it along in Better Auth's own cookie cache, for no store could say.
    Cookie,
}

impl Checked {
    pub(super) fn new(decision: Decision, lookup: Lookup) -> Self {
        Self { decision, lookup, set_cookie: None }
    }
}

impl Lookup {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Cookie => "cookie",
        }
    }
}
