"""Tokens of Better Auth's jwt plugin, through nginx: by its keys in the table and at its URL, while those change, are down,
or are asked for by forgers. Which tokens count is compared with the plugin case by case in tests/vectors/jwt.json."""

import base64
import json
import secrets as random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.process import until
from rig.sidegate import Sidegate
from rig.stack import Stack
from test_commands import sidegate

JWKS = "GET /api/auth/jwks"
NOBODY = "http://127.0.0.1:1/api/auth/jwks"


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[Stack]:
    stack = world.new_stack(world.sqlite, "jwt", None, {"jwt": {}})
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def ada(stack: Stack) -> SignedIn:
    return stack.better_auth.sign_in()


@pytest.fixture(scope="module")
def token(stack: Stack, ada: SignedIn) -> str:
    return stack.better_auth.json_web_token(ada)


def taking(stack: Stack, store: str | None = None, **settings: str) -> Sidegate:
    """A sidegate that takes tokens of this Better Auth."""
    return stack.sidegate(store, **{"jwt": "true", "jwt_issuer": stack.better_auth.origin} | settings)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


def verdict(gate: Sidegate, token: str, cookie: str | None = None) -> tuple[int, str | None]:
    reply = gate.ask(cookie, bearer(token))
    return reply.status, reply.get("x-auth-reason")


def forged(kid: str) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'EdDSA', 'kid': kid})}.{part({'sub': 'admin'})}.{'A' * 86}"


def url(stack: Stack) -> str:
    return f"{stack.better_auth.url}/api/auth/jwks"


UNKNOWN = (401, "bad_signature")
PASSES = (200, None)


@pytest.mark.parametrize("name", ["sqlite", "postgres", "mariadb"])
def test_a_token_passes_by_the_keys_of_the_table(world: World, stacks: Callable[..., Stack], name: str) -> None:
    stack = stacks(world.database(name), "jwt-table", None, {"jwt": {}})
    token = stack.better_auth.json_web_token(stack.ada)
    known = stack.better_auth.session_of(stack.ada.cookie)
    assert known
    with taking(stack) as gate:
        told = stack.fastapi.ask("/api/me", headers=bearer(token))
        assert told.status_code == 200
        me = told.json()
        assert (me["id"], me["email"], me["session_id"]) == (known["user"]["id"], stack.ada.email, None)
        seen = dict(stack.echo.ask("/api/x", headers=bearer(token)).json()["headers"])
        assert seen["x-auth-status"] == "user" and "x-auth-session-id" not in seen
        assert gate.total("sidegate_decisions_total", outcome="allow", cache="hit") == 1
    assert stack.better_auth.requests(JWKS) == 0


def test_a_token_passes_by_the_keys_at_the_url(stack: Stack, ada: SignedIn, token: str) -> None:
    with taking(stack, jwks_url=url(stack)):
        before = stack.better_auth.requests(JWKS)
        for _ in range(20):
            assert stack.fastapi.ask("/api/me", headers=bearer(token)).json()["email"] == ada.email
        assert stack.better_auth.requests(JWKS) == before + 1


def test_without_tables_the_keys_are_asked_of_better_auth(stack: Stack, token: str) -> None:
    with taking(stack, stack.better_auth.url, auth_url=stack.better_auth.url) as gate:
        before = stack.better_auth.requests(JWKS)
        assert verdict(gate, token) == PASSES
        assert stack.better_auth.requests(JWKS) == before + 1


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES512", "PS256", "RS256"])
def test_each_algorithm_of_the_plugin_passes(world: World, stacks: Callable[..., Stack], algorithm: str) -> None:
    plugin = {"jwks": {"keyPairConfig": {"alg": algorithm}}}
    stack = stacks(world.sqlite, f"jwt-{algorithm}", None, {"jwt": plugin})
    token = stack.better_auth.json_web_token(stack.ada)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["alg"] == algorithm
    for settings in ({}, {"jwks_url": url(stack)}):
        with taking(stack, **settings):
            assert stack.fastapi.ask("/api/me", headers=bearer(token)).json()["email"] == stack.ada.email


