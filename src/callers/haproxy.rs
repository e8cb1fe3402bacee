//! `HAProxy`: the rules around a call of Lua that asks sidegate.

mod mistakes;

use std::collections::HashSet;
use std::rc::Rc;

use super::finding::{Mistake, Place, Report};
use super::header::{Simple, list, missing};
use super::is_get_session;
use crate::dialect::Dialect;

/// Where sidegate answers `HAProxy`.
const ENDPOINT: &str = Dialect::Haproxy.path();
/// What opens a section.
const SECTIONS: [&str; 5] = ["global", "defaults", "frontend", "backend", "listen"];
/// Calls of Lua that ask: those of haproxy-auth-request, and that of deploy/haproxy/sidegate.lua.
const QUESTIONS: [&str; 3] = ["auth-request", "auth-intercept", "sidegate"];
/// Which request the client makes.
const ORIGINAL: [&str; 4] =
    ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"];

/// All of them.
pub(super) static MISTAKES: &[&Mistake] = &[
    &mistakes::ASKS_BETTER_AUTH,
    &mistakes::WRONG_ENDPOINT,
    &mistakes::NOT_DENIED,
    &mistakes::IDENTITY_OF_CLIENT,
    &mistakes::PUBLIC_IDENTITY,
    &mistakes::TWINS_PASS,
    &mistakes::ORIGINAL_OF_CLIENT,
];

/// A section.
#[derive(Debug)]
pub(super) struct Section {
    place: Place,
    /// `frontend`, `backend` and so on, its name, and whatever stands behind it.
    words: Vec<String>,
    lines: Vec<Line>,
}

/// A section from which requests go on to backends.
struct Front<'a> {
    backends: HashSet<&'a str>,
    /// Which of the identity's headers, and of their twins, it removes.
    removed: HashSet<String>,
}

#[derive(Debug)]
struct Line {
    place: Place,
    words: Vec<String>,
}

/// Whether a text has `HAProxy`'s sections.
pub(super) fn is_likely(text: &str) -> bool {
    let is_plain =
        |line: &&str| !line.starts_with(char::is_whitespace) && !line.trim_end().ends_with([';', '{', ':']);
    let mut lines = text.lines().filter(is_plain);
    lines.any(|line| {
        let mut words = line.split_whitespace();
        let opens = words.next().is_some_and(|word| matches!(word, "frontend" | "backend" | "listen"));
        opens && words.next().is_some_and(|name| !name.starts_with(['=', ':', '#']))
    })
}

