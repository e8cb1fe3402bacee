//! Traefik: `forwardAuth`, the middlewares around it, and what the static file says of forwarded headers.

mod auth;
mod entry_points;
mod mistakes;
mod model;

use self::entry_points::EntryPoints;
use self::model::{Middleware, Model};
use super::finding::{Mistake, Report};
use super::header::{list, missing};
use super::tree::Node;
use crate::dialect::Dialect;

/// Where sidegate answers Traefik.
const ENDPOINT: &str = Dialect::Traefik.path();

/// All of them.
pub(super) static MISTAKES: &[&Mistake] = &[
    &mistakes::ASKS_BETTER_AUTH,
    &mistakes::WRONG_ENDPOINT,
    &mistakes::IDENTITY_NOT_COPIED,
    &mistakes::REGEX_UNANCHORED,
    &mistakes::PUBLIC_IDENTITY,
    &mistakes::IDENTITY_CLEARED_LATE,
    &mistakes::TWINS_PASS,
    &mistakes::COOKIE,
    &mistakes::SENDER_NOT_SENT,
    &mistakes::BODY_SENT,
    &mistakes::FORWARDED_UNSET,
    &mistakes::FORWARDED_TRUSTED,
    &mistakes::FORWARDED_INSECURE,
    &mistakes::PATH_CHANGED,
    &mistakes::ANSWER_UNBOUNDED,
];

const DYNAMIC: [&str; 3] = ["routers", "middlewares", "services"];
const PROVIDERS: [&str; 5] = ["file", "docker", "kubernetesCRD", "kubernetesIngress", "kubernetesGateway"];
const RESOURCES: [&str; 2] = ["traefik.io/", "traefik.containo.us/"];

/// Whether a document is one of Traefik's.
pub(super) fn is_likely(root: &Node) -> bool {
    let has = |block: &str, keys: &[&str]| keys.iter().any(|key| root.at(&[block, key]).is_some());
    let is_static = root.get("entryPoints").is_some() || has("providers", &PROVIDERS);
    let is_resource = RESOURCES.iter().any(|group| root.word("apiVersion").starts_with(group));
    is_static || is_resource || has("http", &DYNAMIC)
}

/// Names the mistakes; whether anything is asked before it is passed on. `beside` are the documents of all files.
pub(super) fn check(roots: &[Node], beside: &[&Node], identity: &[&str], report: &mut Report) -> bool {
    entry_points::check(roots, report);
    let entry_points = EntryPoints::of(beside);
    let model = Model::of(roots, &entry_points);
    let has_ours = model.auths().any(auth::is_of_sidegate);
    let mut asks = false;
    for auth in model.auths() {
        asks = true;
        let is_foreign = has_ours && !auth::is_of_sidegate(auth) && !auth::is_of_better_auth(auth);
        if !is_foreign {
            auth::check(auth, &entry_points, report);
            check_identity(&model, auth, identity, report);
        }
    }
    check_chains(&model, identity, report);
    asks
}

/// Whether the client's own identity headers survive a `forwardAuth`, by whatever chain it is reached.
fn check_identity(model: &Model<'_>, auth: &Node, identity: &[&str], report: &mut Report) {
    let uncopied = missing(identity, |name| auth::copies(auth, name));
    let mut left: Vec<_> = uncopied.clone();
    let chains: Vec<_> = model.routers.iter().filter_map(|router| router.before(auth)).collect();
    if !chains.is_empty() {
        left.retain(|name| chains.iter().any(|before| !before.iter().any(|one| clears(one, name))));
    }
    if !left.is_empty() {
        report.add_about(&auth.place, &mistakes::IDENTITY_NOT_COPIED, list(&left));
    }
}

/// What stands before and after the question in each router.
fn check_chains(model: &Model<'_>, identity: &[&str], report: &mut Report) {
    let protected: Vec<_> = model.routers.iter().filter(|router| router.auth().is_some()).collect();
    let apps: Vec<_> = protected.iter().flat_map(|router| &router.services).collect();
    for router in &protected {
        let Some(auth) = router.auth() else { continue };
        for middleware in router.before(auth).unwrap_or_default() {
            if middleware.changes_path() {
                report.add_about(&router.node.place, &mistakes::PATH_CHANGED, middleware.name);
            }
        }
        for middleware in router.after(auth) {
            if identity.iter().any(|name| clears(middleware, name)) {
                report.add_about(&router.node.place, &mistakes::IDENTITY_CLEARED_LATE, middleware.name);
            }
        }
    }
    for router in &model.routers {
        let is_of_app = router.services.iter().any(|service| apps.contains(&service));
        if router.auth().is_some() || !is_of_app {
            continue;
        }
        let left = missing(identity, |name| router.chain.iter().any(|one| clears(one, name)));
        if !left.is_empty() {
            report.add_about(&router.node.place, &mistakes::PUBLIC_IDENTITY, list(&left));
        }
    }
}

/// Whether a middleware takes a header out of the request: Traefik does so for one with an empty value.
fn clears(middleware: &Middleware<'_>, name: &str) -> bool {
    let set = middleware.node.at(&["headers", "customRequestHeaders"]);
    let mut entries = set.map_or(&[][..], Node::entries).iter();
    entries.any(|(header, value)| header.eq_ignore_ascii_case(name) && value.text() == Some(""))
}
