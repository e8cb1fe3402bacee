"""HTTP/2 on the gate's listener: what is no call or no message, what a connection may take, and how it ends."""

import gzip
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckResponse

from conftest import World
from rig.ext_authz import CHECK, Caller, Verdict, question
from rig.http2 import Http2, framed
from rig.postgres import Lock
from rig.process import until
from rig.sidegate import LONG, Sidegate
from rig.stack import Stack
from rig.wire import Wire, exchange, request

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PROTOCOL_ERROR = 1
EMPTY_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.fixture
def gate(on_sqlite: Stack, home: Path) -> Any:
    with Sidegate(home, on_sqlite.store) as gate:
        yield gate


def asked(cookie: str | None = None) -> bytes:
    return framed(question(cookie).SerializeToString())


def verdict(data: bytes) -> Verdict:
    assert data[0] == 0 and int.from_bytes(data[1:5], "big") == len(data) - 5
    return Verdict(CheckResponse.FromString(data[5:]))


def test_a_call_is_answered_by_a_message_and_a_status_in_trailers(on_sqlite: Stack, gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        answer = http2.call(asked(on_sqlite.ada.cookie))
        assert (answer.status, answer.headers["content-type"]) == (200, "application/grpc")
        assert verdict(answer.data).status == 200
        assert answer.trailers == {"grpc-status": "0"}
        assert verdict(http2.call(asked(), kind="application/grpc+proto").data).status == 401


def test_what_is_not_one_message_fails_that_call_alone(on_sqlite: Stack, gate: Sidegate) -> None:
    whole = asked(on_sqlite.ada.cookie)
    cases = {
        "nothing": b"",
        "half a prefix": whole[:3],
        "half a message": whole[:-1],
        "two messages": whole + whole,
        "a byte too many": whole + b"\0",
        "no such flag": framed(b"", flag=2),
    }
    with Http2(gate.address) as http2:
        for what, data in cases.items():
            answer = http2.call(data)
            assert (answer.status, answer.grpc_status, answer.data) == (200, 13, b""), what
        assert verdict(http2.call(whole).data).status == 200


def test_a_message_that_is_no_question_is_a_denial(gate: Sidegate) -> None:
    """A failed call would be let by with failure_mode_allow."""
    with Http2(gate.address) as http2:
        said = verdict(http2.call(framed(b"\xff\xff\xff")).data)
        assert (said.kind, said.status, said.reason) == ("denied_response", 400, "malformed_attribute")
        assert verdict(http2.call(framed(b"")).data).reason == "missing_attribute"


def test_a_compressed_message_is_not_taken_and_the_client_told(on_sqlite: Stack, gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        answer = http2.call(framed(gzip.compress(question(on_sqlite.ada.cookie).SerializeToString()), flag=1))
        assert (answer.grpc_status, answer.headers["grpc-accept-encoding"]) == (12, "identity")
    with Caller(gate.address) as caller, pytest.raises(grpc.RpcError) as failed:
        large = question(on_sqlite.ada.cookie, ("x-filler", "y" * 10_000))
        caller.authorization.Check(large, timeout=20, compression=grpc.Compression.Gzip)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (140_000, 431), (3_000_000, 431)])
def test_a_message_that_is_too_long_is_a_denial(on_sqlite: Stack, gate: Sidegate, size: int, status: int) -> None:
    with Caller(gate.address) as caller:
        said = caller.ask(on_sqlite.ada.cookie, ("x-long", "y" * size))
        assert (said.status, said.reason) == (status, None if status == 200 else "too_large")
        assert caller.ask(on_sqlite.ada.cookie).status == 200


