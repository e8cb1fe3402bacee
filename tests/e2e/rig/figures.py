"""Times that a test took, as a table."""

import math
from collections import defaultdict

HEAD = ("store", "kind", "count", "p50", "p99", "max", "p50", "p99", "max")


class Figures:
    """From the end of sessions to their first refusal."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self._rates: list[str] = []

    def add(self, store: str, kind: str, since_commit: float, since_answer: float) -> None:
        """In seconds."""
        self._times[store, kind].append((since_commit, since_answer))

    def add_load(self, store: str, asked: int, seconds: float) -> None:
        self._rates.append(f"{store}: sidegate was asked {asked} times in {seconds:.1f} s")

    def __str__(self) -> str:
        rows = [f"{'milliseconds to the first refusal since':<47}{'the commit':<27}Better Auth's answer", row(HEAD)]
        for (store, kind), times in self._times.items():
            columns = [sorted(column) for column in zip(*times, strict=True)]
            told = [value for column in columns for value in (at(column, 0.5), at(column, 0.99), column[-1])]
            rows.append(row((store, kind, str(len(times)), *(f"{1000 * value:.1f}" for value in told))))
        return "\n".join([*rows, *self._rates])


def at(ordered: list[float], part: float) -> float:
    """The percentile by nearest rank: the least value that this part of them does not exceed."""
    return ordered[math.ceil(part * len(ordered)) - 1]


def row(cells: tuple[str, ...]) -> str:
    store, kind, *numbers = cells
    return f"{store:<18}{kind:<10}" + "".join(f"{number:>9}" for number in numbers)
