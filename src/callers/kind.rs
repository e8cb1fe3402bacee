//! Whose configuration a text is. Its content decides; names of files say little (`proxy.conf`, `config.yml`).

use std::rc::Rc;

use super::tree::{self, Node};
use super::{Content, Includes, Unreadable, caddy, envoy, haproxy, nginx, traefik};

/// Reads a text as what it is.
pub(super) fn read(name: &Rc<str>, text: &str, includes: &mut Includes<'_>) -> Result<Content, Unreadable> {
    let yaml = tree::yaml(name, text);
    let toml = tree::toml(name, text);
    let of_tree = [&yaml, &toml].into_iter().flatten().find_map(|roots| of_tree(roots));
    if let Some(content) = of_tree {
        return Ok(content);
    }
    // Another program's YAML may hold a configuration, as a ConfigMap does, and is none itself.
    let is_key = |(key, _): &(String, Node)| !key.contains(char::is_whitespace);
    let is_map = |root: &Node| !root.entries().is_empty() && root.entries().iter().all(is_key);
    let is_foreign = [&yaml, &toml].into_iter().flatten().any(|roots| roots.iter().any(is_map));
    if !is_foreign && haproxy::is_likely(text) {
        return Ok(Content::Haproxy(haproxy::read(name, text)));
    }
    if !is_foreign && nginx::is_likely(text) {
        return Ok(Content::Nginx(nginx::read(name, text, includes)?));
    }
    if !is_foreign && caddy::is_likely(name, text) {
        return Ok(Content::Caddy(caddy::read(name, text, includes)?));
    }
    // What its grammar breaks is worth telling where the name says which grammar that is.
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("yml" | "yaml" | "json") => Err(yaml.err().unwrap_or(Unreadable::Unknown)),
        Some("toml") => Err(toml.err().unwrap_or(Unreadable::Unknown)),
        _ => Err(Unreadable::Unknown),
    }
}

fn of_tree(roots: &[Node]) -> Option<Content> {
    // Envoy first: its bootstrap has an `admin` and its files `resources`, as others might have, but types besides.
    if roots.iter().any(envoy::is_likely) {
        return Some(Content::Envoy(roots.to_vec()));
    }
    roots.iter().any(traefik::is_likely).then(|| Content::Traefik(roots.to_vec()))
}
