"""What sidegate tells operators: enough to act on, and nothing that a thief could use."""

import json
import random
import re
import string
from pathlib import Path

import pytest

from rig import secrets
from rig.sidegate import Sidegate, question
from rig.stack import Stack
from rig.wire import Headers, exchange

NOISE = random.Random(20261124)
"""The same noise in each run, so that a failure can be repeated."""


@pytest.mark.parametrize("level", ["info", "trace"])
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_log_metric_or_answer_holds_a_secret(stack: Stack, home: Path, level: str, form: str) -> None:
    with Sidegate(home, stack.store, log_level=level, log_format=form) as gate:
        told = every_kind_of_answer(stack, gate)
        told.append(gate.admin("/metrics").text + gate.admin("/readyz").text)
    # A store that fails, with what it says of it.
    with Sidegate(home, stack.store, log_level=level, log_format=form, session_table="absent") as broken:
        told.append(str(broken.ask(stack.ada.cookie)))
        told.append(broken.admin("/readyz").text)
    assert "the store refused the lookup" in broken.process.text()
    assert secrets.found_in("\n".join([*told, gate.process.text(), broken.process.text()])) == []


def test_the_search_for_secrets_finds_them(on_sqlite: Stack) -> None:
    person = on_sqlite.ada
    for text in (person.value, person.token, person.signature, person.cookie, f'"{person.token}.'):
        assert secrets.found_in(f"x{text}y")


def every_kind_of_answer(stack: Stack, gate: Sidegate) -> list[str]:
    """Asks in all sorts of ways; the answers as text."""
    person, other = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    table = "session" if stack.database.name != "mariadb" else "`session`"
    stack.run(f"DELETE FROM {table} WHERE token = '{other.token}'")
    name, value = person.name, person.value
    cookies = [
        person.cookie,
        other.cookie,
        f"{name}={value}x",
        f"{name}={value[:-9]}",
        f"{name}={person.token}",
        f"{name}=.{person.signature}",
        f"{name}=%ff{value}",
        f"x={value}; {name}={value}",
        f"{name}\t=\t{value}\xa0",
        None,
    ]
    headers: list[Headers] = [
        [],
        [("Authorization", f"Bearer {person.token}")],
        [("X-Auth-Assertion", value)],
        [("X_Auth_Z", value)],
    ]
    replies = [gate.ask(cookie, extra) for cookie in cookies for extra in headers]
    # Where a client puts a secret itself: the query is not told, nor are header values.
    original = [("X-Original-URL", f"http://app.example/page?token={value}"), ("X-Original-Method", "GET")]
    replies.append(exchange(gate.address, question(None, original=original)))
    replies.append(exchange(gate.address, question(person.cookie, original=[("X-Original-URL", value)])))
    for data in (b"GET " + value.encode() + b"\x00\r\n\r\n", b"Cookie: " + person.cookie.encode() + b"\r\n\r\n"):
        with gate.connect() as wire:
            wire.send(data)
            wire.wait_for_end()
    return [str(reply) for reply in replies]


def test_each_denial_is_one_event(on_sqlite: Stack, home: Path) -> None:
    person, gone = on_sqlite.ada, on_sqlite.better_auth.sign_in()
    on_sqlite.run(f"DELETE FROM session WHERE token = '{gone.token}'")
    with Sidegate(home, on_sqlite.store) as gate:
        for cookie in (None, f"{person.name}=forged.{person.signature}", gone.cookie, person.cookie):
            gate.ask(cookie)
        told = [(event["status"], event["reason"], event["cache"]) for event in gate.denials(3)]
    assert told == [(401, "no_credential", "none"), (401, "bad_signature", "none"), (401, "no_session", "miss")]


