//! The strategy `jwe`: a JWT encrypted with a key that is derived from the secret.
//!
//! `dir` with `A256CBC-HS512` and nothing else. Better Auth names `A256GCM` too, but its key has 64 bytes, which `jose`
//! refuses for it. Source: better-auth 1.7.25 `crypto/jwt.ts`, `symmetricDecodeJWT`; jose 6.2.18 `jwtDecrypt`;
//! RFC 7518 §5.2.5; RFC 7638 for the id of a key.

use aes::Aes256;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit as _, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use super::jwt::TOLERANCE;
use super::{Opened, Unusable, jose};
use crate::clock::UnixMillis;
use crate::secret::Secret;

const SALT: &[u8] = b"better-auth-session";
const INFO: &[u8] = b"BetterAuth.js Generated Encryption Key";
/// Half of HMAC-SHA512's, as the name of the algorithm says it.
const TAG_BYTES: usize = 32;
/// Parameters that Better Auth never writes. `jose` would inflate `zip`, and compare the others with the claims.
const REFUSED: [&str; 4] = ["zip", "iss", "sub", "aud"];

/// The keys of all configured secrets, the current one first.
pub(super) struct JweKeys(Box<[JweKey]>);

struct JweKey {
    id: String,
    mac: Hmac<Sha512>,
    cipher: Aes256,
}

/// A JWE in its compact serialisation, not decrypted yet.
struct Sealed<'a> {
    protected: &'a str,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl JweKeys {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        Self(secrets.map(JweKey::derive).collect())
    }

    /// The claims, if one of the keys encrypted them: the one that the header names, or any if it names none.
    pub(super) fn open(&self, text: &str, now: UnixMillis) -> Result<Opened, Unusable> {
        let parts: Vec<_> = text.split('.').collect();
        let [protected, "", iv, ciphertext, tag] = *parts else { return Err(Unusable::Form) };
        let header = jose::header(protected)?;
        let accepted = jose::text(&header, "alg") == Some("dir")
            && jose::text(&header, "enc") == Some("A256CBC-HS512")
            && REFUSED.iter().all(|name| !header.contains_key(*name));
        if !accepted {
            return Err(Unusable::Header);
        }
        let (iv, ciphertext, tag) = (jose::decode(iv)?, jose::decode(ciphertext)?, jose::decode(tag)?);
        let sealed = Sealed { protected, iv, ciphertext, tag };
        let claims = match header.get("kid") {
            Some(kid) => {
                let key =
                    self.0.iter().find(|key| kid.as_str() == Some(&key.id)).ok_or(Unusable::UnknownKey)?;
                key.decrypt(&sealed)
            }
            None => self.0.iter().find_map(|key| key.decrypt(&sealed)),
        };
        jose::claims(&claims.ok_or(Unusable::Signature)?, TOLERANCE, now)
    }
}

impl JweKey {
    fn derive(secret: &Secret) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        if Hkdf::<Sha256>::new(Some(SALT), secret.expose().as_bytes()).expand(INFO, &mut *key).is_err() {
            unreachable!("HKDF makes up to 255 times its hash (RFC 5869 §2.3)");
        }
        let jwk = Zeroizing::new(format!(r#"{{"k":"{}","kty":"oct"}}"#, BASE64_URL_SAFE_NO_PAD.encode(*key)));
        let id = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.as_bytes()));
        let (mac_key, cipher_key) = key.split_at(32);
        match (Hmac::new_from_slice(mac_key), Aes256::new_from_slice(cipher_key)) {
            (Ok(mac), Ok(cipher)) => Self { id, mac, cipher },
            _ => unreachable!("half of the key is what either takes"),
        }
    }

    /// `None` for whatever is wrong: who could tell the reasons apart could decrypt.
    fn decrypt(&self, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let header_bits = u64::try_from(sealed.protected.len()).ok()?.checked_mul(8)?;
        let mut mac = self.mac.clone();
        mac.update(sealed.protected.as_bytes());
        mac.update(&sealed.iv);
        mac.update(&sealed.ciphertext);
        mac.update(&header_bits.to_be_bytes());
        // It would take a shorter tag too.
        mac.verify_truncated_left(Some(&sealed.tag).filter(|tag| tag.len() == TAG_BYTES)?).ok()?;
        let cipher = Decryptor::inner_iv_slice_init(self.cipher.clone(), &sealed.iv).ok()?;
        let mut buffer = sealed.ciphertext.clone();
        let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}
