//! One segment of a path with parameters.

use std::cmp::{Ordering, Reverse};

use super::PatternError;

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Segment(Vec<Part>);

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Literal(String),
    Parameter(Kind),
}

/// What a parameter takes, the most particular first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Uuid,
    Int,
    Float,
    Text,
    /// All that is left, slashes included.
    Rest,
}

/// Hexadecimal digits of a UUID between its hyphens, each of which may be missing.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

impl Segment {
    pub(super) fn parse(text: &str, names: &mut Vec<String>) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at_checked(open).unwrap_or_default();
            let inside = from.strip_prefix('{').ok_or(PatternError::Braces)?;
            let (parameter, after) = inside.split_once('}').ok_or(PatternError::Braces)?;
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            } else if parts.last().is_some() {
                return Err(PatternError::Adjacent);
            }
            parts.push(Part::Parameter(parameter_kind(parameter, names)?));
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        let segment = Self(parts);
        let is_express = matches!(segment.0.first(), Some(Part::Literal(text)) if text.starts_with(':'));
        if is_express || segment.0.iter().any(Part::is_foreign) {
            return Err(PatternError::Wildcard(text.to_owned()));
        }
        let is_rest = |part: &Part| *part == Part::Parameter(Kind::Rest);
        if segment.0.iter().rev().skip(1).any(is_rest) {
            return Err(PatternError::BehindRest);
        }
        Ok(segment)
    }

    /// Its text, if it has no parameters.
    pub(in super::super) fn literal(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(in super::super) fn takes_the_rest(&self) -> bool {
        self.0.last() == Some(&Part::Parameter(Kind::Rest))
    }

    /// A text that it matches, for looking at what is written around parameters.
    pub(super) fn example(&self) -> String {
        let text = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Parameter(Kind::Uuid) => "0".repeat(32),
            Part::Parameter(Kind::Int | Kind::Float | Kind::Text | Kind::Rest) => "1".to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    /// Whether it matches `text`: a segment, or all that is left for one that takes that.
    pub(in super::super) fn matches(&self, text: &str) -> bool {
        let text = text.as_bytes();
        match &self.0[..] {
            [Part::Literal(literal)] => literal.as_bytes() == text,
            [Part::Parameter(Kind::Text)] => !text.is_empty(),
            [Part::Parameter(Kind::Rest)] => true,
            parts => matches_parts(parts, text),
        }
    }

    /// The more specific first: more that is written out, then parameters that take less.
    pub(in super::super) fn compare(&self, other: &Self) -> Ordering {
        self.specificity().cmp(&other.specificity())
    }

    fn specificity(&self) -> (bool, bool, Reverse<usize>, Vec<Kind>) {
        let kinds = self.0.iter().filter_map(|part| match part {
            Part::Parameter(kind) => Some(*kind),
            Part::Literal(_) => None,
        });
        let written = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.len(),
            Part::Parameter(_) => 0,
        });
        (self.takes_the_rest(), self.literal().is_none(), Reverse(written.sum()), kinds.collect())
    }

    /// Whether no text matches both, as far as their ends tell.
    pub(in super::super) fn excludes(&self, other: &Self) -> bool {
        let differ = |one: &str, other: &str, starts: fn(&str, &str) -> bool| {
            !starts(one, other) && !starts(other, one)
        };
        let begins = differ(edge(self.0.first()), edge(other.0.first()), |one, other| one.starts_with(other));
        let ends = differ(edge(self.0.last()), edge(other.0.last()), |one, other| one.ends_with(other));
        begins || ends
    }
}

/// What is written out at an end, if anything is.
fn edge(part: Option<&Part>) -> &str {
    match part {
        Some(Part::Literal(text)) => text,
        Some(Part::Parameter(_)) | None => "",
    }
}

/// The more specific first.
impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn parameter_kind(text: &str, names: &mut Vec<String>) -> Result<Kind, PatternError> {
    let (name, kind) = match text.strip_prefix('*') {
        Some(name) => (name, "path"),
        None => text.split_once(':').unwrap_or((text, "str")),
    };
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = name.bytes().next().is_some_and(is_first)
        && name.bytes().all(|byte| is_first(byte) || byte.is_ascii_digit());
    if !is_name {
        return Err(PatternError::Braces);
    }
    if names.iter().any(|known| known == name) {
        return Err(PatternError::Twice(name.to_owned()));
    }
    names.push(name.to_owned());
    match kind {
        "str" => Ok(Kind::Text),
        "int" => Ok(Kind::Int),
        "float" => Ok(Kind::Float),
        "uuid" => Ok(Kind::Uuid),
        "path" => Ok(Kind::Rest),
        other => Err(PatternError::Kind(other.to_owned())),
    }
}

impl Part {
    /// Whether it is written out and means something elsewhere: in globs (`*`), Flask (`<id>`) or regular expressions, as
    /// `:id` at the beginning does in Express. Whoever carries a rule over from there would have one that never holds.
    fn is_foreign(&self) -> bool {
        match self {
            Self::Literal(text) => text.contains(['*', '<', '>', '|', '^', '[', ']']),
            Self::Parameter(_) => false,
        }
    }
}

/// Follows all ways to share the text out among the parts at once, so that no text takes more than its length times the
/// parts: `ends[n]` says that what was looked at so far can end before byte `n`.
fn matches_parts(parts: &[Part], text: &[u8]) -> bool {
    let mut ends = vec![false; text.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for part in parts {
        ends = match part {
            Part::Literal(literal) => {
                shifted(&ends, text, |rest| rest.starts_with(literal.as_bytes()).then_some(literal.len()))
            }
            Part::Parameter(Kind::Uuid) => shifted(&ends, text, uuid),
            Part::Parameter(Kind::Int) => run(&ends, text, u8::is_ascii_digit),
            Part::Parameter(Kind::Float) => {
                let whole = run(&ends, text, u8::is_ascii_digit);
                let point = shifted(&whole, text, |rest| rest.starts_with(b".").then_some(1));
                let fraction = run(&point, text, u8::is_ascii_digit);
                whole.iter().zip(&fraction).map(|(whole, fraction)| *whole || *fraction).collect()
            }
            Part::Parameter(Kind::Text) => run(&ends, text, |byte| *byte != b'/'),
            Part::Parameter(Kind::Rest) => return ends.contains(&true),
        };
    }
    ends.last() == Some(&true)
}

/// Where one or more bytes of that class can end.
fn run(starts: &[bool], text: &[u8], is_of_class: impl Fn(&u8) -> bool) -> Vec<bool> {
    let mut is_inside = false;
    let after = starts.iter().zip(text).map(|(starts, byte)| {
        is_inside = (is_inside || *starts) && is_of_class(byte);
        is_inside
    });
    std::iter::once(false).chain(after).collect()
}

/// Where something of a length that its beginning tells can end.
fn shifted(starts: &[bool], text: &[u8], length: impl Fn(&[u8]) -> Option<usize>) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    for (at, _) in starts.iter().enumerate().filter(|(_, starts)| **starts) {
        let end = text.get(at..).and_then(&length).map(|length| at + length);
        if let Some(end) = end.and_then(|end| ends.get_mut(end)) {
            *end = true;
        }
    }
    ends
}

/// The length of the UUID at the beginning of `text`.
fn uuid(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (index, digits) in UUID.into_iter().enumerate() {
        if index > 0 && text.get(at) == Some(&b'-') {
            at += 1;
        }
        let group = text.get(at..at + digits)?;
        if !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at += digits;
    }
    Some(at)
}
