//! What holds for every cookie of the cookie cache: nothing but what a configured key protected is ever believed, and
//! nothing for longer than it says.

use http::HeaderMap;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use sidegate::auth::{SnapshotRules, Unusable, stringify};
use sidegate::clock::UnixMillis;

use crate::rig::{TOKEN, cookie_lines, laws, token};
use crate::snapshot_vectors::{Minted, VECTORS, case, headers, now, snapshot_rules};

/// A genuine cookie of each strategy, minted by Better Auth.
const GENUINE: [&str; 4] = ["cc-compact-valid", "cc-jwt-valid", "cc-jwe-valid", "cc-jwks-valid"];
const NAME: &str = "better-auth.session_data";

/// The text of the cookie itself.
fn value(case: &Value) -> &str {
    let line = case["cookies"][0].as_str().unwrap();
    line.split_once(&format!("{NAME}=")).unwrap().1
}

fn with_value(value: &[u8]) -> HeaderMap {
    cookie_lines(&[[NAME.as_bytes(), b"=", value].concat()])
}

/// The body that these rules make of a cookie of that value.
fn body(rules: &SnapshotRules, headers: &HeaderMap, now: UnixMillis) -> Result<String, Unusable> {
    rules.open(headers, &token(TOKEN), Some(&Minted), now).map(|snapshot| snapshot.body())
}

/// Whatever HTTP lets into a header and does not end a cookie.
fn value_byte() -> impl Strategy<Value = u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. %\"".to_vec();
    prop_oneof![4 => select(alphabet), 1 => (b' '..=u8::MAX).prop_filter("not in a value", |byte| *byte != b';' && *byte != 0x7F)]
}

/// Every value with one byte replaced by another of the base64url alphabet or beside it, which opens.
fn opened_replacements(name: &str) -> Vec<(usize, u8)> {
    let genuine = value(case(name)).as_bytes();
    let rules = snapshot_rules(case(name));
    let token = token(TOKEN);
    let candidates = || b"AQg9-_+=. %".iter().copied();
    let mut opened = Vec::new();
    for at in 0..genuine.len() {
        for byte in candidates().filter(|byte| *byte != genuine[at]) {
            let changed = [&genuine[..at], &[byte], &genuine[at + 1..]].concat();
            if rules.open(&with_value(&changed), &token, Some(&Minted), now()).is_ok() {
                opened.push((at, byte));
            }
        }
    }
    opened
}

