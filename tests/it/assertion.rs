//! What an assertion says, for how long, and when one is handed out again. That others read it so is shown with `PyJWT`, in
//! `tests/e2e/test_assertion.py`.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::{HeaderMap, HeaderValue, Method};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use sidegate::assertion::{AssertionRules, Assertions, Binding, KeyRing};
use sidegate::auth::{CheckRequest, Decision, Grant, Session, SessionRecord, Step};
use sidegate::clock::UnixMillis;
use sidegate::metrics::{Metrics, Snapshot};

use crate::assertion_keys::rfc_8037_key;
use crate::rig::{self, HOUR, NOW, WIRE, fields, later, request, rules, session_cookie};

/// `NOW` in seconds.
const SECONDS: i64 = 1_768_478_400;

fn assertions(bind: &[Binding]) -> Assertions {
    counted(bind, &Metrics::new())
}

fn counted(bind: &[Binding], metrics: &Metrics) -> Assertions {
    let (issuer, audience, bind) = ("sidegate".to_owned(), "my-api".to_owned(), bind.to_vec());
    let ring = KeyRing::new(rfc_8037_key(), Vec::new()).unwrap();
    Assertions::new(AssertionRules { issuer, audience, bind }, Arc::new(ring), metrics.assertions())
}

/// Who passes with this session; `stale` tells how long ago it was known.
fn grant(session: &Arc<Session>, stale: Option<Duration>, now: UnixMillis) -> Grant {
    let headers = session_cookie(WIRE);
    let Step::Lookup(pending) = rules().begin(&request(&headers), now) else {
        panic!("{WIRE} does not verify")
    };
    let decision = match stale {
        Some(age) => pending.finish_with(Arc::clone(session), age, now),
        None => pending.finish(Some(Arc::clone(session)), now),
    };
    let Decision::Allow(grant) = decision else { panic!("{decision:?}") };
    grant
}

fn hand_out(assertions: &Assertions, session: &Arc<Session>, now: UnixMillis) -> Option<HeaderValue> {
    assertions.of(&grant(session, None, now), &request(&HeaderMap::new()), now)
}

/// The parts of a compact JWS, once the public key of RFC 8037 A.2 has verified its signature.
pub(crate) fn read(assertion: &HeaderValue) -> [Value; 2] {
    let text = assertion.to_str().unwrap();
    let (input, signature) = text.rsplit_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let public = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    UnparsedPublicKey::new(&ED25519, public).verify(input.as_bytes(), &decode(signature)).unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    [header, payload].map(|part| serde_json::from_slice(&decode(part)).unwrap())
}

fn claims(record: &SessionRecord) -> Value {
    let assertion = hand_out(&assertions(&[]), &Arc::new(Session::new(record)), NOW);
    let [_, claims] = read(&assertion.unwrap());
    claims
}

fn ada() -> Arc<Session> {
    Arc::new(rig::session_until(later(HOUR)))
}

#[test]
fn all_that_is_known_is_claimed_as_it_was_stored() {
    let record = SessionRecord {
        expires_at: later(HOUR),
        session: fields(json!({
            "id": "ses_1", "token": "never told", "createdAt": "2026-01-15T00:00:00.999Z",
            "impersonatedBy": "usr_admin", "activeOrganizationId": "org_1", "activeTeamId": "team_1",
            "ipAddress": "203.0.113.7",
        })),
        user: fields(json!({
            "id": "usr_1", "email": "zoë@example.com", "emailVerified": true, "name": " Zoë \"Z\" 100% \u{1F680}\t",
            "role": "admin,user", "isAnonymous": true, "twoFactorEnabled": true,
            "username": "zoe", "phoneNumber": "+44 20",
        })),
        organization_role: Some("owner,member".to_owned()),
    };

    assert_eq!(
        claims(&record),
        json!({
            "iss": "sidegate", "aud": "my-api", "sub": "usr_1", "sid": "ses_1",
            "iat": SECONDS, "exp": SECONDS + 60, "auth_time": 1_768_435_200, "session_expiry": SECONDS + 3600,
            "act": { "sub": "usr_admin" },
            "two_factor": true, "anonymous": true, "email_verified": true,
            "roles": ["admin", "user"], "org_id": "org_1", "org_roles": ["owner", "member"], "team_id": "team_1",
            "email": "zoë@example.com", "name": " Zoë \"Z\" 100% \u{1F680}\t",
        })
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let record = SessionRecord {
        expires_at: later(HOUR),
        session: fields(json!({ "id": null, "createdAt": null, "activeOrganizationId": "" })),
        user: fields(
            json!({ "id": 7, "email": "", "emailVerified": false, "role": ",", "twoFactorEnabled": null }),
        ),
        organization_role: None,
    };

    let claims = claims(&record);

    let sure = json!({
        "iss": "sidegate", "aud": "my-api", "sub": "7",
        "iat": SECONDS, "exp": SECONDS + 60, "session_expiry": SECONDS + 3600,
    });
    assert_eq!(claims, sure);
}

#[test]
fn the_header_names_algorithm_type_and_key_and_nothing_else() {
    let [header, _] = read(&hand_out(&assertions(&[]), &ada(), NOW).unwrap());

    let kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    assert_eq!(header, json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid }));
}

