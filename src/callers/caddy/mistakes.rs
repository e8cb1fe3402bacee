//! Caddy's mistakes, by code.

use super::super::Mistake;

pub(super) static ASKS_BETTER_AUTH: Mistake = Mistake::new(
    "caddy_asks_better_auth",
    "Better Auth's get-session answers 200 to whoever is not signed in, so everybody passes",
    "ask sidegate instead, with uri /auth/caddy",
);
pub(super) static WRONG_ENDPOINT: Mistake = Mistake::new(
    "caddy_wrong_endpoint",
    "sidegate does not answer Caddy there, and nobody passes",
    "write uri /auth/caddy",
);
pub(super) static IDENTITY_NOT_COPIED: Mistake = Mistake::new(
    "caddy_identity_not_copied",
    "nothing of sidegate's answer reaches the app",
    "name in copy_headers what the app wants, or take the block that `sidegate config caddy` prints",
);
pub(super) static IDENTITY_OF_CLIENT: Mistake = Mistake::new(
    "caddy_identity_of_client",
    "these headers reach the app as the client wrote them",
    "put both into route { … }, with request_header -X-Auth-* above forward_auth",
);
pub(super) static UNSAFE_BEFORE_2_11_2: Mistake = Mistake::new(
    "caddy_unsafe_before_2_11_2",
    "where sidegate's answer lacks one of these, Caddy 2.10.0 to 2.11.1 hands on the client's (CVE-2026-30851), and before \
     2.10 the text {http.reverse_proxy.header.…}",
    "take the block that `sidegate config caddy` prints, or put both into route { … }, with request_header -X-Auth-* above \
     forward_auth, and run Caddy 2.10 or later",
);
pub(super) static UNSAFE_BEFORE_2_10: Mistake = Mistake::note(
    "caddy_unsafe_before_2_10",
    "Caddy before 2.10 gives the app the text {http.reverse_proxy.header.…} for each header that sidegate's answer lacks",
    "run Caddy 2.10 or later, or take the block that `sidegate config caddy` prints",
);
pub(super) static IDENTITY_REMOVED_LATE: Mistake = Mistake::new(
    "caddy_identity_removed_late",
    "this runs after forward_auth, wherever it stands outside route { … }, and removes what sidegate said",
    "put both into route { … }, with request_header -X-Auth-* above forward_auth",
);
pub(super) static PUBLIC_IDENTITY: Mistake = Mistake::new(
    "caddy_public_identity",
    "whoever comes this way can be anybody, for the app gets these headers as the client wrote them",
    "write request_header -X-Auth-* beside it, or header_up -X-Auth-* in it",
);
pub(super) static NO_TIMEOUTS: Mistake = Mistake::new(
    "caddy_no_timeouts",
    "every request waits for as long as sidegate does not answer, without end",
    "write transport http { dial_timeout 250ms and response_header_timeout 1s } into this block",
);
pub(super) static ERRORS_PASS: Mistake = Mistake::new(
    "caddy_errors_pass",
    "a refusal or an outage goes on to the app",
    "let it end with copy_response, respond or error, and lead handle_errors to static pages",
);
pub(super) static ORIGINAL_OF_CLIENT: Mistake = Mistake::new(
    "caddy_original_of_client",
    "clients tell by X-Forwarded-Method and X-Forwarded-Uri which request sidegate judges",
    "write header_up X-Forwarded-Method {method} and header_up X-Forwarded-Uri {uri}, or use forward_auth",
);
pub(super) static BODY_SENT: Mistake = Mistake::new(
    "caddy_body_sent",
    "the request's body goes to sidegate, which does not read it, and the app gets none",
    "write method GET into this block, or use forward_auth",
);
pub(super) static PATH_CHANGED: Mistake = Mistake::new(
    "caddy_path_changed",
    "the path was changed before, and sidegate judges another one than the client asked for",
    "put forward_auth into a route { … } around, above what changes the path",
);
pub(super) static TRUSTS_EVERYBODY: Mistake = Mistake::new(
    "caddy_trusts_everybody",
    "everybody's X-Forwarded-Host and X-Forwarded-Proto count, so clients choose which host is judged",
    "list the proxies in front of Caddy, or remove the line",
);
