//! Traefik's mistakes, by code.

use super::super::Mistake;

pub(super) static ASKS_BETTER_AUTH: Mistake = Mistake::new(
    "traefik_asks_better_auth",
    "Better Auth's get-session answers 200 to whoever is not signed in, so everybody passes",
    "write sidegate's address: http://sidegate:4180/auth/traefik",
);
pub(super) static WRONG_ENDPOINT: Mistake = Mistake::new(
    "traefik_wrong_endpoint",
    "sidegate does not answer Traefik there, and nobody passes",
    "write sidegate's address: http://sidegate:4180/auth/traefik",
);
pub(super) static IDENTITY_NOT_COPIED: Mistake = Mistake::new(
    "traefik_identity_not_copied",
    "Traefik neither sets nor removes these headers, and the app gets them as the client wrote them",
    "name each in authResponseHeaders, as `sidegate config traefik` prints them",
);
pub(super) static REGEX_UNANCHORED: Mistake = Mistake::new(
    "traefik_regex_unanchored",
    "without ^ this also removes and sets other headers that have the text somewhere in their names",
    "begin it with ^, as in \"^X-Auth-\"",
);
pub(super) static PUBLIC_IDENTITY: Mistake = Mistake::new(
    "traefik_public_identity",
    "this router reaches a protected app unasked, with these headers as the client wrote them",
    "add a headers middleware that sets each to \"\" in customRequestHeaders, which removes it; where that is done at the \
     entry point, give the static file to this check too",
);
pub(super) static IDENTITY_CLEARED_LATE: Mistake = Mistake::new(
    "traefik_identity_cleared_late",
    "this middleware stands after forwardAuth and removes what sidegate said",
    "put it before forwardAuth in the list of middlewares",
);
pub(super) static TWINS_PASS: Mistake = Mistake::new(
    "traefik_twins_pass",
    "sidegate is not shown a client's X_Auth_User_Id and cannot refuse it, and WSGI and FastCGI apps take it for X-Auth-User-Id",
    "remove authRequestHeaders, or write http.aliasHeadersStrategy: delete at every entry point (Traefik 3.7.12 and later) and \
     give the static file to this check too",
);
pub(super) static COOKIE: Mistake = Mistake::new(
    "traefik_cookie_not_sent",
    "sidegate is not shown the cookie, and nobody is signed in",
    "add Cookie to authRequestHeaders, or remove that list",
);
pub(super) static SENDER_NOT_SENT: Mistake = Mistake::note(
    "traefik_sender_not_sent",
    "where allowed_origins is set, sidegate is not shown these: what changes something is refused, or a WebSocket is let by \
     whoever's page opens it",
    "add each to authRequestHeaders, or remove that list",
);
pub(super) static BODY_SENT: Mistake = Mistake::new(
    "traefik_body_sent",
    "Traefik holds each request's body in memory and sends it to sidegate, which does not read it",
    "remove forwardBody",
);
pub(super) static FORWARDED_UNSET: Mistake = Mistake::new(
    "traefik_forwarded_unset",
    "without trustForwardHeader, Traefik passes on some forwarded headers of the client's and warns of it",
    "write trustForwardHeader: false",
);
pub(super) static FORWARDED_TRUSTED: Mistake = Mistake::new(
    "traefik_forwarded_trusted",
    "sidegate judges whatever URL stands in X-Forwarded-*, and nothing here says that a proxy of yours wrote it",
    "write trustForwardHeader: false; behind another proxy, list that in entryPoints.*.forwardedHeaders.trustedIPs and give \
     the static file to this check too",
);
pub(super) static FORWARDED_INSECURE: Mistake = Mistake::new(
    "traefik_forwarded_insecure",
    "everybody's X-Forwarded-* counts, so clients choose which host and URL are judged",
    "remove insecure, and list in trustedIPs the proxies in front of Traefik, if there are any",
);
pub(super) static PATH_CHANGED: Mistake = Mistake::new(
    "traefik_path_changed",
    "this middleware stands before forwardAuth, and sidegate judges another path than the client asked for",
    "put forwardAuth first in the list of middlewares",
);
pub(super) static ANSWER_UNBOUNDED: Mistake = Mistake::new(
    "traefik_answer_unbounded",
    "Traefik reads an answer of any length into memory, and warns of it",
    "write maxResponseBodySize: 8192",
);
