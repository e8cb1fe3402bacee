"""Who asked when, what they were told, and whether that was right: judged by what was true at those instants.

Nothing here is taken from sidegate's code. What a gate may answer is what README.md promises: a live session is 200 or,
while the store is away, 503; whoever is known not to be signed in is refused; a session that ended passes no longer than the
bounds say, and once refused it never passes again. A forged cookie is refused without any store.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

NEVER = math.inf
CLOCK = 0.002
"""Seconds that are lost where sidegate counts whole milliseconds and this counts parts of them."""


@dataclass(eq=False)
class Asker:
    """Somebody in whose name requests are sent, and what is true of them."""

    group: str
    cookie: str
    user: str | None = None
    """Whom the app must be told of."""
    token: str | None = None
    """None: the cookie is forged."""
    ending: float = NEVER
    """When it began to end: from here on a refusal is right."""
    ended: float = NEVER
    """When it was over for sure: whoever asks from here on asks for a dead session."""


class Answer(NamedTuple):
    asker: Asker
    sent: float
    came: float
    status: int
    user: str | None


@dataclass(frozen=True)
class Bounds:
    """How long a session that ended may still pass, in seconds, by a gate's settings."""

    believed: float
    """`cache_ttl` while revocations are heard of."""
    unheard: float
    """The same while nothing tells of them."""
    stale: float
    """`stale_if_error`."""


@dataclass
class Hearing:
    """When a gate heard of revocations, by its own log."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def of(cls, log: Iterable[dict[str, Any]]) -> "Hearing":
        hearing = cls()
        for event in log:
            at = datetime.fromisoformat(event["timestamp"]).timestamp()
            if event["message"] == "revocations are heard of":
                hearing.spans.append((at, NEVER))
            elif event["message"].startswith("nothing tells of revocations") and hearing.spans:
                begun, lost = hearing.spans[-1]
                hearing.spans[-1] = (begun, min(lost, at))
        return hearing

    def throughout(self, begun: float, ended: float, unnoticed: float) -> bool:
        """Whether nothing in between was missed; that its channel is gone is noticed so much later."""
        return any(since <= begun and ended <= lost - unnoticed for since, lost in self.spans)

    def anew(self, begun: float, ended: float) -> bool:
        """Whether it began to hear in between, and with it forgot all that it had remembered."""
        return any(begun < since < ended for since, _ in self.spans)


@dataclass(frozen=True)
class Trouble:
    """What was the matter with a store, for how long each answer counted."""

    away: float = NEVER
    """From when on it could perhaps not be asked."""
    heard_within: float = 1.0
    """Seconds until what it tells is known: milliseconds, and on a busy machine a moment more."""
    noticed_within: float = 1.0
    """Seconds until it is known that it tells nothing any more."""


@dataclass
class Ledger:
    """All answers of one gate during one fault."""

    bounds: Bounds
    answers: list[Answer] = field(default_factory=list)
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By group and status."""
    last: dict[Asker, Answer] = field(default_factory=dict)

    def add(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.counts[answer.asker.group, answer.status] += 1
        self.last[answer.asker] = answer

    def total(self, status: int, groups: Iterable[str] = ()) -> int:
        """How many answers of that status there were, to these groups or to all."""
        wanted = set(groups)
        counts = list(self.counts.items())  # the threads that ask go on
        return sum(count for (group, kind), count in counts if kind == status and (not wanted or group in wanted))

    def unsettled(self, askers: Iterable[Asker], since: float) -> list[str]:
        """Those among them whose latest answer, asked since then, is not the only right one, or an outage."""
        found = []
        for asker in askers:
            last = self.last.get(asker)
            if not last or last.sent < since:
                found.append(f"{asker.group}: not asked")
            elif last.status not in ((401, 403) if asker.ended <= last.sent else (200,)):
                found.append(f"{asker.group}: {last.status}")
        return found

    def wrong(self, hearing: Hearing, trouble: Trouble) -> list[str]:
        """Every wrong answer, in words."""
        refused: dict[Asker, float] = {}
        for answer in self.answers:
            if answer.status in (401, 403):
                refused[answer.asker] = min(answer.came, refused.get(answer.asker, NEVER))
        found = []
        for answer in self.answers:
            what = refused_wrongly(answer) or let_in_wrongly(answer, refused.get(answer.asker, NEVER))
            if not what and answer.status == 200:
                late, longest = answer.sent - answer.asker.ended, self._longest(answer, hearing, trouble)
                if late > longest:
                    what = f"let in {late:.3f} s after its end, {longest:.3f} s at the most"
            if what:
                found.append(f"{answer.asker.group}, {answer.status}: {what}")
        return found

    def _longest(self, answer: Answer, hearing: Hearing, trouble: Trouble) -> float:
        """Seconds after its end in which a session could still pass that was asked about then."""
        asker, bounds = answer.asker, self.bounds
        if asker.ending == asker.ended or hearing.anew(asker.ended, answer.sent):
            return CLOCK  # its end was known beforehand, or all was forgotten
        longest = bounds.unheard + (bounds.stale if answer.sent >= trouble.away else 0) + CLOCK
        if not hearing.spans:
            return longest
        if hearing.throughout(asker.ending, answer.sent, trouble.noticed_within):
            return min(trouble.heard_within, longest)
        # Until the loss was noticed, answers counted for longer.
        return max(longest, min(bounds.believed, trouble.noticed_within))


def refused_wrongly(answer: Answer) -> str | None:
    asker = answer.asker
    if asker.token is None and answer.status != 401:
        return "a forged cookie needs no store to be refused"
    if answer.status not in (200, 401, 403, 503):
        return "neither let in, nor refused, nor put off"
    early = asker.ending - answer.came
    if answer.status in (401, 403) and early > CLOCK:
        return f"refused {early:.3f} s before anything happened to it"
    return None


def let_in_wrongly(answer: Answer, refused: float) -> str | None:
    """`refused`: when it was refused first."""
    if answer.status != 200:
        return None
    if answer.user != answer.asker.user:
        return f"let in as {answer.user}"
    again = answer.sent - refused
    return f"let in again {again:.3f} s after it was refused" if again > 0 else None
