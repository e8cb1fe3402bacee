"""Many clients at once, each sending what it likes on a connection of its own."""

import selectors
import socket
from collections.abc import Iterable, Sequence
from time import monotonic

from .wire import Address

TOGETHER = 150
"""Connections open at one time."""
QUIET = 0.2
"""Seconds without a byte from anywhere, after which those that are still open wait for something that will not come.
What comes all the same is judged with what is sent next."""
PATIENCE = 20.0
"""Seconds that one round may take, whatever still comes."""


class Shot:
    """One connection: what is still to be sent, and what came back."""

    def __init__(self, address: Address, pieces: Sequence[bytes]) -> None:
        self._socket = socket.socket()
        self._socket.connect(address)  # type: ignore[arg-type]
        self._socket.setblocking(False)
        self._unsent, self._later = memoryview(pieces[0]), list(pieces[1:])
        self.reply = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def wants(self) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)

    def write(self) -> None:
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent, self._later = memoryview(b""), []  # the other side has heard enough

    def read(self) -> bool:
        """Takes what came. False once the other side has ended it."""
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.reply += data
        self.go_on()
        return bool(data)

    def go_on(self) -> bool:
        """Begins with the next piece, if there is one and all before it is sent."""
        if self._unsent or not self._later:
            return False
        self._unsent = memoryview(self._later.pop(0))
        return True

    def close(self) -> None:
        self._socket.close()


def fire(address: Address, volley: Sequence[Sequence[bytes]]) -> list[bytes]:
    """What came back to each, in the order in which they were given."""
    replies: list[bytes] = []
    for start in range(0, len(volley), TOGETHER):
        shots = [Shot(address, pieces) for pieces in volley[start : start + TOGETHER]]
        watch(shots)
        replies += [shot.reply for shot in shots]
    return replies


def watch(shots: Iterable[Shot]) -> None:
    deadline = monotonic() + PATIENCE
    with selectors.DefaultSelector() as ready:
        for shot in shots:
            ready.register(shot, shot.wants)
        while ready.get_map() and monotonic() < deadline:
            events = ready.select(QUIET)
            for key, event in events:
                step(ready, key, event)
            if not events and not any([resumed(ready, key) for key in ready.get_map().values()]):
                break
        for key in list(ready.get_map().values()):
            end(ready, key)


def step(ready: selectors.BaseSelector, key: selectors.SelectorKey, event: int) -> None:
    shot = key.fileobj
    assert isinstance(shot, Shot)
    if event & selectors.EVENT_WRITE:
        shot.write()
    if event & selectors.EVENT_READ and not shot.read():
        end(ready, key)
    elif shot.wants != key.events:
        ready.modify(shot, shot.wants)


def resumed(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> bool:
    shot = key.fileobj
    assert isinstance(shot, Shot)
    if not shot.go_on():
        return False
    ready.modify(shot, shot.wants)
    return True


def end(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    ready.unregister(key.fileobj)
    assert isinstance(key.fileobj, Shot)
    key.fileobj.close()
