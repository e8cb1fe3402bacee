"""Many sessions that sidegate is asked about without an end, by one thread: those that stay, and those that are ended
meanwhile. What was answered to each is kept for the test to judge."""

import itertools
import re
import selectors
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from .better_auth import Person
from .process import PATIENCE, until
from .sidegate import question
from .wire import Address

REFUSED = (401, 403)
"""Signed out, and banned."""
IDLE = 0.001
"""Seconds until it is seen what else there is to ask, if nothing is answered."""
STAYING, REFUSED_BEFORE = 4, 2
"""Connections on which those are asked about who stay, and those who were refused."""
EVERY = 0.004
"""Seconds between two questions on one of them."""
ALL_ONCE = 120.0
"""Seconds that it may take to ask about thousands once more, on a busy machine."""
REPEATS = 20
"""How often in a row somebody who was refused is asked about at once, before it is their turn among the others."""


@dataclass
class Asked:
    """A session, and what was answered."""

    person: Person
    question: bytes = field(init=False)
    passes: int = 0
    """How often it passed, up to the first refusal."""
    refused_at: float | None = None
    """When the answer came that refused it first, in seconds since 1970."""
    refusals: int = 0
    later: Counter[int] = field(default_factory=Counter)
    """What else was answered after that."""
    odd: Counter[int] = field(default_factory=Counter)
    """What was answered before, and is neither an allow nor a refusal."""

    def __post_init__(self) -> None:
        self.question = question(self.person.cookie)

    @property
    def answers_since(self) -> int:
        """How many there were from the first refusal on."""
        return self.refusals + self.later.total()

    def take(self, status: int, at: float) -> None:
        if status in REFUSED:
            self.refused_at = self.refused_at or at
            self.refusals += 1
        elif self.refused_at:
            self.later[status] += 1
        elif status == 200:
            self.passes += 1
        else:
            self.odd[status] += 1


class Line:
    """One connection, on which a question follows the answer to the one before."""

    def __init__(self, address: Address, whom: Callable[[], Asked | None], every: float = 0) -> None:
        assert isinstance(address, tuple)
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._whom, self._every, self._unread = whom, every, b""
        self._asked: Asked | None = None
        self.due = 0.0
        """When it has something to ask, by the monotonic clock."""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_waiting(self) -> bool:
        """For an answer."""
        return self._asked is not None

    def ask(self, now: float) -> None:
        self.due = now + self._every
        if asked := self._whom():
            self._asked = asked
            assert self._socket.send(asked.question) == len(asked.question)

    def read(self) -> Asked | None:
        """Takes what came; whom it was about, once it is whole."""
        chunk = self._socket.recv(65536)
        at = time.time()
        assert chunk, f"sidegate ended the connection after {self._unread!r}"
        self._unread += chunk
        head, end, body = self._unread.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return None
        asked, self._asked, self._unread = self._asked, None, b""
        assert asked
        asked.take(int(head.split(b" ", 2)[1]), at)
        return asked

    def close(self) -> None:
        self._socket.close()


class Crowd:
    """Everybody who is asked about, from `with` to its end."""

    def __init__(self, address: Address, staying: list[Person]) -> None:
        self.staying = [Asked(person) for person in staying]
        self.answers = 0
        self._refused: list[Asked] = []
        self._address = address
        turns = [taking_turns(self.staying)] * STAYING + [taking_turns(self._refused)] * REFUSED_BEFORE
        self._lines = [Line(address, whom, EVERY) for whom in turns]
        self._new: deque[Asked] = deque()
        self._hunted: dict[Line, Asked] = {}
        self._ending = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._raise_error()

    def hunt(self, person: Person) -> Asked:
        """Has it asked about without a pause, on a connection of its own, until it was refused often enough. Passes by now,
        and is remembered."""
        asked = Asked(person)
        self._new.append(asked)
        # The first question is the store's, the next ones are answered from memory.
        self.wait(lambda: asked.passes >= 3, "the session passes")
        return asked

    def hunted(self) -> int:
        """How many of those pass still, or were refused just now."""
        return len(self._hunted) + len(self._new)

    def ask_all_once_more(self) -> None:
        """Everybody who was refused."""
        self.wait(lambda: not self.hunted(), "those who were refused last are among the others")
        asked = [(one, one.answers_since) for one in self._refused]
        are_asked = "all are asked about once more"
        self.wait(lambda: all(one.answers_since > before for one, before in asked), are_asked, ALL_ONCE)

    def wait(self, condition: Callable[[], object], what: str, within: float = PATIENCE) -> None:
        def holds() -> bool:
            self._raise_error()
            return bool(condition())

        until(holds, what, within)

    def _raise_error(self) -> None:
        """That of the thread, in the test's own."""
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as ready:
                for line in self._lines:
                    ready.register(line, selectors.EVENT_READ)
                while not self._ending.is_set():
                    self._take_new(ready)
                    self._ask()
                    for key, _ in ready.select(IDLE):
                        assert isinstance(key.fileobj, Line)
                        self._read(key.fileobj, ready)
        except Exception as error:  # told by `wait` and at the end
            self._error = error
        finally:
            for line in self._lines:
                line.close()

    def _take_new(self, ready: selectors.BaseSelector) -> None:
        while self._new:
            asked = self._new[0]
            line = Line(self._address, lambda asked=asked: asked)
            self._hunted[line] = asked
            self._new.popleft()
            self._lines.append(line)
            ready.register(line, selectors.EVENT_READ)

    def _ask(self) -> None:
        now = time.monotonic()
        for line in self._lines:
            if not line.is_waiting and line.due <= now:
                line.ask(now)

    def _read(self, line: Line, ready: selectors.BaseSelector) -> None:
        asked = line.read()
        self.answers += asked is not None
        if asked and line in self._hunted and asked.answers_since >= REPEATS:
            ready.unregister(line)
            line.close()
            self._lines.remove(line)
            self._refused.append(asked)
            del self._hunted[line]


def taking_turns(among: list[Asked]) -> Callable[[], Asked | None]:
    """Whose turn it is, of a list that may grow; None while it is empty."""
    turn = itertools.count()
    return lambda: among[next(turn) % len(among)] if among else None
