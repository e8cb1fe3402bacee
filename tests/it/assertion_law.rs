//! What holds for every assertion, whatever a session says: it fits, it is never without what must be said, and what is
//! said is what was stored.

use std::sync::Arc;

use http::HeaderMap;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use sidegate::assertion::{AssertionRules, Assertions, KeyRing};
use sidegate::auth::{Session, SessionRecord};
use sidegate::metrics::Metrics;

use crate::assertion::read;
use crate::assertion_keys::rfc_8037_key;
use crate::rig::{self, HOUR, fields, later, request};

/// The longest header's value that gunicorn and nginx are known to take, with half of it for all other headers: see
/// `README.md`.
const BYTES_MAX: usize = 4096;

/// What a session says under these names: texts of all lengths, often of characters that JSON or headers escape.
fn text() -> impl Strategy<Value = String> {
    let hard = ["\"", "\\", "\u{1}", "é", "🔑", "%", " ", ",", "admin"].map(str::to_owned).to_vec();
    let repeated = (proptest::sample::select(hard.clone()), 0_usize..1100);
    prop_oneof![
        any::<String>(),
        vec(proptest::sample::select(hard), 0..8).prop_map(|parts| parts.concat()),
        repeated.prop_map(|(part, times)| part.repeat(times)),
    ]
}

const SESSION: [&str; 4] = ["id", "impersonatedBy", "activeOrganizationId", "activeTeamId"];
const USER: [&str; 4] = ["id", "role", "email", "name"];

fn record() -> impl Strategy<Value = SessionRecord> {
    let some = || vec(option::of(text()), 4);
    (some(), some(), option::of(text())).prop_map(|(session, user, organization_role)| {
        let named = |names: [&str; 4], values: Vec<Option<String>>| {
            fields(
                names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), json!(value))).collect(),
            )
        };
        SessionRecord {
            session: named(SESSION, session),
            user: named(USER, user),
            organization_role,
            ..rig::record(later(HOUR))
        }
    })
}

fn assertions(audience: usize) -> Assertions {
    let rules =
        AssertionRules { issuer: "sidegate".to_owned(), audience: "a".repeat(audience), bind: Vec::new() };
    let ring = KeyRing::new(rfc_8037_key(), Vec::new()).unwrap();
    Assertions::new(rules, Arc::new(ring), Metrics::new().assertions())
}

/// The claims that a record leads to, and the length of the whole.
fn claims(record: &SessionRecord, audience: usize) -> Option<(Value, usize)> {
    let now = record.expires_at;
    assert!(Arc::new(Session::new(record)).active_at(now).is_some());
    let assertion = assertions(audience).of(&rig::grant(record), &request(&HeaderMap::new()), now)?;
    let [_, claims] = read(&assertion);
    Some((claims, assertion.len()))
}

proptest! {
    #![proptest_config(rig::laws())]

    #[test]
    fn it_fits_and_says_what_was_stored_or_nothing(record in record(), audience in 1_usize..256) {
        let Some((claims, length)) = claims(&record, audience) else { return Ok(()) };

        prop_assert!(length <= BYTES_MAX, "{length}");
        prop_assert_eq!(&claims["sub"], &record.user["id"]);
        let stored = [
            ("sid", &record.session["id"]),
            ("org_id", &record.session["activeOrganizationId"]),
            ("team_id", &record.session["activeTeamId"]),
            ("email", &record.user["email"]),
            ("name", &record.user["name"]),
        ];
        for (claim, stored) in stored {
            prop_assert!(claims.get(claim).is_none_or(|claimed| claimed == stored), "{claim}");
        }
        let lists = [("roles", record.user["role"].as_str()), ("org_roles", record.organization_role.as_deref())];
        for (claim, stored) in lists {
            let claimed = claims.get(claim).map(|roles| roles.as_array().unwrap().clone()).unwrap_or_default();
            let had: Vec<_> = stored.unwrap_or_default().split(',').collect();
            prop_assert!(claimed.iter().all(|role| had.contains(&role.as_str().unwrap())), "{claim}");
            prop_assert!(claimed.iter().all(|role| role != ""), "{claim}");
        }
    }

    #[test]
    fn it_never_hides_who_acts_nor_whose_organization_it_is(record in record()) {
        let Some((claims, _)) = claims(&record, 8) else { return Ok(()) };

        let acts = &record.session["impersonatedBy"];
        prop_assert_eq!(claims.get("act").map(|act| &act["sub"]), Some(acts).filter(|acts| !acts.is_null()));
        prop_assert!(claims.get("org_id").is_some() || claims.get("org_roles").is_none());
        prop_assert!(claims.get("org_id").is_some() || claims.get("team_id").is_none());
    }
}

#[test]
fn one_that_is_as_long_as_it_may_be_still_tells_who_it_is_and_leaves_out_the_name_first() {
    let mut record = rig::record(later(HOUR));
    for (name, text) in [("role", "r"), ("email", "e"), ("name", "\"")] {
        record.user.insert(name.to_owned(), text.repeat(1000).into());
    }
    record.user.insert("emailVerified".to_owned(), true.into());

    let (claims, length) = claims(&record, 256).unwrap();

    assert_eq!(
        (claims["roles"][0].as_str().map(str::len), claims["email"].as_str().map(str::len)),
        (Some(1000), Some(1000))
    );
    assert_eq!(
        (claims.get("name"), &claims["sub"], &claims["email_verified"]),
        (None, &json!("usr_1"), &json!(true))
    );
    assert!(length > 3000, "{length}");
}

#[test]
fn the_longest_is_no_longer_than_it_may_be() {
    let lengths = (400..=560).filter_map(|length| {
        let mut record = rig::record(later(HOUR));
        for (name, text) in
            [("role", "r".repeat(1000)), ("email", "e".repeat(512)), ("name", "\"".repeat(length))]
        {
            record.user.insert(name.to_owned(), text.into());
        }
        let (claims, bytes) = claims(&record, 200).unwrap();
        claims.get("name").map(|_| bytes)
    });

    let longest = lengths.max().unwrap();

    assert!((BYTES_MAX - 4..=BYTES_MAX).contains(&longest), "{longest}");
}
