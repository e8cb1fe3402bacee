//! A request's way through a site: what was removed from it, and whether sidegate was asked, when it reaches an app.

use super::super::directive::Directive;
use super::super::finding::Report;
use super::super::header::{is_meant, list, missing};
use super::auth::{self, Auth};
use super::mistakes;
use super::order::{Order, is_known};

/// What has happened to a request so far.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Patterns of headers that were removed.
    pub(super) removed: Vec<String>,
    /// Whether its path is another one than the client's.
    pub(super) has_other_path: bool,
    /// Whether it was asked about, whatever its path.
    is_asked: bool,
    /// Whether it may have been asked about.
    may_be_asked: bool,
}

impl State {
    pub(super) fn is_removed(&self, name: &str) -> bool {
        self.removed.iter().any(|pattern| is_meant(pattern, name))
    }
}

/// What is known of a file once all of it was walked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The upstreams that are reached by whoever was asked about.
    apps: Vec<String>,
    /// Whether anything is asked.
    pub(super) asks: bool,
    asks_sidegate: bool,
}

pub(super) struct Walk<'a> {
    order: &'a Order<'a>,
    identity: &'a [&'a str],
    seen: Seen,
}

impl<'a> Walk<'a> {
    pub(super) fn new(order: &'a Order<'a>, identity: &'a [&'a str], seen: Seen) -> Self {
        Self { order, identity, seen }
    }

    pub(super) fn file(mut self, root: &[Directive], report: &mut Report) -> Seen {
        // A file of one site needs no braces around it.
        if root.iter().any(|line| is_known(line.name())) {
            self.site(root, report);
        } else {
            for site in root.iter().filter(|line| !line.words.is_empty()) {
                self.site(site.inside(), report);
            }
        }
        self.seen
    }

    fn site(&mut self, lines: &[Directive], report: &mut Report) {
        self.block(self.order.sorted(lines), State::default(), report);
        for errors in lines.iter().filter(|line| line.name() == "handle_errors") {
            for proxy in proxies(errors) {
                if upstreams(proxy).iter().any(|upstream| self.seen.apps.contains(upstream)) {
                    report.add(&proxy.place, &mistakes::ERRORS_PASS);
                }
            }
        }
    }

    /// Runs lines in the order given, and tells what has become of the request.
    fn block(&mut self, lines: Vec<&Directive>, mut state: State, report: &mut Report) -> State {
        for line in lines {
            if let Some(auth) = Auth::of(line) {
                self.auth(&auth, &state, report);
                state.may_be_asked = true;
                state.is_asked |= !has_matcher(line);
                continue;
            }
            match line.name() {
                "request_header" => self.request_header(line, &mut state, report),
                "rewrite" | "uri" => state.has_other_path = true,
                "route" => {
                    let inner = self.block(line.inside().iter().collect(), state.clone(), report);
                    if !has_matcher(line) {
                        state = inner;
                    }
                }
                "handle" | "handle_path" => {
                    let mut inner = state.clone();
                    inner.has_other_path |= line.name() == "handle_path";
                    self.block(self.order.sorted(line.inside()), inner, report);
                }
                "reverse_proxy" | "php_fastcgi" => self.app(line, &state, report),
                _ => {}
            }
        }
        state
    }

    fn request_header(&self, line: &Directive, state: &mut State, report: &mut Report) {
        let words = without_matcher(line);
        let Some(pattern) = words.first().and_then(|word| word.strip_prefix('-')) else { return };
        if state.may_be_asked && self.identity.iter().any(|name| is_meant(pattern, name)) {
            report.add(&line.place, &mistakes::IDENTITY_REMOVED_LATE);
        } else if !has_matcher(line) {
            state.removed.push(pattern.to_owned());
        }
    }

    fn auth(&mut self, auth: &Auth<'_>, state: &State, report: &mut Report) {
        self.seen.asks = true;
        self.seen.asks_sidegate |= auth.is_of_sidegate();
        // Another program's question, beside one that is sidegate's, is none of ours.
        if !self.seen.asks_sidegate || auth.is_of_sidegate() || auth.is_of_better_auth() {
            auth::check(auth, state, self.identity, &self.seen.apps, report);
        }
    }

    fn app(&mut self, line: &Directive, state: &State, report: &mut Report) {
        let upstreams = upstreams(line);
        let ups: Vec<_> = line.inside().iter().filter(|line| line.name() == "header_up").collect();
        let removes = |name: &str| {
            ups.iter().any(|up| up.value().strip_prefix('-').is_some_and(|pattern| is_meant(pattern, name)))
        };
        if state.may_be_asked {
            for up in &ups {
                let is_identity =
                    |name: &&&str| up.value().strip_prefix('-').is_some_and(|it| is_meant(it, name));
                if self.identity.iter().any(|name| is_identity(&name)) {
                    report.add(&up.place, &mistakes::IDENTITY_REMOVED_LATE);
                }
            }
            let is_new = |upstream: &&String| !self.seen.apps.contains(upstream);
            let new: Vec<_> = upstreams.iter().filter(is_new).cloned().collect();
            self.seen.apps.extend(new);
        }
        let is_of_app = upstreams.iter().any(|upstream| self.seen.apps.contains(upstream));
        if state.is_asked || !is_of_app {
            return;
        }
        let left = missing(self.identity, |name| state.is_removed(name) || removes(name));
        if !left.is_empty() {
            report.add_about(&line.place, &mistakes::PUBLIC_IDENTITY, list(&left));
        }
    }
}

/// Whether a line counts for some requests alone.
pub(super) fn has_matcher(line: &Directive) -> bool {
    line.value().starts_with(['@', '/'])
}

fn without_matcher(line: &Directive) -> &[String] {
    let skipped = usize::from(has_matcher(line) || line.value() == "*");
    line.arguments().get(skipped..).unwrap_or_default()
}

fn upstreams(line: &Directive) -> Vec<String> {
    let to =
        line.inside().iter().filter(|line| line.name() == "to").flat_map(|line| line.arguments().to_vec());
    without_matcher(line).iter().cloned().chain(to).collect()
}

/// Every `reverse_proxy` inside a block.
fn proxies(block: &Directive) -> Vec<&Directive> {
    let mut all = vec![block];
    let mut next = 0;
    while let Some(&line) = all.get(next) {
        all.extend(line.inside());
        next += 1;
    }
    all.retain(|line| matches!(line.name(), "reverse_proxy" | "php_fastcgi"));
    all
}

/// Every upstream of every `reverse_proxy` inside a block.
pub(super) fn upstreams_in(block: &Directive) -> Vec<String> {
    proxies(block).into_iter().flat_map(upstreams).collect()
}
