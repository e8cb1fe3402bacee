//! Policies: each requirement lets by who meets it and nobody else, none lets anybody by, and more of them never admit.

use proptest::prelude::*;
use serde_json::json;
use sidegate::auth::{Access, Decision, Denial, Policies, Policy, SessionRecord};

use crate::rig::{self, NOW, fields, word};

/// Every requirement with the code of whoever does not meet it.
const ALL: [(&str, &str); 8] = [
    ("any_role:admin|owner", "missing_role"),
    ("all_roles:admin|editor", "missing_role"),
    ("email_verified", "email_unverified"),
    ("two_factor", "no_two_factor"),
    ("not_impersonated", "impersonated"),
    ("organization", "not_member"),
    ("organization_role:owner|admin", "missing_organization_role"),
    ("max_session_age:5m", "not_fresh"),
];

/// Somebody who meets all of it.
fn everything() -> SessionRecord {
    SessionRecord {
        session: fields(json!({
            "id": "ses_1", "impersonatedBy": null, "activeOrganizationId": "org_1",
            // A minute before NOW.
            "createdAt": "2026-01-15T11:59:00.123Z",
        })),
        user: fields(json!({
            "id": "usr_1", "emailVerified": true, "twoFactorEnabled": true, "role": "admin,editor",
        })),
        organization_role: Some("member,owner".to_owned()),
        ..rig::record(NOW)
    }
}

/// Somebody who meets none of it.
fn nothing() -> SessionRecord {
    SessionRecord {
        session: fields(json!({
            "id": "ses_1", "impersonatedBy": "adm_1", "activeOrganizationId": "org_1",
            "createdAt": "2026-01-15T11:55:00.123Z",
        })),
        user: fields(json!({ "id": "usr_1", "emailVerified": false, "role": "administrator" })),
        ..rig::record(NOW)
    }
}

fn asked(policy: &Policy) -> Policies<'_> {
    Policies { asked: Some(policy), ..Policies::default() }
}

fn under(policy: &str, record: &SessionRecord) -> &'static str {
    let policy = policy.parse::<Policy>().unwrap();
    word(&asked(&policy).conclude(Decision::Allow(rig::grant(record)), NOW))
}

#[test]
fn whoever_meets_all_of_it_passes() {
    for (policy, _) in ALL {
        assert_eq!(under(policy, &everything()), "allow", "{policy}");
    }
    let all = ALL.map(|(policy, _)| policy).join(", ");
    assert_eq!(under(&all, &everything()), "allow");
    assert_eq!(under("session", &nothing()), "allow");
}

#[test]
fn whoever_does_not_meet_a_requirement_is_refused_with_its_code() {
    for (policy, code) in ALL {
        assert_eq!(under(policy, &nothing()), code, "{policy}");
    }
}

/// Better Auth's `has-permission` splits at commas and compares; nothing is trimmed, no part of a name is a name.
#[test]
fn a_role_is_a_whole_name_between_commas() {
    let role = |role: &str| SessionRecord {
        user: fields(json!({ "id": "usr_1", "role": role })),
        ..rig::record(NOW)
    };
    for (held, passes) in [
        ("admin", true),
        ("user,admin", true),
        ("admin,user", true),
        ("user, admin", false),
        ("Admin", false),
        ("admins", false),
        ("superadmin", false),
        ("", false),
    ] {
        let expected = if passes { "allow" } else { "missing_role" };
        assert_eq!(under("any_role:admin", &role(held)), expected, "{held:?}");
    }
    assert_eq!(under("any_role:Büro", &role("user,Büro")), "allow");
    assert_eq!(under("any_role:50%", &role("50%")), "allow");
}

/// What an identity leaves out because it is too long grants nothing.
#[test]
fn a_role_among_endlessly_many_is_none() {
    let roles = format!("admin,{}", "x".repeat(2000));
    let record = SessionRecord { user: fields(json!({ "id": "usr_1", "role": roles })), ..rig::record(NOW) };

    assert_eq!(under("any_role:admin", &record), "missing_role");
}

