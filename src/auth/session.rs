//! A session as a store holds it, and the proof that it is live at an instant.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use serde_json::Value;

use super::digest::IdDigest;
use super::identity::Identity;
use super::revocation::Marks;
use crate::clock::UnixMillis;

/// The fields of a session or a user, by Better Auth's names and in its order. Dates are ISO texts.
pub type Fields = serde_json::Map<String, Value>;

/// What a store reads of one session and its user.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// `session.expiresAt`.
    pub expires_at: UnixMillis,
    /// What else the store has of the session; the token may be among it.
    pub session: Fields,
    /// What the store has of the user.
    pub user: Fields,
    /// The user's role in the session's active organization, where the store knows.
    pub organization_role: Option<String>,
}

/// A session whose `expiresAt` is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session.expiresAt is no date")]
pub struct NotASession;

/// A session, live or not, with its identity ready to be sent.
#[derive(Debug)]
pub struct Session {
    expires_at: UnixMillis,
    signed_in_at: Option<UnixMillis>,
    ban: Ban,
    impersonation: Impersonation,
    marks: Marks,
    identity: Identity,
    body: Option<Body>,
}

/// The answer of Better Auth's get-session, ready to be sent. It holds the token.
#[derive(Clone)]
pub struct Body(Bytes);

/// Whether an administrator acts in a session as its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impersonation {
    /// The user acts.
    No,
    /// An administrator does.
    Yes,
    /// Whatever told of the session does not tell.
    Unknown,
}

/// Whether a user is banned, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ban {
    None,
    /// The last instant at which it holds.
    Until(UnixMillis),
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

/// Which session in memory it is: equal are handles of one and the same alone. A change of the session or its user makes a
/// new one, so what was made of a session by its handle is never told of another. It keeps none alive, and as long as it is
/// there no other session gets its place in memory.
#[derive(Clone, Debug)]
pub struct SessionHandle(Weak<Session>);

impl SessionRecord {
    /// A session and its user as Better Auth writes them into JSON.
    ///
    /// # Errors
    /// If no expiry can be made out: what never ends must be said, not guessed.
    pub fn from_json(session: Fields, user: Fields) -> Result<Self, NotASession> {
        let expires_at = match session.get("expiresAt") {
            // Better Auth compares a missing date as 0.
            Some(Value::Null) | None => UnixMillis::EPOCH,
            Some(value) => instant(value).ok_or(NotASession)?,
        };
        Ok(Self { expires_at, session, user, organization_role: None })
    }

    /// The answer that Better Auth's get-session gives for this record, in the order of its fields.
    #[must_use]
    pub fn body(&self) -> Body {
        let answer = serde_json::json!({ "session": self.session, "user": self.user });
        Body::new(answer.to_string().as_bytes())
    }
}

impl Session {
    /// Prepares a record for being asked about again and again.
    #[must_use]
    pub fn new(record: &SessionRecord) -> Self {
        let (ban, identity) = (Ban::of(&record.user), Identity::of(record));
        // Apart from the identity, which leaves out what is too long.
        let impersonation = match record.session.get("impersonatedBy") {
            None | Some(Value::Null) => Impersonation::No,
            Some(_) => Impersonation::Yes,
        };
        let marks = Marks {
            user: IdDigest::of(&id(&record.user)).user_mark(),
            session: IdDigest::of(&id(&record.session)).session_mark(),
        };
        Self {
            expires_at: record.expires_at,
            signed_in_at: record.session.get("createdAt").and_then(instant),
            ban,
            impersonation,
            marks,
            identity,
            body: None,
        }
    }

    /// The same for a credential by which nobody signed in, such as an API key: what stands for its session was made up
    /// for this one request.
    #[must_use]
    pub fn without_sign_in(self) -> Self {
        Self { signed_in_at: None, ..self }
    }

