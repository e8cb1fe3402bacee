//! What a revocation names: a token, a session or a user, by digests alone.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::token::TokenDigest;

/// The SHA-256 of a session's or a user's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdDigest([u8; 32]);

/// Something that was remembered and may no longer be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The session with that token.
    Token(TokenDigest),
    /// The session with that id.
    Session(IdDigest),
    /// All sessions of the user with that id.
    User(IdDigest),
    /// Everything: nobody knows what was missed.
    Everything,
}

/// By which a remembered session is found again when its user or it itself is revoked: parts of digests, for whoever
/// shares one with another is only asked about once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Of the user's id.
    pub user: u32,
    /// Of the session's id.
    pub session: u32,
}

impl IdDigest {
    /// The digest of that id.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(Sha256::digest(id.as_bytes()).into())
    }

    /// From the 64 digits that databases write.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        bytes_of_hex(text).map(Self)
    }

    /// All 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its mark as a user's.
    #[must_use]
    pub fn user_mark(&self) -> u32 {
        // Other bytes than a session's, for ids of both may be the same numbers.
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Its mark as a session's.
    #[must_use]
    pub fn session_mark(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

impl Revocation {
    /// The stable code of its kind, in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Session(_) => "session",
            Self::User(_) => "user",
            Self::Everything => "everything",
        }
    }
}

/// As short as a token's in a log.
impl fmt::Debug for IdDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// 32 bytes from 64 hexadecimal digits, of either case.
pub(super) fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}
