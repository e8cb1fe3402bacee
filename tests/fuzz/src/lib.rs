//! What the targets share: how an input becomes a request, and Better Auth's reading of a Cookie header, written a
//! second time and differently, so that two programs have to make the same mistake before it goes unnoticed.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sha2::Sha256;
use sidegate::auth::{CheckRequest, CookieName, Rules, SigningKey};
use sidegate::clock::UnixMillis;
use sidegate::secret::Secret;

/// As in `tests/vectors/session-cookie.json`.
pub const SECRET: &str = "sidegate-oracle-secret-0123456789abcdef";
/// As in `tests/vectors/session-cookie.json`.
pub const NOW: UnixMillis = UnixMillis::new(1_768_478_400_123);
/// The name that Better Auth gives its cookie.
pub const COOKIE_NAME: &str = "better-auth.session_token";

/// The rules for a cookie of that name.
#[must_use]
pub fn rules(name: CookieName) -> Rules {
    Rules::new(name, SigningKey::new(&Secret::new(SECRET.to_owned())))
}

/// One header for each line `name: value` of the input; lines that HTTP would not let by are none.
#[must_use]
pub fn headers(input: &[u8]) -> HeaderMap {
    let pairs = input.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = memchr::memchr(b':', line)?;
        let value = line[at + 1..].trim_ascii();
        Some((HeaderName::from_bytes(&line[..at]).ok()?, HeaderValue::from_bytes(value).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

/// Headers with these Cookie lines; lines that HTTP would not let by are none.
#[must_use]
pub fn cookies<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    lines.filter_map(|line| Some((header::COOKIE, HeaderValue::from_bytes(line).ok()?))).collect()
}

/// A request with these headers, for which nothing but them counts.
#[must_use]
pub fn request(headers: &HeaderMap) -> CheckRequest<'_> {
    CheckRequest { method: Method::GET, scheme: None, host: b"app.example.com", target: b"/", headers }
}

/// The token that these headers prove to Better Auth.
#[must_use]
pub fn proven_token(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let value = cookie(&lines.join(&b"; "[..]), name)?;
    signed(&decoded(&value)).map(str::to_owned)
}

/// better-call's `parseCookies`, index by index, and the `get` that follows it.
#[must_use]
pub fn cookie(line: &[u8], name: &str) -> Option<Vec<u8>> {
    let find = |byte: u8, from: usize| memchr::memchr(byte, &line[from..]).map(|at| from + at);
    let mut index = 0;
    while index < line.len() {
        let equals = find(b'=', index)?;
        let end = find(b';', index).unwrap_or(line.len());
        if end < equals {
            index = memchr::memrchr(b';', &line[..equals])? + 1;
            continue;
        }
        if trimmed(&line[index..equals]) == name.as_bytes() {
            let value = trimmed(&line[equals + 1..end]);
            let value = if value.first() == Some(&b'"') {
                // JavaScript's `slice(1, -1)`: of a lone quote nothing is left.
                value.get(1..value.len() - 1).unwrap_or_default()
            } else {
                value
            };
            return (!value.is_empty()).then(|| value.to_vec());
        }
        index = end + 1;
    }
    None
}

/// `String.prototype.trim` of Latin-1.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, 9..=13 | 32 | 160);
    let Some(first) = bytes.iter().position(is_text) else { return &[] };
    let last = bytes.iter().rposition(is_text).unwrap_or(first);
    &bytes[first..=last]
}

/// better-call's `tryDecode` of a Latin-1 string.
#[must_use]
pub fn decoded(value: &[u8]) -> String {
    let latin1 = || value.iter().map(|byte| char::from(*byte)).collect::<String>();
    let mut utf8 = Vec::new();
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            utf8.extend_from_slice(char::from(*first).encode_utf8(&mut [0; 2]).as_bytes());
            continue;
        }
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits.and_then(|digits| std::str::from_utf8(digits).ok()) else {
            return latin1();
        };
        utf8.extend(u8::from_str_radix(digits, 16));
        rest = &after[2..];
    }
    String::from_utf8(utf8).unwrap_or_else(|_| latin1())
}

/// The token of `token.signature`, if the secret signed it.
#[must_use]
pub fn signed(text: &str) -> Option<&str> {
    let dot = text.rfind('.').filter(|dot| *dot > 0)?;
    let (token, signature) = (&text[..dot], &text[dot + 1..]);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).ok()?;
    mac.update(token.as_bytes());
    let expected = base64::prelude::BASE64_STANDARD.encode(mac.finalize().into_bytes());
    // 42 letters are 252 bits; of the last one only four bits count.
    let letter = |text: &str| {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        alphabet.find(text.get(42..43)?).map(|at| at >> 2)
    };
    let same = signature.len() == 44
        && signature.ends_with('=')
        && signature.get(..42) == expected.get(..42)
        && letter(signature)? == letter(&expected)?;
    same.then_some(token)
}

/// When the stored session of that token ends: one is in its last millisecond, one ended in the last millisecond.
#[must_use]
pub fn stored(token: &str) -> Option<UnixMillis> {
    match token {
        "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo" => Some(NOW),
        "true" => Some(UnixMillis::new(NOW.get() - 1)),
        _ => None,
    }
}
