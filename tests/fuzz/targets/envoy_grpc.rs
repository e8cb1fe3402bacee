//! Any message: what is let by is what a second reader of the wire finds in it, and unambiguous. That reader is written
//! differently: parts of a message that come in several pieces are joined first, as Protocol Buffers have it.
#![no_main]

use std::sync::LazyLock;

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use sidegate::auth::{Decision, Denial, Policy, Scheme};
use sidegate::dialect::{Dialect, EnvoyCheck, HeaderNames, LoginPage, Terms};

static TERMS: LazyLock<Terms> = LazyLock::new(|| Terms {
    names: HeaderNames::sidegate(),
    login: Some(LoginPage::new("/login", "return_to").expect("it is one")),
});

fuzz_target!(|input: &[u8]| {
    match EnvoyCheck::decode(input.to_vec().into(), &TERMS.names) {
        Ok(check) => {
            says_what_stands_there(&check, input);
            let request = check.request();
            is_unambiguous(request.headers);
            let denied = Decision::Unauthenticated(Denial::NoCredential);
            let answer = Dialect::EnvoyGrpc.encode(&request, &denied, &TERMS);
            assert!(matches!(answer.status().as_u16(), 302 | 303 | 401));
        }
        Err(refusal) => {
            assert!(matches!(Dialect::EnvoyGrpc.refuse(&refusal).status().as_u16(), 400 | 403 | 431));
        }
    }
});

fn says_what_stands_there(check: &EnvoyCheck, message: &[u8]) {
    let attributes = joined(message, 1);
    let http = joined(&joined(&attributes, 4), 2);
    let request = check.request();
    assert_eq!(request.method.as_str().as_bytes(), last(&http, 2));
    assert_eq!((request.target, request.host), (last(&http, 4), last(&http, 5)));
    assert!(request.target.starts_with(b"/") && !request.host.iter().any(|byte| b"/?#\\@".contains(byte)));
    assert_eq!(matches!(last(&http, 6), b"https" | b"wss"), request.scheme.is_some_and(Scheme::is_secure));

    let raw = joined(&http, 13);
    let entries = if of(&http, 13).is_empty() { of(&http, 3) } else { of(&raw, 1) };
    let pairs = entries.into_iter().map(|entry| {
        let raw = last(entry, 3);
        (last(entry, 1).to_ascii_lowercase(), if raw.is_empty() { last(entry, 2) } else { raw }.to_vec())
    });
    let mut told: Vec<_> = pairs.filter(|(name, _)| !name.starts_with(b":")).collect();
    let mut read: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    told.sort();
    read.sort();
    assert_eq!(told, read);

    let extensions = of(&attributes, 10);
    let named: Vec<_> = extensions.into_iter().filter(|entry| last(entry, 1) == b"policy").collect();
    let policy = match named[..] {
        [] => None,
        [policy] => {
            Some(std::str::from_utf8(last(policy, 2)).expect("UTF-8").parse::<Policy>().expect("a policy"))
        }
        _ => panic!("two policies"),
    };
    assert_eq!(check.policy(), policy.as_ref());
}

fn is_unambiguous(headers: &HeaderMap) {
    for name in headers.keys() {
        let folded = name.as_str().replace('_', "-");
        if folded.starts_with("x-auth-") || folded == "authorization" {
            assert_eq!((folded.as_str(), headers.get_all(name).iter().count()), (name.as_str(), 1));
        }
    }
}

/// The values of a field that is a text or a message, in their order.
fn of(mut message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut depth = 0;
    while !message.is_empty() {
        let tag = varint(&mut message);
        let length = match tag & 7 {
            0 => {
                varint(&mut message);
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).expect("no longer than the message"),
            5 => 4,
            // Groups, in which nothing is looked for.
            3 => {
                depth += 1;
                0
            }
            _ => {
                depth -= 1;
                0
            }
        };
        let (value, rest) = message.split_at(length);
        message = rest;
        if depth == 0 && tag & 7 == 2 && tag >> 3 == wanted {
            found.push(value);
        }
    }
    found
}

fn joined(message: &[u8], field: u64) -> Vec<u8> {
    of(message, field).concat()
}

fn last(message: &[u8], field: u64) -> &[u8] {
    of(message, field).last().copied().unwrap_or_default()
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().expect("a whole number");
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
