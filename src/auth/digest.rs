//! What is remembered and spoken of in the place of tokens, keys and ids: their SHA-256.

use std::fmt;
use std::marker::PhantomData;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of something that must itself be no cache key, no revocation key and no log name. The kind keeps those of
/// different things apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest<K> {
    bytes: [u8; 32],
    kind: PhantomData<K>,
}

/// Of a session token, as databases make it.
pub type TokenDigest = Digest<Token>;
/// Of a session's or a user's id, as databases make it.
pub type IdDigest = Digest<Id>;
/// Of an API key.
pub type KeyDigest = Digest<ApiKey>;
/// Of a whole JSON Web Token.
pub type JwtDigest = Digest<Jwt>;

/// What a digest is of.
pub trait Kind {
    /// Stands before it, so that no digest of another kind is the same.
    const WORD: &'static [u8];
}

/// Session tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {}
/// Ids of sessions and of users.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id {}
/// API keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiKey {}
/// JSON Web Tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Jwt {}

impl Kind for Token {
    const WORD: &'static [u8] = b"";
}

impl Kind for Id {
    const WORD: &'static [u8] = b"";
}

impl Kind for ApiKey {
    const WORD: &'static [u8] = b"sidegate api key\0";
}

impl Kind for Jwt {
    const WORD: &'static [u8] = b"sidegate jwt\0";
}

impl<K: Kind> Digest<K> {
    /// The digest of that text, verified or not.
    #[must_use]
    pub fn of(text: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        let bytes = Sha256::new_with_prefix(K::WORD).chain_update(text).finalize().into();
        Self { bytes, kind: PhantomData }
    }
}

impl<K> Digest<K> {
    /// From the 64 digits that databases write, of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self { bytes, kind: PhantomData })
    }

    /// All 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

/// The first eight bytes in hexadecimal: enough to tell sessions apart in a log.
impl<K> fmt::Display for Digest<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<K> fmt::Debug for Digest<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
