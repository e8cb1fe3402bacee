"""SIGTERM: no new work, the old work finished, then gone; and what happens to those who do not finish."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.postgres import Lock
from rig.process import until
from rig.sidegate import LONG, Sidegate, question
from rig.stack import Stack
from rig.traffic import Traffic
from rig.wire import Wire


@pytest.fixture
def lock(on_postgres: Stack, world: World) -> Iterator[Lock]:
    """Makes the store slow for as long as a test wants."""
    _ = on_postgres.ada  # signed in before nobody can
    with Lock(world.postgres, on_postgres.schema) as lock:
        yield lock


def asking(gate: Sidegate, stack: Stack, lock: Lock) -> Wire:
    """A connection whose question the store is thinking about."""
    wire = gate.connect(20)
    wire.send(question(stack.ada.cookie))
    until(lambda: lock.waiting() == 1, "the store is asked")
    return wire


def test_a_request_under_way_is_answered_before_the_end(on_postgres: Stack, lock: Lock, home: Path) -> None:
    gate = Sidegate(home, on_postgres.store, store_timeout="20s", drain_timeout="20s")
    with asking(gate, on_postgres, lock) as wire, gate.connect() as idle:
        gate.process.send(signal.SIGTERM)
        gate.process.wait_for('"message":"draining"')
        answer = gate.admin("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready: draining\n")
        assert gate.admin("/livez").status_code == 200
        until(lambda: refuses_connections(gate), "new connections are refused")
        assert idle.wait_for_end() == b""
        lock.release()
        reply = wire.read()
        assert (reply.status, reply.get("connection")) == (200, "close")
        assert wire.wait_for_end() == b""
    assert gate.process.wait() == 0


def test_a_second_signal_ends_it_at_once(on_postgres: Stack, lock: Lock, home: Path) -> None:
    gate = Sidegate(home, on_postgres.store, store_timeout=LONG, drain_timeout=LONG)
    with asking(gate, on_postgres, lock):
        gate.process.send(signal.SIGTERM)
        gate.process.wait_for('"message":"draining"')
        gate.process.send(signal.SIGTERM)
        assert gate.process.wait() == 1


def test_drain_timeout_bounds_the_wait(on_postgres: Stack, lock: Lock, home: Path) -> None:
    gate = Sidegate(home, on_postgres.store, store_timeout=LONG, drain_timeout="500ms")
    with asking(gate, on_postgres, lock):
        begun = time.monotonic()
        gate.process.send(signal.SIGTERM)
        assert gate.process.wait() == 1
        assert time.monotonic() - begun >= 0.5


def test_drain_timeout_bounds_the_wait_for_the_store_too(on_postgres: Stack, lock: Lock, home: Path) -> None:
    """Nobody waits for the answer any more, yet the lookup is still under way."""
    gate = Sidegate(home, on_postgres.store, store_timeout=LONG, drain_timeout="500ms")
    with asking(gate, on_postgres, lock) as wire:
        wire.reset()
        until(lambda: gate.metrics()["sidegate_connections"] == 0, "the client is gone")
        gate.process.send(signal.SIGTERM)
        gate.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_sidegate_ends_at_once_and_well(on_sqlite: Stack, home: Path, number: signal.Signals) -> None:
    gate = Sidegate(home, on_sqlite.store, drain_timeout=LONG, idle_timeout=LONG)
    with gate.connect() as kept:
        assert kept.ask(question(on_sqlite.ada.cookie)).status == 200
        assert gate.stop(number) == 0
        assert kept.wait_for_end() == b""


def test_half_a_question_does_not_hold_up_the_end_beyond_its_time(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout=LONG, drain_timeout="500ms")
    with gate.connect() as wire:
        wire.send(question(on_sqlite.ada.cookie)[:30])
        gate.process.send(signal.SIGTERM)
        gate.process.wait()


def test_a_restart_under_traffic_fails_closed_and_signs_nobody_out(on_sqlite: Stack) -> None:
    nginx, cookie = on_sqlite.echo, on_sqlite.ada.cookie
    with on_sqlite.sidegate() as gate:
        traffic = Traffic(lambda: nginx.ask("/api/x", cookie).status_code, clients=4)
        with traffic:
            traffic.go_on(200)
            assert gate.stop() == 0
            traffic.go_on(500, 5)
            with on_sqlite.sidegate():
                traffic.go_on(200)
                statuses = traffic.statuses()
    assert statuses == {200, 500}


def refuses_connections(gate: Sidegate) -> bool:
    try:
        gate.connect().close()
    except ConnectionRefusedError:
        return True
    return False
