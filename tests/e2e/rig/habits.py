"""What each proxy makes of sidegate's answers, with the file that sidegate ships for it.

Not computed from what sidegate says: each value has its source in the proxy's own documentation or code, or was
measured with a stub in sidegate's place (`CALLERS.md` §2, `PLATFORM.md` §1b).
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Habits:
    reason: bool
    """Whether a refusal's X-Auth-Reason and Cache-Control reach the client."""
    body: bool
    """Whether its body does."""
    redirect: str
    """Who sends a page to sign in: `sidegate`, by a path; `absolute`, sidegate by a whole URL; `proxy`, the proxy by
    itself, under /dashboard/ alone."""
    unavailable: int
    """The status for sidegate's 503."""
    explains: bool
    """Whether the reason and the body of that reach the client as those of a refusal do."""
    down: int
    """The status where nothing listens in sidegate's place."""
    stopped: int | None
    """The status where sidegate takes connections and answers nothing. None: none within a client's patience."""
    retry_after: tuple[bool, bool]
    """Whether the client is told to come again: by sidegate's 503, by the proxy where sidegate does not answer."""
    no_store: bool
    """Whether an answer of the app's that brings a cookie of sidegate's says that no cache may keep it."""


HABITS = {
    # ngx_http_auth_request_module: 401 and 403 are the client's status, with nginx's own page; "any other response
    # code returned by the subrequest is considered an error", which is a 500. protect.conf has a line that makes it 503.
    "nginx": Habits(
        reason=False,
        body=False,
        redirect="proxy",
        unavailable=500,
        explains=False,
        down=500,
        stopped=500,
        retry_after=(False, False),
        no_store=True,
    ),
    # forwardAuth: "Otherwise, the response from the authentication server is returned"; its code answers 500 where there
    # is none, and waits 30 seconds for one (pkg/middlewares/auth/forward.go: no setting).
    "traefik": Habits(
        reason=True,
        body=True,
        redirect="absolute",
        unavailable=503,
        explains=True,
        down=500,
        stopped=None,
        retry_after=(True, False),
        no_store=False,
    ),
    # ext_authz: a 5xx, a timeout and a refused connection are errors of the service, answered with `status_on_error`
    # and, by the file's local_reply_config, Retry-After. Any other status is a denial, handed on with the headers of
    # `allowed_client_headers`.
    "envoy": Habits(
        reason=True,
        body=True,
        redirect="sidegate",
        unavailable=503,
        explains=False,
        down=503,
        stopped=503,
        retry_after=(True, True),
        no_store=False,
    ),
    # The same by gRPC, where an error can have headers and a body: CheckResponse.error_response.
    "envoy-grpc": Habits(
        reason=True,
        body=True,
        redirect="sidegate",
        unavailable=503,
        explains=True,
        down=503,
        stopped=503,
        retry_after=(True, True),
        no_store=False,
    ),
    # reverse_proxy without a handle_response for it copies the response; 502 where it cannot dial, 504 after
    # response_header_timeout.
    "caddy": Habits(
        reason=True,
        body=True,
        redirect="sidegate",
        unavailable=503,
        explains=True,
        down=502,
        stopped=504,
        retry_after=(True, False),
        no_store=True,
    ),
    # sidegate.lua asks by HEAD, so there is no body to hand on. What is none of sidegate's answers is a 503 by the
    # file's own `http-request deny`.
    "haproxy": Habits(
        reason=True,
        body=False,
        redirect="proxy",
        unavailable=503,
        explains=True,
        down=503,
        stopped=503,
        retry_after=(True, True),
        no_store=True,
    ),
}
HABITS["caddy-new"] = HABITS["caddy"]
