"""Requests without a pause, as long as a test wants, and what was answered."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

from .process import until


class Traffic:
    """`ask` again and again, in threads of its own. It returns a status."""

    def __init__(self, ask: Callable[[], int], clients: int = 4) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._statuses: Counter[int] = Counter()
        self._errors: list[BaseException] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def statuses(self) -> set[int]:
        """All that were answered so far. An error of a client is raised here."""
        with self._lock:
            if self._errors:
                raise self._errors[0]
            return set(self._statuses)

    def go_on(self, status: int, count: int = 50) -> None:
        """Waits until that many more answers had this status."""
        goal = self._count(status) + count
        until(lambda: self.statuses() and self._count(status) >= goal, f"{count} more answers of {status}")

    def _count(self, status: int) -> int:
        with self._lock:
            return self._statuses[status]

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                status = self._ask()
            except Exception as error:  # told by `statuses`, in the test's own thread
                with self._lock:
                    self._errors.append(error)
                return
            with self._lock:
                self._statuses[status] += 1
