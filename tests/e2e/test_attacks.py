"""An attacker on the wire, before every proxy with the file that sidegate ships for it: whatever is sent, nobody
becomes somebody else, and nobody unknown reaches what is protected. Judged by what reached the app, answered or not.

`rig.attacks` is what is sent, `rig.judge` is what must hold.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.attacks import CORPUS
from rig.callers import ALL
from rig.proxy import Edit, Proxy
from rig.sidegate import Sidegate
from rig.siege import Siege, listed
from rig.stack import Stack
from rig.wire import Headers, Wire, request
from test_plugins import change_user, known

# What the app's own parser has a part in, and one caller of each program. httptools, which lets more by, has it all.
READ_BY_PARSERS = ("identity headers", "trailers", "paths", "hosts and methods", "bodies", "request lines")
PROGRAMS = ("nginx", "traefik", "envoy", "caddy", "haproxy")

Gate = Callable[..., Sidegate]


@pytest.fixture(scope="module")
def stack(world: World) -> Stack:
    return world.new_stack(world.sqlite, "attacks", None, {"admin": {}})


@pytest.fixture(scope="module")
def siege(stack: Stack) -> Iterator[Siege]:
    auth = stack.better_auth
    admin, ada, mallory = auth.sign_in(), auth.sign_in(), auth.sign_in()
    change_user(stack, admin, role="'admin'")
    change_user(stack, ada, role="'admin'")

    # An administrator who acts as Mallory: the most that there is to hide.
    acting = auth.impersonate(known(stack, mallory)["user"]["id"], admin)
    siege = Siege(stack, acting, ada)
    assert {"x-auth-impersonated-by", "x-auth-user-role"} <= dict(siege.mallory.identity).keys()
    yield siege
    siege.stop()


@pytest.fixture
def gate(stack: Stack) -> Iterator[Gate]:
    """Starts the sidegate that the proxies expect. One a test: it tells of thousands of refusals, and logs are read."""
    started: list[Sidegate] = []

    def start(**settings: str) -> Sidegate:
        started.append(stack.sidegate(login_url="/login", log_denials="false", **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("group", CORPUS)
@pytest.mark.parametrize("caller", ALL)
def test_nobody_becomes_somebody_else_or_passes_unknown(siege: Siege, gate: Gate, caller: str, group: str) -> None:
    gate()
    found = siege.attack(siege.proxy(caller, "httptools"), "httptools", CORPUS[group])
    assert not found, listed(found)


@pytest.mark.parametrize("group", READ_BY_PARSERS)
@pytest.mark.parametrize("caller", PROGRAMS)
def test_nor_where_the_app_reads_http_with_h11(siege: Siege, gate: Gate, caller: str, group: str) -> None:
    gate()
    found = siege.attack(siege.proxy(caller, "h11"), "h11", CORPUS[group])
    assert not found, listed(found)


@pytest.mark.parametrize("caller", ALL)
def test_nothing_but_a_preflight_passes_as_one(siege: Siege, gate: Gate, caller: str) -> None:
    gate(preflight="pass")
    found = siege.attack(siege.proxy(caller, "httptools"), "httptools", CORPUS["preflights"], preflights=True)
    assert not found, listed(found)


@pytest.mark.parametrize("caller", ALL)
def test_a_token_that_somebody_else_had_is_none(siege: Siege, gate: Gate, caller: str) -> None:
    """Ada's session token without its signature, where sidegate reads tokens from the Authorization header."""
    gate(bearer="true")
    found = siege.attack(siege.proxy(caller, "httptools"), "httptools", CORPUS["credentials"])
    assert not found, listed(found)


def without(text: str) -> Edit:
    return text, ""


PUBLIC_NGINX = "include sidegate/public.conf;\n            proxy_pass http://fastapi;"

