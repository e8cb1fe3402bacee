//! Signature checks: the one door from untrusted text to a [`VerifiedToken`].
//!
//! Knows how Better Auth signs a value, and nothing of cookies, stores or time.
//! Source: better-call 1.4.5 `crypto.ts` and `context.ts`, `getSignedCookie`; vectors in `tests/vectors/`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::digest::TokenDigest;
use crate::secret::Secret;

/// The padded base64 of 32 bytes.
const SIGNATURE_CHARS: usize = 44;

/// `atob` ignores the two bits that the last character has too many, so four spellings of it verify.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bearer plugin's decoder stops at the first `=` and takes either alphabet; what it accepts beyond this cannot be
/// 32 bytes long.
const BEARER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, BEARER_FORM);
const BEARER_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, BEARER_FORM);
const BEARER_FORM: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);

/// The HMAC-SHA256 key with which Better Auth signs its cookies, prepared once.
pub struct SigningKey(Hmac<Sha256>);

/// A session token whose signature was checked.
///
/// Nothing but [`SigningKey::verify`] makes one:
/// ```compile_fail
/// let forged = sidegate::auth::VerifiedToken { text: "mine".into(), end: 4 };
/// ```
/// It cannot be copied or printed, so it does not end up where it was not meant to:
/// ```compile_fail
/// fn log(token: &sidegate::auth::VerifiedToken) { println!("{token:?}"); }
/// ```
/// ```compile_fail
/// fn keep(token: &sidegate::auth::VerifiedToken) -> sidegate::auth::VerifiedToken { token.clone() }
/// ```
/// The passing twin:
/// ```
/// use sidegate::{auth::SigningKey, secret::Secret};
/// let key = SigningKey::new(&Secret::new("sidegate-oracle-secret-0123456789abcdef".to_owned()));
/// // Minted by better-auth 1.7.25.
/// let signed = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo.0CRfik/Dg5ZD0p2A8djY4Svx+DYpfTkrfjOrlzT1v68=";
/// let token = key.verify(signed.into()).ok().unwrap();
/// assert_eq!(token.as_str(), "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo");
/// println!("{:?}", token.digest());
/// ```
pub struct VerifiedToken {
    /// `token.signature`, decoded.
    text: String,
    /// Where the token ends.
    end: usize,
    digest: TokenDigest,
}

/// Why a value was not accepted as a signed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no text before a last dot, so there is nothing that could be signed.
    #[error("the value is not of the form token.signature")]
    NotSigned,
    /// The part after the last dot is not 44 characters that end with `=`.
    #[error("the part after the last dot is not 44 characters of padded base64")]
    SignatureLength,
    /// The signature holds a character outside the standard base64 alphabet.
    #[error("the signature is not standard base64")]
    SignatureAlphabet,
    /// It is a signature, but not one that this secret makes for this token.
    #[error("the signature does not match: another secret signed it, or the value was changed")]
    SignatureMismatch,
}

impl SigningKey {
    /// The key that this secret stands for.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        match Hmac::new_from_slice(secret.expose().as_bytes()) {
            Ok(mac) => Self(mac),
            Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104 §2)"),
        }
    }

    /// The token in `text`, if this key signed it.
    ///
    /// # Errors
    /// What is wrong with the text, for `sidegate explain`.
    pub fn verify(&self, text: Cow<'_, str>) -> Result<VerifiedToken, Unverified> {
        // The last dot: a token may hold dots, a signature cannot.
        let (token, signature) =
            text.rsplit_once('.').filter(|(token, _)| !token.is_empty()).ok_or(Unverified::NotSigned)?;
        if signature.len() != SIGNATURE_CHARS || !signature.ends_with('=') {
            return Err(Unverified::SignatureLength);
        }
        // 44 characters are 33 bytes at the most; a second `=` makes it 31, which no HMAC equals.
        let mut bytes = [0; SIGNATURE_CHARS / 4 * 3];
        let decoded =
            FORGIVING.decode_slice(signature, &mut bytes).map_err(|_| Unverified::SignatureAlphabet)?;
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        mac.verify_slice(bytes.get(..decoded).unwrap_or_default())
            .map_err(|_| Unverified::SignatureMismatch)?;
        let (end, digest) = (token.len(), TokenDigest::of(token));
        Ok(VerifiedToken { text: text.into_owned(), end, digest })
    }

    /// Whether the bearer plugin would put `text` in the place of the session cookie, to be judged by
    /// [`SigningKey::verify`] there: its own check is a laxer one. Source: better-auth 1.7.25 `plugins/bearer`.
    #[must_use]
    pub(super) fn vouches_for_bearer(&self, text: &str) -> bool {
        let mut parts = text.split('.');
        let (Some(token), Some(signature)) = (parts.next(), parts.next()) else { return false };
        let is_url_safe = signature.contains(['-', '_']);
        let engine = if is_url_safe { &BEARER_URL_SAFE } else { &BEARER };
        let signature = signature.split('=').next().unwrap_or_default();
        let mut bytes = [0; SIGNATURE_CHARS / 4 * 3];
        let Ok(decoded) = engine.decode_slice(signature, &mut bytes) else { return false };
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        mac.verify_slice(bytes.get(..decoded).unwrap_or_default()).is_ok()
    }

    /// A token that nobody signed, taken for genuine because the operator said so.
    pub(super) fn trust(&self, token: &str) -> VerifiedToken {
        let (text, end, digest) = (self.sign(token), token.len(), TokenDigest::of(token));
        VerifiedToken { text, end, digest }
    }

    /// `token.signature`, as Better Auth would sign it. For the demo, the benches and the tests of other parts;
    /// what proves the checks above was signed by Better Auth.
    #[must_use]
    pub fn sign(&self, token: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        format!("{token}.{}", FORGIVING.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl VerifiedToken {
    /// The token, to look its session up by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get(..self.end).unwrap_or_default()
    }

    /// `token.signature`, as it stands in a cookie once decoded: for asking Better Auth itself.
    #[must_use]
    pub fn signed(&self) -> &str {
        &self.text
    }

    /// The name under which the token may be remembered and spoken of.
    #[must_use]
    pub fn digest(&self) -> &TokenDigest {
        &self.digest
    }

    /// The same token for a lookup that outlives this request.
    pub(crate) fn for_lookup(&self) -> Self {
        Self { text: self.text.clone(), end: self.end, digest: self.digest }
    }
}
