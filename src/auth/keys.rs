//! Public keys, by the name under which tokens refer to them, and the one place where their signatures are checked.
//!
//! Knows which algorithms Better Auth's jwt plugin offers and how it stores and publishes keys; nothing of tokens, of
//! where keys come from or of when they are asked for again. Source: better-auth 1.7.25 `plugins/jwt/index.mjs`,
//! `adapter.mjs` and `utils.mjs`; RFC 7517, RFC 7518, RFC 8037.
//!
//! A key has exactly one algorithm. A token's own word on it must be the same word, so that no key can be made to
//! judge by another's rules, and there is no key at all for `none` or the HMAC algorithms.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use p521::ecdsa::signature::Verifier as _;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

use super::jws;
use super::session::Fields;
use super::snapshot::PublicKeys;
use crate::clock::UnixMillis;

/// Longest set of keys that is read: a hundred RSA keys of 2048 bits, the plugin's longest kind by default, fit.
pub const KEY_SET_BYTES_MAX: usize = 64 * 1024;
/// Most keys that are read of one set. Better Auth's plugin keeps one a rotation, for thirty days.
pub const KEYS_MAX: usize = 100;
/// How long after its `expiresAt` the plugin publishes a key, unless `jwks.gracePeriod` says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_hours(30 * 24);

/// The curve point's marker for two plain coordinates (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Public keys that may verify signatures, by `kid`.
#[derive(Default)]
pub struct KeySet(HashMap<String, PublicKey>);

/// A row of the table `jwks`, but for its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// `id`.
    pub kid: String,
    /// `publicKey`: a JWK as JSON.
    pub public_key: String,
    /// `alg`, a column since 1.7.0. `None`, which older versions left, is the plugin's default: `EdDSA`. Whoever knows of
    /// another `jwks.keyPairConfig.alg` puts it here.
    pub algorithm: Option<String>,
    /// `expiresAt`, from which on the plugin signs with another key.
    pub expires_at: Option<UnixMillis>,
}

/// Why a text is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is longer than [`KEY_SET_BYTES_MAX`].
    #[error("it is longer than {KEY_SET_BYTES_MAX} bytes")]
    TooLong,
    /// It is not `{"keys":[{…},…]}`.
    #[error("it is not a JSON Web Key Set")]
    Malformed,
    /// It holds more than [`KEYS_MAX`] keys.
    #[error("it holds more than {KEYS_MAX} keys")]
    TooMany,
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no usable key of that name.
    #[error("the key is not known")]
    Unknown,
    /// The key is not one for that algorithm.
    #[error("the algorithm is not the key's")]
    Algorithm,
    /// The key did not make that signature of that text.
    #[error("the signature does not match")]
    Signature,
}

/// The algorithms that the jwt plugin offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    EdDsa,
    Es256,
    Es512,
    Ps256,
    Rs256,
}

/// A key, ready for use, with the algorithm that is its only one.
enum PublicKey {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    RsaPss(RsaPublicKeyComponents<Vec<u8>>),
    RsaPkcs1(RsaPublicKeyComponents<Vec<u8>>),
}

impl PublicKeys for KeySet {
    fn verify(&self, kid: &str, alg: &str, signing_input: &[u8], signature: &[u8]) -> bool {
        Self::verify(self, kid, alg, signing_input, signature).is_ok()
    }
}

impl KeySet {
    /// The keys of a JSON Web Key Set, as `GET /api/auth/jwks` answers.
    ///
    /// What cannot be used here is skipped rather than an error, for one foreign key must not lock out the others: a key
    /// without `kid`, of another kind, for another use, an RSA key without `alg`. A name that comes twice names no key.
    /// Private members are ignored.
    ///
    /// # Errors
    /// If it is too long, no key set, or too many keys.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        let members = jws::object(json).ok_or(KeySetError::Malformed)?;
        let keys = members.get("keys").and_then(Value::as_array).ok_or(KeySetError::Malformed)?;
        if keys.len() > KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let named = |key: &Value| {
            let jwk = key.as_object()?;
            Some((text(jwk, "kid")?.to_owned(), PublicKey::of(jwk, None)?))
        };
        Ok(Self::of(keys.iter().filter_map(named)))
    }

    /// The keys of these rows that the plugin would publish at `now`: those that are not past their end by more than
    /// `grace`. What cannot be used is skipped, as in [`KeySet::parse`].
    ///
    /// # Errors
    /// If it would publish more than [`KEYS_MAX`].
    pub fn from_rows(
        rows: impl IntoIterator<Item = KeyRow>,
        grace: Duration,
        now: UnixMillis,
    ) -> Result<Self, KeySetError> {
        // Better Auth's `expiresAt + gracePeriod > now`.
        let is_published = |end: UnixMillis| now.since(end).is_none_or(|age| age < grace);
        let published = rows.into_iter().filter(|row| row.expires_at.is_none_or(is_published));
        let rows: Vec<_> = published.take(KEYS_MAX + 1).collect();
        if rows.len() > KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let named = |row: KeyRow| {
            if row.public_key.len() > KEY_SET_BYTES_MAX {
                return None;
            }
            let key = PublicKey::of(
                &jws::object(row.public_key.as_bytes())?,
                Some(row.algorithm.as_deref().unwrap_or(Algorithm::EdDsa.name())),
            )?;
            Some((row.kid, key))
        };
        Ok(Self::of(rows.into_iter().filter_map(named)))
    }

    /// Whether there is a usable key of that name.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }

    /// How many usable keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that the key `kid` made `signature` of `signing_input`, by the algorithm that is both `algorithm` and the
    /// key's own.
    ///
    /// # Errors
    /// Which of these is not so.
    pub fn verify(
        &self,
        kid: &str,
        algorithm: &str,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        let key = self.0.get(kid).ok_or(KeyError::Unknown)?;
        if key.algorithm().name() != algorithm {
            return Err(KeyError::Algorithm);
        }
        key.verify(signing_input, signature).then_some(()).ok_or(KeyError::Signature)
    }

    fn of(keys: impl Iterator<Item = (String, PublicKey)>) -> Self {
        let mut named: HashMap<String, Option<PublicKey>> = HashMap::new();
        for (kid, key) in keys {
            // Which of two keys was meant is anybody's guess, and `jose` refuses to make one.
            named.entry(kid).and_modify(|first| *first = None).or_insert(Some(key));
        }
        Self(named.into_iter().filter_map(|(kid, key)| Some((kid, key?))).collect())
    }
}

