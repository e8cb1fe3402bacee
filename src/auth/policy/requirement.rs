//! What somebody who is signed in has to show.

use std::fmt;
use std::time::Duration;

use super::super::decision::Denial;
use super::super::identity::IdentityField;
use super::super::session::{ActiveSession, Impersonation};
use crate::clock::UnixMillis;

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// One of these roles, or more (admin plugin: `user.role`).
    AnyRole(Roles),
    /// All of these roles.
    AllRoles(Roles),
    /// The e-mail address is verified.
    EmailVerified,
    /// Two-factor authentication is on.
    TwoFactor,
    /// The session is not an administrator's who acts as its user.
    NotImpersonated,
    /// Membership in the organization that is active in the session.
    Organization,
    /// One of these roles in that organization, or more.
    OrganizationRole(Roles),
    /// The sign-in is younger than this.
    MaxSessionAge(Duration),
}

/// Names of roles, spelt as identities spell them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(pub(super) Vec<String>);

impl Requirement {
    /// The name by which settings and proxies ask for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AnyRole(_) => "any_role",
            Self::AllRoles(_) => "all_roles",
            Self::EmailVerified => "email_verified",
            Self::TwoFactor => "two_factor",
            Self::NotImpersonated => "not_impersonated",
            Self::Organization => "organization",
            Self::OrganizationRole(_) => "organization_role",
            Self::MaxSessionAge(_) => "max_session_age",
        }
    }

    /// Why a session does not meet it at `now`; `None` if it does.
    ///
    /// What is not known of somebody they do not have: a store without the plugin's column grants nothing.
    #[must_use]
    pub fn unmet(&self, session: &ActiveSession, now: UnixMillis) -> Option<Denial> {
        let has = |field| session.identity().get(field).is_some();
        let held = |field| {
            let text = session.identity().get(field).map_or(&[][..], |value| value.as_bytes());
            // Not trimmed, as Better Auth does not (`admin/has-permission`).
            move |role: &String| text.split(|&byte| byte == b',').any(|held| held == role.as_bytes())
        };
        let (is_met, denial) = match self {
            Self::AnyRole(Roles(roles)) => {
                (roles.iter().any(held(IdentityField::UserRole)), Denial::MissingRole)
            }
            Self::AllRoles(Roles(roles)) => {
                (roles.iter().all(held(IdentityField::UserRole)), Denial::MissingRole)
            }
            Self::EmailVerified => (has(IdentityField::UserEmailVerified), Denial::EmailUnverified),
            Self::TwoFactor => (has(IdentityField::UserTwoFactor), Denial::NoTwoFactor),
            Self::NotImpersonated => (session.impersonation() == Impersonation::No, Denial::Impersonated),
            // The role is read from the membership itself: a session may name an organization that its user has left.
            Self::Organization => (has(IdentityField::OrganizationRole), Denial::NotMember),
            Self::OrganizationRole(Roles(roles)) => {
                let is_met = roles.iter().any(held(IdentityField::OrganizationRole));
                (is_met, Denial::MissingOrganizationRole)
            }
            Self::MaxSessionAge(max) => (is_younger(session, *max, now), Denial::NotFresh(*max)),
        };
        (!is_met).then_some(denial)
    }
}

/// As Better Auth's own freshness check (1.7.25 `freshSessionMiddleware`): an age of exactly `max` is too old, and a sign-in
/// in the future, by another machine's clock, is none at all.
fn is_younger(session: &ActiveSession, max: Duration, now: UnixMillis) -> bool {
    session.signed_in_at().is_some_and(|at| now.since(at).is_none_or(|age| age < max))
}

/// A time as settings and proxies write it.
#[must_use]
pub fn age_told(age: Duration) -> String {
    let (seconds, millis) = (age.as_secs(), age.subsec_millis());
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60, millis) {
        (hours, 0, 0, 0) if hours > 0 => format!("{hours}h"),
        (0, minutes, 0, 0) if minutes > 0 => format!("{minutes}m"),
        (.., 0) => format!("{seconds}s"),
        _ => format!("{}ms", age.as_millis()),
    }
}

/// As a proxy asks for it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        match self {
            Self::AnyRole(Roles(roles))
            | Self::AllRoles(Roles(roles))
            | Self::OrganizationRole(Roles(roles)) => {
                write!(f, ":{}", roles.join("|"))
            }
            Self::MaxSessionAge(age) => write!(f, ":{}", age_told(*age)),
            Self::EmailVerified | Self::TwoFactor | Self::NotImpersonated | Self::Organization => Ok(()),
        }
    }
}
