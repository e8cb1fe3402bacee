//! The compact serialization of RFC 7515 §3.1, as a header's value.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::HeaderValue;

use super::keys::Key;

/// Longest assertion. nginx takes the head of an answer in `proxy_buffer_size`, for which `nginx/` sets 8 KiB, and identity
/// headers with all that is around them may need half of that; gunicorn takes no header of more than 8190 bytes.
pub(super) const BYTES_MAX: usize = 4096;

/// Longest payload that fits into it: the header of either algorithm takes 106 bytes there, a signature 86, two dots part
/// them, and base64 makes four bytes of three.
pub(super) const PAYLOAD_BYTES_MAX: usize = (BYTES_MAX - 106 - 86 - 2) / 4 * 3;

/// `payload`, signed. `None` if there is no randomness.
pub(super) fn sign(payload: &str, key: &Key) -> Option<HeaderValue> {
    let mut token = String::with_capacity(BYTES_MAX);
    token.push_str(key.header());
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    let mut value = HeaderValue::try_from(token).ok()?;
    // Whoever reads it in a log can use it for a minute.
    value.set_sensitive(true);
    Some(value)
}