/// Names and algorithms.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(kid, key)| (kid, key.algorithm().name()))).finish()
    }
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::EdDsa, Self::Es256, Self::Es512, Self::Ps256, Self::Rs256];

    /// As headers and keys spell it (RFC 7518 §3.1, RFC 8037 §3.1). Case counts.
    const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es512 => "ES512",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The one algorithm of a key of that type and curve.
    fn of_curve(kind: &str, curve: Option<&str>) -> Option<Self> {
        match (kind, curve?) {
            ("OKP", "Ed25519") => Some(Self::EdDsa),
            ("EC", "P-256") => Some(Self::Es256),
            ("EC", "P-521") => Some(Self::Es512),
            _ => None,
        }
    }
}

impl PublicKey {
    /// The key that a JWK stands for; `None` if there is nothing to verify with. `declared` is what is said of its
    /// algorithm elsewhere: where two say it, they must agree.
    fn of(jwk: &Fields, declared: Option<&str>) -> Option<Self> {
        if !is_for_signatures(jwk) {
            return None;
        }
        let stated = jwk.get("alg").map(|name| name.as_str().and_then(Algorithm::named));
        let declared = declared.map(Algorithm::named);
        let kind = text(jwk, "kty")?;
        let natural = Algorithm::of_curve(kind, text(jwk, "crv"));
        let algorithm = stated.or(declared).unwrap_or(natural)?;
        if [stated, declared].into_iter().flatten().any(|word| word != Some(algorithm)) {
            return None;
        }
        match (algorithm, kind) {
            (Algorithm::EdDsa, "OKP") if natural == Some(algorithm) => {
                Some(Self::Ed25519(coordinate::<32>(jwk, "x")?))
            }
            (Algorithm::Es256, "EC") if natural == Some(algorithm) => Some(Self::P256(point::<32>(jwk)?)),
            (Algorithm::Es512, "EC") if natural == Some(algorithm) => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point::<66>(jwk)?).ok()?;
                Some(Self::P521(Box::new(key)))
            }
            (Algorithm::Ps256, "RSA") => Some(Self::RsaPss(modulus(jwk)?)),
            (Algorithm::Rs256, "RSA") => Some(Self::RsaPkcs1(modulus(jwk)?)),
            _ => None,
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
            Self::P521(_) => Algorithm::Es512,
            Self::RsaPss(_) => Algorithm::Ps256,
            Self::RsaPkcs1(_) => Algorithm::Rs256,
        }
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let plain = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(text, signature).is_ok()
        };
        match self {
            Self::Ed25519(key) => plain(&ED25519, key),
            Self::P256(key) => plain(&ECDSA_P256_SHA256_FIXED, key),
            // ring has no P-521.
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            // 2048 bits at least, as `jose` demands too.
            Self::RsaPss(key) => key.verify(&RSA_PSS_2048_8192_SHA256, text, signature).is_ok(),
            Self::RsaPkcs1(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok(),
        }
    }
}

/// Whether a key's own word on its purpose allows to verify with it (RFC 7517 §4.2, §4.3).
fn is_for_signatures(jwk: &Fields) -> bool {
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|all| all.iter().any(|operation| operation == "verify"))
    };
    jwk.get("use").is_none_or(|purpose| purpose == "sig") && jwk.get("key_ops").is_none_or(verifies)
}

fn text<'a>(jwk: &'a Fields, member: &str) -> Option<&'a str> {
    jwk.get(member)?.as_str()
}

fn bytes(jwk: &Fields, member: &str) -> Option<Vec<u8>> {
    jws::decode(text(jwk, member)?).ok()
}

/// A number of exactly so many bytes: curves have coordinates of one length (RFC 7518 §6.2.1.2).
fn coordinate<const BYTES: usize>(jwk: &Fields, member: &str) -> Option<Vec<u8>> {
    bytes(jwk, member).filter(|bytes| bytes.len() == BYTES)
}

fn point<const BYTES: usize>(jwk: &Fields) -> Option<Vec<u8>> {
    let (x, y) = (coordinate::<BYTES>(jwk, "x")?, coordinate::<BYTES>(jwk, "y")?);
    Some([&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat())
}

/// Without leading zeros, which some write and ring refuses.
fn modulus(jwk: &Fields) -> Option<RsaPublicKeyComponents<Vec<u8>>> {
    let number = |member| {
        let bytes = bytes(jwk, member)?;
        let digits: Vec<_> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        (!digits.is_empty()).then_some(digits)
    };
    Some(RsaPublicKeyComponents { n: number("n")?, e: number("e")? })
}
