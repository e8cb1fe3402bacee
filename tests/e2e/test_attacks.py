"""An attacker on the wire, before every proxy with the file that sidegate ships for it: whatever is sent, nobody becomes
somebody else, and nobody unknown reaches what is protected. Judged by what reached the app, answered or not.

`rig.attacks` is what is sent, `rig.judge` is what must hold.
"""

import socket
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
from rig.wire import Headers, request
from test_plugins import change_user, known

# What is written differently where another parser reads it.
ON_H11 = ("identity headers", "trailers", "targets", "bodies", "request lines")


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
def gate(stack: Stack) -> Iterator[Callable[..., Sidegate]]:
    """Starts the sidegate that the proxies expect. One a test: thousands of refusals are told of, and each log is read."""
    started: list[Sidegate] = []

    def start(**settings: str) -> Sidegate:
        started.append(stack.sidegate(login_url="/login", log_denials="false", **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()


Gate = Callable[..., Sidegate]


@pytest.mark.parametrize(("group", "parser"), [(group, "httptools") for group in CORPUS] + [(group, "h11") for group in ON_H11])
@pytest.mark.parametrize("caller", ALL)
def test_nobody_becomes_somebody_else_or_passes_unknown(siege: Siege, gate: Gate, caller: str, group: str, parser: str) -> None:
    gate()
    found = siege.attack(siege.proxy(caller, parser), parser, CORPUS[group])
    assert not found, listed(found)


@pytest.mark.parametrize("caller", ALL)
def test_nothing_but_a_preflight_passes_as_one(siege: Siege, gate: Gate, caller: str) -> None:
    gate(preflight="pass")
    found = siege.attack(siege.proxy(caller, "h11"), "h11", CORPUS["preflights"], preflights=True)
    assert not found, listed(found)


def without(text: str) -> Edit:
    return text, ""


PUBLIC_NGINX = "include sidegate/public.conf;\n            proxy_pass http://fastapi;"

# A file with one thing wrong, what of the corpus finds it, and as what. Without these, an empty list would say nothing.
BROKEN: dict[str, tuple[str, list[Edit], str, str]] = {
    "nginx hands a client's headers on": ("nginx", [(PUBLIC_NGINX, "proxy_pass http://fastapi;")], "identity headers", "the identity"),
    "nginx hands dots on": ("nginx", [(PUBLIC_NGINX, "proxy_pass http://fastapi;")], "targets", "a protected path"),
    "nginx hands any upgrade on": (
        "nginx",
        [(PUBLIC_NGINX, "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://fastapi;")],
        "upgrades",
        "an upgrade to",
    ),
    "Traefik lets strangers in": ("traefik", [without("      middlewares:\n        - strangers@file\n")], "identity headers", "the identity"),
    "Caddy drops what it is asked to": ("caddy", [without("\t\trequest_header @plain -Connection\n")], "nominated headers", "the identity"),
    "Caddy hands several upgrades on": ("caddy", [without("\t\trequest_header @websocket Upgrade websocket\n")], "upgrades", "an upgrade to"),
    "Traefik believes a forwarded host": (
        "traefik",
        [("trustForwardHeader: false", "trustForwardHeader: true"), ("    http:\n      # Before", "    forwardedHeaders: { insecure: true }\n    http:\n      # Before")],
        "redirects",
        "to another host",
    ),
    "Envoy resolves no dots": ("envoy", [("normalize_path: true", "normalize_path: false")], "targets", "a protected path"),
    "Envoy keeps names with dots": ("envoy", [("[a-z0-9-]*[^a-z0-9:-].*", "[a-z0-9-]*[^.a-z0-9:-].*")], "identity headers", "the identity"),
    "Caddy has no doubts": (
        "caddy",
        [("handle @doubtful {\n\t\t\troute {\n\t\t\t\timport protected", "handle @doubtful {\n\t\t\troute {\n\t\t\t\timport fastapi")],
        "targets",
        "a protected path",
    ),
    "HAProxy compares what is encoded": ("haproxy", [("path,url_dec", "path")], "targets", "a protected path"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_a_broken_file_lets_through_is_found(siege: Siege, gate: Gate, home: Path, broken: str) -> None:
    caller, edits, group, expected = BROKEN[broken]
    gate()
    proxy = siege.further(caller, "h11", f"broken-{home.name}", *edits)
    found = attacked(siege, proxy, group)
    assert any(expected in one for one in found), listed(found)


def test_the_question_that_a_client_answers_itself_is_found(siege: Siege, gate: Gate, home: Path) -> None:
    """A method that the client tells, where preflights pass: every request of its is one."""
    gate(preflight="pass")
    proxy = siege.further("nginx", "h11", f"broken-{home.name}")
    rewrite(proxy.home / "sidegate/sidegate-server.conf", "X-Original-Method $request_method;", "X-Original-Method $http_x_original_method;")
    found = attacked(siege, proxy, "preflights")
    assert any("anonymous" in one and "GET '/api/x'" in one for one in found), listed(found)


def test_an_identity_that_is_kept_for_the_next_one_is_found(siege: Siege, gate: Gate, home: Path) -> None:
    """A cache before sidegate that knows no cookies: whoever asks second is whoever asked first."""
    gate()
    cache = f"proxy_cache_path {home}/cache keys_zone=all:1m;\n    server {{"
    proxy = siege.further("nginx", "h11", f"broken-{home.name}", ("    server {", cache))
    keeps = "proxy_cache all; proxy_cache_key x; proxy_cache_valid 1h; proxy_ignore_headers Cache-Control;"
    rewrite(proxy.home / "sidegate/sidegate-server.conf", "proxy_cache off;", keeps)
    found = attacked(siege, proxy, "credentials")
    assert any("is not that of" in one for one in found), listed(found)
    assert any(one.startswith("Ada asked for") for one in found), listed(found)


def attacked(siege: Siege, proxy: Proxy, group: str) -> list[str]:
    proxy.start()
    try:
        return siege.attack(proxy, "h11", CORPUS[group], preflights=group == "preflights")
    finally:
        proxy.stop()


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new))
