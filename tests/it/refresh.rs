//! Sliding expiry: who is asked for, when, how often, and what becomes of the answer.
//! The answers are those of better-auth 1.7.25; the instants are those of its `ref-` cases.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use sidegate::auth::{CookieName, Decision, IdentityField, Session};
use sidegate::cache::{SessionCache, Wanted};
use sidegate::clock::UnixMillis;
use sidegate::gate::{Checked, Gate, Lookup};
use sidegate::metrics::Metrics;
use sidegate::refresh::{Refresh, Sliding};

use crate::rig::{
    HOUR, LONG, NOW, Shelf, TOKEN, WIRE, asking_store, cache, fields, key, later, record, request, rules,
    session_cookie, session_until as session, token, word,
};
use crate::service::{Act, Service, json, session_until};

const WEEK: Duration = Duration::from_hours(7 * 24);
const DAY: Duration = Duration::from_hours(24);
const SIX_DAYS: Duration = Duration::from_hours(6 * 24);
const SET_COOKIE: &str = "better-auth.session_token=Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo.0CRfik%2FDg5ZD0p2A8djY4Svx%2BDYpfTkrfjOrlzT1v68%3D; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax";

pub(crate) fn sliding() -> Sliding {
    let dont_remember = CookieName::new("better-auth.dont_remember").unwrap();
    Sliding { expires_in: WEEK, update_age: DAY, relays: true, dont_remember }
}

/// Due at `NOW` and not a millisecond before.
pub(crate) fn due() -> UnixMillis {
    later(SIX_DAYS)
}

/// What Better Auth answers when it has prolonged the session.
pub(crate) fn prolonged() -> String {
    json("200 OK", &format!("set-cookie: {SET_COOKIE}\r\n"), &session_until(&later(WEEK).to_string()))
}

/// What it answers when it has not.
fn unchanged() -> String {
    json("200 OK", "", &session_until(&due().to_string()))
}

const DONT_REMEMBER: &str = "true.r%2FaazwnmGfngL4J3eWjrVnxahk%2Fj6%2B7Oly3HnqswYIU%3D";

struct Deployment {
    gate: Arc<Gate<Shelf>>,
    store: Shelf,
    service: Service,
}

impl Deployment {
    /// A store whose session ends then, and a Better Auth that does that.
    async fn of(
        sliding: Sliding,
        expires_at: UnixMillis,
        act: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let service = Service::acting(act).await;
        let refresh = Refresh::new(sliding, service.better_auth(), Metrics::new().refreshes());
        let store = Shelf::with(expires_at);
        let gate = Gate::new(rules(), cache(LONG), store.clone(), HOUR).with_refresh(refresh);
        Self { gate: Arc::new(gate), store, service }
    }

    async fn saying(answer: String) -> Self {
        Self::of(sliding(), due(), move |_| Act::Say(answer.clone())).await
    }

    async fn check(&self, headers: &HeaderMap, now: UnixMillis) -> Checked {
        self.gate.check(&request(headers), || now).await
    }

    /// One more visit of the browser: the decision, and whether it gets a new cookie.
    async fn visit(&self, now: UnixMillis) -> (&'static str, bool) {
        let checked = self.check(&session_cookie(WIRE), now).await;
        (word(&checked.decision), checked.set_cookie.is_some())
    }

    fn asked(&self) -> usize {
        self.service.asked().len()
    }
}

/// Waits, without waiting for time, until what was spawned has come to this.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_session_is_due_when_better_auth_would_renew_it() {
    let until = |expires_at: UnixMillis, sliding: Sliding, now: UnixMillis| {
        let better_auth = crate::service::better_auth("http://127.0.0.1:9/api/auth", HOUR);
        Refresh::new(sliding, better_auth, Metrics::new().refreshes()).is_due(&session(expires_at), now)
    };
    let just_before = UnixMillis::new(NOW.get() - 1);

    assert!(until(due(), sliding(), NOW), "ref-due-exact");
    assert!(!until(due(), sliding(), just_before), "ref-not-due");
    assert!(until(later(WEEK), Sliding { update_age: Duration::ZERO, ..sliding() }, NOW), "at once");
    // expiresIn shortened since: nothing is due until that much of the old time is over.
    assert!(!until(due(), Sliding { expires_in: 2 * DAY, ..sliding() }, NOW), "ref-shortened-expiresIn");
    assert!(!until(UnixMillis::NEVER, sliding(), NOW));
}

