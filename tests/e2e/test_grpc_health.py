"""gRPC's health service, by the official client: through a start without a database, an outage and the end."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from conftest import World
from rig.ext_authz import Caller
from rig.http2 import Http2, framed
from rig.postgres import Postgres
from rig.process import until
from rig.sidegate import LONG, Sidegate
from rig.stack import Stack

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN
AUTHORIZATION = "envoy.service.auth.v3.Authorization"


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Postgres]:
    database = Postgres(world.home / "health", world.certificates)
    yield database
    database.stop()


@pytest.fixture(scope="module")
def unsteady(database: Postgres, world: World) -> Stack:
    stack = world.new_stack(database, "health")
    _ = stack.ada
    return stack


def asked(caller: Caller, service: str = "") -> int:
    status: int = caller.health.Check(HealthCheckRequest(service=service), timeout=20).status
    return status


def watched(caller: Caller, service: str = "") -> Any:
    """The statuses as they come. The call waits for a connection."""
    return caller.health.Watch(HealthCheckRequest(service=service), timeout=60, wait_for_ready=True)


def test_health_is_what_readyz_tells_whoever_asks(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, trusted_proxies="10.0.0.0/8") as gate, Caller(gate.address) as caller:
        gate.wait_until_ready()
        assert [asked(caller, service) for service in ("", AUTHORIZATION)] == [SERVING, SERVING]
        with pytest.raises(grpc.RpcError) as failed:
            asked(caller, "grpc.health.v1.Nope")
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND
        # No question to the gate, so nothing was decided or refused.
        assert gate.total("sidegate_decisions_total") == 0


def test_health_is_told_through_a_unix_socket(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, listen=f"unix:{home}/s") as gate, Caller(gate.address) as caller:
        gate.wait_until_ready()
        assert asked(caller, AUTHORIZATION) == SERVING


def test_a_watch_sees_the_start_an_outage_and_the_end(database: Postgres, unsteady: Stack, home: Path) -> None:
    database.stop()
    gate = Sidegate(home, unsteady.store, drain_timeout=LONG)
    with Caller(gate.address) as caller:
        everything, service = watched(caller), watched(caller, AUTHORIZATION)
        for watch in (everything, service):
            assert next(watch).status == NOT_SERVING
        assert asked(caller) == NOT_SERVING
        database.start()
        for watch in (everything, service):
            assert next(watch).status == SERVING
        assert (asked(caller), gate.is_ready()) == (SERVING, True)
        database.stop()
        for watch in (everything, service):
            assert next(watch).status == NOT_SERVING
        assert asked(caller) == NOT_SERVING
        database.start()
        for watch in (everything, service):
            assert next(watch).status == SERVING
        gate.process.send(signal.SIGTERM)
        for watch in (everything, service):
            assert next(watch).status == NOT_SERVING
            with pytest.raises(grpc.RpcError) as ended:
                next(watch)
            assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    assert gate.process.wait() == 0


def test_a_watch_of_what_there_is_not_says_so_and_goes_on(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate, Caller(gate.address) as caller:
        watch = watched(caller, "nope")
        assert next(watch).status == SERVICE_UNKNOWN
        gate.process.send(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(watch)
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_connection_with_a_watch_is_not_idle(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, idle_timeout="600ms") as gate, Http2(gate.address) as http2:
        gate.wait_until_ready()
        watch = http2.begin("/grpc.health.v1.Health/Watch", [("content-type", "application/grpc")])
        http2.data(watch, framed(HealthCheckRequest().SerializeToString()), ends=True)
        http2.wait(lambda: http2.data_of(watch) == framed(HealthCheckResponse(status=SERVING).SerializeToString()))
        http2.listen(2)  # more than the limit, than the time in which it is looked at, and than a ping's
        answer = http2.call(framed(b""), "/grpc.health.v1.Health/Check")
        assert (answer.grpc_status, http2.going_away) == (0, False)


def test_a_watch_that_nobody_watches_ends(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, idle_timeout=LONG) as gate:
        with Caller(gate.address) as caller:
            watches = [watched(caller) for _ in range(20)]
            assert {next(watch).status for watch in watches} <= {SERVING, NOT_SERVING}
            watches.pop().cancel()
        until(lambda: gate.metrics()["sidegate_connections"] == 0, "the connection is gone")
        assert gate.stop() == 0


def test_what_is_no_question_about_health_is_told_so(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate, Http2(gate.address) as http2:
        for method in ("Check", "Watch"):
            path = f"/grpc.health.v1.Health/{method}"
            assert http2.call(framed(b"\xff"), path).grpc_status == 13
            assert http2.call(framed(b"", length=10_000), path).grpc_status == 8
            assert http2.call(framed(b"", flag=1), path).grpc_status == 12
        # Health's third method, for those who list them all.
        assert http2.call(framed(b""), "/grpc.health.v1.Health/List").grpc_status == 12
