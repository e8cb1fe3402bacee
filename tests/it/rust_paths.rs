//! The paths that a Rust source names, wherever in it they stand: enough of a lexer not to be fooled by comments,
//! strings, groups or line ends.

use std::iter::Peekable;

/// Every path in `source`, groups spelt out: `use a::{b, c::{self, d}}` is `a::b`, `a::c::self` and `a::c::d`.
pub(crate) fn paths(source: &str) -> Vec<Vec<String>> {
    let mut tokens = tokens(source).into_iter().peekable();
    let mut found = Vec::new();
    while tokens.peek().is_some() {
        path(&mut tokens, &[], &mut found);
    }
    found
}

/// Reads one path after `prefix`, or skips what is none.
fn path(
    tokens: &mut Peekable<impl Iterator<Item = String>>,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) {
    let mut path = prefix.to_vec();
    loop {
        match tokens.peek().map(String::as_str) {
            Some("{") if path.len() > prefix.len() || !prefix.is_empty() => {
                tokens.next();
                while tokens.peek().is_some_and(|token| token != "}") {
                    group_member(tokens, &path, found);
                }
                tokens.next();
                return;
            }
            Some(word) if word == "*" || is_word(word) => path.extend(tokens.next()),
            _ => {
                tokens.next();
                break;
            }
        }
        if tokens.peek().is_none_or(|token| token != "::") {
            break;
        }
        tokens.next();
    }
    if path.len() > prefix.len() && path != ["*"] {
        found.push(path);
    }
}

fn group_member(
    tokens: &mut Peekable<impl Iterator<Item = String>>,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) {
    path(tokens, prefix, found);
    // `as name`, and the comma.
    while tokens.peek().is_some_and(|token| token != "," && token != "}") {
        tokens.next();
    }
    if tokens.peek().is_some_and(|token| token == ",") {
        tokens.next();
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single other characters, without white space, comments and literals.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(length) = comment(rest).or_else(|| literal(rest)) {
            length
        } else {
            let length = match first {
                ':' if rest.starts_with("::") => 2,
                _ if first.is_alphanumeric() || first == '_' => word(rest),
                _ => first.len_utf8(),
            };
            tokens.push(rest[..length].to_owned());
            length
        };
        rest = &rest[length..];
    }
    tokens
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The length of the comment that `text` starts with. Block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?;
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let next = at + text[at..].find(['/', '*'])?;
        (depth, at) = match text.get(next..next + 2) {
            Some("/*") => (depth + 1, next + 2),
            Some("*/") => (depth - 1, next + 2),
            _ => (depth, next + 1),
        };
    }
    Some(at)
}

/// The length of the string, character or lifetime that `text` starts with.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.starts_with('"')
                || (prefix.ends_with('r')
                    && rest.starts_with('#')
                    && rest.trim_start_matches('#').starts_with('"'))
        })
    });
    if let Some(prefix) = prefix {
        let hashes = text[prefix.len()..].len() - text[prefix.len()..].trim_start_matches('#').len();
        let start = prefix.len() + hashes + 1;
        if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            return Some(start + text[start..].find(&end)? + end.len());
        }
        return Some(start + escaped(&text[start..], '"')?);
    }
    let inner = text.strip_prefix("b'").or_else(|| text.strip_prefix('\''))?;
    let start = text.len() - inner.len();
    // `'a` without a second quote right after one character is a lifetime.
    let is_character = inner.starts_with('\\') || inner.chars().nth(1) == Some('\'');
    if is_character { Some(start + escaped(inner, '\'')?) } else { Some(start + word(inner)) }
}

/// Up to and with the first `end` that no backslash stands before.
fn escaped(text: &str, end: char) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == end => return Some(at + end.len_utf8()),
            _ => {}
        }
    }
    None
}

#[test]
fn a_path_is_seen_wherever_it_stands() {
    let source = "fn f(x: &a::B) -> c::D { if e::f(1) { ::g::h!(i) } } pub(crate) use j::*;";

    let found: Vec<_> =
        paths(source).into_iter().filter(|path| path.len() > 1).map(|path| path.join("::")).collect();

    assert_eq!(found, ["a::B", "c::D", "e::f", "g::h", "j::*"]);
}

#[test]
fn a_group_is_spelt_out() {
    let source = "use a::{self, b as x, c::{d, e::*},\n    f,\n}; use {g::h, i::j};";

    let found: Vec<_> =
        paths(source).into_iter().filter(|path| path.len() > 1).map(|path| path.join("::")).collect();

    assert_eq!(found, ["a::self", "a::b", "a::c::d", "a::c::e::*", "a::f", "g::h", "i::j"]);
}

#[test]
fn what_is_written_in_comments_and_literals_is_no_path() {
    let source = r##"
        // a::b
        /// a::b
        /* a::b /* a::b */ a::b */
        "a::b \" a::b" b"a::b" r"a::b\" r#"a::b" a::b"# '"' b'"' '\'' '\\' 'x' &'a str
        c::d
    "##;

    let found: Vec<_> = paths(source).into_iter().filter(|path| path.len() > 1).collect();

    assert_eq!(found, [["c", "d"]]);
}
