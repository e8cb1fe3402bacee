"""`mode = "shadow"`: a sidegate that is tried out beside an app stops nobody, and tells whom it would have stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.browser import identity_in
from rig.configuration import Configuration, wait_for
from rig.ports import free_port
from rig.process import until
from rig.sidegate import Sidegate, question
from rig.stack import Stack
from rig.wire import exchange
from test_commands import sidegate
from test_identity_headers import identity_of_ada

NOBODY = [("x-auth-status", "anonymous")]
TRIED_OUT = ("nginx", "envoy-grpc")
"""One that reads a status, and one that reads a message. MATRIX.md has all of them."""


@pytest.fixture
def shadow(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(mode="shadow", login_url="/login") as shadow:
        yield shadow


@pytest.mark.parametrize("caller", TRIED_OUT, indirect=True)
def test_what_would_have_been_denied_passes_and_is_told(on_sqlite: Stack, shadow: Sidegate, caller: str) -> None:
    proxy, dialect = on_sqlite.proxy(caller), caller.replace("-", "_")
    forged = f"{on_sqlite.ada.name}={on_sqlite.ada.token}.{'A' * 43}%3D"
    for cookie in (None, forged):
        assert identity_in(proxy.ask("/api/x?secret=1", cookie, "POST", content=b"{}").json()) == NOBODY
    assert sorted(identity_in(proxy.ask("/api/x", on_sqlite.ada.cookie).json())) == sorted(identity_of_ada(on_sqlite))

    told = shadow.events("would be denied", 2)
    assert [(event["reason"], event["status"], event["mode"]) for event in told] == [
        ("no_credential", 401, "shadow"),
        ("bad_signature", 401, "shadow"),
    ]
    assert {(event["dialect"], event["method"], event["path"]) for event in told} == {(dialect, "POST", "/api/x")}
    assert shadow.denials() == []
    for reason in ("no_credential", "bad_signature"):
        assert shadow.total("sidegate_shadow_passes_total", dialect=dialect, reason=reason) == 1
        counted = {"dialect": dialect, "outcome": "unauthenticated", "reason": reason}
        assert shadow.total("sidegate_decisions_total", **counted) == 1
    assert shadow.total("sidegate_decisions_total", dialect=dialect, outcome="allow") == 1


@pytest.mark.parametrize("caller", TRIED_OUT, indirect=True)
def test_a_store_that_is_away_stops_nobody(on_sqlite: Stack, caller: str) -> None:
    proxy = on_sqlite.proxy(caller)
    nowhere = f"postgres://postgres@127.0.0.1:{free_port()}/nowhere"
    with on_sqlite.sidegate(store=nowhere, mode="shadow") as shadow:
        assert identity_in(proxy.ask("/api/x", on_sqlite.ada.cookie).json()) == NOBODY
        [told] = shadow.events("would be denied", 1)
        assert (told["reason"], told["status"]) == ("store_unavailable", 503)
        assert shadow.total("sidegate_shadow_passes_total", reason="store_unavailable") == 1
        # That it is away is no decision about anybody.
        assert not shadow.is_ready()


def test_a_question_that_would_have_been_refused_passes_and_is_told(on_sqlite: Stack, shadow: Sidegate) -> None:
    twice = [("X-Auth-User-Id", "a"), ("X-Auth-User-Id", "b")]
    answer = exchange(shadow.address, question(on_sqlite.ada.cookie, twice))
    assert (answer.status, answer.get("x-auth-status"), answer.get("x-auth-user-id")) == (200, "anonymous", None)
    [told] = shadow.events("would be refused", 1)
    assert (told["reason"], told["header"], told["mode"]) == ("duplicate_header", "x-auth-user-id", "shadow")
    assert shadow.total("sidegate_shadow_passes_total", dialect="nginx", reason="duplicate_header") == 1


def test_whoever_is_no_trusted_proxy_is_refused_all_the_same(on_sqlite: Stack) -> None:
    with on_sqlite.sidegate(mode="shadow", trusted_proxies="unix") as shadow:
        answer = shadow.ask(on_sqlite.ada.cookie)
        assert (answer.status, answer.get("x-auth-reason")) == (403, "untrusted_peer")
        [told] = shadow.events("refused", 1)
        assert "mode" not in told
        assert shadow.total("sidegate_shadow_passes_total") == 0


def test_get_session_tells_what_is_so(on_sqlite: Stack) -> None:
    with on_sqlite.sidegate(mode="shadow", get_session="true") as shadow:
        head = b"GET /api/auth/get-session HTTP/1.1\r\nHost: sidegate\r\n\r\n"
        answer = exchange(shadow.address, head)
        assert (answer.status, json.loads(answer.body), answer.get("x-auth-status")) == (200, None, None)
        assert [event["reason"] for event in shadow.denials(1)] == ["no_credential"]
        assert shadow.total("sidegate_shadow_passes_total") == 0


def test_it_is_enforced_as_soon_as_the_file_says_so(on_sqlite: Stack, home: Path) -> None:
    configuration = Configuration(home, mode="shadow")
    with on_sqlite.sidegate(config=str(configuration.path), reload_interval="100ms") as gate:
        assert gate.ask().status == 200
        for times, (mode, status) in enumerate((("enforce", 401), ("shadow", 200)), 1):
            configuration.put(mode=mode)
            wait_for(gate, "applied", times)
            assert gate.ask().status == status
        told = [event for event in gate.log() if "NOTHING IS ENFORCED" in event["message"]]
        assert len(told) == 2


def test_it_says_loudly_that_nothing_is_enforced(on_sqlite: Stack, shadow: Sidegate, home: Path) -> None:
    def warned() -> bool:
        events = [event["message"] for event in shadow.log() if event["level"] == "WARN"]
        return any("NOTHING IS ENFORCED" in message for message in events)

    until(warned, "it warns at the start")
    checked = sidegate(home, "check", f"--store={on_sqlite.store}", "--mode=shadow")
    assert checked.code == 0
    assert "NOTHING IS ENFORCED" in checked.out
    enforcing = sidegate(home, "check", f"--store={on_sqlite.store}")
    assert "ENFORCED" not in enforcing.out
