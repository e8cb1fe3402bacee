"""API keys of Better Auth's api-key plugin: judged there, each use counted there, its verdict kept for a short time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.liar import Liar
from rig.process import until
from rig.sidegate import LONG, Sidegate
from rig.stack import Stack
from rig.wire import Reply
from test_commands import sidegate

GET_SESSION = "GET /api/auth/get-session"
PLUGINS = {"apiKey": {"enableSessionForAPIKeys": True}, "admin": {}}
PATIENT = {"api_key_header": "x-api-key", "store_timeout": "20s"}


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[Stack]:
    stack = world.new_stack(world.sqlite, "api-keys", None, PLUGINS)
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def ada(stack: Stack) -> SignedIn:
    return stack.better_auth.sign_in()


@pytest.fixture
def key(stack: Stack, ada: SignedIn) -> dict[str, Any]:
    return stack.better_auth.create_api_key(ada)


@pytest.fixture
def gate(stack: Stack) -> Iterator[Sidegate]:
    """One that asks about each request."""
    with stack.sidegate(auth_url=stack.better_auth.url, api_key_ttl="0s", **PATIENT) as gate:
        yield gate


@pytest.fixture
def remembering(stack: Stack) -> Iterator[Sidegate]:
    with stack.sidegate(auth_url=stack.better_auth.url, api_key_ttl="2s", negative_ttl="1s", **PATIENT) as gate:
        yield gate


def ask(gate: Sidegate, key: str | dict[str, Any], cookie: str | None = None) -> Reply:
    return gate.ask(cookie, [("X-Api-Key", key if isinstance(key, str) else key["key"])])


def verdict(gate: Sidegate, key: str | dict[str, Any], cookie: str | None = None) -> tuple[int, str | None]:
    reply = ask(gate, key, cookie)
    return reply.status, reply.get("x-auth-reason")


def better_auths_own(stack: Stack, key: dict[str, Any], cookie: str | None = None) -> httpx.Response:
    headers = {"x-api-key": key["key"]} | ({"cookie": cookie} if cookie else {})
    with httpx.Client(trust_env=False) as client:
        return client.get(f"{stack.better_auth.url}/api/auth/get-session", headers=headers)


REFUSED = (401, "api_key_refused")


def test_a_key_passes_as_its_owner(stack: Stack, ada: SignedIn, gate: Sidegate, key: dict[str, Any]) -> None:
    known = better_auths_own(stack, key).json()
    reply = ask(gate, key)
    assert reply.status == 200
    assert reply.get("x-auth-user-id") == known["user"]["id"]
    assert reply.get("x-auth-user-email") == ada.email
    assert reply.get("x-auth-session-id") == key["id"]
    assert reply.get("set-cookie") is None


def test_each_use_is_counted_by_better_auth(stack: Stack, gate: Sidegate, key: dict[str, Any]) -> None:
    """Ten in a day is the plugin's default."""
    assert [ask(gate, key).status for _ in range(11)] == [200] * 10 + [403]
    assert verdict(gate, key) == (403, "api_key_limited")
    assert better_auths_own(stack, key).status_code == 429


def test_what_is_remembered_is_no_use(stack: Stack, key: dict[str, Any]) -> None:
    settings = {"api_key_ttl": LONG} | PATIENT
    with stack.sidegate(auth_url=stack.better_auth.url, **settings) as gate:
        asked = stack.better_auth.requests(GET_SESSION)
        assert {ask(gate, key).status for _ in range(30)} == {200}
        assert stack.better_auth.requests(GET_SESSION) == asked + 1


def test_an_unknown_key_is_refused(gate: Sidegate) -> None:
    assert verdict(gate, "x" * 64) == REFUSED
    assert verdict(gate, "short") == REFUSED


def test_an_invalid_key_beats_a_valid_cookie_as_there(stack: Stack, ada: SignedIn, gate: Sidegate) -> None:
    assert gate.ask(ada.cookie).status == 200
    assert verdict(gate, "x" * 64, ada.cookie) == REFUSED
    assert better_auths_own(stack, {"key": "x" * 64}, ada.cookie).status_code == 401


def test_a_valid_key_beats_another_ones_cookie_as_there(
    stack: Stack, ada: SignedIn, gate: Sidegate, key: dict[str, Any]
) -> None:
    eve = stack.better_auth.sign_in()
    assert ask(gate, key, eve.cookie).get("x-auth-user-email") == ada.email
    assert better_auths_own(stack, key, eve.cookie).json()["user"]["email"] == ada.email


def test_two_keys_are_none(gate: Sidegate, key: dict[str, Any]) -> None:
    reply = gate.ask(None, [("X-Api-Key", key["key"]), ("x-api-key", key["key"])])
    assert (reply.status, reply.get("x-auth-reason")) == REFUSED


def test_a_disabled_key_is_refused(stack: Stack, gate: Sidegate, key: dict[str, Any]) -> None:
    assert ask(gate, key).status == 200
    stack.run(f"UPDATE apikey SET enabled = 0 WHERE id = '{key['id']}'")
    assert verdict(gate, key) == REFUSED


def test_an_expired_key_is_refused(stack: Stack, ada: SignedIn, gate: Sidegate) -> None:
    key = stack.better_auth.create_api_key(ada, expiresIn=86400 * 2)
    reply = ask(gate, key)
    assert (reply.status, reply.get("x-auth-session-expires")) == (200, key["expiresAt"])
    stack.run(f"UPDATE apikey SET expiresAt = {stack.database.past} WHERE id = '{key['id']}'")
    assert verdict(gate, key) == REFUSED


