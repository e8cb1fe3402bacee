//! YAML, JSON and TOML as one tree that knows its lines.

mod toml;
mod yaml;

pub(super) use self::toml::read as toml;
pub(super) use self::yaml::read as yaml;

use super::finding::Place;

/// Deeper than any configuration, and shallow enough to walk by calling oneself.
const DEPTH_MAX: usize = 64;
/// What anchors and merge keys may make of a small file.
const NODES_MAX: usize = 200_000;

/// A value, at the line of its key, or at its own where it is in a list.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    /// Numbers and switches too: what they mean depends on who reads them.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key. Envoy takes `failure_mode_allow` and `failureModeAllow`, Traefik any case.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rfind(|(name, _)| is_same_key(name, key)).map(|(_, node)| node)
    }

    /// The value at the end of several keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Text(_) | Value::List(_) => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Text(_) | Value::Map(_) => &[],
        }
    }

    /// The items at a key, or none.
    pub(super) fn list(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text at a key, or nothing.
    pub(super) fn word(&self, key: &str) -> &str {
        self.get(key).and_then(Self::text).unwrap_or_default()
    }

    /// The texts of the list at a key, or the one text there.
    pub(super) fn words(&self, key: &str) -> Vec<&str> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.text().into_iter().chain(node.items().iter().filter_map(Self::text)).collect()
    }

    /// The value at a key, if that is switched on.
    pub(super) fn switched_on(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|node| node.text().is_some_and(|text| text.eq_ignore_ascii_case("true")))
    }

    /// Itself and everything below.
    pub(super) fn all(&self) -> Vec<&Self> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(&node) = all.get(next) {
            all.extend(node.entries().iter().map(|(_, node)| node).chain(node.items()));
            next += 1;
        }
        all
    }
}

fn is_same_key(a: &str, b: &str) -> bool {
    let letters =
        |key: &str| key.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase()).collect();
    let (a, b): (Vec<_>, Vec<_>) = (letters(a), letters(b));
    a == b
}