def test_a_denial_tells_what_was_asked_without_its_query(on_sqlite: Stack, home: Path) -> None:
    original = [("X-Original-URL", "https://app.example:8443/a%20b/\xe9?token=hidden"), ("X-Original-Method", "PUT")]
    with Sidegate(home, on_sqlite.store) as gate:
        exchange(gate.address, question(None, original=original))
        [event] = gate.denials(1)
    assert (event["method"], event["host"], event["path"]) == ("PUT", "app.example:8443", r"/a%20b/\xe9")
    assert "hidden" not in json.dumps(event)


def test_a_refusal_is_one_event_with_its_header(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        exchange(gate.address, question(None, original=[("X-Original-URL", "http://a/")]))
        [event] = gate.events("refused", 1)
    assert (event["level"], event["reason"], event["header"]) == ("WARN", "missing_header", "x-original-method")


HOSTILE = [
    b'http://a/x"},{"level":"ERROR"\xe2\x80\xa8\xff',
    b'http://a"{}/\\%0a%0d\x85\x9b31m',
    b"http://a=b c=d/ message=listening",
]


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_client_cannot_write_lines_of_its_own_into_the_log(on_sqlite: Stack, home: Path, form: str) -> None:
    with Sidegate(home, on_sqlite.store, log_format=form, revocation="off") as gate:
        for url in HOSTILE:
            reply = exchange(
                gate.address, question(None, original=[("X-Original-URL", url), ("X-Original-Method", "GET")])
            )
            assert reply.status == 401
    lines = gate.process.text().splitlines()
    assert len(lines) == len(HOSTILE) + 3, "listening, draining and stopped are the other three"
    assert all(re.match(r'(\{"timestamp":")?20\d\d-', line) for line in lines)
    assert all(line.isascii() and line.isprintable() for line in lines)
    if form == "json":
        assert [event["message"] for event in gate.log()].count("denied") == len(HOSTILE)


def test_denials_can_be_left_out_of_the_log(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, log_denials="false") as gate:
        gate.ask()
        assert gate.denials() == []
        assert gate.total("sidegate_decisions_total", outcome="unauthenticated") == 1


def test_decisions_are_counted_by_outcome_reason_and_cache(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        for cookie in (on_sqlite.ada.cookie, on_sqlite.ada.cookie, on_sqlite.ada.cookie, None):
            gate.ask(cookie)
        exchange(gate.address, question(None, original=[]))
        counted = {
            (outcome, reason, cache): gate.total(
                "sidegate_decisions_total", dialect="nginx", outcome=outcome, reason=reason, cache=cache
            )
            for outcome, reason, cache in [
                ("allow", "", "miss"),
                ("allow", "", "hit"),
                ("unauthenticated", "no_credential", "none"),
                ("refused", "missing_header", "none"),
            ]
        }
        assert list(counted.values()) == [1, 2, 1, 1], counted


def test_no_client_can_make_a_new_series(stack: Stack, home: Path) -> None:
    with Sidegate(home, stack.store) as gate:
        every_kind_of_answer(stack, gate)
        refuse_in_every_way(gate)
        known = set(gate.metrics())
        for _ in range(300):
            exchange(gate.address, noise())
        assert set(gate.metrics()) == known


def refuse_in_every_way(gate: Sidegate) -> None:
    url, method = ("X-Original-URL", "http://a/"), ("X-Original-Method", "GET")
    for original in ([url], [url, url, method], [url, method, ("X_Auth_A", "b")], [("X-Original-URL", "a"), method]):
        exchange(gate.address, question(None, original=original))


def noise() -> bytes:
    """A question about a random host, method and path, with random cookies and headers."""
    url = f"http://{word()}.example:{NOISE.randrange(65536)}/{word()}/{word()}?{word()}={word()}"
    cookie = f"{word()}={word()}; better-auth.session_token={word()}.{word(43)}%3D"
    original: Headers = [("X-Original-URL", url), ("X-Original-Method", word().upper())]
    return question(cookie, [(f"X-{word()}", word()), ("User-Agent", word()), ("X-Auth-User-Id", word())], original)


def word(length: int = 12) -> str:
    return "".join(NOISE.choices(string.ascii_lowercase + string.digits, k=length))
