//! What a caller of get-session can ask to be left out.
//!
//! Source: better-auth 1.7.25 `cookies/session-store`, `getSessionQuerySchema`; better-call 1.4.5 `router`.

use percent_encoding::percent_decode;

/// What one question goes without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Without {
    /// `disableRefresh`
    pub(super) refresh: bool,
    /// `disableCookieCache`
    pub(super) cookie_cache: bool,
}

impl Without {
    /// As the query of `target` has it.
    pub(super) fn of(target: &[u8]) -> Self {
        let Some(at) = memchr::memchr(b'?', target) else { return Self::default() };
        let query = target.get(at + 1..).unwrap_or_default();
        Self { refresh: is_set(query, b"disableRefresh"), cookie_cache: is_set(query, b"disableCookieCache") }
    }
}

/// Whether the parameter is true to JavaScript: any text but the empty one is, `false` too, and so is a list, which is
/// what becomes of a name that stands there twice.
fn is_set(query: &[u8], name: &[u8]) -> bool {
    let mut count = 0;
    for pair in query.split(|&byte| byte == b'&') {
        let mut parts = pair.splitn(2, |&byte| byte == b'=');
        let is_it = parts.next().is_some_and(|text| percent_decode(text).eq(name.iter().copied()));
        if is_it {
            count += 1;
            if count == 2 || parts.next().is_some_and(|value| !value.is_empty()) {
                return true;
            }
        }
    }
    false
}
