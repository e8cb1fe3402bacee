"""Sliding expiry: sessions that are due are prolonged by Better Auth, once, and no request suffers from it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import BetterAuth, SignedIn
from rig.callers import ALL
from rig.process import until
from rig.sidegate import Sidegate, question
from rig.sql import named
from rig.stack import Stack
from rig.wire import Wire

GET_SESSION = "GET /api/auth/get-session"
POST_SESSION = "POST /api/auth/get-session"
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
DUE, NOT_DUE = WEEK - DAY - HOUR, WEEK - DAY + HOUR
"""What is left of a session's life."""

DELEGATE = {"refresh": "delegate", "store_timeout": "20s"}


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[Stack]:
    stack = world.new_stack(world.sqlite, "refresh")
    yield stack
    stack.stop()


@pytest.fixture
def quiet(stack: Stack) -> Iterator[Sidegate]:
    """Nobody waits for a refresh, and no cookie is handed on."""
    with stack.sidegate(auth_url=stack.better_auth.url, cache_ttl="1h", **DELEGATE) as gate:
        yield gate


@pytest.fixture
def relaying(stack: Stack) -> Iterator[Sidegate]:
    with stack.sidegate(auth_url=stack.better_auth.url, relay_set_cookie="true", cache_ttl="1h", **DELEGATE) as gate:
        yield gate


def age(stack: Stack, who: SignedIn, left: timedelta) -> datetime:
    """Leaves that much of a session's life, as if it had been started earlier."""
    until = datetime.now(UTC).replace(microsecond=0) + left
    session = named(stack.database, "session")
    stack.run(f"UPDATE {session} SET {expires_at(stack)} = '{iso(until)}' WHERE token = '{who.token}'")
    return until


def end_of(stack: Stack, who: SignedIn) -> datetime:
    session = named(stack.database, "session")
    told = stack.run(f"SELECT {expires_at(stack)} FROM {session} WHERE token = '{who.token}'")
    return datetime.fromisoformat(told)


def expires_at(stack: Stack) -> str:
    return named(stack.database, "expiresAt")


def iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def refreshes(gate: Sidegate, result: str) -> float:
    return gate.total("sidegate_refresh_seconds_count", result=result)


def test_a_session_that_is_due_lives_on(stack: Stack, quiet: Sidegate) -> None:
    ada = stack.better_auth.sign_in()
    before = age(stack, ada, DUE)
    asked = stack.better_auth.requests(GET_SESSION)
    reply = quiet.ask(ada.cookie)
    assert (reply.status, reply.get("set-cookie")) == (200, None)
    until(lambda: end_of(stack, ada) > before, "its row ends later")
    assert end_of(stack, ada) - before > DAY
    # Its end in the cache is the new one, and so nobody asks again.
    until(lambda: refreshes(quiet, "prolonged") == 1, "the refresh is done")
    lookups = quiet.lookups()
    reply = quiet.ask(ada.cookie)
    told = reply.get("x-auth-session-expires")
    assert told and datetime.fromisoformat(told) == end_of(stack, ada)
    assert (quiet.lookups(), stack.better_auth.requests(GET_SESSION)) == (lookups, asked + 1)


def test_a_session_that_is_not_due_is_left_alone(stack: Stack, relaying: Sidegate) -> None:
    ada = stack.better_auth.sign_in()
    before = age(stack, ada, NOT_DUE)
    asked = stack.better_auth.requests(GET_SESSION)
    for _ in range(3):
        assert relaying.ask(ada.cookie).status == 200
    assert (end_of(stack, ada), stack.better_auth.requests(GET_SESSION)) == (before, asked)


def test_off_it_asks_nobody(stack: Stack) -> None:
    ada = stack.better_auth.sign_in()
    before = age(stack, ada, DUE)
    asked = stack.better_auth.requests(GET_SESSION)
    with stack.sidegate(auth_url=stack.better_auth.url) as gate:
        assert gate.ask(ada.cookie).status == 200
    assert (end_of(stack, ada), stack.better_auth.requests(GET_SESSION)) == (before, asked)


