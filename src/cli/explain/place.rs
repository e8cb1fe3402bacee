//! What the place of a request asks for: its route, the twins of that, what its proxy asks besides.

use super::Steps;
use crate::auth::{Decision, Found, Policies, Policy, age_told};
use crate::clock::UnixMillis;

/// Which policies count there.
pub(super) fn tell(steps: &mut Steps, found: Found<'_>, asked: Option<&Policy>) {
    match found.route {
        Some(route) => steps.step("route", "ok", format!("{route}: {}", told(&route.policy))),
        None => steps.step("route", "none", "no route names it: a session is asked for"),
    }
    for twin in found.twins.into_iter().flatten() {
        let what = format!("{twin}, which some apps take for the same place: {}", told(&twin.policy));
        steps.step("twin", "ok", what);
    }
    if let Some(asked) = asked {
        steps.step("proxy", "ok", format!("asks for more: {}", told(asked)));
    }
}

/// Whether each requirement is met by who was let in so far.
pub(super) fn tell_requirements(
    steps: &mut Steps,
    policies: &Policies<'_>,
    decision: &Decision,
    now: UnixMillis,
) {
    let Decision::Allow(grant) = decision else { return };
    let Some(session) = grant.session() else { return };
    for requirement in policies.requirements() {
        match requirement.unmet(session, now) {
            None => steps.step("requires", "ok", requirement),
            Some(denial) => steps.step("requires", "FAIL", format!("{requirement} ({})", denial.code())),
        }
    }
}

fn told(policy: &Policy) -> String {
    asked_for(&Policies { route: Some(policy), ..Policies::default() })
}

/// All that is asked for, as a proxy would ask for it.
pub(in crate::cli) fn asked_for(policies: &Policies<'_>) -> String {
    let ages = [("max_staleness", policies.max_staleness()), ("stale_if_error", policies.stale_if_error())];
    let ages = ages.into_iter().filter_map(|(word, age)| Some(format!("{word}:{}", age_told(age?))));
    let words = std::iter::once(policies.access().code().to_owned());
    let words: Vec<_> = words.chain(policies.requirements().map(ToString::to_string)).chain(ages).collect();
    words.join(",")
}
