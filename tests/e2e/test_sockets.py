"""Where sidegate listens, and what a connection may take before it is ended."""

import os
import select
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from rig.process import until
from rig.sidegate import LONG, ORIGINAL, Sidegate, question
from rig.stack import Stack
from rig.wire import Closed, Wire, request


def test_nginx_asks_through_a_unix_socket(on_sqlite: Stack, home: Path) -> None:
    path = home / "sidegate.sock"
    nginx = on_sqlite.nginx("through-a-socket", sidegate=f"unix:{path}").start()
    with Sidegate(home, on_sqlite.store, listen=f"unix:{path}") as gate:
        assert gate.address == path
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert nginx.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
        assert nginx.ask("/api/x").status_code == 401
    assert not path.exists(), "the socket's file outlives sidegate"
    assert os.listdir(home) == ["sidegate.log"]


def test_the_mode_of_a_unix_socket_is_as_set(on_sqlite: Stack, home: Path) -> None:
    path = home / "s"
    with Sidegate(home, on_sqlite.store, listen=f"unix:{path}", listen_mode="0600"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_of_a_socket_whose_owner_died_is_replaced(on_sqlite: Stack, home: Path) -> None:
    path = home / "s"
    killed = Sidegate(home, on_sqlite.store, listen=f"unix:{path}")
    assert killed.stop(signal.SIGKILL) < 0
    assert path.is_socket()
    with Sidegate(home, on_sqlite.store, listen=f"unix:{path}") as gate:
        assert gate.ask(on_sqlite.ada.cookie).status == 200
    assert not path.exists()


def test_a_socket_that_is_in_use_is_left_alone(on_sqlite: Stack, home: Path) -> None:
    path = home / "s"
    with Sidegate(home, on_sqlite.store, listen=f"unix:{path}") as gate:
        with pytest.raises(
            AssertionError, match="(?s)sidegate ended with 1.*cannot listen on unix:.*admin_listen|listen"
        ):
            Sidegate(home, on_sqlite.store, listen=f"unix:{path}")
        assert gate.ask(on_sqlite.ada.cookie).status == 200


def test_a_file_that_is_no_socket_is_left_alone(on_sqlite: Stack, home: Path) -> None:
    path = home / "precious"
    path.write_text("data")
    with pytest.raises(AssertionError, match="sidegate ended with 1"):
        Sidegate(home, on_sqlite.store, listen=f"unix:{path}")
    assert path.read_text() == "data"


def test_both_listeners_can_be_unix_sockets(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, listen=f"unix:{home}/g", admin_listen=f"unix:{home}/a") as gate:
        assert isinstance(gate.admin_address, Path)
        with Wire(gate.admin_address) as wire:
            assert wire.ask(request("GET", "/readyz", [("Host", "x")])).status == 200


# systemd tells by LISTEN_PID whom the descriptors are for: the process that the shell becomes.
AS_SYSTEMD = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=$FDS exec "$0" "$@"']


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_socket_can_be_inherited_as_from_systemd(on_sqlite: Stack, home: Path, family: socket.AddressFamily) -> None:
    address = ("127.0.0.1", 0) if family == socket.AF_INET else str(home / "s")
    with socket.socket(family) as listening:
        listening.bind(address)
        listening.listen()
        with third_descriptor(listening):
            gate = Sidegate(home, on_sqlite.store, launcher=AS_SYSTEMD, env={"FDS": "1"}, pass_fds=[3], listen="fd:3")
        with gate:
            asked = Path(str(home / "s")) if family == socket.AF_UNIX else listening.getsockname()
            with Wire(asked) as wire:
                assert wire.ask(question(on_sqlite.ada.cookie)).status == 200
    if family == socket.AF_UNIX:
        assert (home / "s").exists(), "systemd's file is systemd's to remove"


def test_a_descriptor_that_was_not_passed_is_an_error(on_sqlite: Stack, home: Path) -> None:
    with pytest.raises(
        AssertionError, match="(?s)sidegate ended with 1.*no listening socket was passed as descriptor 3"
    ):
        Sidegate(home, on_sqlite.store, listen="fd:3")


class third_descriptor:
    """Makes a socket descriptor 3 for as long as a child is started, and puts back what was there."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening

    def __enter__(self) -> None:
        self._kept = os.dup(3)
        os.dup2(self._listening.fileno(), 3)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 3, inheritable=False)
        os.close(self._kept)


@pytest.mark.parametrize("count", [100, 101, 5000])
def test_a_head_with_too_many_headers_is_refused_and_others_are_not(on_sqlite: Stack, home: Path, count: int) -> None:
    with Sidegate(home, on_sqlite.store) as gate, gate.connect() as wire:
        own = len(ORIGINAL) + 2  # Host and Cookie
        filler = [(f"X-{number}", "y") for number in range(count - own)]
        reply = wire.ask(question(on_sqlite.ada.cookie, filler))
        assert reply.status == (200 if count <= 100 else 431)
        assert gate.ask(on_sqlite.ada.cookie).status == 200


@pytest.mark.parametrize("size", [60_000, 140_000, 3_000_000])
def test_a_head_that_is_too_long_is_refused_and_others_are_not(on_sqlite: Stack, home: Path, size: int) -> None:
    with Sidegate(home, on_sqlite.store) as gate, gate.connect() as wire:
        try:
            wire.send(question(on_sqlite.ada.cookie, [("X-Long", "y" * size)]))
            status = wire.read().status
        except (Closed, BrokenPipeError, ConnectionResetError):
            status = 431  # ended in the middle of what nobody wants to read
        assert status == (200 if size < 65_536 else 431)
        assert gate.ask(on_sqlite.ada.cookie).status == 200


def test_a_head_may_be_as_long_as_nginx_makes_it(on_sqlite: Stack, home: Path) -> None:
    """Four buffers of 8 KiB, nginx's default, nearly full of cookies."""
    with Sidegate(home, on_sqlite.store) as gate:
        cookies = "; ".join(f"c{number}={'v' * 1000}" for number in range(30))
        assert gate.ask(f"{cookies}; {on_sqlite.ada.cookie}").status == 200


def test_a_trickled_head_is_cut_off_while_an_idle_connection_lives_on(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout="300ms", idle_timeout=LONG)
    with gate, gate.connect() as idle, gate.connect() as slow:
        assert idle.ask(question(on_sqlite.ada.cookie)).status == 200
        assert trickle(slow, question(on_sqlite.ada.cookie)) >= 0.3
        assert idle.ask(question(on_sqlite.ada.cookie)).status == 200


def test_an_idle_connection_is_ended_in_its_own_time(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout=LONG, idle_timeout="400ms")
    with gate, gate.connect() as idle:
        assert idle.ask(question(on_sqlite.ada.cookie)).status == 200
        begun = time.monotonic()
        assert idle.wait_for_end() == b""
        assert time.monotonic() - begun >= 0.3


def test_a_connection_that_never_says_anything_is_ended(on_sqlite: Stack, home: Path) -> None:
    gate = Sidegate(home, on_sqlite.store, header_read_timeout="300ms", idle_timeout="600ms")
    with gate, gate.connect() as silent:
        assert silent.wait_for_end() == b""


def test_a_second_head_that_is_begun_with_the_first_counts_as_idle_time(on_sqlite: Stack, home: Path) -> None:
    """hyper does not tell that it holds the beginning of a head, so it is cut off no later than an idle connection."""
    gate = Sidegate(home, on_sqlite.store, header_read_timeout=LONG, idle_timeout="300ms")
    with gate, gate.connect() as wire:
        whole = question(on_sqlite.ada.cookie)
        wire.send(whole + whole[:-10])
        assert wire.read().status == 200
        assert wire.wait_for_end() == b""


def test_a_connection_too_many_waits_for_one_to_end(on_sqlite: Stack, home: Path) -> None:
    with (
        Sidegate(home, on_sqlite.store, connections_max="2") as gate,
        gate.connect() as first,
        gate.connect() as second,
    ):
        for wire in (first, second):
            assert wire.ask(question(on_sqlite.ada.cookie)).status == 200
        with gate.connect() as third:
            third.send(question(on_sqlite.ada.cookie))
            assert second.ask(question(on_sqlite.ada.cookie)).status == 200
            assert not answered(third, within=0.2)
            assert gate.admin("/livez").status_code == 200
            first.close()
            assert third.read().status == 200


def test_connections_that_ended_leave_no_trace(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        descriptors = open_descriptors(gate)
        for _ in range(200):
            assert gate.ask().status == 401
        until(lambda: gate.metrics()["sidegate_connections"] == 0, "no connection is counted as open")
        until(lambda: open_descriptors(gate) <= descriptors + 2, "no descriptor is left open")


def trickle(wire: Wire, data: bytes) -> float:
    """Sends a byte each 50 ms until the other side has had enough; how long that took."""
    begun = time.monotonic()
    for byte in data:
        try:
            wire.send(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            break
        if answered(wire, within=0.05):
            break
    assert wire.wait_for_end() in (b"",), "it was answered"
    return time.monotonic() - begun


def answered(wire: Wire, within: float) -> bool:
    return bool(select.select([wire], [], [], within)[0])


def open_descriptors(gate: Sidegate) -> int:
    return len(os.listdir(f"/proc/{gate.process.pid}/fd"))
