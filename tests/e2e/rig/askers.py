"""A steady mix of requests to several sidegates, as long as a fault lasts, and a ledger of each one's answers."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from .ledger import Answer, Asker, Ledger
from .process import PATIENCE
from .sidegate import Sidegate, question

WORKERS = 6
"""Connections to each sidegate."""
PER_SECOND = 400
"""Requests to each sidegate, if it keeps up: a hit takes it far less, and an outage must not become a race of refusals."""


class Askers:
    """Asks each sidegate in the name of everybody in `groups`, again and again."""

    def __init__(
        self, gates: Mapping[str, Sidegate], ledgers: Mapping[str, Ledger], groups: Mapping[str, Sequence[Asker]]
    ) -> None:
        """The last group is left out until `ask_for_all`. The gates need not run yet."""
        self._gates, self._ledgers = gates, ledgers
        self._groups, self._open = groups, list(groups)[:-1]
        self.pressing: Sequence[Asker] = ()
        """Who is asked for between any two others: several requests for them are under way at any time."""
        self._chance = random.Random(0)
        self._ending = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def ask_for_all(self) -> None:
        self._open = list(self._groups)

    def asked_for(self) -> list[Asker]:
        """Everybody in whose name is asked."""
        return [asker for name in self._open for asker in self._groups[name]]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def check(self) -> bool:
        """An error of a client is raised here."""
        if self._error:
            raise self._error
        return True

    async def _run(self) -> None:
        pairs = [(gate, self._ledgers[name]) for name, gate in self._gates.items()]
        workers = [self._ask(gate, ledger, turns) for gate, ledger in pairs for turns in [self._turns()] * WORKERS]
        try:
            await asyncio.gather(*workers)
        except BaseException as error:  # told by `check`, in the test's own thread
            self._error = error

    def _turns(self) -> Iterator[Asker]:
        """Everybody in turn, in another order each time."""
        while True:
            for asker in self._chance.sample(everybody := self.asked_for(), len(everybody)):
                yield asker
                yield from self.pressing

    async def _ask(self, gate: Sidegate, ledger: Ledger, turns: Iterator[Asker]) -> None:
        assert isinstance(gate.address, tuple)
        reader, writer = await asyncio.open_connection(*gate.address)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._ending.is_set():
            asker = next(turns)
            data = question(asker.cookie)
            sent = time.time()
            writer.write(data)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            status, headers = parsed(head)
            await reader.readexactly(int(headers.get("content-length", "0")))
            ledger.add(Answer(asker, sent, time.time(), status, headers.get("x-auth-user-id")))
            due = max(due + WORKERS / PER_SECOND, loop.time() - 1)
            await asyncio.sleep(due - loop.time())
        writer.close()


def parsed(head: bytes) -> tuple[int, dict[str, str]]:
    start, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(start.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
