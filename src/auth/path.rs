//! The path of a request as an app will read it, or the finding that two programs may read it differently.
//!
//! Rules about paths are only as good as the agreement on what the path is. A proxy may decode before it chooses an
//! upstream, an app may fold `//`, drop `;x`, resolve `..` or decode twice; whoever finds a spelling that the rules read
//! one way and the app another walks around the rules (`CALLERS.md` §0.4). Such spellings are refused, never guessed.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The path of `target`, decoded once, as every server decodes it; `None` if it has a second reading: an encoded slash,
/// backslash or control character, dot segments, empty segments, a parameter behind `;`, a backslash, a fragment, bytes
/// that are no UTF-8, a percent sign that encodes nothing, or what would be decoded again.
pub(super) fn decoded(target: &[u8]) -> Option<Cow<'_, str>> {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    let raw = target.get(..end).unwrap_or_default();
    if !is_encoded_well(raw) {
        return None;
    }
    let path = match memchr::memchr(b'%', raw) {
        None => std::str::from_utf8(raw).map(Cow::Borrowed).ok()?,
        Some(_) => percent_decode(raw).decode_utf8().ok()?,
    };
    // What is left of a percent sign must not be one that a second decoding takes for an encoding.
    let is_clear = path.starts_with('/')
        && !path.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b'\\' | b';' | b'#'))
        && !has_encodings(path.as_bytes())
        && path.split('/').skip(1).all(|segment| !matches!(segment, "." | ".."))
        && !path.contains("//");
    is_clear.then_some(path)
}

/// Whether each percent sign encodes a byte, and none of them a slash.
fn is_encoded_well(raw: &[u8]) -> bool {
    memchr::memchr_iter(b'%', raw).all(|at| match raw.get(at + 1..at + 3) {
        None | Some(b"2f" | b"2F") => false,
        Some(digits) => digits.iter().all(u8::is_ascii_hexdigit),
    })
}

fn has_encodings(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text)
        .any(|at| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}
