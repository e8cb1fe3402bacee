//! What the static file says: whose forwarded headers count, and which names of headers pass.

use super::super::finding::Report;
use super::super::tree::Node;
use super::mistakes;

/// What all static files together say.
#[derive(Debug, Default)]
pub(super) struct EntryPoints<'a> {
    /// Whether forwarded headers count from listed addresses alone, and from some.
    pub(super) has_trusted_addresses: bool,
    /// Whether other spellings of names, with underscores, are deleted or refused everywhere.
    pub(super) drops_twins: bool,
    /// What every request runs through before its router's own.
    pub(super) middlewares: Vec<&'a str>,
}

fn of(root: &Node) -> impl Iterator<Item = &Node> {
    root.get("entryPoints").map_or(&[][..], Node::entries).iter().map(|(_, node)| node)
}

impl<'a> EntryPoints<'a> {
    pub(super) fn of(roots: &[&'a Node]) -> Self {
        let all: Vec<_> = roots.iter().flat_map(|root| of(root)).collect();
        let drops = |entry: &&Node| {
            let strategies = ["aliasHeadersStrategy", "underscoreHeadersStrategy"];
            let said = |key: &&str| entry.get("http").map_or("", |http| http.word(key));
            strategies.iter().any(|key| matches!(said(key), "delete" | "reject"))
        };
        let trusted = |entry: &&Node| {
            let headers = entry.get("forwardedHeaders");
            headers.is_some_and(|headers| {
                !headers.words("trustedIPs").is_empty() && headers.switched_on("insecure").is_none()
            })
        };
        Self {
            has_trusted_addresses: all.iter().any(trusted) && !all.iter().any(|entry| is_open(entry)),
            drops_twins: !all.is_empty() && all.iter().all(drops),
            middlewares: all
                .iter()
                .filter_map(|entry| entry.get("http"))
                .flat_map(|http| http.words("middlewares"))
                .collect(),
        }
    }
}

/// Whether anybody's forwarded headers count.
fn is_open(entry: &Node) -> bool {
    let Some(headers) = entry.get("forwardedHeaders") else { return false };
    headers.switched_on("insecure").is_some()
        || headers.words("trustedIPs").iter().any(|range| matches!(*range, "0.0.0.0/0" | "::/0"))
}

pub(super) fn check(roots: &[Node], report: &mut Report) {
    for entry in roots.iter().flat_map(of).filter(|entry| is_open(entry)) {
        if let Some(headers) = entry.get("forwardedHeaders") {
            report.add(&headers.place, &mistakes::FORWARDED_INSECURE);
        }
    }
}
