//! Why a store could not be believed, and what may be told and done about it.

use std::time::Duration;

/// Why a store could not be believed. No variant holds a token or a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It took a connection and then did not answer in time.
    #[error("the store did not answer within {0:?}")]
    Timeout(Duration),
    /// No connection could be made, or each one broke.
    #[error("cannot reach the store: {0}")]
    Unreachable(String),
    /// It answered the question with an error: a missing table, column or permission.
    #[error("the store refused the lookup: {0}")]
    Refused(String),
    /// It answered with a row that cannot be a session's.
    #[error("the store's row is not a session: {0}")]
    Malformed(String),
    /// It answers so many questions in a time and no more: Better Auth's rate limiter.
    #[error("Better Auth's rate limiter refused the lookup")]
    RateLimited,
    /// So many lookups are under way or waiting that one more would wait too long.
    #[error("too many lookups are waiting for the store")]
    Overloaded,
    /// It did not answer the last times, and is left alone for a moment.
    #[error("the store did not answer just now, and is not asked again yet")]
    Resting,
    /// The session changed each time it was looked up.
    #[error("the session changed while it was looked up, again and again")]
    Unsettled,
    /// The lookup ended without an answer, by a defect of ours.
    #[error("the lookup broke off")]
    BrokeOff,
}

impl StoreError {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::Malformed(_) => "malformed",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Resting => "resting",
            Self::Unsettled => "unsettled",
            Self::BrokeOff => "broke_off",
        }
    }

    /// Whether the store could not be asked, rather than having said something odd: what is known from before is then
    /// better than nothing.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Timeout(_)
            | Self::Unreachable(_)
            | Self::RateLimited
            | Self::Overloaded
            | Self::Resting
            | Self::BrokeOff => true,
            Self::Refused(_) | Self::Malformed(_) | Self::Unsettled => false,
        }
    }

    /// What happened, where it is plain of whom it is told.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Timeout(limit) => format!("no answer within {limit:?}"),
            Self::Unreachable(what) | Self::Refused(what) | Self::Malformed(what) => what.clone(),
            Self::RateLimited | Self::Overloaded | Self::Resting | Self::Unsettled | Self::BrokeOff => {
                self.to_string()
            }
        }
    }
}
