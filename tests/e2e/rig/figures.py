"""Times that a test took, as a table."""

import math
from collections import defaultdict

HEAD = ("store", "what", "count", "p50", "p99", "max", "p50", "p99", "max")


class Figures:
    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)

    def add(self, store: str, kind: str, since_commit: float, since_answer: float) -> None:
        """In seconds."""
        self._times[store, kind].append((since_commit, since_answer))

    def __str__(self) -> str:
        rows = ["milliseconds to the first refusal:       since the commit          since Better Auth answered", row(HEAD)]
        for (store, kind), times in self._times.items():
            columns = [sorted(column) for column in zip(*times, strict=True)]
            told = [f"{1000 * value:.1f}" for column in columns for value in (at(column, 0.5), at(column, 0.99), column[-1])]
            rows.append(row((store, kind, str(len(times)), *told)))
        return "\n".join(rows)


def at(ordered: list[float], part: float) -> float:
    """The nearest-rank percentile: the least value that so many are not above."""
    return ordered[math.ceil(part * len(ordered)) - 1]


def row(cells: tuple[str, ...]) -> str:
    store, kind, *numbers = cells
    return f"{store:<18}{kind:<9}" + "".join(f"{number:>9}" for number in numbers)
