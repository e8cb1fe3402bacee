//! What JWTs have in common, signed or encrypted: base64url, headers and times, as `jose` reads them.
//!
//! Source: jose 6.2.18 `lib/buffer_utils.js`, `lib/validate.js`, `lib/jwt_claims_set.js`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Opened, Unusable, instant, json, whole};
use crate::auth::session::Fields;
use crate::clock::UnixMillis;

/// `atob` without its padding: spare bits are ignored.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Base64url as the WHATWG's "forgiving" decoder takes it: white space is dropped, and padding where it is right.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Unusable> {
    let is_space = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ');
    let text: Vec<_> = text.bytes().filter(|byte| !is_space(byte)).collect();
    let unpadded = match text.as_slice() {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] if text.len() % 4 == 0 => rest,
        plain => plain,
    };
    FORGIVING.decode(unpadded).map_err(|_| Unusable::Base64)
}

/// The protected header. Extensions that must be understood (`crit`) are refused whatever they are: Better Auth makes
/// none.
pub(super) fn header(text: &str) -> Result<Fields, Unusable> {
    let header = object(&decode(text)?)?;
    if header.contains_key("crit") { Err(Unusable::Header) } else { Ok(header) }
}

/// The claims, if their times include `now`, give or take `tolerance` seconds.
pub(super) fn claims(bytes: &[u8], tolerance: i64, now: UnixMillis) -> Result<Opened, Unusable> {
    let content = object(bytes)?;
    let seconds = now.get().div_euclid(1000);
    time(&content, "iat")?;
    // A whole number is below a fraction as it is below the next whole one, and not below as not below that.
    if time(&content, "nbf")?.is_some_and(|nbf| whole(nbf.ceil()) > seconds + tolerance) {
        return Err(Unusable::NotYetValid);
    }
    let exp = time(&content, "exp")?;
    if exp.is_some_and(|exp| whole(exp.ceil()) <= seconds - tolerance) {
        return Err(Unusable::Stale);
    }
    // Without an end it counts now, and is not to be remembered for later.
    let fresh_until = exp.map_or(now, |exp| instant(exp * 1e3));
    Ok(Opened { content, fresh_until })
}

/// Seconds since the epoch; `None` if the claim is absent.
fn time(claims: &Fields, name: &'static str) -> Result<Option<f64>, Unusable> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Unusable::Claim(name)),
    }
}

fn object(bytes: &[u8]) -> Result<Fields, Unusable> {
    match json::parse(std::str::from_utf8(bytes).map_err(|_| Unusable::Json)?)? {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Unusable::Json)
        }
    }
}

/// A member that is a string.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}
