//! One `forwardAuth` block.

use super::super::finding::Report;
use super::super::header::{Simple, canonical, list, missing};
use super::super::tree::Node;
use super::super::{SENDER, is_get_session};
use super::entry_points::EntryPoints;
use super::{ENDPOINT, mistakes};

/// The path of the address.
fn path(auth: &Node) -> &str {
    let address = auth.word("address");
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    path.split('?').next().unwrap_or(path)
}

pub(super) fn is_of_sidegate(auth: &Node) -> bool {
    path(auth) == ENDPOINT
}

pub(super) fn is_of_better_auth(auth: &Node) -> bool {
    is_get_session(path(auth))
}

/// Whether the client's own header of this name is replaced by the answer's, or dropped.
pub(super) fn copies(auth: &Node, name: &str) -> bool {
    let is_listed = auth.words("authResponseHeaders").iter().any(|header| header.eq_ignore_ascii_case(name));
    let expression = auth.word("authResponseHeadersRegex");
    // Go's own spelling of the name is what Traefik compares, and one that is not understood here may well fit.
    let fits = Simple::of(expression).is_none_or(|simple| simple.finds(&canonical(name)));
    is_listed || !expression.is_empty() && fits
}

pub(super) fn check(auth: &Node, entry_points: &EntryPoints<'_>, report: &mut Report) {
    let address = auth.get("address").unwrap_or(auth);
    if is_of_better_auth(auth) {
        report.add(&address.place, &mistakes::ASKS_BETTER_AUTH);
    } else if !is_of_sidegate(auth) {
        report.add_about(&address.place, &mistakes::WRONG_ENDPOINT, path(auth));
    }
    if let Some(regex) = auth.get("authResponseHeadersRegex") {
        let text = regex.text().unwrap_or_default();
        if !text.is_empty() && !text.trim_start_matches("(?i)").starts_with('^') {
            report.add_about(&regex.place, &mistakes::REGEX_UNANCHORED, text);
        }
    }
    check_question(auth, entry_points, report);
    match auth.get("trustForwardHeader") {
        None => report.add(&auth.place, &mistakes::FORWARDED_UNSET),
        Some(node) if auth.switched_on("trustForwardHeader").is_some() => {
            if !entry_points.has_trusted_addresses {
                report.add(&node.place, &mistakes::FORWARDED_TRUSTED);
            }
        }
        Some(_) => {}
    }
    match auth.get("maxResponseBodySize") {
        Some(size) if size.text().is_some_and(|size| !size.starts_with('-')) => {}
        size => report.add(&size.unwrap_or(auth).place, &mistakes::ANSWER_UNBOUNDED),
    }
}

/// What of the request sidegate gets to see.
fn check_question(auth: &Node, entry_points: &EntryPoints<'_>, report: &mut Report) {
    if let Some(body) = auth.switched_on("forwardBody") {
        report.add(&body.place, &mistakes::BODY_SENT);
    }
    let Some(headers) = auth.get("authRequestHeaders") else { return };
    let sent = auth.words("authRequestHeaders");
    // An empty list sends everything.
    if sent.is_empty() {
        return;
    }
    let is_sent = |name: &str| sent.iter().any(|header| header.eq_ignore_ascii_case(name));
    if !is_sent("cookie") {
        report.add(&headers.place, &mistakes::COOKIE);
    }
    let unsent = missing(&SENDER, is_sent);
    if !unsent.is_empty() {
        report.add_about(&headers.place, &mistakes::SENDER_NOT_SENT, list(&unsent));
    }
    if !entry_points.drops_twins {
        report.add(&headers.place, &mistakes::TWINS_PASS);
    }
}
