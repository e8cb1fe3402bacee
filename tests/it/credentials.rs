//! What a request may carry besides a cookie of the present secret, and whom a live session does not help.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use sidegate::auth::{
    Bearer, CookieName, Decision, IdentityField, Rules, Session, SessionRecord, SigningKey, Step,
};
use sidegate::clock::UnixMillis;
use sidegate::secret::Secret;

use crate::rig::{self, COOKIE_NAME, NOW, TOKEN, WIRE, later, request, session_cookie, word};

const NEW_SECRET: &str = "the-secret-that-took-its-place-0123456789";

fn new_key() -> SigningKey {
    SigningKey::new(&Secret::new(NEW_SECRET.to_owned()))
}

/// Rules of a deployment that has just replaced the secret of the vectors.
fn rolled_over(until: UnixMillis) -> Rules {
    Rules::new(CookieName::new(COOKIE_NAME).unwrap(), new_key()).with_previous_key(rig::key(), until)
}

/// The token that the vectors' cookie proves to these rules, with what Better Auth would be asked with.
fn proof(rules: &Rules, now: UnixMillis) -> Result<(String, String), &'static str> {
    match rules.begin(&request(&session_cookie(WIRE)), now) {
        Step::Lookup(pending) => {
            Ok((pending.token().as_str().to_owned(), pending.token().signed().to_owned()))
        }
        Step::Done(decision) => Err(word(&decision)),
    }
}

#[test]
fn a_cookie_of_the_previous_secret_counts_until_its_instant() {
    let until = later(rig::HOUR);
    let rules = rolled_over(until);

    let signed_anew = new_key().sign(TOKEN);
    assert_eq!(proof(&rules, NOW), Ok((TOKEN.to_owned(), signed_anew.clone())));
    assert_eq!(proof(&rules, until), Ok((TOKEN.to_owned(), signed_anew)));
    assert_eq!(proof(&rules, later(rig::HOUR + Duration::from_millis(1))), Err("bad_signature"));
}

#[test]
fn without_a_previous_secret_its_cookies_count_for_nothing() {
    let rules = Rules::new(CookieName::new(COOKIE_NAME).unwrap(), new_key());

    assert_eq!(proof(&rules, NOW), Err("bad_signature"));
}

#[test]
fn a_cookie_that_neither_secret_signed_is_refused_while_both_count() {
    let rules = rolled_over(later(rig::HOUR));
    let foreign = SigningKey::new(&Secret::new("of-somebody-else-entirely-0123456789".to_owned()));

    let Step::Done(decision) = rules.begin(&request(&session_cookie(foreign.sign(TOKEN))), NOW) else {
        panic!("it proves something")
    };

    assert_eq!(word(&decision), "bad_signature");
}

#[test]
fn an_unsigned_token_counts_only_where_it_is_trusted() {
    let mut headers = http::HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap());
    let proves = |bearer| match rig::rules().with_bearer(bearer).begin(&request(&headers), NOW) {
        Step::Lookup(pending) => pending.token().as_str() == TOKEN,
        Step::Done(_) => false,
    };

    assert_eq!([Bearer::Off, Bearer::Signed, Bearer::Unsigned].map(proves), [false, false, true]);
}

/// Whether Ada passes at [`NOW`] if her user has these fields beside her own.
fn judge(rules: &Rules, fields: Value) -> &'static str {
    let mut record = rig::record(later(rig::HOUR));
    record.user.extend(rig::fields(fields));
    let Step::Lookup(pending) = rules.begin(&request(&session_cookie(WIRE)), NOW) else {
        panic!("{WIRE} does not verify")
    };
    word(&pending.finish(Some(Arc::new(Session::new(&record))), NOW))
}

/// The admin plugin's own judgement of a sign-in (better-auth 1.7.25, `plugins/admin/admin.mjs`): banned, unless
/// `banExpires` is a date before now.
#[test]
fn a_ban_holds_until_it_is_over() {
    let before = UnixMillis::new(NOW.get() - 1).to_string();
    let cases = [
        (json!({}), "allow"),
        (json!({ "banned": null }), "allow"),
        (json!({ "banned": false }), "allow"),
        (json!({ "banned": 0 }), "allow"),
        (json!({ "banned": false, "banExpires": later(rig::HOUR).to_string() }), "allow"),
        (json!({ "banned": true }), "banned"),
        (json!({ "banned": 1 }), "banned"),
        (json!({ "banned": true, "banExpires": null }), "banned"),
        (json!({ "banned": true, "banExpires": later(rig::HOUR).to_string() }), "banned"),
        (json!({ "banned": true, "banExpires": NOW.to_string() }), "banned"),
        (json!({ "banned": true, "banExpires": before }), "allow"),
        (json!({ "banned": true, "banExpires": NOW.get() - 1 }), "allow"),
        (json!({ "banned": true, "banExpires": NOW.get() }), "banned"),
        (json!({ "banned": true, "banExpires": "never" }), "banned"),
        (json!({ "banned": true, "banExpires": "" }), "banned"),
    ];
    for (fields, verdict) in cases {
        assert_eq!(judge(&rig::rules(), fields.clone()), verdict, "{fields}");
    }
}

