"""Better Auth's get-session, asked of Better Auth and of sidegate in the same words."""

import json
from typing import Any

from .better_auth import BetterAuth, SignedIn
from .sidegate import Sidegate
from .wire import Headers, Reply, exchange, request

PATH = "/api/auth/get-session"
READING = "?disableRefresh=true"
"""What sidegate answers where it prolongs nothing: Better Auth is to prolong nothing either."""
ALIKE = ("content-type", "cache-control", "pragma")
"""Headers whose values are Better Auth's."""


def ask(
    whom: Sidegate | BetterAuth,
    cookie: str | bytes | None = None,
    query: str = "",
    headers: Headers = (),
    method: str = "GET",
) -> Reply:
    address = ("127.0.0.1", whom.port) if isinstance(whom, BetterAuth) else whom.address
    cookies: Headers = [("Cookie", cookie)] if cookie is not None else []
    return exchange(address, request(method, PATH + query, [("Host", "app.example"), *cookies, *headers]))


def assert_same(
    better_auth: BetterAuth, gate: Sidegate, cookie: str | None, headers: Headers = (), query: str = READING
) -> dict[str, Any]:
    """sidegate says of a session what Better Auth says, byte for byte, and says it again; what that is."""
    own = ask(better_auth, cookie, query, headers)
    assert own.status == 200
    for _ in range(2):
        reply = ask(gate, cookie, query, headers)
        assert reply.status == 200
        assert reply.body.decode() == own.body.decode()
        assert [reply.get(name) for name in ALIKE] == [own.get(name) for name in ALIKE]
        assert reply.get("set-cookie") is None
    told: dict[str, Any] = json.loads(own.body)
    assert told["session"] and told["user"]
    return told


def assert_null(whom: Sidegate | BetterAuth, cookie: str | bytes | None, headers: Headers = (), query: str = "") -> None:
    """Nobody is signed in there."""
    reply = ask(whom, cookie, query, headers)
    assert (reply.status, reply.body) == (200, b"null")
    assert [reply.get(name) for name in ALIKE] == ["application/json", "no-store", "no-cache"]


def all_cookies(person: SignedIn) -> str:
    """The Cookie header of a browser that kept all that it was given."""
    return "; ".join(f"{name}={value}" for name, value in person.cookies.items())
