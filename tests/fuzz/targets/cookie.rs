//! Any Cookie line: the token that it proves is the one that Better Auth would read, or it proves none.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sidegate::auth::{CookieName, Rules, Step};
use sidegate::clock::UnixMillis;
use sidegate_fuzz::{COOKIE_NAME, cookies, proven_token, request, rules};

static RULES: LazyLock<Rules> = LazyLock::new(|| rules(CookieName::new(COOKIE_NAME).expect("it is one")));

fuzz_target!(|line: &[u8]| {
    let headers = cookies([line].into_iter());
    let proven = match RULES.begin(&request(&headers), UnixMillis::EPOCH) {
        Step::Lookup(pending) => Some(pending.token().as_str().to_owned()),
        Step::Done(_) => None,
    };
    assert_eq!(proven, proven_token(&headers, COOKIE_NAME));
});