/// An identity leaves out what is too long; who is impersonated must not be told by that.
#[test]
fn an_impersonator_with_an_endless_name_is_still_one() {
    let record = SessionRecord {
        session: fields(json!({ "id": "ses_1", "impersonatedBy": "a".repeat(2000) })),
        ..everything()
    };

    assert_eq!(under("not_impersonated", &record), "impersonated");
}

/// Better Auth 1.7.25, `freshSessionMiddleware`: `Date.now() - createdAt >= freshAge` is not fresh.
#[test]
fn a_sign_in_is_fresh_until_its_age_is_the_limit() {
    let signed_in = |at: serde_json::Value| SessionRecord {
        session: fields(json!({ "id": "ses_1", "createdAt": at })),
        ..rig::record(NOW)
    };
    for (at, word) in [
        (json!("2026-01-15T11:59:30.123Z"), "not_fresh"),
        (json!("2026-01-15T11:59:30.124Z"), "allow"),
        (json!("2026-01-15T12:00:10.000Z"), "allow"),
        (json!(null), "not_fresh"),
        (json!("yesterday"), "not_fresh"),
    ] {
        assert_eq!(under("max_session_age:30s", &signed_in(at.clone())), word, "{at}");
    }
}

/// To sign in again gives nobody a role, so whoever lacks both is told of the role.
#[test]
fn what_a_new_sign_in_would_not_mend_is_told_first() {
    assert_eq!(under("max_session_age:1s,any_role:owner", &nothing()), "missing_role");
    let policy = "max_session_age:1s".parse::<Policy>().unwrap();
    let decision = asked(&policy).conclude(Decision::Allow(rig::grant(&nothing())), NOW);
    assert!(matches!(decision, Decision::Unauthenticated(Denial::NotFresh(_))));
}

#[test]
fn no_requirement_lets_anybody_by() {
    for (policy, _) in ALL {
        let policy: Policy = policy.parse().unwrap();
        for decision in [
            Decision::Unauthenticated(Denial::NoSession),
            Decision::Forbidden(Denial::Banned),
            Decision::Unavailable,
        ] {
            let before = word(&decision);

            assert_eq!(word(&asked(&policy).conclude(decision, NOW)), before);
        }
    }
}

#[test]
fn where_a_session_is_optional_whoever_has_none_is_nobody_and_doubt_stays_doubt() {
    let optional = Policy::of(Access::Optional);
    let policies = Policies { route: Some(&optional), ..Policies::default() };
    let conclude = |decision| policies.conclude(decision, NOW);

    assert!(policies.at_once().is_none());
    for denial in [Denial::NoCredential, Denial::BadSignature, Denial::NoSession, Denial::Expired] {
        let Decision::Allow(grant) = conclude(Decision::Unauthenticated(denial)) else {
            panic!("{denial:?}")
        };
        assert!(grant.session().is_none());
    }
    assert_eq!(word(&conclude(Decision::Unavailable)), "unavailable");
    assert_eq!(word(&conclude(Decision::Forbidden(Denial::Banned))), "banned");
    let Decision::Allow(grant) = conclude(Decision::Allow(rig::grant(&everything()))) else { panic!() };
    assert!(grant.session().is_some());
}

#[test]
fn public_and_deny_are_decided_without_asking_who_it_is() {
    let (public, deny) = (Policy::of(Access::Public), Policy::of(Access::Deny));
    let under = |route, asked| {
        Policies { route: Some(route), asked, ..Policies::default() }.at_once().map(|d| word(&d))
    };
    let session = Policy::default();

    assert_eq!(under(&public, None), Some("allow"));
    assert_eq!(under(&public, Some(&session)), None);
    assert_eq!(under(&deny, None), Some("route_denied"));
    assert_eq!(under(&public, Some(&deny)), Some("route_denied"));
    assert!(Policies::default().at_once().is_none());
}

#[test]
fn what_is_no_policy_of_a_proxy_is_refused() {
    for text in [
        "",
        "admin",
        "public",
        "optional",
        "session,",
        "two_factor,",
        "Two_Factor",
        "two_factor:",
        "two_factor:yes",
        "any_role",
        "any_role:",
        "any_role:a|",
        "any_role:|",
        "all_roles",
        "organization:org_1",
        "max_session_age",
        "max_session_age:0s",
        "max_session_age:-5m",
        "max_session_age:5",
        "max_staleness:soon",
        "two_factor,two_factor",
        "any_role:a,any_role:b",
        "max_staleness:1s,max_staleness:2s",
        "session:x",
        "deny:x",
        "deny,session",
        "session,deny",
        "deny,deny",
    ] {
        assert!(text.parse::<Policy>().is_err(), "{text:?}");
    }
}

