//! Keys that sign: from PKCS#8 files or made at the start, each named by its RFC 7638 thumbprint.
//!
//! A file does not say what it is for, so which algorithm its key has is found out by trying. Nothing of a private key gets
//! out of here: neither an error nor a debug form holds any of it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

/// How a key signs, by its name in RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// A private key. Its debug form tells its name alone.
pub struct Key {
    pair: Pair,
    kid: String,
    /// The header of whatever it signs, in base64url.
    header: String,
    random: SystemRandom,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// The key that signs, and those that signed before or will next: all are published.
#[derive(Clone, Debug)]
pub struct KeyRing {
    signer: Arc<Key>,
    others: Vec<Arc<Key>>,
}

/// Keys that are made at the start: one an algorithm for as long as the process lives, so that settings can be read anew and
/// what was signed a moment ago still counts.
#[derive(Debug, Default)]
pub struct MadeKeys {
    ed_dsa: OnceLock<Arc<KeyRing>>,
    es256: OnceLock<Arc<KeyRing>>,
}

/// Why a file holds no key that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// There is nothing in it that begins as PEM does.
    #[error("it holds no PEM block")]
    Empty,
    /// A key with its certificate, or several keys.
    #[error("it holds more than one PEM block, and one private key alone is taken")]
    Several,
    /// Nobody can ask for the password.
    #[error("it holds an encrypted key")]
    Encrypted,
    /// A private key, in a form of before PKCS#8, or of OpenSSH.
    #[error("it holds a key in the form of {0}, not PKCS#8")]
    OtherForm(&'static str),
    /// A public key, a certificate or whatever else is no private key.
    #[error("it holds {0}, not a private key")]
    NotPrivate(&'static str),
    /// It cannot sign what apps can check.
    #[error("it holds {0}, and Ed25519 and P-256 keys are taken")]
    OtherAlgorithm(&'static str),
    /// It is cut off or changed.
    #[error("its PEM block is damaged")]
    Damaged,
}

/// Why keys do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two of the files hold the same key")]
pub struct KeyRingError;

impl Algorithm {
    /// As it stands in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl Key {
    /// The key in the text of a PEM file.
    ///
    /// # Errors
    /// What it holds instead.
    pub fn from_pem(text: &str) -> Result<Self, KeyFileError> {
        let mut labels = text.lines().filter_map(|line| {
            line.trim().strip_prefix("-----BEGIN ").and_then(|label| label.strip_suffix("-----"))
        });
        let label = labels.next().ok_or(KeyFileError::Empty)?;
        // Written before the key by `openssl ecparam -genkey`.
        let label = if label == "EC PARAMETERS" { labels.next().unwrap_or(label) } else { label };
        if labels.next().is_some() {
            return Err(KeyFileError::Several);
        }
        match label {
            "PRIVATE KEY" => {}
            "ENCRYPTED PRIVATE KEY" => return Err(KeyFileError::Encrypted),
            "EC PRIVATE KEY" => return Err(KeyFileError::OtherForm("SEC 1")),
            "RSA PRIVATE KEY" => return Err(KeyFileError::OtherForm("PKCS#1")),
            "OPENSSH PRIVATE KEY" => return Err(KeyFileError::OtherForm("OpenSSH")),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(KeyFileError::NotPrivate("a public key")),
            "CERTIFICATE" => return Err(KeyFileError::NotPrivate("a certificate")),
            _ => return Err(KeyFileError::NotPrivate("something else")),
        }
        let mut der =
            PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyFileError::Damaged)?;
        let key = Self::from_pkcs8(der.secret_pkcs8_der());
        der.zeroize();
        key
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFileError> {
        let random = SystemRandom::new();
        // OpenSSL writes Ed25519 keys without their public half, against which there is nothing to be checked then.
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(Self::new(Pair::Ed25519(pair)));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random) {
            return Ok(Self::new(Pair::P256(pair)));
        }
        Err(if rsa::KeyPair::from_pkcs8(der).is_ok() {
            KeyFileError::OtherAlgorithm("an RSA key")
        } else if EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &random).is_ok() {
            KeyFileError::OtherAlgorithm("a P-384 key")
        } else {
            KeyFileError::OtherAlgorithm("a key of another kind")
        })
    }

    /// A new key.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random)?,
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?,
        };
        Self::from_pkcs8(document.as_ref()).map_err(|_| Unspecified)
    }

    fn new(pair: Pair) -> Self {
        // Members in the order of their names and nothing between them: RFC 7638 §3.3 hashes this very text.
        let thumbprint = Sha256::digest(Value::Object(pair.public()).to_string());
        let kid = BASE64_URL_SAFE_NO_PAD.encode(thumbprint);
        let header = json!({ "alg": pair.algorithm().name(), "typ": "JWT", "kid": kid });
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        Self { pair, kid, header, random: SystemRandom::new() }
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.pair.algorithm()
    }

    /// Its name: the RFC 7638 thumbprint of its public half.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half as a JWK (RFC 7517 §4).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = self.pair.public();
        for (name, value) in [("kid", self.kid.as_str()), ("alg", self.algorithm().name()), ("use", "sig")] {
            jwk.insert(name.to_owned(), value.into());
        }
        Value::Object(jwk)
    }

    /// The header of whatever it signs, in base64url.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Its signature as JWS has it: 64 bytes. `None` if there is no randomness, which P-256 takes some of.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message),
            Pair::P256(pair) => pair.sign(&self.random as &dyn SecureRandom, message).ok()?,
        };
        signature.as_ref().try_into().ok()
    }
}

