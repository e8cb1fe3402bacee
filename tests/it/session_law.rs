//! What holds for every session: it passes while it is live and no longer, and what is told of it is safe to send.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use sidegate::auth::{IdentityField, Session, SessionRecord};
use sidegate::cache::Ages;
use sidegate::clock::UnixMillis;

use crate::rig::{self, NOW, Shelf, WIRE, gate, later, request, session_cookie, word};

const FIELDS: [IdentityField; 5] = [
    IdentityField::UserId,
    IdentityField::SessionId,
    IdentityField::SessionExpires,
    IdentityField::UserEmail,
    IdentityField::UserName,
];

fn value(record: &SessionRecord, field: IdentityField) -> Option<String> {
    Some(rig::grant(record).identity().get(field)?.to_str().unwrap().to_owned())
}

fn named(name: &str) -> SessionRecord {
    let mut record = rig::record(NOW);
    record.user.insert("name".to_owned(), name.into());
    record
}

#[test]
fn a_session_passes_in_its_last_millisecond() {
    let session = Arc::new(rig::session_until(NOW));

    assert!(session.active_at(NOW).is_some());
}

#[test]
fn a_session_does_not_pass_a_millisecond_after_its_end() {
    let session = Arc::new(rig::session_until(NOW));

    assert!(session.active_at(later(Duration::from_millis(1))).is_none());
}

#[test]
fn a_session_that_never_ends_passes_at_the_end_of_time() {
    let session = Arc::new(rig::session_until(UnixMillis::NEVER));

    assert!(session.active_at(UnixMillis::new(i64::MAX)).is_some());
}

#[test]
fn an_expiry_is_told_as_better_auth_writes_it() {
    // NOW and `now` of the vectors are one instant; the text is `new Date(1768478400123).toISOString()`.
    let told = value(&rig::record(NOW), IdentityField::SessionExpires);

    assert_eq!(told.as_deref(), Some("2026-01-15T12:00:00.123Z"));
}

#[test]
fn an_expiry_at_the_end_of_the_calendar_is_told() {
    // `new Date("9999-12-31T23:59:59.999Z").getTime()`
    let told = value(&rig::record(UnixMillis::new(253_402_300_799_999)), IdentityField::SessionExpires);

    assert_eq!(told.as_deref(), Some("9999-12-31T23:59:59.999Z"));
}

#[test]
fn an_expiry_that_never_comes_is_told_as_the_end_of_the_calendar() {
    let told = value(&rig::record(UnixMillis::NEVER), IdentityField::SessionExpires);

    assert_eq!(told.as_deref(), Some("9999-12-31T23:59:59.999Z"));
}

#[test]
fn text_outside_ascii_is_escaped_as_utf_8() {
    // RFC 3986 §2.5 has these two as its examples.
    assert_eq!(
        value(&named("\u{C0} \u{30A2}"), IdentityField::UserName).as_deref(),
        Some("%C3%80 %E3%82%A2")
    );
}

#[test]
fn control_characters_and_the_escape_itself_are_escaped() {
    let told = value(&named("a\r\nX-Auth-User-Id: b\0\u{7F}%41"), IdentityField::UserName);

    assert_eq!(told.as_deref(), Some("a%0D%0AX-Auth-User-Id: b%00%7F%2541"));
}

#[test]
fn spaces_at_the_ends_are_escaped_because_http_would_drop_them() {
    assert_eq!(value(&named("  Ada  L "), IdentityField::UserName).as_deref(), Some("%20%20Ada  L%20"));
}

#[test]
fn a_name_of_nothing_but_spaces_is_kept() {
    assert_eq!(value(&named("  "), IdentityField::UserName).as_deref(), Some("%20%20"));
}

#[test]
fn an_empty_text_is_left_out() {
    assert_eq!(value(&named(""), IdentityField::UserName), None);
}

#[test]
fn a_name_of_1024_bytes_is_told() {
    assert!(value(&named(&"x".repeat(1024)), IdentityField::UserName).is_some());
}

#[test]
fn a_name_that_would_not_fit_into_the_head_of_an_answer_is_left_out() {
    assert_eq!(value(&named(&"x".repeat(1025)), IdentityField::UserName), None);
}

#[test]
fn the_length_of_a_name_is_measured_as_it_is_sent() {
    // 342 bytes as they are stored, 1026 as they are escaped.
    assert_eq!(value(&named(&"\u{C0}".repeat(171)), IdentityField::UserName), None);
}

#[test]
fn a_name_that_is_left_out_takes_nothing_else_with_it() {
    let grant = rig::grant(&named(&"x".repeat(2000)));

    let told: Vec<_> = grant.identity().fields().map(|(field, _)| field).collect();

    let without_name: Vec<_> = FIELDS.into_iter().filter(|field| *field != IdentityField::UserName).collect();
    assert_eq!(told, without_name);
}

/// Any text, often with what is hard to carry in a header.
fn text() -> impl Strategy<Value = String> {
    let hard =
        ["\r\n", "\0", " ", "%", "%20", "\u{7F}", "\u{85}", "\u{A0}", "é", "🔑", "\u{FEFF}", "\t", ",", "a"];
    let hard = vec(proptest::sample::select(hard.map(str::to_owned).to_vec()), 0..8);
    prop_oneof![any::<String>(), hard.prop_map(|parts| parts.concat())]
}

