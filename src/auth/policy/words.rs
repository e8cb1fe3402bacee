//! Policies as words: `any_role:admin|owner,max_session_age:5m`. Proxies write them so, and the keys of a route in the
//! settings are the same words.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use super::requirement::{Requirement, Roles};
use super::{Access, Policy};
use crate::auth::identity;

/// Why words are no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No such word.
    #[error(
        "{0:?} is none of session, deny, any_role, all_roles, email_verified, two_factor, not_impersonated, organization, \
         organization_role, max_session_age, max_staleness and stale_if_error"
    )]
    Unknown(String),
    /// A word that stands by itself has something behind it, or the other way round.
    #[error("{0} takes {1}")]
    Value(&'static str, &'static str),
    /// The same twice: which of the two counts?
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// Nobody is asked who they are, so nobody can show anything.
    #[error("nobody has to be signed in where access is {0}, so nothing can be asked of a session")]
    NothingToShow(&'static str),
}

const NO_VALUE: &str = "no value";
const ROLES: &str = "names of roles with | between them";
const AGE: &str = "a time such as 90s, 5m or 1h";

/// Words with commas between them. `session` asks for nothing more than every policy of a proxy's does.
impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::trim).try_fold(Self::default(), |policy, word| {
            let (name, value) = match word.split_once(':') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            match (name, value) {
                // What a proxy asks for can only tighten.
                ("public" | "optional", _) => Err(PolicyError::Unknown(word.to_owned())),
                _ => policy.with(name, value),
            }
        })
    }
}

impl Policy {
    /// With one more word.
    ///
    /// # Errors
    /// If it is none, or does not go with those before it.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Result<Self, PolicyError> {
        let requirement = match name {
            "public" => return self.with_access(Access::Public, value),
            "optional" => return self.with_access(Access::Optional, value),
            "session" => return self.with_access(Access::Session, value),
            "deny" => return self.with_access(Access::Deny, value),
            "max_staleness" => {
                if self.max_staleness.replace(age("max_staleness", value)?).is_some() {
                    return Err(PolicyError::Twice("max_staleness"));
                }
                return self.checked();
            }
            "stale_if_error" => {
                if self.stale_if_error.replace(age("stale_if_error", value)?).is_some() {
                    return Err(PolicyError::Twice("stale_if_error"));
                }
                return self.checked();
            }
            "any_role" => Requirement::AnyRole(roles("any_role", value)?),
            "all_roles" => Requirement::AllRoles(roles("all_roles", value)?),
            "email_verified" => alone("email_verified", value, Requirement::EmailVerified)?,
            "two_factor" => alone("two_factor", value, Requirement::TwoFactor)?,
            "not_impersonated" => alone("not_impersonated", value, Requirement::NotImpersonated)?,
            "organization" => alone("organization", value, Requirement::Organization)?,
            "organization_role" => Requirement::OrganizationRole(roles("organization_role", value)?),
            "max_session_age" => match age("max_session_age", value)? {
                // Nobody can ever have signed in so recently.
                Duration::ZERO => return Err(PolicyError::Value("max_session_age", AGE)),
                age => Requirement::MaxSessionAge(age),
            },
            _ => return Err(PolicyError::Unknown(name.to_owned())),
        };
        if self.requirements.iter().any(|known| known.code() == requirement.code()) {
            return Err(PolicyError::Twice(requirement.code()));
        }
        self.requirements.push(requirement);
        self.checked()
    }

    fn with_access(mut self, access: Access, value: Option<&str>) -> Result<Self, PolicyError> {
        if self.access.replace(alone(access.code(), value, access)?).is_some() {
            return Err(PolicyError::Twice("access"));
        }
        self.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        match self.access() {
            access @ (Access::Public | Access::Optional) if self.asks_of_a_session() => {
                Err(PolicyError::NothingToShow(access.code()))
            }
            Access::Public | Access::Optional | Access::Session | Access::Deny => Ok(self),
        }
    }
}

fn alone<T>(name: &'static str, value: Option<&str>, what: T) -> Result<T, PolicyError> {
    match value {
        None => Ok(what),
        Some(_) => Err(PolicyError::Value(name, NO_VALUE)),
    }
}

fn roles(name: &'static str, value: Option<&str>) -> Result<Roles, PolicyError> {
    // A name with a comma would be two to Better Auth.
    let is_role = |role: &str| !role.is_empty() && !role.contains(',');
    let names: Vec<_> = value.unwrap_or_default().split('|').collect();
    if names.iter().all(|role| is_role(role)) {
        Ok(Roles(names.into_iter().map(identity::escape).collect()))
    } else {
        Err(PolicyError::Value(name, ROLES))
    }
}

fn age(name: &'static str, value: Option<&str>) -> Result<Duration, PolicyError> {
    let parsed = value.and_then(|value| value.parse::<SignedDuration>().ok());
    parsed.and_then(|age| Duration::try_from(age).ok()).ok_or(PolicyError::Value(name, AGE))
}