#[test]
fn it_ends_with_its_session_and_never_after_it() {
    for (left, seconds) in
        [(59_999, 60), (60_000, 60), (59_000, 59), (1_877, 2), (1_876, 1), (876, 0), (0, 0)]
    {
        // NOW is 123 ms into its second.
        let end = UnixMillis::new(NOW.get() + left);

        let claims = claims(&rig::record(end));

        assert_eq!(claims["exp"], SECONDS + seconds, "{left} ms are left");
        assert!(claims["exp"].as_i64().unwrap() * 1000 <= end.get());
        assert_eq!(claims["session_expiry"], end.get().div_euclid(1000));
    }
}

#[test]
fn a_sign_in_that_no_calendar_has_is_not_claimed() {
    for at in [json!(-1), json!(i64::MAX), json!("9999-12-31T23:59:59.999Z")] {
        let mut record = rig::record(later(HOUR));
        record.session.insert("createdAt".to_owned(), at.clone());

        let claimed = claims(&record).get("auth_time").cloned();

        assert_eq!(claimed.is_some(), at.is_string(), "{at}");
    }
}

#[test]
fn nobody_has_none() {
    let headers = HeaderMap::from_iter(
        [("origin", "https://a.example"), ("access-control-request-method", "PUT")]
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))),
    );
    let preflight = CheckRequest { method: Method::OPTIONS, ..request(&headers) };
    let Step::Done(Decision::Allow(nobody)) = rules().with_preflights().begin(&preflight, NOW) else {
        panic!("a preflight does not pass")
    };

    assert_eq!(assertions(&[]).of(&nobody, &preflight, NOW), None);
}

#[test]
fn whoever_cannot_be_named_has_none() {
    let with = |user: Value, session: Value| {
        let record =
            SessionRecord { session: fields(session), user: fields(user), ..rig::record(later(HOUR)) };
        hand_out(&assertions(&[]), &Arc::new(Session::new(&record)), NOW)
    };
    let user = json!({ "id": "usr_1" });

    assert!(with(user.clone(), json!({ "id": "ses_1" })).is_some());
    assert_eq!(with(json!({ "id": null }), json!({})), None);
    assert_eq!(with(json!({ "id": "u".repeat(1025) }), json!({})), None, "it is in no header either");
    for administrator in [json!("a".repeat(1025)), json!(""), json!(true)] {
        let session = json!({ "id": "ses_1", "impersonatedBy": administrator });
        assert_eq!(
            with(user.clone(), session),
            None,
            "an administrator must not pass for the user: {administrator}"
        );
    }
}

#[test]
fn a_stale_answer_says_since_when_nothing_newer_is_known_and_no_other_does() {
    let (assertions, session, now) = (assertions(&[]), ada(), later(Duration::from_secs(100)));
    let hand_out = |stale| {
        let grant = grant(&session, stale, now);
        let [_, claims] = read(&assertions.of(&grant, &request(&HeaderMap::new()), now).unwrap());
        claims.get("checked_at").cloned()
    };

    assert_eq!(hand_out(None), None);
    assert_eq!(hand_out(Some(Duration::from_secs(70))), Some(json!(SECONDS + 30)));
    assert_eq!(hand_out(Some(Duration::from_secs(71))), Some(json!(SECONDS + 29)));
    assert_eq!(hand_out(None), None, "it is known again");
}

// ---- Bound to a request ----------------------------------------------------------------------------------------------

fn asking<'a>(headers: &'a HeaderMap, method: Method, host: &'a str, target: &'a str) -> CheckRequest<'a> {
    CheckRequest { method, host: host.as_bytes(), target: target.as_bytes(), ..request(headers) }
}

#[test]
fn by_default_it_says_nothing_of_the_request() {
    let claims = claims(&rig::record(later(HOUR)));

    assert_eq!((claims.get("host"), claims.get("req")), (None, None));
}

#[test]
fn it_is_bound_to_host_method_and_path_where_that_is_wanted() {
    let headers = HeaderMap::new();
    let request = asking(&headers, Method::POST, "App.Example.com:8443", "/api/%C3%A9?page=2?&x=/y");
    let told = |bind: &[Binding]| {
        let [_, claims] = read(&assertions(bind).of(&grant(&ada(), None, NOW), &request, NOW).unwrap());
        (claims.get("host").cloned(), claims.get("req").cloned())
    };
    // printf 'POST\n/api/%%C3%%A9' | openssl dgst -sha256 -binary | basenc --base64url
    let digest = json!("k8hV3Ky3QFTiVObGbV_ATRAbBGBTPAIAwb4GFfNbGBE");
    let host = json!("app.example.com:8443");

    assert_eq!(told(&[Binding::Host]), (Some(host.clone()), None));
    assert_eq!(told(&[Binding::Request]), (None, Some(digest.clone())));
    assert_eq!(told(&[Binding::Request, Binding::Host]), (Some(host), Some(digest)));
}

