//! The strategy `compact`: base64 of JSON that holds its own HMAC.
//!
//! The HMAC is of the JSON that JavaScript makes of what it read, so differences that JavaScript does not keep are none:
//! white space, escapes, forms of a number. Source: better-auth 1.7.25 `cookies/index.ts`, `decodeCookieCache`, and
//! `@better-auth/utils` 0.5.1 `base64.ts`, `hmac.ts`.

use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, engine};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Opened, Unusable, instant, json};
use crate::auth::session::Fields;
use crate::secret::Secret;

/// The HMAC key, prepared once.
pub(super) struct CompactKey(Hmac<Sha256>);

impl CompactKey {
    pub(super) fn new(secret: &Secret) -> Self {
        match Hmac::new_from_slice(secret.expose().as_bytes()) {
            Ok(mac) => Self(mac),
            Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104 §2)"),
        }
    }

    /// What is inside, if this key signed it.
    pub(super) fn open(&self, text: &str) -> Result<Opened, Unusable> {
        let bytes = decode(text).ok_or(Unusable::Base64)?;
        // Bytes that are no UTF-8 are read as U+FFFD, and signed as that or not at all.
        let Value::Object(mut outer) = json::parse(&String::from_utf8_lossy(&bytes))? else {
            return Err(Unusable::Form);
        };
        let (
            Some(Value::Object(mut content)),
            Some(Value::Number(expires_at)),
            Some(Value::String(signature)),
        ) = (outer.remove("session"), outer.remove("expiresAt"), outer.remove("signature"))
        else {
            return Err(Unusable::Form);
        };
        let fresh_until = instant(expires_at.as_f64().ok_or(Unusable::Form)?);
        let signature = decode(&signature).ok_or(Unusable::Base64)?;
        // Signed behind the content's own fields, or in the place of one of that name.
        content.insert("expiresAt".to_owned(), expires_at.into());
        self.verify(&content, &signature)?;
        Ok(Opened { content, fresh_until })
    }

    fn verify(&self, content: &Fields, signature: &[u8]) -> Result<(), Unusable> {
        let mut signed = String::new();
        json::write_object(content, &mut signed);
        let mut mac = self.0.clone();
        mac.update(signed.as_bytes());
        mac.verify_slice(signature).map_err(|_| Unusable::Signature)
    }
}

/// Base64 of either alphabet, up to the first `=`. Bits that make no whole byte are ignored, even six of them.
fn decode(text: &str) -> Option<Vec<u8>> {
    // Looked for in all of the text: what follows a `=` is not decoded, but it counts.
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let text = text.split('=').next().unwrap_or_default();
    let whole = text.len() - usize::from(text.len() % 4 == 1);
    let (text, spare) = text.split_at_checked(whole)?;
    let in_alphabet = |character| alphabet.as_str().contains(character);
    if !spare.chars().all(in_alphabet) {
        return None;
    }
    lenient(alphabet).decode(text).ok()
}

fn lenient(alphabet: &Alphabet) -> impl engine::Engine {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    GeneralPurpose::new(alphabet, config)
}