def test_a_token_of_another_issuer_or_for_another_audience_is_refused(stack: Stack, token: str) -> None:
    for wrong in ({"jwt_issuer": "http://elsewhere.example"}, {"jwt_audience": "http://elsewhere.example"}):
        with taking(stack, **wrong) as gate:
            assert verdict(gate, token) == (401, "invalid_token")


def test_issuer_and_audience_can_be_the_operators_own(world: World, stacks: Callable[..., Stack]) -> None:
    own = {"issuer": "https://id.example", "audience": "https://api.example"}
    stack = stacks(world.sqlite, "jwt-own", None, {"jwt": {"jwt": own}})
    token = stack.better_auth.json_web_token(stack.ada)
    with taking(stack, jwt_issuer=own["issuer"], jwt_audience=own["audience"]) as gate:
        assert verdict(gate, token) == PASSES
    with taking(stack, jwt_issuer=own["issuer"]) as gate:
        assert verdict(gate, token) == (401, "invalid_token")


def test_an_expired_token_is_refused_though_it_was_remembered(world: World, stacks: Callable[..., Stack]) -> None:
    stack = stacks(world.sqlite, "jwt-short", None, {"jwt": {"jwt": {"expirationTime": "2s"}}})
    with taking(stack) as gate:
        token = stack.better_auth.json_web_token(stack.ada)

        def is_over() -> bool:
            told = verdict(gate, token)
            assert told in (PASSES, (401, "expired"))
            return told != PASSES

        until(is_over, "the token has expired")


def test_a_new_key_is_picked_up_at_once_and_a_withdrawn_one_dropped(
    world: World, stacks: Callable[..., Stack]
) -> None:
    stack = stacks(world.sqlite, "jwt-rotated", None, {"jwt": {}})
    old = stack.better_auth.json_web_token(stack.ada)
    with taking(stack, jwks_ttl="60s") as gate:
        assert verdict(gate, old) == PASSES
        stack.run("DELETE FROM jwks")
        new = stack.better_auth.json_web_token(stack.ada)
        assert verdict(gate, new) == PASSES
        # It was remembered, for as long as keys are.
        assert verdict(gate, old) == PASSES
    with taking(stack, jwks_ttl="1s") as gate:
        assert verdict(gate, new) == PASSES
        stack.run("DELETE FROM jwks")
        until(lambda: verdict(gate, new) == UNKNOWN, "the key that is gone opens nothing")


def test_with_no_keys_known_a_token_is_doubt_and_a_cookie_counts(stack: Stack, ada: SignedIn, token: str) -> None:
    with taking(stack, jwks_url=NOBODY) as gate:
        reply = gate.ask(None, bearer(token))
        assert (reply.status, reply.get("retry-after")) == (503, "1")
        assert stack.fastapi.ask("/api/me", headers=bearer(token)).status_code == 500
        assert verdict(gate, token, ada.cookie) == PASSES
        # Doubt about the token outweighs what is wrong with a cookie.
        assert gate.ask("better-auth.session_token=forged", bearer(token)).status == 503


def test_keys_that_are_known_go_on_while_their_source_is_down(world: World, stacks: Callable[..., Stack]) -> None:
    stack = stacks(world.sqlite, "jwt-down", None, {"jwt": {}})
    tokens = [stack.better_auth.json_web_token(stack.better_auth.sign_in()) for _ in range(2)]
    with taking(stack, jwks_url=url(stack), jwks_ttl="1s") as gate:
        assert verdict(gate, tokens[0]) == PASSES
        stack.better_auth.stop()

        def is_told() -> bool:
            assert [verdict(gate, token) for token in tokens] == [PASSES, PASSES]
            return any("source of public keys" in event["message"] for event in gate.log())

        until(is_told, "the keys are too old and cannot be asked for")
        assert [verdict(gate, token) for token in tokens] == [PASSES, PASSES]
        assert gate.ask(None, bearer(forged("unknown"))).status == 503


