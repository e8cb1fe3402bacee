"""Which key a `kid` means at this moment: keys that are given, or fetched and remembered.

Nothing that a client sends decides how often keys are fetched: tokens of a thousand made-up kids cost one fetch.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .errors import Reason, Refused
from .fetch import Fetch
from .jwks import InvalidJwks, Key, KeySet, parsed

log = logging.getLogger("sidegate_fastapi")


class KeySource(Protocol):
    async def find(self, kid: str) -> Key | None:
        """The key of that name; None if it is certain that there is none. Refuses with 503 where that is not known."""


@dataclass(frozen=True)
class GivenKeys:
    """Keys that do not change."""

    keys: KeySet

    async def find(self, kid: str) -> Key | None:
        return self.keys.get(kid)


@dataclass(frozen=True)
class Lifetimes:
    """In seconds."""

    fresh: float = 60.0
    """So old they are used as they are, and then fetched again: a key that was taken out counts no longer than this.
    It is what sidegate says of them: `Cache-Control: max-age=60`."""
    kept: float = 3600.0
    """So old they are used as long as they cannot be fetched."""
    between: float = 5.0
    """After the end of a fetch, so long until an unknown kid leads to the next one."""
    retry: float = 1.0
    """The same after one that failed."""


class FetchedKeys:
    """Keys that are fetched when they are first asked for, when they grow old, and for a kid that is not among them.

    One fetch at a time; whoever needs it waits for it, and the event loop goes on. While fetches fail, nobody waits for a
    key that is known. Several event loops may ask: none waits for another's fetch, and together they pause between two.
    """

    def __init__(
        self,
        fetch: Fetch,
        lifetimes: Lifetimes = Lifetimes(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._lifetimes, self._clock = fetch, lifetimes, clock
        self._keys: KeySet = {}
        self._fetched = self._tried = float("-inf")
        self._failed: float | None = None
        # The last of each loop, for a loop does not hold its tasks itself. That of another loop cannot be waited for, and
        # never ends if that loop has: apps under test have one for each request.
        self._fetches: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}

    async def find(self, kid: str) -> Key | None:
        came = self._clock()
        if kid not in self._keys or self._age() >= self._lifetimes.fresh:
            fetch = self._refresh()
            if fetch is not None and not (self._holds(kid) and self._failed_lately()):
                await asyncio.shield(fetch)  # whoever hangs up meanwhile takes it from nobody else
        if self._age() >= self._lifetimes.kept:
            raise Refused(Reason.KEYS_UNAVAILABLE, "the keys that assertions are verified by cannot be had")
        found = self._keys.get(kid)
        if found is None and self._fetched < came:  # it may have been made since
            raise Refused(Reason.KEYS_UNAVAILABLE, "whether that key is a new one cannot be told")
        return found

    def _holds(self, kid: str) -> bool:
        return kid in self._keys and self._age() < self._lifetimes.kept

    def _failed_lately(self) -> bool:
        """One that failed longer ago says nothing of now: if nobody asked since, nothing was fetched since."""
        failed = self._failed  # read once: another thread may fetch with success meanwhile
        return failed is not None and self._clock() - failed < self._lifetimes.fresh

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; None if it is too soon for that."""
        loop = asyncio.get_running_loop()
        task = self._fetches.get(loop)
        if task is None or task.done():
            pause = self._lifetimes.between if self._failed is None else self._lifetimes.retry
            if self._clock() - self._tried < pause:
                return None
            self._tried = self._clock()
            for ended in [other for other in list(self._fetches) if other.is_closed()]:
                self._fetches.pop(ended, None)
            task = self._fetches[loop] = loop.create_task(self._fetch_once())
        return task

    async def _fetch_once(self) -> None:
        asked = self._clock()
        try:
            self._keys = parsed(await self._fetch())
        except InvalidJwks as error:
            self._failed = self._clock()
            log.warning("what was fetched are no keys to verify assertions by: %s", error)
        except Exception as error:  # whatever it is, it is no reason to let anybody by
            self._failed = self._clock()
            log.warning("the keys that assertions are verified by cannot be fetched: %s", said(error))
        else:
            self._failed, self._fetched = None, asked  # as old as the question: the answer may be as well
        finally:
            self._tried = self._clock()


def said(error: Exception) -> str:
    """Some exceptions, such as those of time-outs, have nothing but their name."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")
