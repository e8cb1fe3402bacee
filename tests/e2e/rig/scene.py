"""One fault: sidegates with different settings before one store, everybody who asks them, and what happens meanwhile."""

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from .askers import Askers
from .ground import Ground
from .lane import Lane
from .ledger import NEVER, Asker, Bounds, Hearing, Ledger, Trouble
from .process import until
from .revocation import hears
from .sidegate import Sidegate

GATES: dict[str, tuple[Bounds, dict[str, str]]] = {
    # Asks the store each time: nothing that ended may pass, not once.
    "forgetful": (
        Bounds(believed=0, unheard=0, stale=0),
        {"cache_ttl": "0s", "negative_ttl": "0s", "revocation": "off"},
    ),
    # Its bounds are shorter than the faults, so that each of them comes to its end.
    "brief": (
        Bounds(believed=0.5, unheard=0.5, stale=1.5),
        {"cache_ttl": "500ms", "stale_if_error": "1500ms", "negative_ttl": "200ms"},
    ),
    # As it comes, by README.md's table of settings.
    "plain": (Bounds(believed=30, unheard=5, stale=60), {}),
}
HEARING = ("brief", "plain")
WITH_STORE = ("remembered", "unseen", "doomed", "gone")
"""Groups that nobody knows anything of without a store."""


class Scene:
    """What is waited for here is always a number of answers of one kind, never time."""

    def __init__(self, ground: Ground, home: Path, lane: Lane | None = None) -> None:
        self.ground, self.lane = ground, lane
        self.gates: dict[str, Sidegate] = {}
        self.ledgers = {name: Ledger(bounds) for name, (bounds, _) in GATES.items()}
        self._store = ground.store(lane.port if lane else ground.server.port)
        self._home = home
        self._away = NEVER
        # Who will not stay. The sessions of two of them end by themselves, within seconds.
        doomed = ground.sign_in("doomed", 10)
        for asker, seconds in zip(doomed, (3.0, 4.5), strict=False):
            ground.expire(asker, time.time() + seconds)
        self._left = doomed[2:]
        groups = {
            "remembered": ground.remembered,
            "doomed": doomed,
            "gone": ground.gone,
            "forged": ground.forged,
            "unseen": ground.unseen,
        }
        self._askers = Askers(self.gates, self.ledgers, groups)
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    # --- the sidegates

    def start(self) -> None:
        """Starts them, and begins to ask for all but those whom nobody is to see before the fault."""
        for name, (_, settings) in GATES.items():
            gate = Sidegate(self._home, self._store, log_denials="false", **settings)
            self.gates[name] = self._exits.enter_context(gate)
        self._exits.enter_context(self._askers)

    def open(self) -> None:
        """The same, and waits until all is as it should be."""
        self.start()
        self.wait_until_it_hears()
        self.settle()

    def wait_until_it_hears(self) -> None:
        for name in HEARING:
            until(lambda name=name: self.hears(name), f"{name} hears of revocations")

    def wait_until_it_is_deaf(self) -> None:
        for name in HEARING:
            until(lambda name=name: not self.hears(name), f"{name} hears of nothing any more")

    def hears(self, name: str) -> bool:
        return hears(self.gates[name], self.ground.channel)

    # --- what happens

    def begin(self) -> None:
        """From here on the store may be out of reach, and sessions are asked for that nobody has seen."""
        self._away = time.time()
        self.show_unseen()

    def show_unseen(self) -> None:
        self._askers.ask_for_all()

    def sign_out(self, count: int = 1) -> None:
        for _ in range(count):
            self.ground.sign_out(*self._next())

    def ban(self) -> None:
        self.ground.ban(*self._next())

    def delete(self, count: int = 1) -> None:
        self.ground.delete(self._next(count))

    def _next(self, count: int = 1) -> list[Asker]:
        """Those who are to go. Everybody looks at them: some requests are under way at the very instant."""
        self._askers.pressing = going = [self._left.pop() for _ in range(count)]
        return going

    # --- what is waited for

    def answers(self, name: str, status: int, *groups: str, count: int = 10) -> None:
        """Waits for so many more answers of one kind from one of the gates."""
        ledger = self.ledgers[name]
        goal = ledger.total(status, groups) + count
        what = f"{count} more answers of {status} from {name}"
        until(lambda: self._askers.check() and ledger.total(status, groups) >= goal, what)

    def felt(self) -> None:
        """Who has to ask the store is put off by now, and who is remembered is not."""
        self.answers("forgetful", 503, *WITH_STORE)
        self.answers("plain", 200, "remembered")

    def outlasts_stale(self) -> None:
        """So long that those who were remembered are put off as well, where the bound is short."""
        self.answers("brief", 503, "remembered")

    def passes(self, count: int = 20) -> None:
        """The store is asked, and says who is signed in."""
        self.answers("forgetful", 200, count=count)

    def settle(self) -> None:
        """Everybody gets the one right answer, from each gate."""
        since = time.time()

        def unsettled() -> list[str]:
            self._askers.check()
            everybody = self._askers.asked_for()
            each = ((name, ledger.unsettled(everybody, since)) for name, ledger in self.ledgers.items())
            return [f"{name}, {what}" for name, found in each for what in found]

        try:
            until(lambda: not unsettled(), "everybody gets the one right answer")
        except AssertionError as error:
            raise AssertionError(f"{error}: {unsettled()}") from None

    # --- what came of it

    def wrong(self, trouble: Trouble) -> list[str]:
        """Every wrong answer."""
        trouble = replace(trouble, away=self._away)
        found = []
        for name, ledger in self.ledgers.items():
            told = ledger.wrong(Hearing.of(self.gates[name].log()), trouble)
            found += [f"{name}: {what}" for what in told]
        return found

    def told(self, name: str, since: float) -> set[int]:
        """What those were told since then whom nobody knows without a store."""
        answers = list(self.ledgers[name].answers)
        return {one.status for one in answers if one.sent > since and one.asker.group in WITH_STORE}

    def statuses(self) -> Counter[int]:
        """How many answers there were of each status."""
        return Counter(answer.status for ledger in self.ledgers.values() for answer in ledger.answers)

    def stop(self) -> None:
        self._exits.close()
        self._askers.check()