def test_a_key_that_is_used_up_is_told_so(stack: Stack, gate: Sidegate, key: dict[str, Any]) -> None:
    stack.run(f"UPDATE apikey SET remaining = 1 WHERE id = '{key['id']}'")
    assert ask(gate, key).status == 200
    assert verdict(gate, key) == (403, "api_key_limited")
    # Better Auth deletes it then.
    assert verdict(gate, key) == REFUSED


def test_a_deleted_key_passes_no_longer_than_its_verdict_is_kept(
    stack: Stack, ada: SignedIn, remembering: Sidegate, key: dict[str, Any]
) -> None:
    assert ask(remembering, key).status == 200
    stack.better_auth.delete_api_key(ada, key)
    until(lambda: verdict(remembering, key) == REFUSED, "the verdict is forgotten")


def test_a_banned_owner_gets_nothing(stack: Stack, gate: Sidegate) -> None:
    eve = stack.better_auth.sign_in()
    key = stack.better_auth.create_api_key(eve)
    assert ask(gate, key).status == 200
    stack.run(f"UPDATE user SET banned = 1 WHERE email = '{eve.email}'")
    assert verdict(gate, key) == (403, "banned")


def test_better_auth_down_is_doubt_for_keys_and_nothing_for_cookies(
    stack: Stack, ada: SignedIn, key: dict[str, Any]
) -> None:
    with stack.sidegate(auth_url="http://127.0.0.1:1", **PATIENT) as gate:
        assert ask(gate, key).status == 503
        assert gate.ask(ada.cookie).status == 200
        assert gate.total("sidegate_api_key_check_seconds_count", result="unreachable") == 1


def test_somebody_elses_refusal_is_doubt(stack: Stack, home: Path, key: dict[str, Any]) -> None:
    for status in (401, 403):
        location = f"return {status} 'sign in';"
        with Liar(home / str(status), location) as liar, stack.sidegate(auth_url=liar.url, **PATIENT) as gate:
            assert ask(gate, key).status == 503


def test_without_the_setting_a_key_is_nothing(stack: Stack, ada: SignedIn, key: dict[str, Any]) -> None:
    with stack.sidegate() as gate:
        assert verdict(gate, key) == (401, "no_credential")
        assert ask(gate, "x" * 64, ada.cookie).status == 200


def test_a_better_auth_without_sessions_for_keys_lets_none_through(world: World, home: Path) -> None:
    stack = world.new_stack(world.sqlite, "no-sessions-for-keys", None, {"apiKey": {}})
    key = stack.better_auth.create_api_key(stack.ada)
    with stack.sidegate(auth_url=stack.better_auth.url, **PATIENT) as gate:
        assert verdict(gate, key) == REFUSED
        assert "enableSessionForAPIKeys" in gate.process.text()
    stack.stop()


def test_through_nginx_a_key_reaches_the_app_as_its_owner(
    stack: Stack, ada: SignedIn, gate: Sidegate, key: dict[str, Any]
) -> None:
    answer = stack.echo.ask("/api/x", headers=[("X-Api-Key", key["key"])])
    assert answer.status_code == 200
    assert ["x-auth-user-email", ada.email] in [list(pair) for pair in answer.json()["headers"]]
    assert stack.echo.ask("/api/x", headers=[("X-Api-Key", "x" * 64)]).status_code == 401
    assert stack.echo.ask("/api/x").status_code == 401


def test_explain_asks_about_a_key_too(stack: Stack, home: Path, key: dict[str, Any]) -> None:
    settings = (f"--store={stack.store}", f"--auth-url={stack.better_auth.url}", "--api-key-header=x-api-key")
    told = sidegate(home, "explain", "-", *settings, stdin=f"GET / HTTP/1.1\r\nX-Api-Key: {key['key']}\r\n\r\n").out
    assert "counted this as a use" in told and "decision   200   allow" in told
    told = sidegate(home, "explain", "-", *settings, stdin="GET / HTTP/1.1\r\nX-Api-Key: guessed\r\n\r\n").out
    assert "Better Auth refuses it" in told and "decision   401   api_key_refused" in told


def test_check_finds_better_auth_beside_the_store(stack: Stack, home: Path) -> None:
    settings = (f"--store={stack.store}", "--api-key-header=x-api-key")
    good = sidegate(home, "check", *settings, f"--auth-url={stack.better_auth.url}")
    assert (good.code, good.err) == (0, "")
    assert "auth_url  ok    Better Auth answers there" in good.out
    bad = sidegate(home, "check", *settings, f"--auth-url={stack.better_auth.url}/auth")
    assert bad.code == 1
    assert "because: get-session was answered with 404" in bad.err
    assert "write into auth_url the URL below which Better Auth answers" in bad.err


def test_no_key_is_in_the_log(gate: Sidegate, key: dict[str, Any]) -> None:
    """Told on top of what holds after each test: a key that nobody remembers is looked for too."""
    guessed = "guessed" + "x" * 64
    assert verdict(gate, guessed) == REFUSED
    assert ask(gate, key).status == 200
    assert guessed not in gate.process.text()
    assert key["key"] not in gate.process.text()
