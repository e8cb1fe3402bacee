//! What one place asks for beyond a live session. It can only tighten: nobody passes by a policy who would not without.

use std::str::FromStr;

use super::decision::{Decision, Denial};
use super::identity::IdentityField;

/// Requirements, all of which have to be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy(Vec<Requirement>);

/// One requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requirement {
    EmailVerified,
    TwoFactor,
    NotImpersonated,
}

/// Why a text names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither session nor a list of email_verified, two_factor and not_impersonated")]
pub struct PolicyError;

/// `session`, which asks for nothing more, or requirements with commas between them.
impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "session" {
            return Ok(Self::default());
        }
        text.split(',')
            .map(|word| match word.trim() {
                "email_verified" => Ok(Requirement::EmailVerified),
                "two_factor" => Ok(Requirement::TwoFactor),
                "not_impersonated" => Ok(Requirement::NotImpersonated),
                _ => Err(PolicyError),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Policy {
    /// The same decision, or a refusal of whoever does not meet this.
    pub fn tighten(&self, decision: Decision) -> Decision {
        let Decision::Allow(grant) = &decision else { return decision };
        // Nobody has nothing to show, and is let by for what needs nobody: a preflight.
        let Some(session) = grant.session() else { return decision };
        let has = |field| session.identity().get(field).is_some();
        let unmet = self.0.iter().find_map(|requirement| {
            let (is_met, denial) = match requirement {
                Requirement::EmailVerified => {
                    (has(IdentityField::UserEmailVerified), Denial::EmailUnverified)
                }
                Requirement::TwoFactor => (has(IdentityField::UserTwoFactor), Denial::NoTwoFactor),
                Requirement::NotImpersonated => (!session.is_impersonated(), Denial::Impersonated),
            };
            (!is_met).then_some(denial)
        });
        unmet.map_or(decision, Decision::Forbidden)
    }
}
