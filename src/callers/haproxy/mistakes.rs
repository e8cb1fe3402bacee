//! `HAProxy`'s mistakes, by code.

use super::super::Mistake;

pub(super) static ASKS_BETTER_AUTH: Mistake = Mistake::new(
    "haproxy_asks_better_auth",
    "Better Auth's get-session answers 200 to whoever is not signed in, so everybody passes",
    "ask sidegate instead, at /auth/haproxy",
);
pub(super) static WRONG_ENDPOINT: Mistake = Mistake::new(
    "haproxy_wrong_endpoint",
    "sidegate does not answer HAProxy there, and nobody passes",
    "write /auth/haproxy",
);
pub(super) static NOT_DENIED: Mistake = Mistake::new(
    "haproxy_not_denied",
    "the call of Lua refuses nobody by itself, so everybody passes",
    "write http-request deny unless { var(txn.auth_response_successful) -m bool } after it",
);
pub(super) static IDENTITY_OF_CLIENT: Mistake = Mistake::new(
    "haproxy_identity_of_client",
    "where sidegate's answer lacks one of these, the app gets it as the client wrote it",
    "write http-request del-header x-auth- -m beg above the call of Lua",
);
pub(super) static PUBLIC_IDENTITY: Mistake = Mistake::new(
    "haproxy_public_identity",
    "whoever comes this way can be anybody, for the app gets these headers as the client wrote them",
    "write http-request del-header x-auth- -m beg into the frontend",
);
pub(super) static TWINS_PASS: Mistake = Mistake::new(
    "haproxy_twins_pass",
    "a client's x_auth_user_id is passed on, which WSGI and FastCGI apps take for X-Auth-User-Id",
    "write http-request del-header x_auth_ -m beg above the call of Lua too",
);
pub(super) static ORIGINAL_OF_CLIENT: Mistake = Mistake::new(
    "haproxy_original_of_client",
    "clients tell by these headers which request sidegate judges",
    "set each by http-request set-header above the call of Lua, X-Forwarded-Uri to %[pathq]",
);
