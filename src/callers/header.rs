//! Names of headers: which of the identity's a configuration takes care of, and how they are told.

/// So many names say what is meant; a line of twenty does not.
const TOLD: usize = 3;

/// The names that `is_there` does not know.
pub(super) fn missing<'a>(identity: &[&'a str], is_there: impl Fn(&str) -> bool) -> Vec<&'a str> {
    identity.iter().copied().filter(|name| !is_there(name)).collect()
}

/// `X-Auth-Status, X-Auth-User-Id and 3 more`.
pub(super) fn list(names: &[&str]) -> String {
    let told: Vec<_> = names.iter().take(TOLD).map(|name| canonical(name)).collect();
    let told = told.join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// `x-auth-user-id` as Go writes it, and people do: `X-Auth-User-Id`.
pub(super) fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect::<String>()
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

/// Whether a name is meant by `X-Auth-*`, `*-Id`, `*auth*` or itself.
pub(super) fn is_meant(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => pattern == name,
    }
}

/// What a regular expression matches, for those that are no more than a text and an end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Simple<'a> {
    pub(super) starts_at_start: bool,
    pub(super) ends_at_end: bool,
    ignores_case: bool,
    text: &'a str,
}

impl<'a> Simple<'a> {
    /// `None` for a regular expression that says more.
    pub(super) fn of(expression: &'a str) -> Option<Self> {
        let (ignores_case, rest) = match expression.strip_prefix("(?i)") {
            Some(rest) => (true, rest),
            None => (false, expression),
        };
        let (starts_at_start, rest) = match rest.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (ends_at_end, rest) = match rest.strip_suffix('$') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let is_open = [".*", ".+"].into_iter().find_map(|any| rest.strip_suffix(any));
        let text = is_open.unwrap_or(rest);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let ends_at_end = ends_at_end && is_open.is_none();
        is_plain.then_some(Self { starts_at_start, ends_at_end, ignores_case, text })
    }

    /// Whether it finds itself in `name`.
    pub(super) fn finds(&self, name: &str) -> bool {
        let fold = |text: &str| if self.ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
        let (text, name) = (fold(self.text), fold(name));
        match (self.starts_at_start, self.ends_at_end) {
            (true, true) => name == text,
            (true, false) => name.starts_with(&text),
            (false, true) => name.ends_with(&text),
            (false, false) => name.contains(&text),
        }
    }
}