# A file with one thing wrong, what of the corpus finds it, and as what. Without these, an empty list would say nothing.
BROKEN: dict[str, tuple[str, list[Edit], str, str]] = {
    "nginx hands a client's headers on": (
        "nginx",
        [(PUBLIC_NGINX, "proxy_pass http://fastapi;")],
        "identity headers",
        "the identity",
    ),
    "nginx hands dots on": ("nginx", [(PUBLIC_NGINX, "proxy_pass http://fastapi;")], "paths", "a protected path"),
    "nginx hands any upgrade on": (
        "nginx",
        [
            (
                PUBLIC_NGINX,
                "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
                "proxy_set_header Connection upgrade; proxy_pass http://fastapi;",
            )
        ],
        "upgrades",
        "an upgrade to",
    ),
    "Traefik lets strangers in": (
        "traefik",
        [without("      middlewares:\n        - strangers@file\n")],
        "identity headers",
        "the identity",
    ),
    "Caddy drops what it is asked to": (
        "caddy",
        [without("\t\trequest_header @plain -Connection\n")],
        "nominated headers",
        "the identity",
    ),
    "Caddy hands several upgrades on": (
        "caddy",
        [without("\t\trequest_header @websocket Upgrade websocket\n")],
        "upgrades",
        "an upgrade to",
    ),
    "Traefik believes a forwarded host": (
        "traefik",
        [
            ("trustForwardHeader: false", "trustForwardHeader: true"),
            ("    http:\n      # Before", "    forwardedHeaders: { insecure: true }\n    http:\n      # Before"),
        ],
        "redirects",
        "to another host",
    ),
    "Envoy resolves no dots": (
        "envoy",
        [("normalize_path: true", "normalize_path: false")],
        "paths",
        "a protected path",
    ),
    "Envoy keeps names with dots": (
        "envoy",
        [("[a-z0-9-]*[^a-z0-9:-].*", "[a-z0-9-]*[^.a-z0-9:-].*")],
        "identity headers",
        "the identity",
    ),
    "Caddy has no doubts": (
        "caddy",
        [
            (
                "handle @doubtful {\n\t\t\troute {\n\t\t\t\timport protected",
                "handle @doubtful {\n\t\t\troute {\n\t\t\t\timport fastapi",
            )
        ],
        "paths",
        "a protected path",
    ),
    "HAProxy compares what is encoded": ("haproxy", [("path,url_dec", "path")], "paths", "a protected path"),
    "HAProxy has a method that needs nobody": (
        "haproxy",
        [("use_backend protected if protected", "use_backend protected if protected !METH_OPTIONS")],
        "hosts and methods",
        "a protected path",
    ),
    "HAProxy does not look whether an identity fits": (
        "haproxy",
        [
            ("if first(request[name]) ~= first(answer[name]) then", "if false then"),
            ("tune.maxrewrite 8192", "tune.maxrewrite 64"),
        ],
        "sizes",
        "the identity",
    ),
    "HAProxy hands trailers on": (
        "haproxy",
        [
            without("    http-request return status 411 if { req.hdr(Transfer-Encoding) -m found }\n"),
            without("    option http-drop-request-trailers\n"),
        ],
        "trailers",
        "the identity",
    ),
    "HAProxy hands trailers of HTTP/2 on": (
        "haproxy",
        [(" proto h1\n", "\n"), without("    option http-drop-request-trailers\n")],
        "HTTP/2",
        "the identity",
    ),
    "nginx tells a wrong length": (
        "nginx",
        [(PUBLIC_NGINX, f"proxy_set_header Content-Length 0; {PUBLIC_NGINX}")],
        "bodies",
        "GET '/api/smuggled'",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_a_broken_file_lets_through_is_found(siege: Siege, gate: Gate, home: Path, broken: str) -> None:
    caller, edits, group, expected = BROKEN[broken]
    gate()
    proxy = siege.further(caller, "httptools", f"broken-{home.name}", *edits)
    found = attacked(siege, proxy, group)
    assert any(expected in one for one in found), listed(found)


def test_the_question_that_a_client_answers_itself_is_found(siege: Siege, gate: Gate, home: Path) -> None:
    """A method that the client tells, where preflights pass: every request of its is one."""
    gate(preflight="pass")
    proxy = siege.further("nginx", "httptools", f"broken-{home.name}")
    rewrite(
        proxy.home / "sidegate/sidegate-server.conf",
        "X-Original-Method $request_method;",
        "X-Original-Method $http_x_original_method;",
    )
    found = attacked(siege, proxy, "preflights")
    assert any("anonymous" in one and "GET '/api/x'" in one for one in found), listed(found)


def test_an_identity_that_is_kept_for_the_next_one_is_found(siege: Siege, gate: Gate, home: Path) -> None:
    """A cache before sidegate that knows no cookies: whoever asks second is whoever asked first."""
    gate()
    cache = f"proxy_cache_path {home}/cache keys_zone=all:1m;\n    server {{"
    proxy = siege.further("nginx", "httptools", f"broken-{home.name}", ("    server {", cache))
    keeps = "proxy_cache all; proxy_cache_key x; proxy_cache_valid 1h; proxy_ignore_headers Cache-Control;"
    rewrite(proxy.home / "sidegate/sidegate-server.conf", "proxy_cache off;", keeps)
    proxy.start()
    try:
        # Whoever comes first is whom all others are taken for, the victim too.
        proxy.ask("/api/x", siege.mallory.cookie, headers=[("X-Case", siege.mallory.name)])
        found = siege.attack(proxy, "httptools", CORPUS["credentials"])
    finally:
        proxy.stop()
    assert any("is not that of nobody" in one for one in found), listed(found)
    assert any("the victim asked for" in one for one in found), listed(found)


@pytest.mark.parametrize("caller", ["caddy", "caddy-new"])
def test_a_yes_that_is_not_sidegates_lets_nobody_in(stack: Stack, siege: Siege, home: Path, caller: str) -> None:
    """Caddy's connections to sidegate can end at the app, when both are dialed for one request at a time."""
    proxy = siege.further(caller, "httptools", f"astray-{home.name}", sidegate=siege.app_address("httptools")).start()
    try:
        answers = [proxy.ask("/api/x", cookie) for cookie in (None, siege.ada.cookie)]
    finally:
        proxy.stop()
    assert all(answer.json()["path"] == "/auth/caddy" for answer in answers), "the app was asked in sidegate's place"
    assert [seen["path"] for seen in siege.reached_app("httptools")] == ["/auth/caddy", "/auth/caddy"]


FORWARDED: Headers = [
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "app.example"),
    ("X-Forwarded-Uri", "/api/x"),
]
QUESTIONS: dict[str, Headers] = {
    "/auth/nginx": [("X-Original-URL", "http://app.example/api/x"), ("X-Original-Method", "GET")],
    "/auth/traefik": FORWARDED,
    "/auth/caddy": FORWARDED,
    "/auth/haproxy": FORWARDED,
    "/auth/envoy/api/x": [],
    "/api/auth/get-session": [],
}
# What might be taken for a proxy's word on where a request comes from.
VOUCHED: dict[str, tuple[bytes, Headers]] = {
    "nothing": (b"", []),
    "X-Forwarded-For": (b"", [("X-Forwarded-For", "127.0.0.1")]),
    "X-Real-IP": (b"", [("X-Real-IP", "127.0.0.1"), ("X-Client-IP", "127.0.0.1"), ("True-Client-IP", "127.0.0.1")]),
    "Forwarded": (b"", [("Forwarded", "for=127.0.0.1;by=127.0.0.1"), ("Via", "1.1 127.0.0.1")]),
    "X-Envoy-Internal": (b"", [("X-Envoy-Internal", "true"), ("X-Envoy-External-Address", "127.0.0.1")]),
    "the PROXY protocol": (b"PROXY TCP4 127.0.0.1 127.0.0.1 1000 4180\r\n", []),
    "the PROXY protocol, version 2": (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x03\xe8\x10\x54",
        [],
    ),
}


@pytest.mark.parametrize("path", QUESTIONS)
def test_sidegate_itself_answers_its_proxies_alone(stack: Stack, siege: Siege, home: Path, path: str) -> None:
    cookie = siege.ada.cookie
    assert cookie
    headers = [("Host", "app.example"), *QUESTIONS[path], ("Cookie", cookie), ("Connection", "close")]
    user_id = dict(siege.ada.identity)["x-auth-user-id"].encode()
    with Sidegate(home, stack.store, trusted_proxies="127.0.0.1/32", get_session="true") as gate:
        assert not isinstance(gate.address, Path)
        with Wire(gate.address) as wire:
            assert wire.ask(request("GET", path, headers)).status == 200
        for name, (before, vouched) in VOUCHED.items():
            with Wire(gate.address, source="127.0.0.2") as wire:
                wire.send(before + request("GET", path, [*headers, *vouched]))
                answer = wire.wait_for_end()
            assert user_id not in answer, name
            assert answer == b"" or answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 ")), (name, answer)


def attacked(siege: Siege, proxy: Proxy, group: str) -> list[str]:
    proxy.start()
    try:
        return siege.attack(proxy, "httptools", CORPUS[group], preflights=group == "preflights")
    finally:
        proxy.stop()


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new))
