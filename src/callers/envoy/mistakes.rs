//! Envoy's mistakes, by code.

use super::super::Mistake;

pub(super) static ASKS_BETTER_AUTH: Mistake = Mistake::new(
    "envoy_asks_better_auth",
    "Better Auth's get-session answers 200 to whoever is not signed in, so everybody passes",
    "let http_service ask sidegate, with path_prefix: /auth/envoy",
);
pub(super) static WRONG_ENDPOINT: Mistake = Mistake::new(
    "envoy_wrong_endpoint",
    "sidegate does not answer Envoy there, and nobody passes",
    "write path_prefix: /auth/envoy",
);
pub(super) static FAILS_OPEN: Mistake = Mistake::new(
    "envoy_fails_open",
    "while sidegate is down or its store is, everybody passes, with the identity headers that they wrote themselves",
    "write failure_mode_allow: false",
);
pub(super) static PARTLY_ENABLED: Mistake = Mistake::new(
    "envoy_partly_enabled",
    "requests for which the filter is off pass unasked",
    "remove this, or write deny_at_disable with default_value: true",
);
pub(super) static OUTAGE_IS_FORBIDDEN: Mistake = Mistake::new(
    "envoy_outage_is_forbidden",
    "an outage of sidegate's is told as 403, which clients take for a decision and do not try again",
    "write status_on_error: { code: ServiceUnavailable }",
);
pub(super) static COOKIE: Mistake = Mistake::new(
    "envoy_cookie_not_sent",
    "sidegate is not shown the cookie, and nobody is signed in",
    "add { exact: cookie } to the patterns of allowed_headers, and take it out of disallowed_headers",
);
pub(super) static SENDER_NOT_SENT: Mistake = Mistake::note(
    "envoy_sender_not_sent",
    "where allowed_origins is set, sidegate is not shown these: what changes something is refused, or a WebSocket is let by \
     whoever's page opens it",
    "add each to the patterns of allowed_headers, as in { exact: origin }",
);
pub(super) static IDENTITY_NOT_COPIED: Mistake = Mistake::new(
    "envoy_identity_not_copied",
    "Envoy does not take these headers from the answer, and the app gets none, or the client's",
    "name each in the patterns of allowed_upstream_headers, as `sidegate config envoy` prints them",
);
pub(super) static IDENTITY_APPENDED: Mistake = Mistake::new(
    "envoy_identity_appended",
    "the client's own header stays, and comes first",
    "move this pattern to allowed_upstream_headers",
);
pub(super) static IDENTITY_OF_CLIENT: Mistake = Mistake::new(
    "envoy_identity_of_client",
    "nothing removes these headers of the client's before sidegate is asked, and where an answer lacks them they may pass",
    "put a header_mutation filter before ext_authz that removes each, as `sidegate config envoy` prints it",
);
pub(super) static IDENTITY_REMOVED_LATE: Mistake = Mistake::new(
    "envoy_identity_removed_late",
    "this runs after ext_authz and removes what sidegate said",
    "remove the client's headers by a header_mutation filter before ext_authz",
);
pub(super) static PUBLIC_IDENTITY: Mistake = Mistake::new(
    "envoy_public_identity",
    "ext_authz is off for this route, and the app gets these headers as the client wrote them",
    "name each in request_headers_to_remove of the route, or remove them by a header_mutation filter",
);
pub(super) static MATCHER_WIDE: Mistake = Mistake::new(
    "envoy_matcher_wide",
    "an answer may then set headers of the request that are no identity, such as X-Forwarded-For",
    "name the identity headers alone, as `sidegate config envoy` prints them",
);
pub(super) static BODY_SENT: Mistake = Mistake::new(
    "envoy_body_sent",
    "Envoy holds each request's body in memory and sends it to sidegate, which does not read it",
    "remove with_request_body",
);
pub(super) static HEADERS_REWRITTEN: Mistake = Mistake::new(
    "envoy_headers_rewritten",
    "Envoy joins headers of one name by commas and writes ! for some bytes, and sidegate cannot see what the app will",
    "write encode_raw_headers: true",
);
pub(super) static ROUTE_CLEARED: Mistake = Mistake::new(
    "envoy_route_cleared",
    "after the answer Envoy chooses the route anew, and the request may end up in one that was not asked about",
    "remove clear_route_cache",
);
pub(super) static TIMEOUT_SHORT: Mistake = Mistake::new(
    "envoy_timeout_short",
    "Envoy gives up (by default after 200 ms) before sidegate's store_timeout of 500 ms is over, and refuses who would pass",
    "write timeout: 1s",
);
pub(super) static PATH_NOT_NORMALIZED: Mistake = Mistake::new(
    "envoy_path_not_normalized",
    "routes, sidegate and the app may read a path such as /public/..%2fadmin differently",
    "write normalize_path: true, merge_slashes: true and path_with_escaped_slashes_action: REJECT_REQUEST",
);
pub(super) static UNDERSCORES: Mistake = Mistake::new(
    "envoy_underscores",
    "a client's X_Auth_User_Id is passed on, which WSGI and FastCGI apps take for X-Auth-User-Id",
    "write common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }",
);
