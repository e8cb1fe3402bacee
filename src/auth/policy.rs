//! What one place asks of whoever comes. Which place a request is for, `routes` decides.
//!
//! A route may ask for less than a session; whatever is asked besides, by the route or by the proxy, only adds to that.

mod requirement;
mod words;

use std::time::Duration;

pub use self::requirement::{Requirement, age_told};
pub use self::words::PolicyError;

use super::decision::{Decision, Denial, Grant};
use crate::clock::UnixMillis;

/// Who may come, and what they have to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `None` if nothing was said of it.
    access: Option<Access>,
    requirements: Vec<Requirement>,
    /// Answers of this age are too old; `0s`: the store is asked.
    max_staleness: Option<Duration>,
    /// How much longer than usual what is known counts while the store cannot be asked; never more than is set for all.
    stale_if_error: Option<Duration>,
}

/// Who may come, the loosest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Everybody, and nobody is asked who they are.
    Public,
    /// Everybody; who is signed in is told.
    Optional,
    /// Who is signed in.
    #[default]
    Session,
    /// Nobody.
    Deny,
}

/// All the policies that one request has to meet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// The route's own; without one, a session is asked for and nothing else.
    pub route: Option<&'a Policy>,
    /// Those of other routes that some app takes instead.
    pub twins: [Option<&'a Policy>; 3],
    /// What the proxy asks for at that place.
    pub asked: Option<&'a Policy>,
}

impl Access {
    /// As settings write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Optional => "optional",
            Self::Session => "session",
            Self::Deny => "deny",
        }
    }
}

impl Policy {
    /// For that access, and nothing else.
    #[must_use]
    pub fn of(access: Access) -> Self {
        Self { access: Some(access), ..Self::default() }
    }

    /// Who may come.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access.unwrap_or_default()
    }

    /// What has to be shown besides a session.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Answers of this age are too old; `None` where none is for that alone.
    #[must_use]
    pub const fn max_staleness(&self) -> Option<Duration> {
        self.max_staleness
    }

    fn asks_of_a_session(&self) -> bool {
        !self.requirements.is_empty() || self.max_staleness.is_some() || self.stale_if_error.is_some()
    }
}

impl<'a> Policies<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Policy> + use<'a> {
        self.route.into_iter().chain(self.others())
    }

    fn others(&self) -> impl Iterator<Item = &'a Policy> + use<'a> {
        self.twins.into_iter().chain([self.asked]).flatten()
    }

    /// Whether there is none, and a session is asked for and nothing else.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.route.is_none() && self.asked.is_none() && self.twins.iter().all(Option::is_none)
    }

    /// Who may come: the strictest word counts.
    #[must_use]
    pub fn access(&self) -> Access {
        let of_route = self.route.map_or(Access::default(), Policy::access);
        self.others().map(Policy::access).fold(of_route, Ord::max)
    }

    /// All that has to be shown.
    pub fn requirements(&self) -> impl Iterator<Item = &'a Requirement> + use<'a> {
        self.all().flat_map(Policy::requirements)
    }

    /// Answers as old as this are too old; `None` where none is for that alone.
    #[must_use]
    pub fn max_staleness(&self) -> Option<Duration> {
        self.all().filter_map(|policy| policy.max_staleness).min()
    }

    /// How much longer what is known counts while the store cannot be asked, where less is wanted than is set for all.
    #[must_use]
    pub fn stale_if_error(&self) -> Option<Duration> {
        self.all().filter_map(|policy| policy.stale_if_error).min()
    }

    /// Whether they leave every decision as it is without them.
    #[must_use]
    pub fn ask_for_a_session_alone(&self) -> bool {
        self.access() == Access::Session && self.requirements().next().is_none()
    }

    /// The decision, where it does not depend on who asks.
    #[must_use]
    pub fn at_once(&self) -> Option<Decision> {
        match self.access() {
            Access::Public => Some(Decision::Allow(Grant::anonymous())),
            Access::Deny => Some(Decision::Forbidden(Denial::RouteDenied)),
            Access::Optional | Access::Session => None,
        }
    }

    /// The decision once it is known who asks.
    pub fn conclude(&self, decision: Decision, now: UnixMillis) -> Decision {
        match &decision {
            Decision::Unauthenticated(_) if self.access() == Access::Optional => {
                Decision::Allow(Grant::anonymous())
            }
            // Nobody has nothing to show, and is let by for what needs nobody: a preflight.
            Decision::Allow(grant) => match grant.session() {
                None => decision,
                Some(session) => {
                    let unmet = self.requirements().filter_map(|requirement| requirement.unmet(session, now));
                    match unmet.min_by_key(|unmet| matches!(unmet, Denial::NotFresh(_))) {
                        None => decision,
                        // Told only where it would help: to sign in again gives nobody a role.
                        Some(denial @ Denial::NotFresh(_)) => Decision::Unauthenticated(denial),
                        Some(denial) => Decision::Forbidden(denial),
                    }
                }
            },
            Decision::Unauthenticated(_) | Decision::Forbidden(_) | Decision::Unavailable => decision,
        }
    }
}