#[tokio::test]
async fn a_session_that_is_not_due_is_not_asked_about() {
    let answer = prolonged();
    let far = UnixMillis::new(due().get() + 1);
    let deployment = Deployment::of(sliding(), far, move |_| Act::Say(answer.clone())).await;

    for _ in 0..2 {
        assert_eq!(deployment.visit(NOW).await, ("allow", false));
    }

    assert_eq!(deployment.asked(), 0);
}

#[tokio::test]
async fn one_that_is_due_is_prolonged_and_its_browser_told() {
    let deployment = Deployment::saying(prolonged()).await;

    let checked = deployment.check(&session_cookie(WIRE), NOW).await;

    assert_eq!(*checked.set_cookie.unwrap(), SET_COOKIE);
    let Decision::Allow(grant) = checked.decision else { panic!("{:?}", checked.decision) };
    let until = grant.identity().get(IdentityField::SessionExpires).unwrap();
    assert_eq!(until, "2026-01-22T12:00:00.123Z");
    assert_eq!(grant.identity().get(IdentityField::UserEmail).unwrap(), "ada@example.com");
    assert_eq!(grant.session().unwrap().body().unwrap().json(), session_until("2026-01-22T12:00:00.123Z"));
}

#[tokio::test]
async fn better_auth_is_asked_with_the_cookie_and_may_renew_it() {
    let deployment = Deployment::saying(prolonged()).await;

    deployment.visit(NOW).await;

    let asked = deployment.service.asked().concat();
    assert!(asked.starts_with("GET /api/auth/get-session?disableCookieCache=true HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("\r\ncookie: better-auth.session_token={WIRE}\r\n")), "{asked}");
    assert!(!asked.contains("disableRefresh") && !asked.contains("origin"), "{asked}");
}

#[tokio::test]
async fn what_was_prolonged_is_due_no_more_and_the_store_is_not_asked_for_it() {
    let deployment = Deployment::saying(prolonged()).await;
    deployment.visit(NOW).await;

    let again = deployment.check(&session_cookie(WIRE), later(Duration::from_mins(1))).await;

    assert_eq!((word(&again.decision), again.lookup), ("allow", Lookup::Hit));
    assert_eq!((deployment.asked(), deployment.store.asked()), (1, 1));
}

#[tokio::test]
async fn of_all_cookies_that_better_auth_sets_only_the_sessions_own_is_handed_on() {
    let others = "set-cookie: better-auth.session_data=x; Path=/\r\nset-cookie: better-auth.session_token_multi-y=z\r\n";
    let headers = format!("{others}set-cookie: {SET_COOKIE}\r\n");
    let answer = json("200 OK", &headers, &session_until(&later(WEEK).to_string()));
    let deployment = Deployment::saying(answer).await;

    let checked = deployment.check(&session_cookie(WIRE), NOW).await;

    assert_eq!(*checked.set_cookie.unwrap(), SET_COOKIE);
}

#[tokio::test]
async fn where_no_cookie_can_be_handed_on_nobody_waits() {
    let quiet = Sliding { relays: false, ..sliding() };
    let answer = prolonged();
    let deployment = Deployment::of(quiet, due(), move |_| Act::Say(answer.clone())).await;

    assert_eq!(deployment.visit(NOW).await, ("allow", false));

    let digest = *token(TOKEN).digest();
    let cache = deployment.gate.cache();
    until(|| {
        cache
            .get(&digest, NOW, Wanted::default())
            .flatten()
            .is_some_and(|found| found.expires_at() == later(WEEK))
    })
    .await;
    assert_eq!(deployment.visit(NOW).await, ("allow", false));
    assert_eq!(deployment.asked(), 1);
}

#[tokio::test]
async fn many_at_once_are_one_question() {
    let deployment = Arc::new(Deployment::saying(prolonged()).await);
    let visits: Vec<_> = (0..200)
        .map(|_| {
            let deployment = Arc::clone(&deployment);
            tokio::spawn(async move { deployment.visit(NOW).await })
        })
        .collect();

    let mut cookies = 0;
    for visit in visits {
        let (decision, has_cookie) = visit.await.unwrap();
        assert_eq!(decision, "allow");
        cookies += usize::from(has_cookie);
    }

    assert_eq!((deployment.asked(), cookies), (1, 1));
}

#[tokio::test]
async fn whoever_is_not_to_be_remembered_is_not_prolonged() {
    let deployment = Deployment::saying(prolonged()).await;
    let with = |value: &str| {
        let mut headers = session_cookie(WIRE);
        let cookie = format!("better-auth.dont_remember={value}");
        headers.append(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        headers
    };
    // The first is better-auth 1.7.25's own; any signed value counts.
    for value in [DONT_REMEMBER, &key().sign("false")] {
        let checked = deployment.check(&with(value), NOW).await;
        assert_eq!((word(&checked.decision), deployment.asked()), ("allow", 0), "{value}");
    }
    for forged in ["true", &DONT_REMEMBER.replace("true", "false"), ""] {
        let deployment = Deployment::saying(prolonged()).await;
        deployment.check(&with(forged), NOW).await;
        assert_eq!(deployment.asked(), 1, "{forged}");
    }
}

#[tokio::test]
async fn a_session_that_better_auth_leaves_as_it_is_is_not_asked_about_all_the_time() {
    let deployment = Deployment::saying(unchanged()).await;

    for _ in 0..5 {
        assert_eq!(deployment.visit(NOW).await, ("allow", false));
    }
    assert_eq!(deployment.asked(), 1);

    deployment.visit(later(HOUR)).await;
    assert_eq!(deployment.asked(), 2);
}

#[tokio::test]
async fn trouble_lets_the_request_pass_and_is_not_asked_for_again_at_once() {
    for answer in [
        json("500 Internal Server Error", "", ""),
        json("429 Too Many Requests", "", "{}"),
        json("403 Forbidden", "", r#"{"code":"INVALID_ORIGIN"}"#),
        json("200 OK", "", "<!doctype html>"),
        json("302 Found", "location: /\r\n", ""),
    ] {
        let deployment = Deployment::saying(answer.clone()).await;

        for _ in 0..3 {
            assert_eq!(deployment.visit(NOW).await, ("allow", false), "{answer}");
        }
        assert_eq!(deployment.asked(), 1, "{answer}");
        deployment.visit(later(Duration::from_secs(30))).await;
        assert_eq!(deployment.asked(), 2, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_about_another_session_changes_nothing() {
    let other = session_until(&later(WEEK).to_string()).replace(TOKEN, "Somebody");
    let deployment =
        Deployment::saying(json("200 OK", &format!("set-cookie: {SET_COOKIE}\r\n"), &other)).await;

    assert_eq!(deployment.visit(NOW).await, ("allow", false));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_no_longer_than_a_store() {
    let service = Service::acting(|_| Act::Hang).await;
    let refresh = Refresh::new(sliding(), service.better_auth(), Metrics::new().refreshes());
    let impatient = Gate::new(rules(), cache(LONG), Shelf::with(due()), Duration::from_millis(50));

    let checked = impatient.with_refresh(refresh).check(&request(&session_cookie(WIRE)), || NOW).await;

    assert_eq!((word(&checked.decision), checked.set_cookie), ("allow", None));
}

#[tokio::test]
async fn a_session_that_better_auth_does_not_know_is_looked_up_again() {
    for gone in [
        json("200 OK", "", "null"),
        json("401 Unauthorized", "", r#"{"message":"Failed to get session","code":"FAILED_TO_GET_SESSION"}"#),
    ] {
        let deployment = Deployment::saying(gone).await;
        let early = UnixMillis::new(NOW.get() - 1);
        assert_eq!(deployment.visit(early).await, ("allow", false));
        deployment.store.put(None);

        // It is remembered, but it is due now.
        assert_eq!(deployment.visit(NOW).await, ("no_session", false));
        assert_eq!(deployment.asked(), 1);
    }
}

#[tokio::test]
async fn a_better_auth_of_another_deployment_signs_nobody_out() {
    let deployment = Deployment::saying(json("200 OK", "", "null")).await;

    for _ in 0..3 {
        assert_eq!(deployment.visit(NOW).await, ("allow", false));
    }
    assert_eq!(deployment.asked(), 1);
}

#[tokio::test]
async fn deferred_refreshes_are_asked_for_by_post_with_an_origin() {
    let body = session_until(&due().to_string());
    let deferred = format!(r#"{},"needsRefresh":true}}"#, body.strip_suffix('}').unwrap());
    let deployment = Deployment::of(sliding(), due(), move |nth| {
        Act::Say(if nth == 0 { json("200 OK", "", &deferred) } else { prolonged() })
    })
    .await;

    assert_eq!(deployment.visit(NOW).await, ("allow", true));

    let asked = deployment.service.asked();
    let origin = deployment.service.base.trim_end_matches("/api/auth");
    assert!(asked[1].starts_with("POST /api/auth/get-session?disableCookieCache=true HTTP/1.1\r\n"));
    assert!(asked[1].contains(&format!("\r\norigin: {origin}\r\n")), "{}", asked[1]);
    assert!(asked[1].contains("\r\ncontent-length: 0\r\n"), "{}", asked[1]);
}

#[tokio::test]
async fn a_deferred_refresh_that_is_not_needed_is_not_asked_for() {
    let body = session_until(&due().to_string());
    let deferred = format!(r#"{},"needsRefresh":false}}"#, body.strip_suffix('}').unwrap());
    let deployment = Deployment::saying(json("200 OK", "", &deferred)).await;

    assert_eq!(deployment.visit(NOW).await, ("allow", false));
    assert_eq!(deployment.asked(), 1);
}

#[tokio::test]
async fn whoever_may_not_pass_is_not_prolonged() {
    let service = Service::saying(prolonged()).await;
    let refresh = Refresh::new(sliding(), service.better_auth(), Metrics::new().refreshes());
    let (store, mut questions) = asking_store();
    let gate = Arc::new(Gate::new(rules(), cache(LONG), store, HOUR).with_refresh(refresh));
    let asking = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { word(&gate.check(&request(&session_cookie(WIRE)), || NOW).await.decision) }
    });
    let mut banned = record(due());
    banned.user = fields(json!({ "id": "usr_1", "banned": true }));
    questions.next().await.answer(Ok(Some(Session::new(&banned))));

    assert_eq!(asking.await.unwrap(), "banned");
    assert_eq!(service.asked().len(), 0);
}

#[tokio::test]
async fn a_session_that_was_looked_up_anew_meanwhile_is_left_as_it_is() {
    let sessions: Arc<SessionCache> = cache(LONG);
    let (old, new) = (Arc::new(session(due())), Arc::new(session(later(WEEK))));
    let digest = *token(TOKEN).digest();
    sessions
        .load(digest, Wanted::default(), || NOW, || async { Ok(Some(session(later(HOUR)))) })
        .await
        .unwrap();

    sessions.replace(&digest, &old, &new);

    assert_eq!(sessions.get(&digest, NOW, Wanted::default()).flatten().unwrap().expires_at(), later(HOUR));
}
