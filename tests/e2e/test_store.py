"""How often the database is asked, and what happens before it can be."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from conftest import World
from rig.postgres import Lock
from rig.process import until
from rig.sidegate import Sidegate, question
from rig.stack import Stack

CLIENTS = 1000


def test_a_thousand_requests_for_an_unseen_session_ask_once(on_postgres: Stack, world: World, home: Path) -> None:
    person = on_postgres.better_auth.sign_in()
    gate = Sidegate(home, on_postgres.store, store_timeout="20s", connections_max="2000")
    with gate, Lock(world.postgres, on_postgres.schema) as lock, ExitStack() as opened:
        wires = [opened.enter_context(gate.connect(30)) for _ in range(CLIENTS)]
        for wire in wires:
            wire.send(question(person.cookie))
        until(lambda: gate.metrics()["sidegate_connections"] == CLIENTS, "all are connected")
        until(lambda: lock.waiting() == 1, "the database is asked")
        lock.release()
        assert {wire.read().status for wire in wires} == {200}
        assert gate.lookups() == 1


def test_a_thousand_requests_for_unseen_sessions_ask_once_for_each(
    on_postgres: Stack, world: World, home: Path
) -> None:
    people = [on_postgres.better_auth.sign_in() for _ in range(4)]
    gate = Sidegate(home, on_postgres.store, store_timeout="20s", connections_max="2000")
    with gate, Lock(world.postgres, on_postgres.schema) as lock, ExitStack() as opened:
        wires = [opened.enter_context(gate.connect(30)) for _ in range(CLIENTS)]
        for number, wire in enumerate(wires):
            wire.send(question(people[number % 4].cookie))
        until(lambda: lock.waiting() == 4, "the database is asked for each")
        lock.release()
        ids = {wire.read().get("x-auth-user-id") for wire in wires}
        assert len(ids) == 4
        assert None not in ids
        assert gate.lookups() == 4


def test_a_remembered_session_is_not_asked_for_again(stack: Stack, home: Path) -> None:
    with Sidegate(home, stack.store, cache_ttl="1h") as gate:
        assert {gate.ask(stack.ada.cookie).status for _ in range(20)} == {200}
        assert gate.lookups() == 1


def test_with_no_cache_each_request_asks(stack: Stack, home: Path) -> None:
    with Sidegate(home, stack.store, cache_ttl="0s") as gate:
        assert {gate.ask(stack.ada.cookie).status for _ in range(20)} == {200}
        assert gate.lookups() == 20


def test_forged_cookies_ask_nothing_and_leave_nothing(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        forged = [f"{on_sqlite.ada.name}=token{number}.{on_sqlite.ada.signature}" for number in range(200)]
        assert {gate.ask(cookie).status for cookie in forged} == {401}
        assert gate.lookups() == 0
        assert gate.metrics()["sidegate_cache_entries"] == 0


def test_an_absent_session_is_asked_for_once_in_negative_ttl(on_sqlite: Stack, home: Path) -> None:
    person = on_sqlite.better_auth.sign_in()
    on_sqlite.run(f"DELETE FROM session WHERE token = '{person.token}'")
    with Sidegate(home, on_sqlite.store, negative_ttl="1h") as gate:
        assert {gate.ask(person.cookie).status for _ in range(20)} == {401}
        assert gate.lookups() == 1
    with Sidegate(home, on_sqlite.store, negative_ttl="0s") as gate:
        assert {gate.ask(person.cookie).status for _ in range(20)} == {401}
        assert gate.lookups() == 20


def test_a_slow_database_is_a_503_in_time_and_not_a_401(on_postgres: Stack, world: World, home: Path) -> None:
    person = on_postgres.better_auth.sign_in()
    with Sidegate(home, on_postgres.store, store_timeout="200ms") as gate:
        with Lock(world.postgres, on_postgres.schema):
            reply = gate.ask(person.cookie)
            assert (reply.status, reply.get("retry-after")) == (503, "1")
            assert json.loads(reply.body)["reason"] == reply.get("x-auth-reason") == "store_unavailable"
            assert not gate.is_ready()
        gate.wait_until_ready()
        assert gate.ask(person.cookie).status == 200


def test_a_slow_database_does_not_hold_up_remembered_sessions(on_postgres: Stack, world: World, home: Path) -> None:
    people = [on_postgres.better_auth.sign_in() for _ in range(8)]
    gate = Sidegate(home, on_postgres.store, cache_ttl="1h", store_timeout="20s", store_connections="2")
    with gate, ExitStack() as opened:
        assert gate.ask(on_postgres.ada.cookie).status == 200
        with Lock(world.postgres, on_postgres.schema) as lock:
            wires = [opened.enter_context(gate.connect(30)) for _ in people]
            for wire, person in zip(wires, people, strict=True):
                wire.send(question(person.cookie))
            until(lambda: lock.waiting() == 2, "every connection to the database waits")
            assert gate.ask(on_postgres.ada.cookie).status == 200
        assert {wire.read().status for wire in wires} == {200}


def test_a_locked_sqlite_file_is_a_503_and_not_a_401(on_sqlite: Stack, world: World, home: Path) -> None:
    person = on_sqlite.better_auth.sign_in()
    with Sidegate(home, on_sqlite.store, store_timeout="200ms") as gate:
        with closing(sqlite3.connect(world.sqlite.path("app"), isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            assert gate.ask(person.cookie).status == 503
        # The lookup that was given up may end with its error a moment later, for all who have joined it by then.
        until(lambda: gate.ask(person.cookie).status == 200, "the store answers again")


def test_sidegate_starts_before_its_sqlite_file_is_there(
    home: Path, stacks: Callable[..., Stack], world: World
) -> None:
    stack = stacks(world.sqlite, "late")
    person = stack.better_auth.sign_in()
    late = home / "late.db"
    with Sidegate(home, f"sqlite:{late}") as gate:
        assert gate.admin("/livez").status_code == 200
        assert gate.admin("/readyz").status_code == 503
        assert gate.ask(person.cookie).status == 503
        assert not late.exists()
        stack.better_auth.stop()
        world.sqlite.path("late").rename(late)
        gate.wait_until_ready()
        assert gate.ask(person.cookie).status == 200
