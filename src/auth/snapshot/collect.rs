//! The cookie's value, put together from its parts where it was too large for one.
//!
//! Better Auth reads the whole cookie with better-call's parser and the parts with one of its own, which is stricter
//! and lets the last of a name win. Source: better-auth 1.7.25 `cookies/session-store.ts`, `getChunkedCookie`, and
//! `cookies/cookie-utils.ts`, `parseCookies`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};

use super::Unusable;
use crate::auth::cookie::{self, CookieName};

/// Better Auth writes no more parts than this (`MAX_COOKIE_CHUNKS`), though it reads more.
const CHUNKS_MAX: usize = 100;
/// Four times what Node takes for all headers of a request.
const BYTES_MAX: usize = 64 * 1024;
/// `Number.MAX_SAFE_INTEGER`.
const INDEX_MAX: u64 = (1 << 53) - 1;

/// The text of the cookie of that name, or of its parts in order.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &CookieName) -> Result<Cow<'a, str>, Unusable> {
    let lines = || headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    if let Some(value) = cookie::find(lines(), name) {
        return if value.len() <= BYTES_MAX { Ok(cookie::text(value)) } else { Err(Unusable::TooLarge) };
    }
    let mut parts = BTreeMap::new();
    for (index, value) in
        lines().flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| part(pair, name))
    {
        parts.insert(index, value);
        if parts.len() > CHUNKS_MAX {
            return Err(Unusable::TooLarge);
        }
    }
    if parts.values().map(|value| value.len()).sum::<usize>() > BYTES_MAX {
        return Err(Unusable::TooLarge);
    }
    // Missing parts are not noticed here: the signature is of the whole.
    let text: String = parts.values().map(|value| cookie::text(value)).collect();
    if text.is_empty() { Err(Unusable::Absent) } else { Ok(Cow::Owned(text)) }
}

/// The index and the value of `name.index=value`; `None` for any other pair, and for an ill-formed one.
fn part<'a>(pair: &'a [u8], name: &CookieName) -> Option<(u64, &'a [u8])> {
    let equals = memchr::memchr(b'=', pair)?;
    let key = trim(pair.get(..equals)?);
    let index = key.strip_prefix(name.as_str().as_bytes())?.strip_prefix(b".")?;
    let value = unquote(trim(pair.get(equals + 1..)?));
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b';' | b'\\');
    Some((canonical_index(index)?, value.iter().all(is_plain).then_some(value)?))
}

/// A number as JavaScript writes it: digits alone, no zero before others.
fn canonical_index(digits: &[u8]) -> Option<u64> {
    let canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.iter().all(u8::is_ascii_digit);
    let index = std::str::from_utf8(digits).ok().filter(|_| canonical)?.parse().ok()?;
    (index <= INDEX_MAX).then_some(index)
}

/// Drops a pair of quotes, but not one without the other.
fn unquote(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// Spaces and tabs are all that is white here.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
