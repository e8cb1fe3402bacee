"""Session tokens in the Authorization header, and cookies of the secret before, through nginx. What counts and what does
not is compared with Better Auth's plugin case by case in tests/vectors/bearer.json and by test_differential.py."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig import secrets
from rig.better_auth import SECRET, BetterAuth, SignedIn
from rig.sidegate import Sidegate, question
from rig.stack import Stack
from rig.wire import exchange


@pytest.fixture
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(bearer="true") as gate:
        yield gate


def bearer(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {text}")]


def plain(person: SignedIn) -> str:
    """The signed token as the plugin's `set-auth-token` gives it to an app: not percent-encoded."""
    return f"{person.token}.{person.signature}"


def test_a_signed_token_passes_in_both_its_spellings(on_sqlite: Stack, gate: Sidegate) -> None:
    person = on_sqlite.better_auth.sign_in()
    for text in (person.value, plain(person)):
        told = on_sqlite.fastapi.ask("/api/me", headers=bearer(text))
        assert (told.status_code, told.json()["email"]) == (200, person.email)


def test_a_token_stands_before_the_cookie(on_sqlite: Stack, gate: Sidegate) -> None:
    grace = on_sqlite.better_auth.sign_in()
    told = on_sqlite.fastapi.ask("/api/me", on_sqlite.ada.cookie, headers=bearer(grace.value))
    assert told.json()["email"] == grace.email


def test_what_is_no_token_of_ours_leaves_the_cookie_as_it_is(on_sqlite: Stack, gate: Sidegate) -> None:
    for text in ("an-opaque-token-of-another-service", "a.b.c", f"{on_sqlite.ada.token}.{'A' * 43}="):
        told = on_sqlite.fastapi.ask("/api/me", on_sqlite.ada.cookie, headers=bearer(text))
        assert (told.status_code, told.json()["email"]) == (200, on_sqlite.ada.email)
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(text)).status_code == 401


def test_an_unsigned_token_passes_only_where_it_is_trusted(on_sqlite: Stack) -> None:
    person = on_sqlite.better_auth.sign_in()
    with on_sqlite.sidegate(bearer="true"):
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(person.token)).status_code == 401
    with on_sqlite.sidegate(bearer="true", trust_unsigned_bearer="true") as gate:
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(person.token)).json()["email"] == person.email
        assert any("trust_unsigned_bearer" in event["message"] for event in gate.log() if event["level"] == "WARN")


def test_without_the_setting_no_token_is_read(on_sqlite: Stack) -> None:
    with on_sqlite.sidegate():
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(on_sqlite.ada.value)).status_code == 401
        told = on_sqlite.fastapi.ask("/api/me", on_sqlite.ada.cookie, headers=bearer("x"))
        assert told.status_code == 200


def test_two_authorization_lines_are_refused(on_sqlite: Stack, gate: Sidegate) -> None:
    twice = [*bearer(on_sqlite.ada.value), *bearer("another")]
    reply = exchange(gate.address, question(headers=twice))
    assert (reply.status, reply.get("x-auth-reason")) == (403, "duplicate_header")


def test_a_token_that_was_signed_out_is_refused(on_sqlite: Stack) -> None:
    person = on_sqlite.better_auth.sign_in()
    with on_sqlite.sidegate(bearer="true", cache_ttl="0s", negative_ttl="0s"):
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(person.value)).status_code == 200
        on_sqlite.better_auth.sign_out(person)
        assert on_sqlite.fastapi.ask("/api/me", headers=bearer(person.value)).status_code == 401


NEW_SECRET = "end-to-end-secret-that-took-its-place-0123"
secrets.remember("the new secret", NEW_SECRET)


def test_while_the_secret_is_replaced_cookies_of_both_pass(on_sqlite: Stack, home: Path) -> None:
    kept = on_sqlite.better_auth.sign_in()
    previous = home / "previous"
    previous.write_text(SECRET)
    renewed = BetterAuth(home, on_sqlite.store, secret=NEW_SECRET)
    try:
        fresh = renewed.sign_in(kept.email)
        assert renewed.session_of(kept.cookie) is None, "Better Auth itself takes the present secret alone"
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        both = {"previous_secret_file": str(previous), "previous_secret_until": until}
        with on_sqlite.sidegate(secret=NEW_SECRET, **both) as gate:
            assert [gate.ask(person.cookie).status for person in (kept, fresh)] == [200, 200]
            assert any("previous secret" in event["message"] for event in gate.log() if event["level"] == "WARN")
        with on_sqlite.sidegate(secret=NEW_SECRET) as gate:
            assert [gate.ask(person.cookie).status for person in (kept, fresh)] == [401, 200]
        over = both | {"previous_secret_until": "2026-01-01T00:00:00Z"}
        with on_sqlite.sidegate(secret=NEW_SECRET, **over) as gate:
            assert [gate.ask(person.cookie).status for person in (kept, fresh)] == [401, 200]
    finally:
        renewed.stop()
