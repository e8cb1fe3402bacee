"""Nobody but sidegate says who somebody is: what a client writes never reaches the app, on any kind of location."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from rig.attacks import NAMES
from rig.browser import identity_in
from rig.nginx import Nginx
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import Headers, exchange, request

SPOOFS: dict[str, Headers] = {
    "plain": [(f"X-Auth-{name}", "evil") for name in NAMES],
    "lower-case": [(f"x-auth-{name.lower()}", "evil") for name in NAMES],
    "shouted": [(f"X-AUTH-{name.upper()}", "evil") for name in NAMES],
    "underscores": [(f"X_Auth_{name.replace('-', '_')}", "evil") for name in NAMES],
    "dots": [(f"X.Auth.{name.replace('-', '.')}", "evil") for name in NAMES],
    "one underscore": [(f"X-Auth_{name}", "evil") for name in NAMES],
    "duplicates": [(f"X-Auth-{name}", value) for name in NAMES for value in ("evil", "user")],
    "empty and full": [(f"X-Auth-{name}", value) for name in NAMES for value in ("", "evil")],
    "odd characters": [(f"X{odd}Auth{odd}User{odd}Id", "evil") for odd in "!#$%&'*+.^_`|~"],
    "mixed": [("x-auth-user-id", "evil"), ("X_AUTH_USER_ID", "evil"), ("X-Auth-User-Id", "evil")],
}


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate() as gate:
        yield gate


@pytest.mark.parametrize("spoof", SPOOFS)
@pytest.mark.parametrize("path", ["/api/x", "/dashboard/x"])
def test_a_protected_app_sees_the_true_identity_and_nothing_else(
    on_sqlite: Stack, gate: Sidegate, path: str, spoof: str
) -> None:
    seen = ask(on_sqlite.echo, path, on_sqlite.ada.cookie, SPOOFS[spoof])
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


@pytest.mark.parametrize("spoof", SPOOFS)
@pytest.mark.parametrize("cookie", [True, False])
def test_a_public_location_has_no_identity_headers(on_sqlite: Stack, gate: Sidegate, spoof: str, cookie: bool) -> None:
    seen = ask(on_sqlite.echo, "/about", on_sqlite.ada.cookie if cookie else None, SPOOFS[spoof])
    assert identity_in(seen) == []


@pytest.mark.parametrize("spoof", SPOOFS)
def test_better_auth_itself_sees_no_identity_headers(
    on_sqlite: Stack, gate: Sidegate, echo_twice: Nginx, spoof: str
) -> None:
    seen = ask(echo_twice, "/api/auth/get-session", on_sqlite.ada.cookie, SPOOFS[spoof])
    assert identity_in(seen) == []


@pytest.mark.parametrize("spoof", SPOOFS)
def test_whoever_only_claims_to_be_somebody_gets_401(on_sqlite: Stack, gate: Sidegate, spoof: str) -> None:
    asked = request("GET", "/api/x", [("Host", "127.0.0.1"), *SPOOFS[spoof]])
    assert exchange(on_sqlite.echo.address, asked).status == 401


@pytest.mark.parametrize("spoof", ["plain", "lower-case", "underscores", "mixed"])
def test_a_socket_sees_the_true_identity_and_nothing_else(on_sqlite: Stack, gate: Sidegate, spoof: str) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), *((name, str(value)) for name, value in SPOOFS[spoof])]
    with connect(f"ws://127.0.0.1:{on_sqlite.echo.port}/ws", additional_headers=headers) as socket:
        seen = json.loads(socket.recv())
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


FORWARDED: Headers = [
    ("X-Original-URL", "http://app.example/about"),
    ("X-Original-Method", "TRACE"),
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Real-IP", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6"),
]


def test_sidegate_is_told_the_true_url_and_method(on_sqlite: Stack, gate: Sidegate) -> None:
    told_before = len(gate.denials())
    asked = request("DELETE", "/api/x%2fy?secret=1", [("Host", "shop.example"), *FORWARDED, *doubled(FORWARDED)])
    assert exchange(on_sqlite.echo.address, asked).status == 401
    [told] = gate.denials(told_before + 1)[told_before:]
    assert (told["method"], told["host"], told["path"]) == ("DELETE", "shop.example", "/api/x%2fy")


def test_the_app_is_told_the_true_client(on_sqlite: Stack, gate: Sidegate) -> None:
    seen = ask(on_sqlite.echo, "/api/x", on_sqlite.ada.cookie, FORWARDED)
    told = dict(seen["headers"])
    assert told["x-forwarded-for"] == told["x-real-ip"] == "127.0.0.1"
    assert (told["x-forwarded-host"], told["x-forwarded-proto"]) == ("shop.example:81", "http")
    assert "forwarded" not in told


@pytest.fixture(scope="module")
def echo_twice(on_sqlite: Stack) -> Iterator[Nginx]:
    """nginx whose Better Auth is the echo app too, to see what would reach Better Auth."""
    better_auth, echo = on_sqlite.better_auth.port, on_sqlite.apps.echo.port
    edit = (
        f"upstream better_auth {{ server 127.0.0.1:{better_auth};",
        f"upstream better_auth {{ server 127.0.0.1:{echo};",
    )
    nginx = on_sqlite.nginx("echo-twice", edit).start()
    yield nginx
    nginx.stop()


def ask(nginx: Nginx, path: str, cookie: str | None, headers: Headers) -> dict[str, Any]:
    cookies: Headers = [("Cookie", cookie)] if cookie else []
    reply = exchange(nginx.address, request("GET", path, [("Host", "shop.example:81"), *cookies, *headers]))
    assert reply.status == 200, reply
    seen: dict[str, Any] = json.loads(reply.body)
    return seen


def identity_of_ada(stack: Stack) -> list[tuple[str, str]]:
    """What Better Auth says of her, under the names that sidegate gives it."""
    known = stack.better_auth.session_of(stack.ada.cookie)
    assert known
    return [
        ("x-auth-status", "user"),
        ("x-auth-user-id", known["user"]["id"]),
        ("x-auth-user-email", known["user"]["email"]),
        ("x-auth-user-name", known["user"]["name"]),
        ("x-auth-session-id", known["session"]["id"]),
        ("x-auth-session-expires", known["session"]["expiresAt"]),
    ]


def doubled(headers: Headers) -> Headers:
    return [(name.lower(), value) for name, value in headers]
