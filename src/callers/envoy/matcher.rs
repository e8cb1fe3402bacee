//! `StringMatcher` and lists of them.

use super::super::header::Simple;
use super::super::tree::Node;

/// Whether a matcher means a header, which Envoy writes in lower case. Expressions that are not understood may.
pub(super) fn matches(matcher: &Node, name: &str) -> bool {
    let ignores_case = matcher.switched_on("ignore_case").is_some();
    let says = |key: &str, fits: fn(&str, &str) -> bool| {
        let Some(text) = matcher.get(key).and_then(Node::text) else { return false };
        if ignores_case { fits(name, &text.to_ascii_lowercase()) } else { fits(name, text) }
    };
    says("exact", |name, text| name == text)
        || says("prefix", |name, text| name.starts_with(text))
        || says("suffix", |name, text| name.ends_with(text))
        || says("contains", |name, text| name.contains(text))
        || expression(matcher).is_some_and(|expression| fits_whole(expression, name))
}

/// Envoy wants an expression to fit from start to end, anchors or not.
fn fits_whole(expression: &str, name: &str) -> bool {
    let is_open = expression.trim_end_matches('$').ends_with(['*', '+']);
    let starts = format!("^{}", expression.trim_start_matches('^'));
    let whole = if is_open || starts.ends_with('$') { starts } else { format!("{starts}$") };
    Simple::of(&whole).is_none_or(|simple| simple.finds(name))
}

fn expression(matcher: &Node) -> Option<&str> {
    matcher.at(&["safe_regex", "regex"]).and_then(Node::text)
}

/// The matchers of a list.
pub(super) fn patterns(list: Option<&Node>) -> &[Node] {
    list.map_or(&[], |list| list.list("patterns"))
}

pub(super) fn any_matches(list: Option<&Node>, name: &str) -> bool {
    patterns(list).iter().any(|matcher| matches(matcher, name))
}

/// Headers that no answer of sidegate's is meant to set, one of which a matcher lets through that is too wide.
const STRANGERS: [&str; 4] =
    ["x-forwarded-for", "x-forwarded-host", "x-envoy-original-path", "authorization"];

/// Whether a matcher means headers of a request that are no identity.
pub(super) fn is_wide(matcher: &Node) -> bool {
    STRANGERS.iter().any(|name| matches(matcher, name))
}
