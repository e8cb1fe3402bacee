//! Routes that are not asked about, and those that take headers away.

use super::super::finding::Report;
use super::super::header::list;
use super::super::tree::Node;
use super::{mistakes, type_of};

/// `left` are the identity headers that nothing removes before the question.
pub(super) fn check(manager: &Node, left: &[&str], identity: &[&str], report: &mut Report) {
    let Some(config) = manager.get("route_config") else { return };
    for host in config.list("virtual_hosts") {
        for route in host.list("routes") {
            // The innermost block that says whether it is asked about decides.
            let levels = [route, host, config];
            if levels.iter().find_map(|level| is_disabled(level)) != Some(true) {
                check_removal(&levels, identity, report);
                continue;
            }
            let left: Vec<_> = left
                .iter()
                .copied()
                .filter(|name| !levels.iter().any(|level| removes(level, name)))
                .collect();
            let is_passed_on =
                ["route", "redirect", "direct_response"].iter().find(|key| route.get(key).is_some());
            if !left.is_empty() && is_passed_on == Some(&"route") {
                report.add_about(&route.place, &mistakes::PUBLIC_IDENTITY, list(&left));
            }
        }
    }
}

/// A removal by a route happens when the request leaves, after the answer was written into it.
fn check_removal(levels: &[&Node], identity: &[&str], report: &mut Report) {
    for level in levels.iter().filter(|level| identity.iter().any(|name| removes(level, name))) {
        if let Some(removal) = level.get("request_headers_to_remove") {
            report.add(&removal.place, &mistakes::IDENTITY_REMOVED_LATE);
        }
    }
}

fn removes(level: &Node, name: &str) -> bool {
    level.words("request_headers_to_remove").iter().any(|header| header.eq_ignore_ascii_case(name))
}

/// Whether a block says of the filter that it is off, or on, or nothing.
fn is_disabled(level: &Node) -> Option<bool> {
    let is_meant = |name: &str, config: &Node| {
        let inner = config.get("config").map_or("", type_of);
        name.contains("ext_authz") || [type_of(config), inner].iter().any(|kind| kind.contains(".ext_authz."))
    };
    let mut configs = level.get("typed_per_filter_config")?.entries().iter();
    let (_, config) = configs.find(|(name, config)| is_meant(name, config))?;
    Some(config.all().iter().any(|node| node.switched_on("disabled").is_some()))
}
