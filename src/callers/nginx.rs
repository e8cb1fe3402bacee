//! nginx: `auth_request`, and what stands around it.

mod identity;
mod locations;
mod mistakes;
mod question;
mod scope;
mod words;

use std::collections::HashSet;

pub(super) use self::words::read;

use self::scope::{Scope, Server};
use super::directive::Directive;
use super::finding::{Mistake, Report};
use crate::dialect::Dialect;

/// Where sidegate answers nginx.
const ENDPOINT: &str = Dialect::Nginx.path();

/// All of them.
pub(super) static MISTAKES: &[&Mistake] = &[
    &mistakes::ASKS_BETTER_AUTH,
    &mistakes::WRONG_ENDPOINT,
    &mistakes::QUESTION_UNANSWERED,
    &mistakes::NOT_INTERNAL,
    &mistakes::BODY_PASSED,
    &mistakes::ORIGINAL_URL,
    &mistakes::ORIGINAL_URL_OF_CLIENT,
    &mistakes::ORIGINAL_URL_INEXACT,
    &mistakes::ORIGINAL_METHOD,
    &mistakes::COOKIE,
    &mistakes::SENDER_NOT_SENT,
    &mistakes::ERRORS_PASS,
    &mistakes::CACHED,
    &mistakes::NO_KEEPALIVE,
    &mistakes::NO_TIMEOUTS,
    &mistakes::IDENTITY_NOT_SET,
    &mistakes::IDENTITY_SWITCHED_OFF,
    &mistakes::IDENTITY_OF_CLIENT,
    &mistakes::PUBLIC_IDENTITY,
    &mistakes::UNCHECKED_RETURN,
    &mistakes::SATISFY_ANY,
    &mistakes::UNDERSCORES,
    &mistakes::UPGRADE_PASSED,
    &mistakes::LOGIN_WITHOUT_EQUALS,
    &mistakes::ERROR_PAGE_TO_APP,
];

/// Names the mistakes; whether anything is asked before it is passed on.
pub(super) fn check(root: &[Directive], identity: &[&str], report: &mut Report) -> bool {
    let servers = scope::servers(root);
    let upstreams: Vec<_> = blocks(root).filter(|block| block.name() == "upstream").collect();
    let questions = question::of(&servers);
    for question in &questions {
        question.check(&upstreams, report);
    }
    let asks = !questions.is_empty();
    let is_question = |scope: &Scope<'_>| questions.iter().any(|question| question.is_answered_by(scope));
    let protected_apps: HashSet<_> =
        servers.iter().flat_map(|server| &server.inner).filter_map(protected_app).collect();
    for server in &servers {
        locations::check(server, &protected_apps, report);
        let is_protected = is_protected(server);
        for scope in server.inner.iter().filter(|scope| !is_question(scope)) {
            let is_trusting = |app: &str| is_protected || protected_apps.contains(app);
            identity::check(scope, is_trusting, identity, report);
        }
    }
    asks
}

/// The blocks of the file, and those of its `http`.
fn blocks(root: &[Directive]) -> impl Iterator<Item = &Directive> {
    let http = root.iter().filter(|block| block.name() == "http");
    http.flat_map(Directive::inside).chain(root).filter(|line| line.block.is_some())
}

/// The app behind a location that is protected.
fn protected_app<'a>(scope: &Scope<'a>) -> Option<&'a str> {
    scope.auth_request()?;
    scope.own_line("proxy_pass").map(|line| authority(line.value()))
}

/// Whether anything in a server is asked for.
fn is_protected(server: &Server<'_>) -> bool {
    server.inner.iter().chain([&server.scope]).any(|scope| scope.auth_request().is_some())
}

/// The host and port of a `proxy_pass`, or the UNIX socket.
fn authority(url: &str) -> &str {
    parts(url).0
}

/// The authority and what comes after it.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = match rest.strip_prefix("unix:") {
        Some(path) => path.find(':').map(|at| at + "unix:".len()),
        None => rest.find('/'),
    };
    let (authority, path) = at.and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    (authority, path.strip_prefix(':').unwrap_or(path))
}

/// Words that begin lines of nginx's, and seldom of anything else's that ends them so.
const COMMON: [&str; 16] = [
    "events",
    "http",
    "server",
    "location",
    "upstream",
    "include",
    "listen",
    "root",
    "set",
    "map",
    "error_page",
    "add_header",
    "auth_request",
    "auth_request_set",
    "proxy_pass",
    "proxy_set_header",
];

/// Whether a text has any of the signs of nginx's grammar.
pub(super) fn is_likely(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split(" #").next().unwrap_or(line).trim();
        let (name, rest) = line.split_once([' ', '\t', '{']).unwrap_or((line, ""));
        let is_block = matches!(name, "events" | "http" | "server" | "location" | "upstream");
        COMMON.contains(&name) && (rest.ends_with(';') || is_block && line.contains('{'))
    })
}
