//! Envoy: `ext_authz`, by HTTP or gRPC, wherever in a bootstrap it stands, and the filters and routes around it.

mod chain;
mod filter;
mod matcher;
mod mistakes;
mod routes;

use super::finding::{Mistake, Report};
use super::tree::Node;
use crate::dialect::Dialect;

/// What stands before the path in the question that Envoy asks.
const ENDPOINT: &str = Dialect::Envoy.path();

/// All of them.
pub(super) static MISTAKES: &[&Mistake] = &[
    &mistakes::ASKS_BETTER_AUTH,
    &mistakes::WRONG_ENDPOINT,
    &mistakes::FAILS_OPEN,
    &mistakes::PARTLY_ENABLED,
    &mistakes::OUTAGE_IS_FORBIDDEN,
    &mistakes::COOKIE,
    &mistakes::SENDER_NOT_SENT,
    &mistakes::IDENTITY_NOT_COPIED,
    &mistakes::IDENTITY_APPENDED,
    &mistakes::IDENTITY_OF_CLIENT,
    &mistakes::IDENTITY_REMOVED_LATE,
    &mistakes::PUBLIC_IDENTITY,
    &mistakes::MATCHER_WIDE,
    &mistakes::BODY_SENT,
    &mistakes::HEADERS_REWRITTEN,
    &mistakes::ROUTE_CLEARED,
    &mistakes::TIMEOUT_SHORT,
    &mistakes::PATH_NOT_NORMALIZED,
    &mistakes::UNDERSCORES,
];

/// Whether a document is one of Envoy's.
pub(super) fn is_likely(root: &Node) -> bool {
    let is_bootstrap = ["static_resources", "dynamic_resources"].iter().any(|key| root.get(key).is_some());
    is_bootstrap || root.all().iter().any(|node| type_of(node).starts_with("envoy."))
}

/// Names the mistakes; whether anything is asked before it is passed on.
pub(super) fn check(roots: &[Node], identity: &[&str], report: &mut Report) -> bool {
    let nodes: Vec<_> = roots.iter().flat_map(Node::all).collect();
    let filters: Vec<_> = nodes.iter().copied().filter(|node| is_filter(node)).collect();
    for filter in &filters {
        filter::check(filter, identity, report);
    }
    for settings in nodes.iter().filter_map(|node| node.get("check_settings")) {
        filter::check_route_settings(settings, identity, report);
    }
    let is_manager = |node: &&&Node| type_of(node).ends_with(".HttpConnectionManager");
    for manager in nodes.iter().filter(is_manager) {
        chain::check(manager, identity, report);
    }
    !filters.is_empty()
}

/// Whether this is the configuration of a filter that asks somebody.
fn is_filter(node: &Node) -> bool {
    type_of(node).ends_with(".http.ext_authz.v3.ExtAuthz")
}

/// The type that a `typed_config` names, without its prefix.
fn type_of(node: &Node) -> &str {
    let name = node.word("@type");
    name.rsplit('/').next().unwrap_or(name)
}
