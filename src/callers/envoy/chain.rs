//! A connection manager with an `ext_authz` filter among its filters.

use super::super::finding::Report;
use super::super::header::{list, missing};
use super::super::tree::Node;
use super::matcher::matches;
use super::{is_filter, mistakes, routes, type_of};

pub(super) fn check(manager: &Node, identity: &[&str], report: &mut Report) {
    let filters = manager.list("http_filters");
    let Some(at) = filters.iter().position(|filter| asking(filter).is_some()) else { return };
    let (before, after) = filters.split_at(at);
    let Some((filter, after)) = after.split_first().and_then(|(own, after)| Some((asking(own)?, after)))
    else {
        return;
    };

    let early = manager.list("early_header_mutation_extensions");
    let left = missing(identity, |name| before.iter().chain(early).any(|filter| removes(filter, name)));
    if !left.is_empty() && filter.get("http_service").is_some() {
        report.add_about(&filter.place, &mistakes::IDENTITY_OF_CLIENT, list(&left));
    }
    for late in after {
        if identity.iter().any(|name| removes(late, name)) {
            report.add(&late.place, &mistakes::IDENTITY_REMOVED_LATE);
        }
    }
    check_names(manager, report);
    routes::check(manager, &left, identity, report);
}

/// The configuration of `ext_authz` in a filter, which may hold it under conditions.
fn asking(filter: &Node) -> Option<&Node> {
    filter.all().into_iter().find(|node| is_filter(node))
}

/// Whether a filter takes a header out of every request.
fn removes(filter: &Node, name: &str) -> bool {
    let Some(config) = filter.get("typed_config") else { return false };
    let kind = type_of(config);
    if kind.ends_with(".HeaderMutation") {
        // A filter nests its mutations one deeper than the extension that runs before all filters.
        let filter = config.at(&["mutations", "request_mutations"]).map_or(&[][..], Node::items);
        let early = config.list("mutations");
        return filter.iter().chain(early).any(|mutation| {
            let is_named = mutation.word("remove").eq_ignore_ascii_case(name);
            let matcher = mutation.at(&["remove_on_match", "key_matcher"]);
            is_named || matcher.is_some_and(|matcher| matches(matcher, name))
        });
    }
    // What a script does is not judged: that it removes headers of this family is taken for all of them.
    let family = name.split('-').take(2).collect::<Vec<_>>().join("-");
    kind.ends_with(".Lua")
        && config.all().iter().filter_map(|node| node.text()).any(|text| {
            let text = text.to_ascii_lowercase();
            text.contains("remove") && (text.contains(&family) || text.contains(&family.replace('-', "%-")))
        })
}

/// Paths and names of headers that two programs read differently.
fn check_names(manager: &Node, report: &mut Report) {
    let is_on = |key| manager.switched_on(key).is_some();
    let slashes = manager.word("path_with_escaped_slashes_action");
    let is_exact = matches!(slashes, "REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD");
    if !(is_on("normalize_path") && is_on("merge_slashes") && is_exact) {
        report.add(&manager.place, &mistakes::PATH_NOT_NORMALIZED);
    }
    let underscores = manager.at(&["common_http_protocol_options", "headers_with_underscores_action"]);
    if !matches!(underscores.and_then(Node::text), Some("REJECT_REQUEST" | "DROP_HEADER")) {
        report.add(&underscores.unwrap_or(manager).place, &mistakes::UNDERSCORES);
    }
}
