//! The location that asks sidegate.

use std::collections::HashSet;

use super::super::directive::Directive;
use super::super::finding::{Place, Report};
use super::super::header::{list, missing};
use super::super::{SENDER, is_get_session};
use super::scope::{Scope, Server};
use super::{ENDPOINT, authority, mistakes, parts};

/// An `auth_request`, and the location that it leads to.
#[derive(Debug)]
pub(super) struct Question<'a> {
    line: &'a Directive,
    location: Option<Scope<'a>>,
    /// Whether the file is no more than a part, which may lack the location.
    is_part: bool,
    /// Whether it is another program's, beside one that is sidegate's.
    is_foreign: bool,
}

/// Every question that is asked, each once for a server.
pub(super) fn of<'a>(servers: &[Server<'a>]) -> Vec<Question<'a>> {
    let mut all: Vec<Question<'_>> = Vec::new();
    for server in servers {
        let mut paths = HashSet::new();
        for scope in server.inner.iter().chain([&server.scope]) {
            let Some(line) = scope.auth_request() else { continue };
            // A variable decides at run time.
            if !line.value().contains('$') && paths.insert(line.value()) {
                let location = server.location(line.value()).cloned();
                let is_part = server.scope.block().is_none();
                all.push(Question { line, location, is_part, is_foreign: false });
            }
        }
    }
    let has_ours = all.iter().any(Question::is_of_sidegate);
    for question in &mut all {
        question.is_foreign = has_ours && !question.is_of_sidegate() && !question.is_of_better_auth();
    }
    all
}

impl<'a> Question<'a> {
    pub(super) fn is_answered_by(&self, scope: &Scope<'_>) -> bool {
        self.location.as_ref().and_then(Scope::block).is_some_and(|block| scope.is(block))
    }

    fn pass(&self) -> Option<&'a Directive> {
        self.location.as_ref()?.own_line("proxy_pass")
    }

    /// The path that the question arrives at, where the file shows it. What stands behind it only asks for more.
    fn path(&self) -> &'a str {
        let written = self.pass().map_or("", |line| parts(line.value()).1);
        // Without a path of its own, `proxy_pass` hands on that of the location.
        let path = if written.is_empty() { self.line.value() } else { written };
        path.split(['?', '$']).next().unwrap_or(path)
    }

    fn is_of_sidegate(&self) -> bool {
        self.pass().is_some() && self.path() == ENDPOINT
    }

    fn is_of_better_auth(&self) -> bool {
        is_get_session(self.path()) || is_get_session(self.line.value())
    }

    pub(super) fn check(&self, upstreams: &[&Directive], report: &mut Report) {
        let asked = &self.line.place;
        // A location that is there for all paths that begin so is there for the app, and answers as that does.
        let own = self.location.as_ref().filter(|location| location.is_exact() || self.is_of_sidegate());
        if self.is_of_better_auth() {
            let place = own.and(self.pass()).map_or(asked, |line| &line.place);
            return report.add(place, &mistakes::ASKS_BETTER_AUTH);
        }
        if self.is_foreign {
            return;
        }
        let Some((location, pass)) = own.zip(self.pass()) else {
            if !self.is_part {
                report.add_about(asked, &mistakes::QUESTION_UNANSWERED, self.line.value());
            }
            return;
        };
        if !self.is_of_sidegate() {
            return report.add_about(&pass.place, &mistakes::WRONG_ENDPOINT, self.path());
        }
        let Some(block) = location.block() else { return };
        let place = &block.place;
        if location.own_line("internal").is_none() {
            report.add(place, &mistakes::NOT_INTERNAL);
        }
        check_headers(location, place, report);
        check_answers(location, report);
        self.check_connection(location, pass, upstreams, report);
    }

    fn check_connection(
        &self,
        location: &Scope<'_>,
        pass: &Directive,
        upstreams: &[&Directive],
        report: &mut Report,
    ) {
        let host = authority(pass.value());
        let upstream = upstreams.iter().find(|upstream| upstream.value() == host);
        let has_pool = match upstream {
            Some(upstream) => upstream.inside().iter().any(|line| line.name() == "keepalive"),
            None => self.is_part || host.contains('$'),
        };
        let is_kept = has_pool
            && location.value("proxy_http_version") == Some("1.1")
            && header(location, "Connection") == Some("");
        if !is_kept {
            report.add(&pass.place, &mistakes::NO_KEEPALIVE);
        }
        let has = |name| location.line(name).is_some();
        if !(has("proxy_connect_timeout") && has("proxy_read_timeout")) {
            report.add(&pass.place, &mistakes::NO_TIMEOUTS);
        }
    }
}

/// What sidegate is told.
fn check_headers(location: &Scope<'_>, place: &Place, report: &mut Report) {
    if location.value("proxy_pass_request_body") != Some("off")
        || header(location, "Content-Length") != Some("")
    {
        report.add(place, &mistakes::BODY_PASSED);
    }
    match header_line(location, "X-Original-URL") {
        None => report.add(place, &mistakes::ORIGINAL_URL),
        Some(line) => {
            let url = line.arguments().get(1).map_or("", String::as_str);
            if url.contains("$http_") {
                report.add_about(&line.place, &mistakes::ORIGINAL_URL_OF_CLIENT, url);
            } else if !(url.ends_with("$request_uri") || url.ends_with("${request_uri}")) {
                report.add_about(&line.place, &mistakes::ORIGINAL_URL_INEXACT, url);
            }
        }
    }
    if header(location, "X-Original-Method") != Some("$request_method") {
        report.add(place, &mistakes::ORIGINAL_METHOD);
    }
    if location.value("proxy_pass_request_headers") == Some("off") {
        if header(location, "Cookie").is_none() {
            report.add(place, &mistakes::COOKIE);
        }
        let unsent = missing(&SENDER, |name| header(location, name).is_some());
        if !unsent.is_empty() {
            report.add_about(place, &mistakes::SENDER_NOT_SENT, list(&unsent));
        }
    }
}

/// What becomes of its answer.
fn check_answers(location: &Scope<'_>, report: &mut Report) {
    let is_intercepted = location.value("proxy_intercept_errors") == Some("on");
    for line in location.lines("error_page") {
        // nginx itself makes 502 and 504 of a sidegate that is down.
        let counts =
            |code: &&String| is_intercepted || matches!(code.as_str(), "500" | "502" | "503" | "504");
        let is_error = |code: &&String| code.starts_with(['4', '5']);
        let is_good = |word: &String| word == "=" || word.starts_with("=2");
        if line.arguments().iter().any(is_good)
            && line.arguments().iter().filter(is_error).any(|code| counts(&code))
        {
            report.add(&line.place, &mistakes::ERRORS_PASS);
        }
    }
    if let Some(line) = location.line("proxy_cache").filter(|line| line.value() != "off") {
        report.add(&line.place, &mistakes::CACHED);
    }
}

fn header_line<'a>(location: &Scope<'a>, name: &str) -> Option<&'a Directive> {
    location.lines("proxy_set_header").into_iter().find(|line| line.value().eq_ignore_ascii_case(name))
}

fn header<'a>(location: &Scope<'a>, name: &str) -> Option<&'a str> {
    header_line(location, name)?.arguments().get(1).map(String::as_str)
}
