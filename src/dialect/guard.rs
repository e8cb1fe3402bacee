//! Headers that must stand in a question once and under one spelling.
//!
//! nginx, Envoy and uvicorn each pick another one of two equal headers (`CALLERS.md` §4, rows 5, 7, 11, 17), and servers
//! that make variables of names fold `_` into `-`, some of them every character that is no letter or digit
//! (CVE-2026-88879: `X.Auth.User.Id`): whoever could send a second one would choose its identity.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{HeaderNames, Refusal};

/// What all identity headers of sidegate's own begin with. Apps may read those though others were chosen.
const IDENTITY_PREFIX: &str = "x-auth-";

/// Refuses duplicates and twins of `reads` and of all identity headers.
pub(super) fn check(headers: &HeaderMap, reads: &[&HeaderName], names: &HeaderNames) -> Result<(), Refusal> {
    let is_guarded = |name: &str| {
        name.starts_with(IDENTITY_PREFIX)
            || reads.iter().any(|read| read.as_str() == name)
            || names.all().any(|identity| identity.as_str() == name)
    };
    for name in headers.keys() {
        if !name.as_str().bytes().all(is_plain) && is_guarded(&name.as_str().replace(is_folded, "-")) {
            return Err(Refusal::TwinHeader(name.clone()));
        }
    }
    no_duplicates(headers, is_guarded)
}

/// What names of headers are made of that nobody mistakes for another. They are in lower case by now.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

const fn is_folded(letter: char) -> bool {
    !letter.is_ascii_alphanumeric()
}

/// Refuses duplicates of `reads`, where identity headers mean nothing.
pub(super) fn single(headers: &HeaderMap, reads: &[&HeaderName]) -> Result<(), Refusal> {
    no_duplicates(headers, |name| reads.iter().any(|read| read.as_str() == name))
}

fn no_duplicates(headers: &HeaderMap, is_guarded: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    // More values than names: only then can one stand there twice.
    if headers.len() > headers.keys_len() {
        for name in headers.keys() {
            if is_guarded(name.as_str()) && headers.get_all(name).iter().nth(1).is_some() {
                return Err(Refusal::DuplicateHeader(name.clone()));
            }
        }
    }
    Ok(())
}

/// The value of a header without which the question cannot be answered.
pub(super) fn required<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, Refusal> {
    headers.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::MissingHeader(name.clone()))
}