#[test]
fn of_all_values_with_one_byte_replaced_only_those_with_other_spare_bits_open() {
    for name in GENUINE {
        let genuine = value(case(name)).as_bytes();
        // What a compact cookie ends with is `"}` behind the last letter of the signature: a letter in eight bytes of
        // base64. White space, padding or a quote in the place of a letter loses its bits, and the signature with them.
        let spare_bits = |at: usize, byte: u8| {
            let last_of_part = at + 1 == genuine.len() || genuine[at + 1] == b'.';
            let in_signature = name == "cc-compact-valid" && at + 8 > genuine.len();
            (last_of_part || in_signature) && (byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };

        let strangers: Vec<_> =
            opened_replacements(name).into_iter().filter(|(at, byte)| !spare_bits(*at, *byte)).collect();

        assert!(strangers.is_empty(), "{name}: {strangers:?}");
    }
}

#[test]
fn no_value_with_its_end_missing_opens() {
    for name in GENUINE {
        let genuine = value(case(name)).as_bytes();
        let rules = snapshot_rules(case(name));

        let opened: Vec<_> = (0..genuine.len())
            .filter(|end| body(&rules, &with_value(&genuine[..*end]), now()).is_ok())
            .collect();

        assert!(opened.is_empty(), "{name}: {opened:?}");
    }
}

#[test]
fn no_strategy_opens_what_another_one_made() {
    for (made, read) in GENUINE.iter().flat_map(|made| GENUINE.map(|read| (made, read))) {
        let opened = body(&snapshot_rules(case(read)), &headers(case(made)), now());

        assert_eq!(opened.is_ok(), *made == read, "{made} read as {read}");
    }
}

#[test]
fn a_cache_that_outlives_its_session_does_not_revive_it() {
    for strategy in ["compact", "jwt", "jwe", "jwks"] {
        let name = format!("cc-{strategy}-session-expired-long-cache");
        let rules = snapshot_rules(case(&name));

        assert_eq!(body(&rules, &headers(case(&name)), now()), Err(Unusable::SessionExpired), "{name}");
    }
}

#[test]
fn of_parts_there_are_at_most_a_hundred_and_64_kib_of_everything() {
    let rules = snapshot_rules(case("cch-ok"));
    let opened = |lines: &[String]| body(&rules, &cookie_lines(lines), now()).unwrap_err();
    let parts = |count: usize, size: usize| {
        (0..count).map(|index| format!("{NAME}.{index}={}", "A".repeat(size))).collect::<Vec<_>>()
    };

    assert_eq!(opened(&[format!("{NAME}={}", "A".repeat(65_537))]), Unusable::TooLarge);
    assert_eq!(opened(&[format!("{NAME}={}", "A".repeat(65_536))]), Unusable::Json);
    assert_eq!(opened(&parts(64, 1024)), Unusable::Json);
    assert_eq!(opened(&parts(64, 1025)), Unusable::TooLarge);
    assert_eq!(opened(&parts(100, 1)), Unusable::Json);
    assert_eq!(opened(&parts(101, 1)), Unusable::TooLarge);
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn whatever_is_done_to_a_value_it_opens_to_its_own_body_or_not_at_all(
        which in 0..GENUINE.len(),
        edits in vec((any::<Index>(), proptest::option::of(value_byte()), any::<bool>()), 1..5),
    ) {
        let case = case(GENUINE[which]);
        let mut changed = value(case).as_bytes().to_vec();
        for (at, byte, replace) in edits {
            let at = at.index(changed.len());
            match byte {
                Some(byte) if replace => changed[at] = byte,
                Some(byte) => changed.insert(at, byte),
                None => drop(changed.remove(at)),
            }
        }

        let opened = body(&snapshot_rules(case), &with_value(&changed), now());

        prop_assert!(opened.is_err() || opened.as_deref() == Ok(case["body"].as_str().unwrap()), "{opened:?}");
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(which in 0..GENUINE.len(), bytes in vec(value_byte(), 0..400)) {
        let case = case(GENUINE[which]);

        let opened = body(&snapshot_rules(case), &with_value(&bytes), now());

        prop_assert!(opened.is_err());
    }

    #[test]
    fn a_value_in_any_parts_and_any_order_is_the_same(
        which in 0..GENUINE.len(),
        cuts in vec(any::<Index>(), 0..30),
        gaps in vec(1_u64..1000, 31),
        order in any::<u64>(),
    ) {
        let case = case(GENUINE[which]);
        let genuine = value(case);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(genuine.len())).collect();
        cuts.extend([0, genuine.len()]);
        cuts.sort_unstable();
        let mut index = 0;
        let mut parts: Vec<_> = cuts
            .windows(2)
            .zip(&gaps)
            .map(|(cut, gap)| {
                index += gap;
                format!("{NAME}.{index}={}", &genuine[cut[0]..cut[1]])
            })
            .collect();
        let by = usize::try_from(order % parts.len() as u64).unwrap();
        parts.rotate_left(by);

        let opened = body(&snapshot_rules(case), &cookie_lines(&[parts.join("; ")]), now());

        prop_assert_eq!(opened.as_deref(), Ok(case["body"].as_str().unwrap()));
    }

    #[test]
    fn it_opens_until_its_time_is_over_and_never_again(which in 0..GENUINE.len(), after in 0_i64..100_000_000_000) {
        let case = case(GENUINE[which]);
        let rules = snapshot_rules(case);
        let headers = headers(case);
        let fresh_until = rules.open(&headers, &token(TOKEN), Some(&Minted), now()).unwrap().fresh_until;

        let at = |millis| body(&rules, &headers, UnixMillis::new(millis));

        prop_assert!(at(fresh_until.get() + 1 + after).is_err());
        let before = now().get() + after % (fresh_until.get() - now().get());
        prop_assert!(at(before).is_ok());
    }

    #[test]
    fn what_is_written_reads_as_the_same_value(text in ".{0,20}", number in any::<f64>(), integer in any::<i64>()) {
        let value = serde_json::json!({ text.clone(): [text, number, integer], "nested": { "a": null, "b": true } });

        let read: Value = serde_json::from_str(&stringify(&value)).unwrap();

        prop_assert_eq!(stringify(&read), stringify(&value));
    }
}

#[test]
fn the_genuine_cookies_are_there() {
    let names: Vec<_> =
        VECTORS["cases"].as_array().unwrap().iter().filter_map(|case| case["name"].as_str()).collect();

    assert!(GENUINE.iter().all(|name| names.contains(name)));
}