    /// The same where it could not be seen whether an administrator acts in it.
    #[must_use]
    pub fn with_impersonation_unknown(self) -> Self {
        Self { impersonation: Impersonation::Unknown, ..self }
    }

    /// The same session with what get-session answers for it.
    #[must_use]
    pub fn with_body(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The same session with a later end, and with what get-session answers then.
    #[must_use]
    pub fn prolonged(&self, expires_at: UnixMillis, body: Option<Body>) -> Self {
        let identity = self.identity.with_expiry(expires_at);
        Self { expires_at, identity, body, ..*self }
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }

    /// When its user signed in: `session.createdAt`, which no refresh changes. `None` where that is not told, or nobody did.
    #[must_use]
    pub fn signed_in_at(&self) -> Option<UnixMillis> {
        self.signed_in_at
    }

    /// By which it can be revoked.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Whether it is live at `now`. The last millisecond counts: Better Auth refuses only `expiresAt < now`.
    #[must_use]
    pub fn is_active_at(&self, now: UnixMillis) -> bool {
        self.expires_at >= now
    }

    /// Whether its user is banned at `now`.
    #[must_use]
    pub fn is_banned_at(&self, now: UnixMillis) -> bool {
        match self.ban {
            Ban::None => false,
            Ban::Until(end) => now <= end,
        }
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

    /// Which session in memory it is.
    #[must_use]
    pub fn handle(&self) -> SessionHandle {
        SessionHandle(Arc::downgrade(&self.0))
    }

    /// What get-session answers, if the store was asked to keep it.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        self.0.body.as_ref()
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.0.expires_at
    }

    /// When its user signed in; `None` where that is not known, or nobody did.
    #[must_use]
    pub fn signed_in_at(&self) -> Option<UnixMillis> {
        self.0.signed_in_at
    }

    /// Whether an administrator acts in it as its user.
    #[must_use]
    pub fn impersonation(&self) -> Impersonation {
        self.0.impersonation
    }

    /// Whether its user is banned at `now`.
    #[must_use]
    pub fn is_banned_at(&self, now: UnixMillis) -> bool {
        self.0.is_banned_at(now)
    }
}

impl PartialEq for SessionHandle {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for SessionHandle {}

impl Hash for SessionHandle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.0.as_ptr(), state);
    }
}

impl Ban {
    /// As the admin plugin judges a sign-in (1.7.25 `plugins/admin`): a ban is over once `banExpires` is past, and has
    /// no end where that is missing or no date.
    fn of(user: &Fields) -> Self {
        let is_banned = match user.get("banned") {
            Some(Value::Bool(banned)) => *banned,
            // 1, where a store keeps no booleans. What is no number at all is not "no".
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !matches!(text.as_str(), "" | "0" | "false"),
            Some(Value::Array(_) | Value::Object(_)) => true,
            Some(Value::Null) | None => false,
        };
        if !is_banned {
            return Self::None;
        }
        let end = user.get("banExpires").and_then(instant);
        Self::Until(end.unwrap_or(UnixMillis::NEVER))
    }
}

/// An id as text: serial ids are numbers in some stores.
fn id(fields: &Fields) -> String {
    match fields.get("id") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

/// A date as JSON carries it: text, or milliseconds.
fn instant(value: &Value) -> Option<UnixMillis> {
    match value {
        Value::String(text) => UnixMillis::parse_iso(text),
        // Zero is no date to JavaScript, which asks for truth first, and a fraction of a millisecond is dropped.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "JavaScript drops the fraction, and `as` saturates"
        )]
        Value::Number(millis) => {
            let whole = millis.as_i64().or_else(|| millis.as_f64().map(|millis| millis as i64));
            whole.filter(|millis| *millis != 0).map(UnixMillis::new)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Body {
    /// That answer. Copied, for what it is a part of may be larger, and would live as long as it does.
    #[must_use]
    pub fn new(answer: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(answer))
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> Bytes {
        self.0.clone()
    }
}

/// It holds the token.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
