//! nginx's mistakes, by code.

use super::super::Mistake;

pub(super) static ASKS_BETTER_AUTH: Mistake = Mistake::new(
    "nginx_asks_better_auth",
    "Better Auth's get-session answers 200 to whoever is not signed in, so everybody passes",
    "ask sidegate instead: proxy_pass http://sidegate/auth/nginx, as in sidegate-server.conf",
);
pub(super) static WRONG_ENDPOINT: Mistake = Mistake::new(
    "nginx_wrong_endpoint",
    "sidegate does not answer nginx there, and nobody passes",
    "write proxy_pass http://sidegate/auth/nginx into the location that auth_request names",
);
pub(super) static QUESTION_UNANSWERED: Mistake = Mistake::new(
    "nginx_question_unanswered",
    "no location of this server hands this question to sidegate, and whatever answers it with 200 lets everybody in",
    "include sidegate-server.conf in this server",
);
pub(super) static NOT_INTERNAL: Mistake = Mistake::new(
    "nginx_not_internal",
    "clients can ask sidegate themselves, as nginx would",
    "write internal; into this location",
);
pub(super) static BODY_PASSED: Mistake = Mistake::new(
    "nginx_body_passed",
    "nginx announces the client's Content-Length to sidegate and sends no body, and every POST hangs",
    "write proxy_pass_request_body off; and proxy_set_header Content-Length \"\"; into this location",
);
pub(super) static ORIGINAL_URL: Mistake = Mistake::new(
    "nginx_original_url_missing",
    "nginx does not tell which URL was asked for, and where the client's headers are passed on it is the client who tells",
    "write proxy_set_header X-Original-URL $scheme://$host$request_uri; into this location",
);
pub(super) static ORIGINAL_URL_OF_CLIENT: Mistake = Mistake::new(
    "nginx_original_url_of_client",
    "a header of the client's is part of the URL that sidegate judges, and it can name another host than the one that is served",
    "write proxy_set_header X-Original-URL $scheme://$host$request_uri;",
);
pub(super) static ORIGINAL_URL_INEXACT: Mistake = Mistake::new(
    "nginx_original_url_inexact",
    "sidegate judges another URL than the one that the client asked for",
    "end X-Original-URL with $request_uri, as in $scheme://$host$request_uri",
);
pub(super) static ORIGINAL_METHOD: Mistake = Mistake::new(
    "nginx_original_method_missing",
    "nginx does not tell which method was asked for, and where the client's headers are passed on it is the client who tells",
    "write proxy_set_header X-Original-Method $request_method; into this location",
);
pub(super) static SENDER_NOT_SENT: Mistake = Mistake::note(
    "nginx_sender_not_sent",
    "where allowed_origins is set, sidegate is not shown these: what changes something is refused, or a WebSocket is let by \
     whoever's page opens it",
    "write proxy_set_header Origin $http_origin and the like for each",
);
pub(super) static COOKIE: Mistake = Mistake::new(
    "nginx_cookie_not_passed",
    "sidegate is not shown the cookie, and nobody is signed in",
    "write proxy_set_header Cookie $http_cookie; into this location",
);
pub(super) static ERRORS_PASS: Mistake = Mistake::new(
    "nginx_errors_pass",
    "this turns an error of sidegate's into a page with 200, which means allowed",
    "write proxy_intercept_errors off; and an error_page for a code that never occurs, such as 418, into the location that \
     asks sidegate",
);
pub(super) static CACHED: Mistake = Mistake::new(
    "nginx_answer_cached",
    "a cache answers in sidegate's place, with another user's identity where its key lacks the cookie, and after the sign-out",
    "write proxy_cache off; into the location that asks sidegate; sidegate has a cache of its own",
);
pub(super) static NO_KEEPALIVE: Mistake = Mistake::new(
    "nginx_no_keepalive",
    "nginx before 1.29.7 opens a new connection to sidegate for every request",
    "name an upstream with a keepalive line in proxy_pass, and write proxy_http_version 1.1; and proxy_set_header Connection \
     \"\"; beside it",
);
pub(super) static NO_TIMEOUTS: Mistake = Mistake::new(
    "nginx_no_timeouts",
    "every request waits a minute while sidegate does not answer",
    "write proxy_connect_timeout 250ms; and proxy_read_timeout 1s; into this location",
);
pub(super) static IDENTITY_NOT_SET: Mistake = Mistake::new(
    "nginx_identity_not_set",
    "the app gets these headers as the client wrote them, not as sidegate did",
    "include protect.conf in this location",
);
pub(super) static IDENTITY_SWITCHED_OFF: Mistake = Mistake::new(
    "nginx_identity_switched_off",
    "this line switches off those of the surrounding block, and the app gets these headers as the client wrote them",
    "include protect.conf, or public.conf, in this very block",
);
pub(super) static IDENTITY_OF_CLIENT: Mistake = Mistake::new(
    "nginx_identity_of_client",
    "this hands the client's own header to the app as sidegate's",
    "take the value from an auth_request_set of $upstream_http_…, as protect.conf does",
);
pub(super) static PUBLIC_IDENTITY: Mistake = Mistake::new(
    "nginx_public_identity",
    "whoever comes this way can be anybody, for the app gets these headers as the client wrote them",
    "include public.conf in this location",
);
pub(super) static UNCHECKED_RETURN: Mistake = Mistake::new(
    "nginx_unchecked_return",
    "nginx answers this before auth_request runs, so it is not protected",
    "move it out of the protected location, or serve it by proxy_pass or a file",
);
pub(super) static SATISFY_ANY: Mistake = Mistake::new(
    "nginx_satisfy_any",
    "an allowed address or a password passes without a session",
    "write satisfy all; into the protected location",
);
pub(super) static UNDERSCORES: Mistake = Mistake::new(
    "nginx_underscores",
    "a client's X_Auth_User_Id is passed on, which WSGI and FastCGI apps take for X-Auth-User-Id",
    "remove this line, or write underscores_in_headers off; and ignore_invalid_headers on; in the server",
);
pub(super) static UPGRADE_PASSED: Mistake = Mistake::new(
    "nginx_upgrade_passed",
    "a client's Upgrade: h2c opens a tunnel to the app in which no further request is checked",
    "let only websocket pass, by the map that sidegate.conf has and protect.conf uses",
);
pub(super) static LOGIN_WITHOUT_EQUALS: Mistake = Mistake::new(
    "nginx_login_without_equals",
    "the sign-in page's own answer goes out with status 401, and browsers do not follow its Location",
    "write error_page 401 = …; with a blank before and after the =",
);
pub(super) static ERROR_PAGE_TO_APP: Mistake = Mistake::new(
    "nginx_error_page_to_app",
    "whoever is refused, or comes while sidegate is down, reaches the app unasked by this way",
    "lead error_page to a static file, or to a location that is protected itself",
);
