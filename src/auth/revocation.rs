//! What a revocation names: a token, a session or a user, by digests alone.

use super::digest::{IdDigest, TokenDigest};

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
    /// Its mark as a user's.
    #[must_use]
    pub fn user_mark(&self) -> u32 {
        // Other bytes than a session's, for ids of both may be the same numbers.
        let [.., a, b, c, d] = *self.as_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Its mark as a session's.
    #[must_use]
    pub fn session_mark(&self) -> u32 {
        let [a, b, c, d, ..] = *self.as_bytes();
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