@pytest.mark.parametrize("caller", ALL)
@pytest.mark.parametrize("path", ["/api/x", "/dashboard/x"])
def test_the_browser_gets_better_auths_cookie(stack: Stack, relaying: Sidegate, path: str, caller: str) -> None:
    ada = stack.better_auth.sign_in()
    age(stack, ada, DUE)
    proxy = stack.proxy(caller)
    first, second = proxy.ask(path, ada.cookie), proxy.ask(path, ada.cookie)
    assert first.status_code == second.status_code == 200
    [told] = first.headers.get_list("set-cookie")
    own, *attributes = told.split("; ")  # Traefik writes them in an order of its own
    assert (own, sorted(attributes)) == (ada.cookie, ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax"])
    assert second.headers.get_list("set-cookie") == []
    # No cache on the way may give it to somebody else. Traefik and Envoy have no means to say so.
    assert ("no-store" in first.headers.get_list("cache-control")) == (not caller.startswith(("traefik", "envoy")))
    assert "no-store" not in second.headers.get_list("cache-control")


def test_it_is_one_cookie_though_better_auth_sets_several(world: World, home: Path) -> None:
    options = {"session": {"cookieCache": {"enabled": True}}}
    stack = world.new_stack(world.sqlite, "cached-cookies", options)
    ada = stack.better_auth.sign_in()
    assert len(ada.cookies) == 2
    age(stack, ada, DUE)
    with stack.sidegate(auth_url=stack.better_auth.url, relay_set_cookie="true", **DELEGATE) as gate:
        reply = gate.ask(f"{ada.cookie}; better-auth.session_data={ada.cookies['better-auth.session_data']}")
        assert reply.status == 200
        assert (reply.get("set-cookie") or "").startswith(f"{ada.cookie}; ")
    assert end_of(stack, ada) - datetime.now(UTC) > WEEK - HOUR
    stack.stop()


def test_whoever_is_not_to_be_remembered_is_not_prolonged(stack: Stack, relaying: Sidegate) -> None:
    ada = stack.better_auth.sign_in(remember_me=False)
    dont_remember = f"better-auth.dont_remember={ada.cookies['better-auth.dont_remember']}"
    before = age(stack, ada, DUE)
    reply = relaying.ask(f"{ada.cookie}; {dont_remember}")
    assert (reply.status, reply.get("set-cookie")) == (200, None)
    known = stack.better_auth.session_of(f"{ada.cookie}; {dont_remember}")
    assert known and end_of(stack, ada) == before, "Better Auth does not prolong it either"
    # A cookie that nobody signed is as none.
    assert relaying.ask(f"{ada.cookie}; better-auth.dont_remember=true").status == 200
    assert end_of(stack, ada) > before


def test_many_at_once_are_one_question(stack: Stack, relaying: Sidegate) -> None:
    ada = stack.better_auth.sign_in()
    age(stack, ada, DUE)
    asked = stack.better_auth.requests(GET_SESSION)
    with ExitStack() as open_ones:
        wires = [open_ones.enter_context(relaying.connect(20)) for _ in range(200)]
        for wire in wires:
            wire.send(question(ada.cookie))
        replies = [wire.read() for wire in wires]
    assert {reply.status for reply in replies} == {200}
    assert len([reply for reply in replies if reply.get("set-cookie")]) == 1
    assert stack.better_auth.requests(GET_SESSION) == asked + 1


def test_a_better_auth_that_prolongs_nothing_is_not_asked_all_the_time(world: World) -> None:
    stack = world.new_stack(world.sqlite, "no-refresh", {"session": {"disableSessionRefresh": True}})
    ada = stack.better_auth.sign_in()
    before = age(stack, ada, DUE)
    with stack.sidegate(auth_url=stack.better_auth.url, relay_set_cookie="true", cache_ttl="0s", **DELEGATE) as gate:
        for _ in range(10):
            assert gate.ask(ada.cookie).status == 200
        assert (refreshes(gate, "unchanged"), stack.better_auth.requests(GET_SESSION)) == (1, 1)
    assert end_of(stack, ada) == before
    stack.stop()


class TestDeferred:
    """`deferSessionRefresh`: a GET says that the session is due, and a POST prolongs it."""

    OPTIONS: dict[str, Any] = {"session": {"deferSessionRefresh": True}}

    def gate(self, stack: Stack, better_auth: BetterAuth) -> Sidegate:
        return stack.sidegate(auth_url=better_auth.url, relay_set_cookie="true", **DELEGATE)

    def test_it_is_prolonged_where_auth_url_is_a_trusted_origin(self, world: World, home: Path) -> None:
        stack = world.new_stack(world.sqlite, "deferred", self.OPTIONS)
        # On the same database, this one's own address is its baseURL.
        better_auth = BetterAuth(home, stack.store, options=self.OPTIONS)
        ada = stack.better_auth.sign_in()
        before = age(stack, ada, DUE)
        with self.gate(stack, better_auth) as gate:
            reply = gate.ask(ada.cookie)
            assert (reply.status, better_auth.requests(POST_SESSION)) == (200, 1)
            assert (reply.get("set-cookie") or "").startswith(f"{ada.cookie}; ")
        assert end_of(stack, ada) > before
        better_auth.stop()
        stack.stop()

    def test_elsewhere_it_is_not_and_the_request_passes(self, world: World) -> None:
        stack = world.new_stack(world.sqlite, "deferred-elsewhere", self.OPTIONS)
        ada = stack.better_auth.sign_in()
        before = age(stack, ada, DUE)
        with self.gate(stack, stack.better_auth) as gate:
            for _ in range(3):
                assert gate.ask(ada.cookie).status == 200
            assert stack.better_auth.requests(POST_SESSION) == 1
            assert refreshes(gate, "refused") == 1
        assert end_of(stack, ada) == before
        stack.stop()


def test_a_session_that_was_deleted_is_noticed_when_it_is_due(stack: Stack, relaying: Sidegate) -> None:
    ada = stack.better_auth.sign_in()
    until_then = timedelta(seconds=3)
    age(stack, ada, WEEK - DAY + until_then)
    assert relaying.ask(ada.cookie).status == 200
    stack.better_auth.sign_out(ada)
    # It is remembered for an hour, but due in three seconds.
    until(lambda: relaying.ask(ada.cookie).status == 401, "the session is gone")
    assert refreshes(relaying, "gone") == 1


@pytest.mark.parametrize("relay", ["true", "false"])
def test_better_auth_down_is_no_trouble(stack: Stack, relay: str) -> None:
    ada = stack.better_auth.sign_in()
    age(stack, ada, DUE)
    with stack.sidegate(auth_url="http://127.0.0.1:1", relay_set_cookie=relay, **DELEGATE) as gate:
        for _ in range(20):
            reply = gate.ask(ada.cookie)
            assert (reply.status, reply.get("set-cookie")) == (200, None)
        until(lambda: refreshes(gate, "unreachable") == 1, "it was tried once")


def test_a_better_auth_that_hangs_is_not_waited_for_long(
    world: World, cleanup: Callable[[Callable[[], object]], None]
) -> None:
    # Not on SQLite: whoever looks into the file just then keeps Better Auth from writing.
    stack = world.new_stack(world.postgres, "hanging")
    cleanup(stack.stop)
    ada = stack.better_auth.sign_in()
    before = age(stack, ada, DUE)
    settings = DELEGATE | {"store_timeout": "300ms", "store_connect_timeout": "1h"}
    with stack.sidegate(auth_url=stack.better_auth.url, relay_set_cookie="true", **settings) as gate:
        stack.better_auth.process.send(signal.SIGSTOP)
        for _ in range(5):
            reply = gate.ask(ada.cookie)
            assert (reply.status, reply.get("set-cookie")) == (200, None)
        stack.better_auth.process.send(signal.SIGCONT)
        # What was begun goes on without the request that began it.
        until(lambda: end_of(stack, ada) > before, "its row ends later")
