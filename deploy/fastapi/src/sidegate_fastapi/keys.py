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
    """After a fetch, so long until an unknown kid leads to the next one."""
    retry: float = 1.0
    """The same after the end of a fetch that failed."""


class FetchedKeys:
    """Keys that are fetched when they are first asked for, when they grow old, and for a kid that is not among them.

    One fetch at a time; whoever needs it waits for it, and the event loop goes on. While fetches fail, nobody waits for a
    key that is known.
    """

    def __init__(
        self,
        fetch: Fetch,
        lifetimes: Lifetimes = Lifetimes(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._lifetimes, self._clock = fetch, lifetimes, clock
        self._keys: KeySet = {}
        self._fetched = self._ended = float("-inf")
        self._failed = False
        self._under_way: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key | None:
        came = self._clock()
        if kid not in self._keys or self._age() >= self._lifetimes.fresh:
            fetch = self._refresh()
            if fetch is not None and not (self._failed and self._holds(kid)):
                await asyncio.shield(fetch)  # whoever hangs up meanwhile takes it from nobody else
        if self._age() >= self._lifetimes.kept:
            raise Refused(Reason.KEYS_UNAVAILABLE, "the keys that assertions are verified by cannot be had")
        found = self._keys.get(kid)
        if found is None and self._fetched < came:  # it may have been made since
            raise Refused(Reason.KEYS_UNAVAILABLE, "whether that key is a new one cannot be told")
        return found

    def _holds(self, kid: str) -> bool:
        return kid in self._keys and self._age() < self._lifetimes.kept

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; None if it is too soon for that."""
        loop = asyncio.get_running_loop()
        task = self._under_way
        # A task of another loop never ends if that loop has: apps under test have one for each request.
        if task is None or task.done() or task.get_loop() is not loop:
            since = self._clock() - self._ended if self._failed else self._age()
            if since < (self._lifetimes.retry if self._failed else self._lifetimes.between):
                return None
            task = self._under_way = loop.create_task(self._fetch_once())
        return task

    async def _fetch_once(self) -> None:
        asked = self._clock()
        try:
            self._keys = parsed(await self._fetch())
        except InvalidJwks as error:
            self._failed = True
            log.warning("what was fetched are no keys to verify assertions by: %s", error)
        except Exception as error:  # whatever it is, it is no reason to let anybody by
            self._failed = True
            log.warning("the keys that assertions are verified by cannot be fetched: %s", said(error))
        else:
            self._failed, self._fetched = False, asked  # as old as the question: the answer may be as well
        finally:
            self._ended = self._clock()


def said(error: Exception) -> str:
    """Some exceptions, such as those of time-outs, have nothing but their name."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")