def test_forged_tokens_cost_better_auth_a_bounded_number_of_questions(stack: Stack, token: str) -> None:
    with taking(stack, jwks_url=url(stack)) as gate:
        assert verdict(gate, token) == PASSES
        before, began = stack.better_auth.requests(JWKS), time.monotonic()
        for _ in range(200):
            assert verdict(gate, forged(random.token_hex(16))) == UNKNOWN
        asked = stack.better_auth.requests(JWKS) - before
        assert 1 <= asked <= 1 + (time.monotonic() - began) / 10, "one in ten seconds"
        assert verdict(gate, token) == PASSES


def test_a_token_that_opens_nothing_leaves_the_cookie_as_it_is(stack: Stack, ada: SignedIn, token: str) -> None:
    altered = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    with taking(stack) as gate:
        for opens_nothing in (altered, forged("unknown"), "eyJ.e.f"):
            told = stack.fastapi.ask("/api/me", ada.cookie, headers=bearer(opens_nothing))
            assert (told.status_code, told.json()["email"]) == (200, ada.email)
            assert verdict(gate, opens_nothing) == UNKNOWN
            assert stack.fastapi.ask("/api/me", headers=bearer(opens_nothing)).status_code == 401


def test_a_token_stands_before_a_cookie(stack: Stack, token: str, ada: SignedIn) -> None:
    eve = stack.better_auth.sign_in()
    with taking(stack):
        assert stack.fastapi.ask("/api/me", eve.cookie, headers=bearer(token)).json()["email"] == ada.email


def test_a_token_outlives_its_session(stack: Stack) -> None:
    person = stack.better_auth.sign_in()
    token = stack.better_auth.json_web_token(person)
    stack.better_auth.sign_out(person)
    with taking(stack) as gate:
        assert gate.ask(person.cookie).status == 401
        assert verdict(gate, token) == PASSES


def test_without_the_setting_no_token_is_read(stack: Stack, token: str) -> None:
    with stack.sidegate() as gate:
        assert verdict(gate, token) == (401, "no_credential")
        assert stack.fastapi.ask("/api/me", headers=bearer(token)).status_code == 401


def test_explain_tells_each_step_and_no_token(stack: Stack, home: Path, token: str) -> None:
    settings = (f"--store={stack.store}", "--jwt=true")
    good = f"--jwt-issuer={stack.better_auth.origin}"

    def explained(token: str, *more: str) -> str:
        request = f"GET / HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        return sidegate(home, "explain", "-", *settings, *more, stdin=request).out

    told = explained(token, good)
    assert "1 in the jwks table in SQLite, the one that it names among them" in told
    assert "its key signed it" in told and "live until" in told and "decision   200   allow" in told
    told = explained(token, "--jwt-issuer=http://elsewhere.example")
    assert "the token is of another issuer" in told and "decision   401   invalid_token" in told
    told = explained(forged("secret-name"), good)
    assert "not the one that it names" in told and "decision   401   bad_signature" in told
    assert "secret-name" not in told
    told = explained(token, good, f"--jwks-url={NOBODY}")
    assert "cannot reach the source of public keys" in told and "decision   503" in told


def test_check_reads_the_keys(stack: Stack, home: Path) -> None:
    settings = (f"--store={stack.store}", "--jwt=true", f"--jwt-issuer={stack.better_auth.origin}")
    told = sidegate(home, "check", *settings)
    assert (told.code, told.err) == (0, "")
    assert "keys      ok    1 in the jwks table in SQLite" in told.out
    told = sidegate(home, "check", *settings, f"--jwks-url={url(stack)}")
    assert told.code == 0 and f"keys      ok    1 in {url(stack)}" in told.out
    told = sidegate(home, "check", *settings, f"--jwks-url={stack.better_auth.url}/jwks")
    assert told.code == 1
    assert "keys      FAIL" in told.out and "it answers 404" in told.err and "jwks_url" in told.err
    told = sidegate(home, "check", *settings, "--jwks-table=nowhere")
    assert told.code == 1 and "no such table" in told.err
