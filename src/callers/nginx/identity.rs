//! Who the app is told that somebody is: by sidegate, by nobody, or by the client.

use super::super::directive::Directive;
use super::super::finding::Report;
use super::super::header::{list, missing};
use super::scope::Scope;
use super::{authority, mistakes};

/// How a kind of app is passed to, and how it is told headers.
const PASSES: [(&str, &str, &str); 5] = [
    ("proxy_pass", "proxy_set_header", ""),
    ("grpc_pass", "grpc_set_header", ""),
    ("fastcgi_pass", "fastcgi_param", "HTTP_"),
    ("scgi_pass", "scgi_param", "HTTP_"),
    ("uwsgi_pass", "uwsgi_param", "HTTP_"),
];

/// The headers that reach the app behind this location, if that is one that trusts them.
pub(super) fn check(
    scope: &Scope<'_>,
    is_trusting: impl Fn(&str) -> bool,
    identity: &[&str],
    report: &mut Report,
) {
    let pass = |(name, set, prefix)| scope.own_line(name).map(|line| (line, set, prefix));
    let Some((pass, set, prefix)) = PASSES.into_iter().find_map(pass) else { return };
    let is_checked = scope.auth_request().is_some();
    // Nothing of the client's is passed on then.
    let is_silent = scope.value("proxy_pass_request_headers") == Some("off");
    if is_silent || !is_trusting(authority(pass.value())) {
        return;
    }
    let told = |line: &Directive, name: &str| {
        let header = line.value();
        if prefix.is_empty() {
            header.eq_ignore_ascii_case(name)
        } else {
            header.strip_prefix(prefix).is_some_and(|rest| rest.eq_ignore_ascii_case(&name.replace('-', "_")))
        }
    };
    let lines = scope.lines(set);
    for line in &lines {
        if identity.iter().any(|name| told(line, name)) && is_of_client(scope, line) {
            report.add(&line.place, &mistakes::IDENTITY_OF_CLIENT);
        }
    }
    let untold = missing(identity, |name| lines.iter().any(|line| told(line, name)));
    if untold.is_empty() {
        return;
    }
    let outer: Vec<_> = scope.levels_with(set).skip(1).flatten().collect();
    let is_switched_off = untold.iter().all(|name| outer.iter().any(|line| told(line, name)));
    match lines.first() {
        Some(line) if is_switched_off => {
            report.add_about(&line.place, &mistakes::IDENTITY_SWITCHED_OFF, list(&untold));
        }
        _ if is_checked => report.add_about(&pass.place, &mistakes::IDENTITY_NOT_SET, list(&untold)),
        _ => report.add_about(&pass.place, &mistakes::PUBLIC_IDENTITY, list(&untold)),
    }
}

/// Whether the value is a header of the client's, or a variable that is.
fn is_of_client(scope: &Scope<'_>, line: &Directive) -> bool {
    let value = line.arguments().get(1).map_or("", String::as_str);
    let is_header = |value: &str| value.contains("$http_") || value.contains("${http_");
    let is_set_so = |set: &Directive| {
        set.value() == value && set.arguments().get(1).is_some_and(|value| is_header(value))
    };
    is_header(value) || scope.lines("auth_request_set").into_iter().any(is_set_so)
}