/// Reads a file. Every text is one: what a line means is for `HAProxy` to say.
pub(super) fn read(file: &Rc<str>, text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let words = words(text);
        let place = Place::new(file, index + 1);
        if words.first().is_some_and(|word| SECTIONS.contains(&word.as_str())) {
            sections.push(Section { place, words, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut().filter(|_| !words.is_empty()) {
            section.lines.push(Line { place, words });
        }
    }
    sections
}

/// Words between blanks, quotes taken off, comments left out.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (_, Some(open)) if char == open => quote = None,
            ('#', None) => break,
            (_, None) if char.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

impl Section {
    fn name(&self) -> Option<&str> {
        self.words.get(1).map(String::as_str)
    }

    fn asks(&self) -> bool {
        self.lines.iter().any(|line| line.question().is_some())
    }

    fn removes(&self, name: &str) -> bool {
        self.lines.iter().any(|rule| rule.removes(name))
    }
}

impl<'a> Front<'a> {
    fn of(section: &'a Section, identity: &[&str]) -> Option<Self> {
        let leads = |line: &&Line| {
            line.words.first().is_some_and(|word| matches!(word.as_str(), "use_backend" | "default_backend"))
        };
        let backends = section.lines.iter().filter(leads).filter_map(|line| line.words.get(1));
        let backends: HashSet<_> = backends.map(String::as_str).collect();
        if backends.is_empty() {
            return None;
        }
        let names = identity.iter().flat_map(|name| [(*name).to_owned(), twin(name)]);
        Some(Self { backends, removed: names.filter(|name| section.removes(name)).collect() })
    }
}

/// What some servers take for the same header.
fn twin(name: &str) -> String {
    name.replace('-', "_")
}

impl Line {
    /// The action of an `http-request` rule, and its arguments.
    fn rule(&self) -> Option<(&str, &[String])> {
        match self.words.as_slice() {
            [keyword, action, arguments @ ..] if keyword == "http-request" => Some((action, arguments)),
            _ => None,
        }
    }

    /// The path of the question, if this rule asks whether a request may pass; none if only the script knows it.
    fn question(&self) -> Option<&str> {
        let (action, arguments) = self.rule()?;
        let call = action.strip_prefix("lua.")?;
        let path = arguments.iter().find(|word| word.starts_with('/'));
        // What stands behind it only asks for more.
        let path = path.map(|path| path.split('?').next().unwrap_or(path));
        (path.is_some() || QUESTIONS.contains(&call)).then_some(path.unwrap_or_default())
    }

    fn is_rule(&self, actions: &[&str]) -> bool {
        self.rule().is_some_and(|(action, _)| actions.contains(&action))
    }

    /// Whether this rule removes the client's header of this name.
    fn removes(&self, name: &str) -> bool {
        let Some(("del-header", [header, rest @ ..])) = self.rule() else { return false };
        if rest.iter().any(|word| matches!(word.as_str(), "if" | "unless")) {
            return false;
        }
        let method = rest.iter().skip_while(|word| *word != "-m").nth(1).map_or("str", String::as_str);
        let header = header.to_ascii_lowercase();
        match method {
            "beg" => name.starts_with(&header),
            "end" => name.ends_with(&header),
            "sub" => name.contains(&header),
            // Other expressions are not judged: they may mean every name that has more than letters, digits and dashes.
            "reg" => Simple::of(&header).map_or_else(|| name.contains('_'), |simple| simple.finds(name)),
            _ => name == header,
        }
    }

    fn sets(&self, name: &str) -> bool {
        let Some(("set-header", [header, ..])) = self.rule() else { return false };
        header.eq_ignore_ascii_case(name)
    }
}

/// Names the mistakes; whether anything is asked before it is passed on.
pub(super) fn check(sections: &[Section], identity: &[&str], report: &mut Report) -> bool {
    let questions = || sections.iter().flat_map(|section| &section.lines).filter_map(Line::question);
    let has_ours = questions().any(|path| path == ENDPOINT);
    let asking: HashSet<_> = sections.iter().filter(|one| one.asks()).filter_map(Section::name).collect();
    let leading: Vec<_> = sections.iter().filter_map(|section| Front::of(section, identity)).collect();
    for section in sections {
        let leads_here =
            |front: &&Front<'_>| section.name().is_some_and(|name| front.backends.contains(name));
        let fronts: Vec<_> = leading.iter().filter(leads_here).collect();
        for (at, line) in section.lines.iter().enumerate() {
            let Some(path) = line.question() else { continue };
            let (before, after) = section.lines.split_at(at);
            if is_get_session(path) {
                report.add(&line.place, &mistakes::ASKS_BETTER_AUTH);
            } else if path.is_empty() || path == ENDPOINT {
                check_question(line, before, after, report);
                check_identity(line, before, &fronts, identity, report);
            } else if !has_ours {
                report.add_about(&line.place, &mistakes::WRONG_ENDPOINT, path);
            }
        }
        // A backend beside one that asks, for requests of the same frontend.
        let is_beside = |front: &&&Front<'_>| !section.asks() && !front.backends.is_disjoint(&asking);
        for front in fronts.iter().filter(is_beside) {
            let left = missing(identity, |name| front.removed.contains(name) || section.removes(name));
            if !left.is_empty() {
                report.add_about(&section.place, &mistakes::PUBLIC_IDENTITY, list(&left));
            }
        }
    }
    questions().next().is_some()
}

fn check_question(line: &Line, before: &[Line], after: &[Line], report: &mut Report) {
    if !after.iter().any(|rule| rule.is_rule(&["deny", "reject", "return", "redirect", "tarpit"])) {
        report.add(&line.place, &mistakes::NOT_DENIED);
    }
    // A script of one's own reads the request itself; the well-known one hands on headers.
    let hands_on =
        line.rule().is_some_and(|(action, _)| matches!(action, "lua.auth-request" | "lua.auth-intercept"));
    let untold = missing(&ORIGINAL, |name| before.iter().any(|rule| rule.sets(name)));
    if hands_on && !untold.is_empty() {
        report.add_about(&line.place, &mistakes::ORIGINAL_OF_CLIENT, list(&untold));
    }
}

/// Which of the client's headers are left when the question is asked. What a frontend removes is gone in its backends.
fn check_identity(
    line: &Line,
    before: &[Line],
    fronts: &[&Front<'_>],
    identity: &[&str],
    report: &mut Report,
) {
    let removed = |name: &str| {
        let by_fronts = !fronts.is_empty() && fronts.iter().all(|front| front.removed.contains(name));
        by_fronts || before.iter().any(|rule| rule.removes(name))
    };
    let left = missing(identity, removed);
    if !left.is_empty() {
        report.add_about(&line.place, &mistakes::IDENTITY_OF_CLIENT, list(&left));
    } else if identity.iter().any(|name| !removed(&twin(name))) {
        report.add(&line.place, &mistakes::TWINS_PASS);
    }
}