#[test]
fn a_banned_user_passes_where_the_operator_has_it_as_better_auth_does() {
    assert_eq!(judge(&rig::rules().with_banned(), json!({ "banned": true })), "allow");
}

#[test]
fn a_ban_says_nothing_of_a_session_that_is_over() {
    let mut record = rig::record(UnixMillis::new(NOW.get() - 1));
    record.user.insert("banned".to_owned(), true.into());
    let Step::Lookup(pending) = rig::rules().begin(&request(&session_cookie(WIRE)), NOW) else {
        panic!("{WIRE} does not verify")
    };

    let decision = pending.finish(Some(Arc::new(Session::new(&record))), NOW);

    assert_eq!(word(&decision), "expired");
    assert!(matches!(decision, Decision::Unauthenticated(_)));
}

/// `new Date(1768478400123.9).getTime()` is 1768478400123 in Node.
#[test]
fn a_fraction_of_a_millisecond_is_dropped() {
    let ends = |expires_at: Value| {
        let session = rig::fields(json!({ "id": "ses_1", "expiresAt": expires_at }));
        SessionRecord::from_json(session, rig::fields(json!({ "id": "usr_1" })))
            .map(|record| record.expires_at)
    };
    let millis = NOW.get();

    assert_eq!(ends(serde_json::from_str(&format!("{millis}.9")).unwrap()), Ok(NOW));
    assert_eq!(ends(json!(millis)), Ok(NOW));
    assert_eq!(ends(json!(NOW.to_string())), Ok(NOW));
    assert_eq!(ends(Value::Null), Ok(UnixMillis::EPOCH));
    assert!(ends(json!("soon")).is_err() && ends(json!(true)).is_err());
}

#[test]
fn what_plugins_keep_of_a_user_is_told() {
    use IdentityField as Field;
    let record = SessionRecord {
        session: rig::fields(json!({
            "id": "ses_1", "impersonatedBy": "usr_admin", "activeOrganizationId": "org_1", "activeTeamId": "team_1",
        })),
        user: rig::fields(json!({
            "id": 42, "name": "Ada", "email": "ada@example.com", "emailVerified": true, "role": "admin,user",
            "isAnonymous": false, "username": "ada", "phoneNumber": "+441234567890", "phoneNumberVerified": 1,
            "twoFactorEnabled": null,
        })),
        organization_role: Some("owner".to_owned()),
        ..rig::record(NOW)
    };

    let grant = rig::grant(&record);

    let told: Vec<_> = grant
        .identity()
        .fields()
        .filter(|(field, _)| *field != Field::SessionExpires)
        .map(|(field, value)| (field, value.to_str().unwrap()))
        .collect();
    let expected = [
        (Field::UserId, "42"),
        (Field::SessionId, "ses_1"),
        (Field::ImpersonatedBy, "usr_admin"),
        (Field::UserRole, "admin,user"),
        (Field::OrganizationId, "org_1"),
        (Field::OrganizationRole, "owner"),
        (Field::TeamId, "team_1"),
        (Field::UserEmailVerified, "true"),
        (Field::UserEmail, "ada@example.com"),
        (Field::UserUsername, "ada"),
        (Field::UserPhone, "+441234567890"),
        (Field::UserPhoneVerified, "true"),
        (Field::UserName, "Ada"),
    ];
    assert_eq!(told, expected);
}

/// nginx takes 4 KiB for a whole head: what decides about access is told first.
#[test]
fn what_no_longer_fits_is_left_out_from_the_end() {
    let long = "x".repeat(1000);
    let mut record = rig::record(NOW);
    record.user.extend(rig::fields(json!({ "role": long, "email": long, "username": long, "name": "Ada" })));

    let grant = rig::grant(&record);

    let has = |field| grant.identity().get(field).is_some();
    assert!(has(IdentityField::UserRole) && has(IdentityField::UserEmail) && has(IdentityField::UserName));
    assert!(!has(IdentityField::UserUsername));
}