#[test]
fn nothing_can_be_asked_where_nobody_is_asked_who_they_are() {
    for access in ["public", "optional"] {
        for (name, value) in
            [("email_verified", None), ("max_staleness", Some("0s")), ("any_role", Some("a"))]
        {
            let policy = Policy::default().with(access, None).unwrap();
            assert!(policy.with(name, value).is_err(), "{access} {name}");
        }
    }
}

#[test]
fn the_strictest_word_on_freshness_counts() {
    let (route, asked): (Policy, Policy) = (
        "max_staleness:5s,stale_if_error:1s".parse().unwrap(),
        "max_staleness:2s,stale_if_error:9s".parse().unwrap(),
    );
    let policies = Policies { route: Some(&route), asked: Some(&asked), ..Policies::default() };

    assert_eq!(policies.max_staleness().map(|age| age.as_secs()), Some(2));
    assert_eq!(policies.stale_if_error().map(|age| age.as_secs()), Some(1));
}

fn words() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::btree_set(0..ALL.len(), 0..ALL.len()).prop_map(|set| set.into_iter().collect())
}

fn of(words: &[usize]) -> Policy {
    words.iter().map(|index| ALL[*index].0).fold(Policy::default(), |policy, word| {
        let (name, value) = word.split_once(':').map_or((word, None), |(name, value)| (name, Some(value)));
        policy.with(name, value).unwrap()
    })
}

fn somebody() -> impl Strategy<Value = SessionRecord> {
    let roles = proptest::collection::vec(prop::sample::select(vec!["admin", "editor", "owner", "x"]), 0..4);
    (roles, any::<[bool; 5]>()).prop_map(|(roles, [verified, factor, impersonated, member, fresh])| {
        let created = if fresh { "2026-01-15T11:59:00.123Z" } else { "2026-01-15T11:00:00.123Z" };
        SessionRecord {
            session: fields(json!({
                "id": "ses_1", "activeOrganizationId": "org_1", "createdAt": created,
                "impersonatedBy": impersonated.then_some("adm_1"),
            })),
            user: fields(json!({
                "id": "usr_1", "emailVerified": verified, "twoFactorEnabled": factor, "role": roles.join(","),
            })),
            organization_role: member.then(|| roles.join(",")).filter(|roles| !roles.is_empty()),
            ..rig::record(NOW)
        }
    })
}

fn passes(policies: Policies<'_>, record: &SessionRecord) -> bool {
    policies.at_once().is_none_or(|decision| matches!(decision, Decision::Allow(_)))
        && word(&policies.conclude(Decision::Allow(rig::grant(record)), NOW)) == "allow"
}

proptest! {
    #![proptest_config(rig::laws())]

    #[test]
    fn tightening_never_admits(route in words(), twin in words(), asked in words(), who in somebody()) {
        let (route, twin, asked) = (of(&route), of(&twin), of(&asked));
        let twins = [None, None, Some(&twin)];
        let all = passes(Policies { route: Some(&route), twins, asked: Some(&asked) }, &who);
        let each = [&route, twins[2].unwrap(), &asked].map(|one| passes(Policies { route: Some(one), ..Policies::default() }, &who));

        prop_assert_eq!(all, each.iter().all(|passes| *passes));
    }

    #[test]
    fn a_role_more_never_loses_access(policy in words(), who in somebody(), role in "[a-z]{1,8}|admin|owner|editor") {
        let mut more = who.clone();
        let roles = who.user["role"].as_str().unwrap();
        more.user.insert("role".to_owned(), json!([roles, &role].join(if roles.is_empty() { "" } else { "," })));
        more.organization_role =
            Some(who.organization_role.as_ref().map_or(role.clone(), |roles| format!("{roles},{role}")));
        let policy = of(&policy);
        let policies = Policies { route: Some(&policy), ..Policies::default() };

        prop_assert!(!passes(policies, &who) || passes(policies, &more));
    }
}
