//! One `ext_authz` filter: whom it asks, what it shows, what it takes from the answer.

use std::time::Duration;

use super::super::finding::{Place, Report};
use super::super::header::{list, missing};
use super::super::tree::Node;
use super::super::{SENDER, is_get_session};
use super::matcher::{any_matches, is_wide, matches, patterns};
use super::{ENDPOINT, mistakes};

/// sidegate's own `store_timeout`: before it is over, a slow answer can still be a 200.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

pub(super) fn check(filter: &Node, identity: &[&str], report: &mut Report) {
    if let Some(allow) = filter.switched_on("failure_mode_allow") {
        report.add(&allow.place, &mistakes::FAILS_OPEN);
    }
    check_enabled(filter, report);
    let code = filter.get("status_on_error").map_or("", |status| status.word("code"));
    if !(code.starts_with('5')
        || matches!(code, "ServiceUnavailable" | "InternalServerError" | "BadGateway" | "GatewayTimeout"))
    {
        report.add(&filter.get("status_on_error").unwrap_or(filter).place, &mistakes::OUTAGE_IS_FORBIDDEN);
    }
    if let Some(body) = filter.get("with_request_body") {
        report.add(&body.place, &mistakes::BODY_SENT);
    }
    if filter.switched_on("encode_raw_headers").is_none() {
        report.add(&filter.get("encode_raw_headers").unwrap_or(filter).place, &mistakes::HEADERS_REWRITTEN);
    }
    if let Some(clear) = filter.switched_on("clear_route_cache") {
        report.add(&clear.place, &mistakes::ROUTE_CLEARED);
    }
    check_question(filter, report);
    check_service(filter, identity, report);
}

/// What a route says instead.
pub(super) fn check_route_settings(settings: &Node, identity: &[&str], report: &mut Report) {
    if let Some(body) = settings.get("with_request_body") {
        report.add(&body.place, &mistakes::BODY_SENT);
    }
    check_service(settings, identity, report);
}

/// A filter that is off for some requests lets these pass.
fn check_enabled(filter: &Node, report: &mut Report) {
    if filter.at(&["deny_at_disable", "default_value"]).is_some_and(|node| node.text() == Some("true")) {
        return;
    }
    if let Some(enabled) = filter.get("filter_enabled") {
        let share = enabled.get("default_value");
        let numerator = share.map_or("", |share| share.word("numerator"));
        let whole = match share.map_or("", |share| share.word("denominator")) {
            "TEN_THOUSAND" => "10000",
            "MILLION" => "1000000",
            _ => "100",
        };
        if numerator != whole {
            report.add(&enabled.place, &mistakes::PARTLY_ENABLED);
        }
    }
    if let Some(enabled) = filter.get("filter_enabled_metadata") {
        report.add(&enabled.place, &mistakes::PARTLY_ENABLED);
    }
}

/// What of the request sidegate gets to see.
fn check_question(filter: &Node, report: &mut Report) {
    let by_http = filter.get("http_service");
    let allowed = filter.get("allowed_headers");
    let allowed = allowed.or_else(|| by_http?.at(&["authorization_request", "allowed_headers"]));
    // Without a list, gRPC tells all headers and HTTP hardly any.
    let is_told = if allowed.is_some() { any_matches(allowed, "cookie") } else { by_http.is_none() };
    let withheld = filter.get("disallowed_headers").filter(|list| any_matches(Some(list), "cookie"));
    if let Some(withheld) = withheld {
        report.add(&withheld.place, &mistakes::COOKIE);
    } else if !is_told {
        report.add(&allowed.unwrap_or(filter).place, &mistakes::COOKIE);
    }
    let unsent = missing(&SENDER, |name| allowed.is_none() || any_matches(allowed, name));
    if !unsent.is_empty() {
        report.add_about(&allowed.unwrap_or(filter).place, &mistakes::SENDER_NOT_SENT, list(&unsent));
    }
}

fn check_service(asks: &Node, identity: &[&str], report: &mut Report) {
    if let Some(service) = asks.get("grpc_service") {
        check_timeout(service.get("timeout"), &service.place, report);
    }
    let Some(service) = asks.get("http_service") else { return };
    let uri = service.at(&["server_uri", "uri"]).and_then(Node::text).unwrap_or_default();
    let prefix = service.word("path_prefix");
    let place = service.get("path_prefix").map_or(&service.place, |node| &node.place);
    if is_get_session(prefix) || is_get_session(uri) {
        report.add(place, &mistakes::ASKS_BETTER_AUTH);
    } else if prefix != ENDPOINT {
        report.add_about(place, &mistakes::WRONG_ENDPOINT, prefix);
    }
    if let Some(server) = service.get("server_uri") {
        check_timeout(server.get("timeout"), &server.place, report);
    }
    check_answer(service, identity, report);
}

fn check_timeout(timeout: Option<&Node>, around: &Place, report: &mut Report) {
    let seconds = timeout.and_then(Node::text).and_then(|text| text.strip_suffix('s')?.parse().ok());
    let length = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    if length.is_none_or(|length| length < STORE_TIMEOUT) {
        let place = timeout.map_or(around, |timeout| &timeout.place);
        report.add(place, &mistakes::TIMEOUT_SHORT);
    }
}

/// Which headers of the answer go where.
fn check_answer(service: &Node, identity: &[&str], report: &mut Report) {
    let answer = service.get("authorization_response");
    let of = |key| answer.and_then(|answer| answer.get(key));
    let (set, appended) = (of("allowed_upstream_headers"), of("allowed_upstream_headers_to_append"));
    for matcher in patterns(appended) {
        if identity.iter().any(|name| matches(matcher, name)) {
            report.add(&matcher.place, &mistakes::IDENTITY_APPENDED);
        }
    }
    let unset = missing(identity, |name| any_matches(set, name) || any_matches(appended, name));
    if !unset.is_empty() {
        let place = &set.or(answer).unwrap_or(service).place;
        report.add_about(place, &mistakes::IDENTITY_NOT_COPIED, list(&unset));
    }
    for matcher in patterns(set).iter().filter(|matcher| is_wide(matcher)) {
        report.add(&matcher.place, &mistakes::MATCHER_WIDE);
    }
}
