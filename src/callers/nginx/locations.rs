//! What stands around a protected location and takes the protection away.

use std::collections::HashSet;

use super::super::directive::Directive;
use super::super::finding::Report;
use super::scope::{Scope, Server};
use super::{authority, is_protected, mistakes};

pub(super) fn check(server: &Server<'_>, protected_apps: &HashSet<&str>, report: &mut Report) {
    if is_protected(server) {
        check_names(&server.scope, report);
    }
    for scope in server.inner.iter().chain([&server.scope]) {
        if scope.auth_request().is_none() {
            continue;
        }
        if let Some(line) = scope.line("satisfy").filter(|line| line.value() == "any") {
            report.add(&line.place, &mistakes::SATISFY_ANY);
        }
        if scope.own_line("auth_request").is_some() {
            check_returns(scope.own(), report);
        }
        check_upgrade(scope, report);
        for line in scope.lines("error_page") {
            check_error_page(server, line, protected_apps, report);
        }
    }
}

/// Which names of headers nginx lets through. Told by the server's block and those around it alone.
fn check_names(server: &Scope<'_>, report: &mut Report) {
    for (name, bad) in [("underscores_in_headers", "on"), ("ignore_invalid_headers", "off")] {
        if let Some(line) = server.line(name).filter(|line| line.value() == bad) {
            report.add(&line.place, &mistakes::UNDERSCORES);
        }
    }
}

/// `return` and redirects run before the check. Those that refuse do no harm.
fn check_returns(lines: &[Directive], report: &mut Report) {
    for line in lines {
        let is_answer = match line.name() {
            "return" => !line.value().starts_with(['4', '5']),
            "rewrite" => {
                let [_, to, flags @ ..] = line.arguments() else { continue };
                let is_elsewhere = to.starts_with("http://") || to.starts_with("https://");
                is_elsewhere || flags.iter().any(|flag| matches!(flag.as_str(), "redirect" | "permanent"))
            }
            "if" => {
                check_returns(line.inside(), report);
                false
            }
            _ => false,
        };
        if is_answer {
            report.add(&line.place, &mistakes::UNCHECKED_RETURN);
        }
    }
}

fn check_upgrade(scope: &Scope<'_>, report: &mut Report) {
    for line in scope.lines("proxy_set_header") {
        let value = line.arguments().get(1).map_or("", String::as_str);
        if line.value().eq_ignore_ascii_case("upgrade") && value == "$http_upgrade" {
            report.add(&line.place, &mistakes::UPGRADE_PASSED);
        }
    }
}

fn check_error_page(
    server: &Server<'_>,
    line: &Directive,
    protected_apps: &HashSet<&str>,
    report: &mut Report,
) {
    let Some((to, codes)) = line.arguments().split_last() else { return };
    let has = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(&code.as_str()));
    let Some(target) = server.location(to) else { return };
    let Some(pass) = target.own_line("proxy_pass") else { return };
    let is_checked = target.auth_request().is_some();
    let is_app = protected_apps.contains(authority(pass.value()));
    // A named location keeps the path that was asked for; `rewrite` gives it another.
    let keeps_path = target.is_named() && target.own_line("rewrite").is_none();
    if !is_checked && is_app && keeps_path && has(&["401", "403", "500", "502", "503", "504"]) {
        report.add_about(&line.place, &mistakes::ERROR_PAGE_TO_APP, to);
    } else if has(&["401"]) && !codes.iter().any(|code| code.starts_with('=')) {
        report.add(&line.place, &mistakes::LOGIN_WITHOUT_EQUALS);
    }
}