impl Pair {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    /// What RFC 7638 §3.2 and RFC 8037 §2 require of a public key, in the order of the members' names.
    fn public(&self) -> serde_json::Map<String, Value> {
        let (crv, kty, coordinates) = match self {
            Self::Ed25519(pair) => ("Ed25519", "OKP", pair.public_key().as_ref()),
            // Without the mark of an uncompressed point (SEC 1 §2.3.3).
            Self::P256(pair) => ("P-256", "EC", pair.public_key().as_ref().get(1..).unwrap_or_default()),
        };
        let names = ["x", "y"].into_iter().zip(coordinates.chunks(32));
        let coordinates = names.map(|(name, value)| (name, BASE64_URL_SAFE_NO_PAD.encode(value)));
        [("crv", crv.to_owned()), ("kty", kty.to_owned())]
            .into_iter()
            .chain(coordinates)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.algorithm().name(), self.kid)
    }
}

impl KeyRing {
    /// `signer` signs; `others` are published beside it.
    ///
    /// # Errors
    /// If one of them is there twice: whoever replaces a key has put the old file in both places.
    pub fn new(signer: Key, others: Vec<Key>) -> Result<Self, KeyRingError> {
        let ring = Self { signer: Arc::new(signer), others: others.into_iter().map(Arc::new).collect() };
        let kids: Vec<_> = ring.keys().map(Key::kid).collect();
        let is_twice = |(place, kid): (usize, &&str)| kids.iter().take(place).any(|other| other == kid);
        if kids.iter().enumerate().any(is_twice) { Err(KeyRingError) } else { Ok(ring) }
    }

    /// The key that signs.
    #[must_use]
    pub fn signer(&self) -> &Key {
        &self.signer
    }

    /// All keys, the one that signs first.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signer).chain(&self.others).map(Arc::as_ref)
    }
}

impl MadeKeys {
    /// The key of that algorithm, made when it is first asked for.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn of(&self, algorithm: Algorithm) -> Result<Arc<KeyRing>, Unspecified> {
        let slot = match algorithm {
            Algorithm::EdDsa => &self.ed_dsa,
            Algorithm::Es256 => &self.es256,
        };
        if let Some(made) = slot.get() {
            return Ok(Arc::clone(made));
        }
        let made = KeyRing { signer: Arc::new(Key::generate(algorithm)?), others: Vec::new() };
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(made))))
    }
}
