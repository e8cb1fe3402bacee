//! Policies: each requirement lets by who meets it and nobody else, and none lets anybody by.

use serde_json::json;
use sidegate::auth::{Decision, Denial, Policy, SessionRecord};

use crate::rig::{self, NOW, fields, word};

const FULL: [(&str, &str); 3] = [
    ("email_verified", "email_unverified"),
    ("two_factor", "no_two_factor"),
    ("not_impersonated", "impersonated"),
];

fn record(verified: bool, two_factor: Option<bool>, impersonated_by: Option<&str>) -> SessionRecord {
    SessionRecord {
        session: fields(json!({ "id": "ses_1", "impersonatedBy": impersonated_by })),
        user: fields(json!({ "id": "usr_1", "emailVerified": verified, "twoFactorEnabled": two_factor })),
        ..rig::record(NOW)
    }
}

fn under(policy: &str, record: &SessionRecord) -> &'static str {
    word(&policy.parse::<Policy>().unwrap().tighten(Decision::Allow(rig::grant(record))))
}

#[test]
fn whoever_meets_all_of_it_passes() {
    let record = record(true, Some(true), None);
    for policy in [
        "session",
        "email_verified",
        "two_factor",
        "not_impersonated",
        "email_verified, two_factor,not_impersonated",
    ] {
        assert_eq!(under(policy, &record), "allow", "{policy}");
    }
}

#[test]
fn whoever_does_not_meet_a_requirement_is_refused_with_its_code() {
    let record = record(false, None, Some("adm_1"));
    for (policy, code) in FULL {
        assert_eq!(under(policy, &record), code);
    }
    assert_eq!(under("session", &record), "allow");
}

/// An identity leaves out what is too long; who is impersonated must not be told by that.
#[test]
fn an_impersonator_with_an_endless_name_is_still_one() {
    let record = record(true, Some(true), Some(&"a".repeat(2000)));

    assert_eq!(under("not_impersonated", &record), "impersonated");
}

#[test]
fn no_policy_lets_anybody_by() {
    for (policy, _) in FULL {
        let policy: Policy = policy.parse().unwrap();
        for decision in [
            Decision::Unauthenticated(Denial::NoSession),
            Decision::Forbidden(Denial::Banned),
            Decision::Unavailable,
        ] {
            let before = word(&decision);

            assert_eq!(word(&policy.tighten(decision)), before);
        }
    }
}

#[test]
fn what_is_no_policy_is_refused() {
    for text in ["", "admin", "public", "session,two_factor", "two_factor,", "Two_Factor"] {
        assert!(text.parse::<Policy>().is_err(), "{text:?}");
    }
}
