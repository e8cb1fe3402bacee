//! Public keys of Better Auth's jwt plugin, as a store holds them.

use crate::clock::UnixMillis;

/// A row of the `jwks` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its `id`, the `kid` of the tokens that it verifies.
    pub kid: String,
    /// The key as JSON, a JWK.
    pub public_key: String,
    /// Its algorithm, where the table says (Better Auth 1.7.0 and later).
    pub algorithm: Option<String>,
    /// When it was replaced by another, where the table says.
    pub expires_at: Option<UnixMillis>,
}