fn any_record() -> impl Strategy<Value = SessionRecord> {
    let parts = (text(), text(), option::of(text()), option::of(text()), any::<i64>());
    parts.prop_map(|(session_id, user_id, user_email, user_name, expires_at)| SessionRecord {
        expires_at: UnixMillis::new(expires_at),
        session: rig::fields(json!({ "id": session_id })),
        user: rig::fields(json!({ "id": user_id, "email": user_email, "name": user_name })),
        organization_role: None,
    })
}

fn stored(record: &SessionRecord, field: IdentityField) -> Option<&str> {
    if field == IdentityField::SessionId {
        return record.session["id"].as_str();
    }
    let names = [
        (IdentityField::UserId, "id"),
        (IdentityField::UserEmail, "email"),
        (IdentityField::UserName, "name"),
    ];
    let (_, name) = names.into_iter().find(|(of, _)| *of == field).unwrap();
    record.user[name].as_str()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A moment in the life of one session: how long after the last, what the store holds from then on, if it changes.
type Moment = (u64, Option<Option<i64>>);

fn life() -> impl Strategy<Value = Vec<Moment>> {
    vec((0..40_u64, option::weighted(0.3, option::weighted(0.7, 0..200_i64))), 1..30)
}

proptest! {
    #![proptest_config(rig::laws())]

    #[test]
    fn a_session_passes_exactly_until_its_end(expires_at: i64, now: i64) {
        let session = Arc::new(Session::new(&rig::record(UnixMillis::new(expires_at))));

        let passes = session.active_at(UnixMillis::new(now)).is_some();

        // Better Auth: `session.expiresAt < new Date()` is what refuses.
        prop_assert_eq!(passes, expires_at >= now);
    }

    #[test]
    fn no_memory_however_long_lets_an_ended_session_pass_or_stops_a_live_one(
        session_age in 0..10_000_u64,
        absence_age in 0..10_000_u64,
        lifetime in 0..300_u64,
        clock in vec(0..400_u64, 1..20),
    ) {
        let ages = Ages::plain(Duration::from_millis(session_age), Duration::from_millis(absence_age));
        let expires_at = later(Duration::from_millis(lifetime));
        let gate = gate(Shelf::with(expires_at), ages);
        let headers = session_cookie(WIRE);

        for now in clock.into_iter().map(|millis| later(Duration::from_millis(millis))) {
            let word = word(&block_on(gate.check(&request(&headers), || now)).decision);
            prop_assert_eq!(word == "allow", now <= expires_at, "{} at {:?}", word, now);
        }
    }

    #[test]
    fn what_is_answered_was_true_within_the_age_of_an_answer(session_age in 0..100_u64, absence_age in 0..100_u64, life in life()) {
        let ages = Ages::plain(Duration::from_millis(session_age), Duration::from_millis(absence_age));
        let store = Shelf::default();
        let gate = gate(store.clone(), ages);
        let headers = session_cookie(WIRE);
        let mut held: Vec<(u64, Option<UnixMillis>)> = vec![(0, None)];
        let mut millis = 0;

        for (pause, change) in life {
            millis += pause;
            if let Some(change) = change {
                let expires_at = change.map(|end| UnixMillis::new(NOW.get() + end));
                store.put(expires_at);
                held.push((millis, expires_at));
            }
            let now = later(Duration::from_millis(millis));
            let word = word(&block_on(gate.check(&request(&headers), || now)).decision);

            let (age, is_true): (_, fn(Option<UnixMillis>, UnixMillis) -> bool) = match word {
                "allow" => (session_age, |held, now| held.is_some_and(|end| now <= end)),
                "expired" => (absence_age, |held, now| held.is_some_and(|end| now > end)),
                _ => (absence_age, |held, _| held.is_none()),
            };
            // An answer of no age is of this moment. Others are of an instant in (now - age, now], at whose
            // millisecond the store may have held more than one thing.
            let since = match age.checked_sub(1) {
                Some(oldest) => held.iter().rposition(|(at, _)| *at < millis.saturating_sub(oldest)).unwrap_or(0),
                None => held.len() - 1,
            };
            prop_assert!(held[since..].iter().any(|(_, held)| is_true(*held, now)), "{} at {}: {:?}", word, millis, held);
        }
    }

    #[test]
    fn every_value_that_is_told_is_printable_ascii_that_http_carries_unchanged(record in any_record()) {
        let grant = rig::grant(&record);

        for (field, value) in grant.identity().fields() {
            let bytes = value.as_bytes();
            prop_assert!(bytes.iter().all(|byte| (b' '..=b'~').contains(byte)), "{:?}: {:?}", field, value);
            prop_assert!(!bytes.is_empty() && bytes.trim_ascii() == bytes, "{:?}: {:?}", field, value);
        }
    }

    #[test]
    fn decoding_what_is_told_gives_back_what_is_stored(record in any_record()) {
        let grant = rig::grant(&record);

        for field in FIELDS.into_iter().filter(|field| *field != IdentityField::SessionExpires) {
            let told = grant.identity().get(field).map(|value| percent_decode(value.as_bytes()).decode_utf8().unwrap());
            let stored = stored(&record, field).filter(|text| !text.is_empty());
            prop_assert_eq!(told.as_deref(), stored, "{:?}", field);
        }
    }

    #[test]
    fn an_expiry_that_is_told_is_the_stored_instant(millis in -62_135_596_800_000..=253_402_207_200_000_i64) {
        let told = value(&rig::record(UnixMillis::new(millis)), IdentityField::SessionExpires).unwrap();

        let read: jiff::Timestamp = told.parse().unwrap();
        prop_assert!(read.as_millisecond() == millis && told.ends_with('Z'), "{}", told);
    }
}
