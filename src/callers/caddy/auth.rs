//! One question: whom it asks, how long it waits, what becomes of the answer.

use super::super::directive::Directive;
use super::super::finding::Report;
use super::super::header::{is_meant, list, missing};
use super::super::is_get_session;
use super::walk::{State, upstreams_in};
use super::{ENDPOINT, mistakes};

/// Handlers that answer, so that nothing after them runs.
const ANSWERS: [&str; 7] =
    ["respond", "copy_response", "error", "abort", "redir", "file_server", "static_response"];
/// How a line refers to a header of the answer.
const OF_ANSWER: [&str; 2] = ["{http.reverse_proxy.header.", "{rp.header."];

/// A line that asks before it lets a request on.
pub(super) struct Auth<'a> {
    line: &'a Directive,
    /// Where it asks: `uri` or, written out, `rewrite`.
    uri: Option<&'a Directive>,
    is_short: bool,
}

impl<'a> Auth<'a> {
    pub(super) fn of(line: &'a Directive) -> Option<Self> {
        let named = |name| line.inside().iter().find(|line| line.name() == name);
        match line.name() {
            "forward_auth" => Some(Self { line, uri: named("uri"), is_short: true }),
            "reverse_proxy" => {
                let uri = named("rewrite")?;
                let asks = path(uri).starts_with("/auth/") || is_get_session(path(uri));
                asks.then_some(Self { line, uri: Some(uri), is_short: false })
            }
            _ => None,
        }
    }

    pub(super) fn is_of_sidegate(&self) -> bool {
        self.uri.is_some_and(|uri| path(uri) == ENDPOINT)
    }

    pub(super) fn is_of_better_auth(&self) -> bool {
        self.uri.is_some_and(|uri| is_get_session(path(uri)))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'a Directive> {
        self.line.inside().iter().filter(move |line| line.name() == name)
    }

    /// The headers that `copy_headers` sets, in its line or in a block.
    fn copied(&self) -> Vec<&'a str> {
        let lines = self.named("copy_headers").flat_map(|line| {
            line.arguments().iter().chain(line.inside().iter().flat_map(|line| &line.words))
        });
        // `From>To` gives it another name.
        lines.map(|word| word.rsplit('>').next().unwrap_or(word)).collect()
    }

    /// Whether `handle_response` removes or sets a header by hand.
    fn handles(&self, name: &str, means: fn(&Directive, &str) -> bool) -> bool {
        let lines = self.named("handle_response").flat_map(inner);
        lines.filter(|line| line.name() == "request_header").any(|line| means(line, name))
    }

    /// Whether only answers with 2xx are meant by this `handle_response`.
    fn is_for_good(&self, response: &Directive) -> bool {
        let matcher = response.value();
        let statuses: Vec<_> = self
            .named(matcher)
            .flat_map(|line| [line].into_iter().chain(line.inside()))
            .flat_map(|line| line.words.iter().skip_while(|word| *word != "status").skip(1))
            .collect();
        !statuses.is_empty() && statuses.iter().all(|status| status.starts_with('2'))
    }
}

fn path(uri: &Directive) -> &str {
    let uri = uri.value();
    uri.split('?').next().unwrap_or(uri)
}

fn inner(block: &Directive) -> Vec<&Directive> {
    let mut all: Vec<_> = block.inside().iter().collect();
    let mut next = 0;
    while let Some(&line) = all.get(next) {
        all.extend(line.inside());
        next += 1;
    }
    all
}

/// The words after a matcher, if there is one: `request_header @known X-Auth-User-Id {…}`.
fn header(line: &Directive) -> (&str, &str) {
    let mut words = line.arguments().iter().skip_while(|word| word.starts_with('@')).map(String::as_str);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

fn sets(line: &Directive, name: &str) -> bool {
    let (header, value) = header(line);
    header.eq_ignore_ascii_case(name) && OF_ANSWER.iter().any(|start| value.contains(start))
}

fn removes(line: &Directive, name: &str) -> bool {
    header(line).0.strip_prefix('-').is_some_and(|pattern| is_meant(pattern, name))
}

pub(super) fn check(
    auth: &Auth<'_>,
    state: &State,
    identity: &[&str],
    protected_apps: &[String],
    report: &mut Report,
) {
    let place = &auth.uri.unwrap_or(auth.line).place;
    if auth.is_of_better_auth() {
        return report.add(place, &mistakes::ASKS_BETTER_AUTH);
    }
    if !auth.is_of_sidegate() {
        return report.add_about(place, &mistakes::WRONG_ENDPOINT, auth.uri.map_or("", path));
    }
    if state.has_other_path {
        report.add(&auth.line.place, &mistakes::PATH_CHANGED);
    }
    let mut settings = auth.named("transport").flat_map(Directive::inside);
    if !settings.any(|line| matches!(line.name(), "response_header_timeout" | "read_timeout")) {
        report.add(&auth.line.place, &mistakes::NO_TIMEOUTS);
    }
    if !auth.is_short {
        check_question(auth, report);
    }
    check_responses(auth, protected_apps, report);
    check_identity(auth, state, identity, report);
}

/// What `forward_auth` would have added by itself.
fn check_question(auth: &Auth<'_>, report: &mut Report) {
    let told = |name: &str| auth.named("header_up").any(|line| line.value().eq_ignore_ascii_case(name));
    if !(told("X-Forwarded-Method") && told("X-Forwarded-Uri")) {
        report.add(&auth.line.place, &mistakes::ORIGINAL_OF_CLIENT);
    }
    if !auth.named("method").any(|line| line.value().eq_ignore_ascii_case("get")) {
        report.add(&auth.line.place, &mistakes::BODY_SENT);
    }
}

/// A response that is handled without an answer goes on to the app.
fn check_responses(auth: &Auth<'_>, protected_apps: &[String], report: &mut Report) {
    for response in auth.named("handle_response").filter(|response| !auth.is_for_good(response)) {
        let lines = inner(response);
        let answers = lines.iter().any(|line| ANSWERS.contains(&line.name()));
        let upstreams = upstreams_in(response);
        let is_app = upstreams.iter().any(|upstream| protected_apps.contains(upstream));
        if is_app || !answers && upstreams.is_empty() {
            report.add(&response.place, &mistakes::ERRORS_PASS);
        }
    }
}

fn check_identity(auth: &Auth<'_>, state: &State, identity: &[&str], report: &mut Report) {
    let copied = auth.copied();
    let is_copied = |name: &str| copied.iter().any(|header| header.eq_ignore_ascii_case(name));
    if !identity.iter().any(|name| is_copied(name) || auth.handles(name, sets)) {
        report.add(&auth.line.place, &mistakes::IDENTITY_NOT_COPIED);
    }
    let kept = missing(identity, |name| state.is_removed(name) || auth.handles(name, removes));
    let (old, all): (Vec<_>, Vec<_>) = kept.into_iter().partition(|name| is_copied(name));
    if !all.is_empty() {
        report.add_about(&auth.line.place, &mistakes::IDENTITY_OF_CLIENT, list(&all));
    }
    if !old.is_empty() {
        report.add_about(&auth.line.place, &mistakes::UNSAFE_BEFORE_2_11_2, list(&old));
    } else if let Some(line) = auth.named("copy_headers").next() {
        report.add(&line.place, &mistakes::UNSAFE_BEFORE_2_10);
    }
}