def test_a_message_is_refused_by_its_length_before_it_comes(gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        stream = http2.begin(CHECK, [("content-type", "application/grpc")])
        http2.data(stream, framed(b"", length=0xFFFF_FFFF))
        assert verdict(http2.answer(stream).data).status == 431


def test_the_limit_of_a_message_follows_that_of_a_head(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, header_bytes_max="200000") as gate, Caller(gate.address) as caller:
        assert caller.ask(on_sqlite.ada.cookie, ("x-long", "y" * 200_000)).status == 200


def test_a_message_that_does_not_come_is_not_waited_for(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout="300ms", idle_timeout=LONG)
    with gate, Http2(gate.address) as http2:
        begun = time.monotonic()
        stream = http2.begin(CHECK, [("content-type", "application/grpc")])
        http2.data(stream, asked(on_sqlite.ada.cookie)[:-1])
        assert http2.answer(stream).grpc_status == 4
        assert time.monotonic() - begun >= 0.3
        assert verdict(http2.call(asked(on_sqlite.ada.cookie)).data).status == 200


def test_a_stranger_need_not_even_send_the_message(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, trusted_proxies="unix", header_read_timeout=LONG)
    with gate, Http2(gate.address) as http2:
        stream = http2.begin(CHECK, [("content-type", "application/grpc")])
        assert verdict(http2.answer(stream).data).reason == "untrusted_peer"


@pytest.mark.parametrize(
    "path", ["/envoy.service.auth.v3.Authorization/Nope", "/envoy.service.auth.v2.Authorization/Check", "/x"]
)
def test_a_method_that_there_is_not_is_unimplemented(gate: Sidegate, path: str) -> None:
    with Http2(gate.address) as http2:
        answer = http2.call(asked(), path)
        assert (answer.status, answer.grpc_status, answer.data) == (200, 12, b"")


def test_what_is_no_call_is_none(gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        for kind in ("application/grpc-web", "application/grpc+json", "application/grpcx", "application/json", ""):
            assert http2.call(asked(), kind=kind).status == 415, kind
        assert http2.get(CHECK, [("content-type", "application/grpc")]).status == 415
        assert http2.get("/x", []).status == 404
    # HTTP/1 has no calls.
    kind = [("Host", "x"), ("Content-Type", "application/grpc"), ("Content-Length", "0")]
    assert exchange(gate.address, request("POST", CHECK, kind)).status == 404


def test_other_dialects_are_answered_over_http_2_as_over_http_1(on_sqlite: Stack, gate: Sidegate) -> None:
    cookie = on_sqlite.ada.cookie
    forwarded = [("x-forwarded-method", "GET"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "a"),
                 ("x-forwarded-uri", "/")]  # fmt: skip
    original = [("x-original-url", "http://a/"), ("x-original-method", "GET")]
    paths = {"/auth/nginx": original, "/auth/traefik": forwarded, "/auth/caddy": forwarded,
             "/auth/haproxy": forwarded, "/auth/envoy/x": [], "/metrics": []}  # fmt: skip
    with Http2(gate.address) as http2:
        for path, headers in paths.items():
            for cookies in ([], [("cookie", cookie)]):
                second = http2.get(path, [*headers, *cookies])
                first = exchange(gate.address, request("GET", path, [("Host", "sidegate"), *headers, *cookies]))
                assert (second.status, second.data) == (first.status, first.body), path
                dated = {"date", "content-length"}
                told = {name: value for name, value in second.headers.items() if name not in {*dated, ":status"}}
                assert told == {name: value for name, value in first.headers if name not in dated}, path


def test_a_clients_own_call_can_be_what_is_asked_about(on_sqlite: Stack, gate: Sidegate) -> None:
    """Envoy's HTTP ext_authz asks in the client's method, with such headers as it is told to pass on."""
    with Http2(gate.address) as http2:
        headers = [("content-type", "application/grpc"), ("cookie", on_sqlite.ada.cookie)]
        for path in (CHECK, "/grpc.health.v1.Health/Check"):
            answer = http2.answer(http2.begin(f"/auth/envoy{path}", headers, ends=True))
            assert (answer.status, answer.headers.get("x-auth-status")) == (200, "user")


def test_a_head_that_is_too_long_is_refused_and_the_next_is_not(gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        filler = [(f"x-{number}", "y" * 1000) for number in range(80)]
        assert http2.get("/auth/envoy/x", filler).status == 431
        assert http2.get("/auth/envoy/x", []).status == 401


def test_an_authority_that_is_no_hosts_name_ends_that_call_alone(on_sqlite: Stack, gate: Sidegate) -> None:
    """What Envoy would send for a cluster of such a name without an `authority`: an error there, and nobody passes."""
    with Http2(gate.address) as http2:
        for authority in ("outbound|4180||sidegate.example", "extension/sidegate", "run%2Fsidegate.sock"):
            answer = http2.answer(http2.begin("/auth/envoy/x", [], authority=authority, ends=True))
            assert answer.reset == PROTOCOL_ERROR
        assert verdict(http2.call(asked(on_sqlite.ada.cookie)).data).status == 200


def test_streams_are_bounded(gate: Sidegate) -> None:
    with Http2(gate.address) as http2:
        assert 100 <= http2.streams_max <= 1000


def test_clients_that_break_off_do_not_end_the_connection_of_all_the_others(on_sqlite: Stack, gate: Sidegate) -> None:
    """A proxy's connection: h2 by itself ends one after twenty calls that were reset before it took them up."""
    with Http2(gate.address) as connection:
        connection.break_off(100)
        headers = [("x-original-url", "http://a/"), ("x-original-method", "GET"), ("cookie", on_sqlite.ada.cookie)]
        assert connection.get("/auth/nginx", headers).status == 200


def test_the_preface_may_come_in_pieces(gate: Sidegate) -> None:
    with Wire(gate.address) as wire:
        for at in range(0, len(PREFACE), 5):
            wire.send(PREFACE[at : at + 5])
        wire.send(EMPTY_SETTINGS)
        # The server's own SETTINGS.
        assert wire.exactly(9)[3] == 4


def test_what_only_begins_like_the_preface_is_answered_as_http_1_has_it(gate: Sidegate) -> None:
    # A parser of requests has no other word for it.
    assert exchange(gate.address, b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n").status == 404
    assert exchange(gate.address, b"PRI /auth/nginx HTTP/1.1\r\nHost: x\r\n\r\n").status == 403


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(64)])
def test_garbage_behind_the_preface_ends_that_connection_alone(
    on_sqlite: Stack, gate: Sidegate, garbage: bytes
) -> None:
    with Http2(gate.address) as other, Wire(gate.address) as wire:
        wire.send(PREFACE + garbage)
        wire.wait_for_end()
        assert verdict(other.call(asked(on_sqlite.ada.cookie)).data).status == 200
    until(lambda: gate.metrics()["sidegate_connections"] == 0, "no connection is counted as open")


def test_pings_keep_a_connection_and_none_of_its_time_is_that_of_a_head(on_sqlite: Stack, home: Path) -> None:
    message = asked(on_sqlite.ada.cookie)  # before the clock runs: to sign in takes its time
    gate = Sidegate(home, on_sqlite.store, header_read_timeout="200ms", idle_timeout="600ms")
    with gate, Http2(gate.address) as http2:
        begun = time.monotonic()
        while time.monotonic() - begun < 1.5:  # more than either limit, and than the time in which it is looked at
            before = http2.pongs
            http2.ping()
            http2.wait(lambda before=before: http2.pongs > before)
            http2.read(0.05)
        assert verdict(http2.call(message).data).status == 200


def test_an_idle_connection_is_told_that_it_ends(on_sqlite: Stack, home: Path) -> None:
    message = asked(on_sqlite.ada.cookie)
    gate = Sidegate(home, on_sqlite.store, header_read_timeout=LONG, idle_timeout="600ms")
    with gate, Http2(gate.address) as http2:
        assert verdict(http2.call(message).data).status == 200
        begun = time.monotonic()
        http2.wait_for_end()
        assert http2.going_away
        assert time.monotonic() - begun >= 0.5


def test_whoever_says_nothing_after_the_preface_is_ended_all_the_same(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout="300ms", idle_timeout="300ms")
    with gate, Wire(gate.address) as deaf, Wire(gate.address) as half:
        deaf.send(PREFACE + EMPTY_SETTINGS)
        half.send(PREFACE[:10])
        deaf.wait_for_end()
        assert half.wait_for_end() == b""


@pytest.fixture
def lock(on_postgres: Stack, world: World) -> Iterator[Lock]:
    """Makes the store slow for as long as a test wants."""
    _ = on_postgres.ada  # signed in before nobody can
    with Lock(world.postgres, on_postgres.schema) as lock:
        yield lock


def test_a_call_under_way_is_not_idle(on_postgres: Stack, lock: Lock, home: Path) -> None:
    settings = {"store_timeout": "20s", "header_read_timeout": "200ms", "idle_timeout": "600ms"}
    with Sidegate(home, on_postgres.store, **settings) as gate, Http2(gate.address) as http2:
        stream = http2.begin(CHECK, [("content-type", "application/grpc")])
        http2.data(stream, asked(on_postgres.ada.cookie), ends=True)
        until(lambda: lock.waiting() == 1, "the store is asked")
        http2.listen(2)  # more than either limit, than the time in which it is looked at, and than a ping's
        assert not http2.going_away
        lock.release()
        assert verdict(http2.answer(stream).data).status == 200


def test_a_call_under_way_is_answered_before_the_end(on_postgres: Stack, lock: Lock, home: Path) -> None:
    gate = Sidegate(home, on_postgres.store, store_timeout="20s", drain_timeout="20s")
    with Http2(gate.address) as http2, Http2(gate.address) as idle:
        stream = http2.begin(CHECK, [("content-type", "application/grpc")])
        http2.data(stream, asked(on_postgres.ada.cookie), ends=True)
        until(lambda: lock.waiting() == 1, "the store is asked")
        gate.process.send(signal.SIGTERM)
        idle.wait_for_end()
        assert idle.going_away
        http2.wait(lambda: http2.going_away)
        lock.release()
        assert verdict(http2.answer(stream).data).status == 200
        http2.wait_for_end()
    assert gate.process.wait() == 0


def test_a_client_that_gives_up_leaves_nothing_behind(on_postgres: Stack, lock: Lock, home: Path) -> None:
    with Sidegate(home, on_postgres.store, store_timeout="20s", idle_timeout=LONG) as gate:
        with Http2(gate.address) as http2:
            stream = http2.begin(CHECK, [("content-type", "application/grpc")])
            http2.data(stream, asked(on_postgres.ada.cookie), ends=True)
            until(lambda: lock.waiting() == 1, "the store is asked")
        until(lambda: gate.metrics()["sidegate_connections"] == 0, "the connection is gone")
        lock.release()
