//! The Cookie header, read as Better Auth reads it.
//!
//! Source: better-call 1.4.5 `cookies.ts`, `parseCookies`, and `utils.ts`, `tryDecode`; vectors in
//! `tests/vectors/session-cookie.json`. That parser works on a JavaScript string in which each byte of the header is
//! one character (Latin-1), so bytes are what is scanned here, and text is made of the one value that matters.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The one cookie name that is read, `__Secure-` included where Better Auth adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(Box<str>);

/// Why a text cannot be a cookie's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cookie name is one or more of the characters a-z A-Z 0-9 ! # $ % & ' * + - . ^ _ ` | ~")]
pub struct CookieNameError;

/// What `encodeURIComponent` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

impl CookieName {
    /// The exact name on the wire.
    ///
    /// # Errors
    /// If it is empty or holds a character that no cookie name may have (RFC 6265 §4.1.1).
    pub fn new(name: &str) -> Result<Self, CookieNameError> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(CookieNameError);
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A cookie's value as browsers get it from Better Auth, and send it back.
#[must_use]
pub fn cookie_value(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, UNRESERVED)
}

/// The raw value of the first cookie of that name in these Cookie lines; `None` if there is none or it is empty.
///
/// Several lines count as one joined by `; `. A later cookie of the same name is never looked at, even when the
/// first one is empty: what Better Auth would not read must not decide.
pub(super) fn find<'a>(lines: impl IntoIterator<Item = &'a [u8]>, name: &CookieName) -> Option<&'a [u8]> {
    lines.into_iter().flat_map(pairs).find(|(key, _)| *key == name.0.as_bytes()).and_then(|(_, value)| {
        let value = unquote(value);
        (!value.is_empty()).then_some(value)
    })
}

/// Every `name=value` of a Cookie line, both trimmed. What has no `=` is skipped.
pub(super) fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        loop {
            let line = rest?;
            let pair;
            (pair, rest) = match split_once(line, b';') {
                Some((pair, rest)) => (pair, Some(rest)),
                None => (line, None),
            };
            if let Some((key, value)) = split_once(pair, b'=') {
                return Some((trim(key), trim(value)));
            }
        }
    })
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(separator, bytes)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// A value's text: Latin-1, percent-decoded as a whole, or left as it is where that cannot be done.
pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    if memchr(b'%', value).is_some()
        && let Some(decoded) = decode_uri_component(value)
    {
        return Cow::Owned(decoded);
    }
    match std::str::from_utf8(value) {
        Ok(ascii) if ascii.is_ascii() => Cow::Borrowed(ascii),
        _ => Cow::Owned(value.iter().copied().map(char::from).collect()),
    }
}

/// JavaScript's `decodeURIComponent` over Latin-1 bytes; `None` where it would throw.
///
/// Written out because no crate does it: the escapes must form whole characters by themselves, and the bytes between
/// them are characters of their own.
fn decode_uri_component(value: &[u8]) -> Option<String> {
    let mut decoded = String::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(char::from(byte));
            continue;
        }
        let mut character = [hex_pair(&mut bytes)?, 0, 0, 0];
        let more = match character[0] {
            ..0xC0 => 0,
            0xC0..0xE0 => 1,
            0xE0..0xF0 => 2,
            0xF0.. => 3,
        };
        for place in character.iter_mut().skip(1).take(more) {
            bytes.next().filter(|&byte| byte == b'%')?;
            *place = hex_pair(&mut bytes)?;
        }
        // Rust and ECMA-262 agree on what is not UTF-8: overlong forms, surrogates, beyond U+10FFFF.
        decoded.push_str(std::str::from_utf8(character.get(..=more)?).ok()?);
    }
    Some(decoded)
}

fn hex_pair(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
    u8::try_from(digit()? << 4 | digit()?).ok()
}

/// Drops the first and the last character if the first is a quote, whatever the last is.
fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., _] => inner,
        [b'"'] => &[],
        plain => plain,
    }
}

/// `String.prototype.trim` within Latin-1, where U+00A0 is white space too.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, 0x09..=0x0D | b' ' | 0xA0);
    while let Some((_, rest)) = text.split_first().filter(|(first, _)| is_space(first)) {
        text = rest;
    }
    while let Some((_, rest)) = text.split_last().filter(|(last, _)| is_space(last)) {
        text = rest;
    }
    text
}
