//! What was decided, with reasons that can be counted and relied on.

use std::time::Duration;

use http::HeaderValue;

use super::identity::Identity;
use super::session::ActiveSession;

/// The answer to one request. Doubt has its own variant, so that it can become neither a sign-in nor a pass.
#[must_use]
#[derive(Debug)]
pub enum Decision {
    /// It may pass, as this user.
    Allow(Grant),
    /// Known not to be signed in: signing in would help.
    Unauthenticated(Denial),
    /// Signed in, and not allowed: signing in again would not help.
    Forbidden(Denial),
    /// Not known: the store could not be asked. Trying later would help.
    Unavailable,
}

impl Decision {
    /// Lets by whoever asks, as nobody: what `mode = "shadow"` makes of everything that is not allowed. Nothing else may.
    pub fn unenforced() -> Self {
        Self::Allow(Grant::anonymous())
    }

    /// Status and stable reason of what is not allowed, as events and `explain` tell it; `None` of what is.
    #[must_use]
    pub fn denied(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::Allow(_) => None,
            Self::Unauthenticated(denial) => Some((401, denial.code())),
            Self::Forbidden(denial) => Some((403, denial.code())),
            Self::Unavailable => Some((503, "store_unavailable")),
        }
    }
}

/// Permission to pass. Only `auth` can make one:
/// ```compile_fail
/// fn forge(session: sidegate::auth::ActiveSession) -> sidegate::auth::Grant {
///     sidegate::auth::Grant { session: Some(session), stale: None, assertion: None }
/// }
/// ```
/// Everyone can read one:
/// ```
/// fn read(grant: &sidegate::auth::Grant) -> &sidegate::auth::Identity {
///     grant.identity()
/// }
/// ```
#[derive(Debug)]
pub struct Grant {
    /// `None`: it passes as nobody.
    session: Option<ActiveSession>,
    /// How old it is what is known of that session, if it could not be asked for.
    stale: Option<Duration>,
    /// The proof of it, for whoever does not take a proxy's word.
    assertion: Option<HeaderValue>,
}

/// Why a request may not pass. The codes are stable: people build alerts on them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// No session cookie of the configured name.
    NoCredential,
    /// A cookie that this deployment's secret did not sign.
    BadSignature,
    /// A genuine token without a session: signed out, or never stored.
    NoSession,
    /// A genuine session that is over.
    Expired,
    /// A live session of a user whom an administrator has banned.
    Banned,
    /// A genuine JSON Web Token of somebody else's, for something else, or not of this time.
    InvalidToken,
    /// An API key that Better Auth does not take, or that is none.
    ApiKeyRefused,
    /// An API key that was used too often, or is used up: waiting may help.
    ApiKeyLimited,
    /// A session cookie on a request that changes something, sent by another site's page.
    CrossOrigin,
    /// Signed in, and the asked policy wants a verified e-mail address.
    EmailUnverified,
    /// Signed in, and the asked policy wants two-factor authentication to be on.
    NoTwoFactor,
    /// An administrator acting as somebody, where the asked policy wants that somebody.
    Impersonated,
    /// Signed in, without a role that is asked for.
    MissingRole,
    /// Signed in, and no member of the organization that is active.
    NotMember,
    /// Signed in, without a role that is asked for in the organization that is active.
    MissingOrganizationRole,
    /// Signed in, longer ago than this.
    NotFresh(Duration),
    /// Nobody may go there.
    RouteDenied,
}

impl Denial {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::BadSignature => "bad_signature",
            Self::NoSession => "no_session",
            Self::Expired => "expired",
            Self::Banned => "banned",
            Self::InvalidToken => "invalid_token",
            Self::ApiKeyRefused => "api_key_refused",
            Self::ApiKeyLimited => "api_key_limited",
            Self::CrossOrigin => "cross_origin",
            Self::EmailUnverified => "email_unverified",
            Self::NoTwoFactor => "no_two_factor",
            Self::Impersonated => "impersonated",
            Self::MissingRole => "missing_role",
            Self::NotMember => "not_member",
            Self::MissingOrganizationRole => "missing_organization_role",
            Self::NotFresh(_) => "not_fresh",
            Self::RouteDenied => "route_denied",
        }
    }
}

impl Grant {
    pub(super) fn to(session: ActiveSession) -> Self {
        Self { session: Some(session), stale: None, assertion: None }
    }

    /// For what is let by without anybody being signed in: whoever it is, it is told as nobody.
    pub(super) fn anonymous() -> Self {
        Self { session: None, stale: None, assertion: None }
    }

    /// The same, known from that long ago.
    pub(super) fn stale(self, age: Duration) -> Self {
        Self { stale: Some(age), ..self }
    }

    /// Puts a signed assertion of it beside it.
    pub fn prove(&mut self, assertion: HeaderValue) {
        self.assertion = Some(assertion);
    }

    /// The signed assertion of it, if there is one.
    #[must_use]
    pub fn assertion(&self) -> Option<&HeaderValue> {
        self.assertion.as_ref()
    }

    /// How old it is what is known of the session; `None` if it was asked for, or needed no asking.
    #[must_use]
    pub fn stale_for(&self) -> Option<Duration> {
        self.stale
    }

    /// Who passes; an identity without fields if that is nobody.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        match &self.session {
            Some(session) => session.identity(),
            None => Identity::nobody(),
        }
    }

    /// The session by which they pass; `None` for nobody's.
    #[must_use]
    pub fn session(&self) -> Option<&ActiveSession> {
        self.session.as_ref()
    }
}
