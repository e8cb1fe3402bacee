//! Any question of nginx, answered as a whole: 200 where Better Auth would find a live session, and nowhere else.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use http::Request;
use libfuzzer_sys::fuzz_target;
use sidegate::auth::{CookieName, Session, SessionRecord, VerifiedToken};
use sidegate::cache::{Ages, SessionCache};
use sidegate::dialect::{Dialect, HeaderNames, Terms};
use sidegate::gate::Gate;
use sidegate::store::{SessionStore, StoreError};
use sidegate_fuzz::{COOKIE_NAME, NOW, headers, proven_token, rules, stored};
use tokio::runtime::Runtime;

/// Sessions in memory.
struct Memory;

impl SessionStore for Memory {
    async fn find(&self, token: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        Ok(stored(token.as_str()).map(|expires_at| {
            let id = |id: &str| [("id".to_owned(), id.into())].into_iter().collect();
            let (session, user) = (id("ses_1"), id("usr_1"));
            Session::new(&SessionRecord { expires_at, session, user, organization_role: None })
        }))
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("it needs nothing")
});
static TERMS: LazyLock<Terms> = LazyLock::new(|| Terms { names: HeaderNames::sidegate(), login: None });
static GATE: LazyLock<Gate<Memory>> = LazyLock::new(|| {
    let ages = Ages { session: Duration::from_secs(1), absence: Duration::from_secs(1) };
    let rules = rules(CookieName::new(COOKIE_NAME).expect("it is one"));
    Gate::new(rules, SessionCache::new(100, ages), Memory, Duration::from_mins(1))
});

fuzz_target!(|input: &[u8]| {
    let (mut question, ()) = Request::new(()).into_parts();
    question.headers = headers(input);
    let answer = match Dialect::Nginx.decode(&question, &TERMS) {
        Ok(request) => {
            let checked = RUNTIME.block_on(GATE.check(&request, || NOW));
            Dialect::Nginx.encode(&request, &checked.decision, &TERMS)
        }
        Err(refusal) => Dialect::Nginx.refuse(&refusal),
    };

    let proven = proven_token(&question.headers, COOKIE_NAME);
    let live = proven.is_some_and(|token| stored(&token) == Some(NOW));
    match answer.status().as_u16() {
        200 => assert!(live && answer.headers()["x-auth-user-id"] == "usr_1"),
        401 => assert!(!live && !answer.headers().contains_key("x-auth-user-id")),
        403 => assert!(!answer.headers().contains_key("x-auth-user-id")),
        status => panic!("{status}"),
    }
});
