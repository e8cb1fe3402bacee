//! What holds for every Cookie header: nothing but what the key signed is ever believed, however it is spelt,
//! changed or surrounded.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::rig::{COOKIE_NAME, SIGNATURE, TOKEN, WIRE, cookie_lines, laws, proof, session_cookie};

/// Every byte that HTTP lets into a header (RFC 9110 §5.5); the http crate takes no others.
fn header_bytes() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7F))
}

fn header_byte() -> impl Strategy<Value = u8> {
    select(header_bytes().collect::<Vec<_>>())
}

fn proves_the_token(value: &[u8]) -> bool {
    proof(&session_cookie(value)).as_deref() == Ok(TOKEN)
}

fn session_pair(value: &str) -> Vec<u8> {
    format!("{COOKIE_NAME}={value}").into_bytes()
}

/// `WIRE` with what this makes of it, once for each byte of a header.
fn edited(at: usize, replaced: usize) -> impl Iterator<Item = Vec<u8>> {
    let (before, after) = (&WIRE.as_bytes()[..at], &WIRE.as_bytes()[at + replaced..]);
    header_bytes().map(move |byte| [before, &[byte], after].concat())
}

fn texts(values: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    let mut texts: Vec<_> = values.map(|value| value.iter().copied().map(char::from).collect()).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

#[test]
fn of_all_values_with_one_byte_replaced_only_other_spellings_of_the_same_bytes_verify() {
    let candidates = (0..WIRE.len()).flat_map(|at| edited(at, 1)).filter(|value| value != WIRE.as_bytes());

    let verified = texts(candidates.filter(|value| proves_the_token(value)));

    // Hexadecimal digits have no case (RFC 3986 §2.1); the last letter carries four bits of six (RFC 4648 §3.5).
    let hex = [("%2F", "%2f"), ("%2B", "%2b"), ("%3D", "%3d")];
    let spare_bits = [("68%3D", "69%3D"), ("68%3D", "6+%3D"), ("68%3D", "6/%3D")];
    let spellings = hex.iter().chain(&spare_bits).map(|(usual, other)| WIRE.replace(usual, other));
    assert_eq!(verified, sorted(spellings.collect()));
}

#[test]
fn of_all_values_with_one_byte_more_only_those_with_white_space_or_an_end_around_them_verify() {
    let candidates = (0..=WIRE.len()).flat_map(|at| edited(at, 0));

    let verified = texts(candidates.filter(|value| proves_the_token(value)));

    let spaces =
        ["\t", " ", "\u{A0}"].iter().flat_map(|space| [format!("{space}{WIRE}"), format!("{WIRE}{space}")]);
    assert_eq!(verified, sorted(spaces.chain([format!("{WIRE};")]).collect()));
}

#[test]
fn no_value_with_bytes_missing_from_it_verifies() {
    let gaps = (0..WIRE.len()).flat_map(|from| (from + 1..=WIRE.len()).map(move |to| (from, to)));

    let verified: Vec<_> = gaps
        .map(|(from, to)| [&WIRE[..from], &WIRE[to..]].concat())
        .filter(|value| proves_the_token(value.as_bytes()))
        .collect();

    assert!(verified.is_empty(), "{verified:?}");
}

#[test]
fn the_signature_of_one_token_verifies_no_other() {
    let others = ["", "a", "zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo", "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo.", "true"];

    let verified: Vec<_> = others
        .iter()
        .filter(|token| proof(&session_cookie(format!("{token}.{SIGNATURE}"))).is_ok())
        .collect();

    assert!(verified.is_empty(), "{verified:?}");
}

/// A change to a Cookie line.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, u8),
    Erase(Index),
    Replace(Index, u8),
    Swap(Index, Index),
    Repeat(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    // Every other byte is one that the grammar knows: random ones seldom meet it.
    let byte = || prop_oneof![header_byte(), select(&b"%=;\". ,+/&23DFdf"[..])];
    let index = any::<Index>;
    prop_oneof![
        (index(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        index().prop_map(Edit::Erase),
        (index(), byte()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (index(), index()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (index(), index()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ]
}

fn apply(edit: &Edit, line: &mut Vec<u8>) {
    if line.is_empty() {
        return;
    }
    let len = line.len();
    match edit {
        Edit::Insert(at, byte) => line.insert(at.index(len + 1), *byte),
        Edit::Erase(at) => drop(line.remove(at.index(len))),
        Edit::Replace(at, byte) => line[at.index(len)] = *byte,
        Edit::Swap(a, b) => line.swap(a.index(len), b.index(len)),
        Edit::Repeat(from, to) => {
            let (from, to) = (from.index(len), to.index(len));
            line.extend_from_within(from.min(to)..from.max(to));
        }
    }
}

/// A cookie of another name, with any value.
fn other_cookie() -> impl Strategy<Value = Vec<u8>> {
    let text = |limit: usize| vec(header_byte().prop_filter("ends a pair", |byte| *byte != b';'), 0..limit);
    let name = prop_oneof![
        text(12),
        select(vec![b"better-auth.session_data".to_vec(), b"__Secure-better-auth.session_token".to_vec()]),
        select(vec![b"better-auth.session_toke".to_vec(), b"Better-Auth.session_token".to_vec()]),
    ];
    (name, text(24)).prop_filter_map("our own name", |(name, value)| {
        let cookie = [name.as_slice(), b"=", &value].concat();
        let named: String =
            cookie.iter().take_while(|byte| **byte != b'=').copied().map(char::from).collect();
        (named.trim() != COOKIE_NAME).then_some(cookie)
    })
}

fn any_session_value() -> impl Strategy<Value = String> {
    let forged = WIRE.replacen('Z', "Y", 1);
    let values = [WIRE, &forged, "", "\"\"", TOKEN, ".", "%", "x"].map(str::to_owned);
    select(values.to_vec())
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn whatever_is_done_to_a_cookie_line_it_proves_its_own_token_or_nothing(edits in vec(edit(), 1..8)) {
        let mut line = session_pair(WIRE);
        for edit in &edits {
            apply(edit, &mut line);
        }

        let proof = proof(&cookie_lines(&[line]));

        prop_assert!(proof.is_err() || proof.as_deref() == Ok(TOKEN), "{proof:?}");
    }

    #[test]
    fn every_percent_encoding_of_a_value_proves_the_same_token(choices in vec(0..3, TOKEN.len() + 1 + SIGNATURE.len())) {
        let plain = format!("{TOKEN}.{SIGNATURE}");
        let spelt: String = plain.bytes().zip(choices).map(|(byte, choice)| match choice {
            0 => char::from(byte).to_string(),
            1 => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        }).collect();

        prop_assert!(proves_the_token(spelt.as_bytes()), "{spelt}");
    }

    #[test]
    fn cookies_of_other_names_change_nothing(
        value in any_session_value(),
        before in vec(other_cookie(), 0..6),
        after in vec(other_cookie(), 0..6),
        separator in select(vec![&b"; "[..], b";", b" ;\t"]),
    ) {
        let pair = session_pair(&value);
        let alone = proof(&cookie_lines(&[&pair]));

        let line = before.into_iter().chain([pair]).chain(after).collect::<Vec<_>>().join(separator);

        prop_assert_eq!(proof(&cookie_lines(&[line])), alone);
    }

    #[test]
    fn the_first_of_two_equal_names_is_the_one_that_counts(first in any_session_value(), second in any_session_value()) {
        let alone = proof(&cookie_lines(&[session_pair(&first)]));

        let both = [session_pair(&first), session_pair(&second)].join(&b"; "[..]);

        prop_assert_eq!(proof(&cookie_lines(&[both])), alone);
    }

    #[test]
    fn several_cookie_lines_are_one_joined_by_a_semicolon(
        lines in vec(prop_oneof![vec(header_byte(), 0..20), other_cookie(), any_session_value().prop_map(|value| session_pair(&value))], 1..6),
    ) {
        let joined = lines.join(&b"; "[..]);

        prop_assert_eq!(proof(&cookie_lines(&lines)), proof(&cookie_lines(&[joined])));
    }

    #[test]
    fn bytes_that_nobody_signed_prove_nothing(bytes in vec(header_byte(), 0..200)) {
        let in_the_line = proof(&cookie_lines(&[&bytes]));
        let in_the_value = proof(&session_cookie(&bytes));

        prop_assert!(in_the_line.is_err() && in_the_value.is_err());
    }

    #[test]
    fn text_of_the_right_form_that_nobody_signed_proves_nothing(value in "[A-Za-z0-9]{1,40}[.%][A-Za-z0-9+/]{43}=") {
        prop_assert_eq!(proof(&session_cookie(&value)), Err("bad_signature"));
    }
}
