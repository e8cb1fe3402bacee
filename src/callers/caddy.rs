//! Caddy: `forward_auth`, or the `reverse_proxy` that it stands for, and what runs before and after it.

mod auth;
mod mistakes;
mod order;
mod walk;
mod words;

use std::rc::Rc;

pub(super) use self::words::read;

use self::order::Order;
use self::walk::{Seen, Walk};
use super::directive::Directive;
use super::finding::{Mistake, Report};
use crate::dialect::Dialect;

/// Where sidegate answers Caddy.
const ENDPOINT: &str = Dialect::Caddy.path();

/// All of them.
pub(super) static MISTAKES: &[&Mistake] = &[
    &mistakes::ASKS_BETTER_AUTH,
    &mistakes::WRONG_ENDPOINT,
    &mistakes::IDENTITY_NOT_COPIED,
    &mistakes::IDENTITY_OF_CLIENT,
    &mistakes::UNSAFE_BEFORE_2_11_2,
    &mistakes::UNSAFE_BEFORE_2_10,
    &mistakes::IDENTITY_REMOVED_LATE,
    &mistakes::PUBLIC_IDENTITY,
    &mistakes::NO_TIMEOUTS,
    &mistakes::ERRORS_PASS,
    &mistakes::ORIGINAL_OF_CLIENT,
    &mistakes::BODY_SENT,
    &mistakes::PATH_CHANGED,
    &mistakes::TRUSTS_EVERYBODY,
];

/// Whether a text has Caddy's blocks, and a directive of its in one of them.
pub(super) fn is_likely(name: &Rc<str>, text: &str) -> bool {
    let Ok(root) = words::parse(name, text) else {
        // Broken, and then most likely by a brace.
        return text.lines().any(|line| line.trim_end().ends_with(" {"));
    };
    let is_known = |line: &Directive| order::is_known(line.name()) || line.name() == "import";
    root.iter().any(|line| is_known(line) || line.inside().iter().any(is_known))
}

/// Names the mistakes; whether anything is asked before it is passed on.
pub(super) fn check(root: &[Directive], identity: &[&str], report: &mut Report) -> bool {
    let options = root.iter().filter(|line| line.words.is_empty()).flat_map(Directive::inside);
    let order = Order::of(options);
    // Which apps are protected is known after the whole file was walked once.
    let seen = Walk::new(&order, identity, Seen::default()).file(root, &mut Report::default());
    let seen = Walk::new(&order, identity, seen).file(root, report);
    check_trust(root, report);
    seen.asks
}

/// Whose `X-Forwarded-*` count.
fn check_trust(lines: &[Directive], report: &mut Report) {
    for line in lines {
        let is_anybody = |range: &String| matches!(range.as_str(), "0.0.0.0/0" | "::/0");
        if line.name() == "trusted_proxies" && line.arguments().iter().any(is_anybody) {
            report.add(&line.place, &mistakes::TRUSTS_EVERYBODY);
        }
        check_trust(line.inside(), report);
    }
}
