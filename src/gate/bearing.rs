//! Credentials that are no sessions: API keys and tokens of the jwt plugin.

use super::question::Question;
use super::{Checked, Gate, Lookup};
use crate::api_key::ApiKeys;
use crate::auth::{ApiKey, Decision, Denial, Jwt};
use crate::clock::UnixMillis;
use crate::jwt::{Judged, Jwts};
use crate::store::SessionStore;

impl<S: SessionStore> Gate<S> {
    pub(super) async fn by_api_key(
        &self,
        api_keys: &ApiKeys,
        key: ApiKey,
        question: Question<'_>,
        asked: UnixMillis,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        if let Some(verdict) = api_keys.remembered(&key, asked, question.wanted) {
            return Checked::new(self.rules.judge(verdict, asked), Lookup::Hit);
        }
        let decision =
            match tokio::time::timeout(self.patience, api_keys.judge(key, question.wanted, now)).await {
                Ok(Ok(verdict)) => self.rules.judge(verdict, now()),
                Ok(Err(_)) | Err(_) => Decision::Unavailable,
            };
        Checked::new(decision, Lookup::Miss)
    }

    /// A token that opens nothing leaves the session as it is: Better Auth knows no such tokens, and whoever passes
    /// there has to pass here.
    pub(super) async fn by_jwt(
        &self,
        jwts: &Jwts,
        token: &Jwt<'_>,
        question: Question<'_>,
        now: &impl Fn() -> UnixMillis,
    ) -> Checked {
        let asked = now();
        if let Some(session) = jwts.remembered(token).filter(|session| session.is_active_at(asked)) {
            return Checked::new(self.rules.admit(session, asked), Lookup::Hit);
        }
        let judged = tokio::time::timeout(self.patience, jwts.judge(token, now)).await;
        let opens_nothing = match judged.unwrap_or(Judged::Unknown) {
            Judged::Opens(session) => return Checked::new(self.rules.admit(session, now()), Lookup::Miss),
            Judged::Refused(refusal) => Decision::Unauthenticated(refusal.into()),
            Judged::Unknown => Decision::Unavailable,
        };
        let by_session = self.by_session(question, now(), now).await;
        if outweighs(&opens_nothing, &by_session.decision) {
            return Checked::new(opens_nothing, Lookup::Miss);
        }
        by_session
    }
}

/// Whether the answer to a token that opens nothing is the one to give, where its request's session has another.
pub(crate) fn outweighs(opens_nothing: &Decision, by_session: &Decision) -> bool {
    match (by_session, opens_nothing) {
        (Decision::Unauthenticated(Denial::NoCredential), _)
        // Doubt about the token outweighs what is wrong with the cookie.
        | (Decision::Unauthenticated(_), Decision::Unavailable) => true,
        _ => false,
    }
}
