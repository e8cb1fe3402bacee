//! What becomes of a JSON Web Token, and of the cookie cache.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Steps, expiry};
use crate::auth::{CheckRequest, Decision, Jwt, JwtRules, Rules, Session, Strategy, VerifiedToken};
use crate::clock;
use crate::config::Config;
use crate::cookie_cache::{CookieCache, Silence};
use crate::keys::{KeyAges, KeyRing, KeySource as _};
use crate::metrics::Metrics;
use crate::store::AnyStore;

/// The decision on a token of the jwt plugin; an error if it opens nothing, and `None` if there is none to be judged.
pub(super) async fn judge(
    steps: &mut Steps,
    config: &Config,
    rules: &Rules,
    store: &AnyStore,
    request: &CheckRequest<'_>,
) -> Option<Result<Decision, Decision>> {
    let jwt_rules = config.jwt.as_ref()?;
    let Some(token) = Jwt::find(request.headers) else {
        steps.step("jwt", "none", "there is no JSON Web Token in Authorization: Bearer");
        return None;
    };
    let chars = token.text().chars().count();
    steps.step("jwt", "ok", format!("a JSON Web Token of {chars} characters, in Authorization"));
    let source = match config.public_keys(store) {
        Ok(source) => source,
        Err(error) => {
            steps.step("keys", "FAIL", error);
            return Some(Err(Decision::Unavailable));
        }
    };
    let keys = match source.fetch().await {
        Ok(keys) => keys,
        Err(error) => {
            steps.step("keys", "FAIL", format!("{source}: {error}"));
            return Some(Err(Decision::Unavailable));
        }
    };
    // The name is a client's until a key has verified the token, so it is not told.
    let is_known = JwtRules::key_id(token.text()).is_some_and(|kid| keys.contains(&kid));
    let which = if is_known { "the one that it names among them" } else { "not the one that it names" };
    steps.step("keys", "ok", format!("{} in {source}, {which}", keys.len()));
    Some(match jwt_rules.verify(token.text(), &keys, clock::now()) {
        Ok(claims) => {
            let session = Arc::new(claims.into_session());
            steps.step("claims", "ok", "its key signed it, and it is of this issuer for this audience");
            let (result, when) = expiry(&session, clock::now());
            steps.step("expiry", result, when);
            Ok(rules.admit(session, clock::now()))
        }
        Err(refusal) => {
            steps.step("claims", "FAIL", refusal);
            Err(Decision::Unauthenticated(refusal.into()))
        }
    })
}

/// What the cookie cache says for `token`; `None` if it is not looked at.
pub(super) async fn brought_along(
    steps: &mut Steps,
    config: &Config,
    store: &AnyStore,
    request: &CheckRequest<'_>,
    token: &VerifiedToken,
) -> Option<Result<Arc<Session>, Silence>> {
    let (rules, strategy) = config.snapshot_rules()?;
    let name = rules.cookie_name().clone();
    let keys = match (strategy == Strategy::Jwks).then(|| config.public_keys(store)).transpose() {
        Ok(source) => source.map(|source| Arc::new(KeyRing::new(source, KeyAges::DEFAULT))),
        Err(error) => {
            steps.step("cache", "FAIL", error);
            return Some(Err(Silence::KeysUnavailable));
        }
    };
    let cookie_cache = CookieCache::new(rules, keys, false, Metrics::new().cookie_cache_ages());
    let deadline = Instant::now() + config.store.timeout;
    let told = cookie_cache.session(request.headers, token, deadline, clock::now).await;
    let told = told.map(|told| told.session);
    match &told {
        Ok(session) if config.is_stateless() => {
            steps.step("cache", "ok", format!("{name} holds the session: there is no store to ask"));
            let (result, when) = expiry(session, clock::now());
            steps.step("expiry", result, when);
        }
        Ok(_) => steps.step("cache", "ok", format!("{name} opens: it answers while the store is down")),
        Err(silence) => steps.step("cache", "FAIL", format!("{name} does not open: {silence}")),
    }
    Some(told)
}
