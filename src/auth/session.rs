//! A session as the store holds it, and the proof that it is live at an instant.

use std::sync::Arc;

use super::identity::Identity;
use crate::clock::UnixMillis;

/// Fields of a session or a user, in the order in which Better Auth tells them.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// What a store reads of one session and its user.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// `session.id`, as text whatever the column's type.
    pub session_id: String,
    /// `session.expiresAt`.
    pub expires_at: UnixMillis,
    /// `user.id`, as text whatever the column's type.
    pub user_id: String,
    /// `user.email`.
    pub user_email: Option<String>,
    /// `user.name`.
    pub user_name: Option<String>,
}

/// A session, live or not, with its identity ready to be sent.
#[derive(Debug)]
pub struct Session {
    expires_at: UnixMillis,
    identity: Identity,
}

/// A session that was live when it was asked. Nothing but [`Session::active_at`] makes one:
/// ```compile_fail
/// fn revive(session: std::sync::Arc<sidegate::auth::Session>) -> sidegate::auth::ActiveSession {
///     sidegate::auth::ActiveSession(session)
/// }
/// ```
/// ```
/// use sidegate::{auth::{ActiveSession, Session}, clock::UnixMillis};
/// fn ask(session: std::sync::Arc<Session>, now: UnixMillis) -> Option<ActiveSession> {
///     session.active_at(now)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ActiveSession(Arc<Session>);

impl Session {
    /// Prepares a record for being asked about again and again.
    #[must_use]
    pub fn new(record: &SessionRecord) -> Self {
        Self { expires_at: record.expires_at, identity: Identity::of(record) }
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }

    /// Whether it is live at `now`. The last millisecond counts: Better Auth refuses only `expiresAt < now`.
    #[must_use]
    pub fn is_active_at(&self, now: UnixMillis) -> bool {
        self.expires_at >= now
    }

    /// The proof that it is live at `now`; `None` if it is not.
    #[must_use]
    pub fn active_at(self: Arc<Self>, now: UnixMillis) -> Option<ActiveSession> {
        self.is_active_at(now).then(|| ActiveSession(self))
    }
}

impl ActiveSession {
    /// Who is signed in.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }
}