#[test]
fn one_that_is_bound_is_handed_out_for_the_same_again_and_for_nothing_else() {
    let (headers, session) = (HeaderMap::new(), ada());
    let assertions = assertions(&[Binding::Host, Binding::Request]);
    let hand_out = |method, host, target| {
        assertions.of(&grant(&session, None, NOW), &asking(&headers, method, host, target), NOW).unwrap()
    };
    let first = hand_out(Method::GET, "a.example", "/x?y");

    assert_eq!(hand_out(Method::GET, "A.EXAMPLE", "/x?z"), first, "a query is not told");
    for (method, host, target) in [
        (Method::POST, "a.example", "/x"),
        (Method::GET, "b.example", "/x"),
        (Method::GET, "a.example", "/X"),
        (Method::GET, "a.example", "/x/"),
    ] {
        assert_ne!(hand_out(method, host, target), first, "{host}{target}");
    }
}

#[test]
fn a_host_that_is_no_text_or_fills_a_header_has_none() {
    let (headers, session) = (HeaderMap::new(), ada());
    let assertions = assertions(&[Binding::Host]);
    let long = "a".repeat(4096);
    for host in [&b"\xff.example"[..], long.as_bytes()] {
        let request = CheckRequest { host, ..request(&headers) };

        assert_eq!(assertions.of(&grant(&session, None, NOW), &request, NOW), None);
    }
}

// ---- Again -----------------------------------------------------------------------------------------------------------

#[test]
fn one_is_handed_out_again_while_half_of_its_life_is_left() {
    let (assertions, session) = (assertions(&[]), ada());
    let at = |seconds| hand_out(&assertions, &session, later(Duration::from_secs(seconds)));
    let first = at(0);

    assert_eq!(at(29), first);
    let second = at(30);
    assert_ne!(second, first);
    assert_eq!(at(59), second);
}

#[test]
fn a_clock_that_was_set_back_has_a_new_one_signed() {
    let (assertions, session) = (assertions(&[]), ada());
    let first = hand_out(&assertions, &session, later(Duration::from_secs(1))).unwrap();

    let second = hand_out(&assertions, &session, NOW).unwrap();

    assert_ne!(second, first, "what was issued in the future counts nowhere");
    assert_eq!(read(&second)[1]["iat"], SECONDS);
}

#[test]
fn one_that_is_over_is_never_handed_out_again() {
    let session = Arc::new(rig::session_until(UnixMillis::new((SECONDS + 10) * 1000 + 999)));
    let assertions = assertions(&[]);
    let first = hand_out(&assertions, &session, NOW);

    assert_eq!(
        hand_out(&assertions, &session, later(Duration::from_secs(9))),
        first,
        "no other would live longer"
    );
    assert_ne!(hand_out(&assertions, &session, later(Duration::from_secs(10))), first);
}

#[test]
fn a_session_that_was_read_anew_has_a_new_one_at_once() {
    let assertions = assertions(&[]);
    let with_role = |role: &str| {
        let mut record = rig::record(later(HOUR));
        record.user.insert("role".to_owned(), role.into());
        let [_, claims] = read(&hand_out(&assertions, &Arc::new(Session::new(&record)), NOW).unwrap());
        claims["roles"].clone()
    };

    // Each is dropped before the next is made, so that memory may be used again.
    for role in ["admin", "user", "admin", "guest"] {
        assert_eq!(with_role(role), json!([role]));
    }
}

#[test]
fn what_became_of_each_is_counted() {
    let metrics = Metrics::new();
    let assertions = counted(&[], &metrics);
    let (ada, nameless) = (ada(), SessionRecord { user: fields(json!({})), ..rig::record(later(HOUR)) });
    for _ in 0..3 {
        hand_out(&assertions, &ada, NOW).unwrap();
    }
    assert_eq!(hand_out(&assertions, &Arc::new(Session::new(&nameless)), NOW), None);

    let page = metrics.encode(Snapshot::default());
    for (outcome, count) in [("signed", 1), ("reused", 2), ("left_out", 1)] {
        let line = format!("sidegate_assertions_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[test]
fn nobody_reads_one_in_a_debug_form() {
    let mut grant = grant(&ada(), None, NOW);
    let assertion = hand_out(&assertions(&[]), &ada(), NOW).unwrap();
    grant.prove(assertion.clone());

    assert!(!format!("{grant:?}").contains(&assertion.to_str().unwrap()[..8]));
}
