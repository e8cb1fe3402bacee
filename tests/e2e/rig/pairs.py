"""Choices from several axes, so that every two that can meet do so somewhere, in few combinations."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, product
from typing import Protocol, TypeVar


class Choice(Protocol):
    """One value of an axis."""

    @property
    def name(self) -> str: ...

    @property
    def only(self) -> Mapping[str, tuple[str, ...]]:
        """What it can be combined with: axis and names."""


C = TypeVar("C", bound=Choice)
Pair = tuple[tuple[str, str], tuple[str, str]]
"""Two axes, each with the name of a choice."""


def covering(axes: Mapping[str, list[C]]) -> list[dict[str, C]]:
    """The combinations, always the same ones."""
    uncovered = set(all_pairs(axes))
    used: Counter[tuple[str, str]] = Counter()
    found = []
    for pair in all_pairs(axes):
        # Two choices may exclude each other by what both need of a third axis.
        if pair in uncovered and (chosen := around(axes, pair, uncovered, used)):
            uncovered.difference_update(pairs_in(chosen))
            used.update((axis, choice.name) for axis, choice in chosen.items())
            found.append(chosen)
    return found


def all_pairs(axes: Mapping[str, list[C]]) -> Iterator[Pair]:
    """Every pair of choices that do not exclude each other."""
    for (first, lefts), (second, rights) in combinations(axes.items(), 2):
        for left, right in product(lefts, rights):
            if fits({first: left}, second, right):
                yield (first, left.name), (second, right.name)


def around(
    axes: Mapping[str, list[C]], pair: Pair, uncovered: set[Pair], used: Counter[tuple[str, str]]
) -> dict[str, C] | None:
    """A choice from each axis, this pair among them, and of the others the one that covers most each time.

    Where several do, the one least used.
    """
    chosen = {axis: next(choice for choice in axes[axis] if choice.name == name) for axis, name in pair}
    for axis in (axis for axis in axes if axis not in chosen):
        possible = [choice for choice in axes[axis] if fits(chosen, axis, choice)]
        if not possible:
            return None

        def gain(choice: C, axis: str = axis) -> tuple[int, int]:
            covered = uncovered.intersection(pairs_in(ordered(axes, chosen | {axis: choice})))
            return len(covered), -used[axis, choice.name]

        chosen[axis] = max(possible, key=gain)
    return ordered(axes, chosen)


def fits(chosen: dict[str, C], axis: str, choice: C) -> bool:
    """Whether a choice can join those."""
    return all(
        known.name in choice.only.get(other, (known.name,)) and choice.name in known.only.get(axis, (choice.name,))
        for other, known in chosen.items()
    )


def pairs_in(chosen: dict[str, C]) -> Iterator[Pair]:
    return combinations(((axis, choice.name) for axis, choice in chosen.items()), 2)


def ordered(axes: Iterable[str], chosen: dict[str, C]) -> dict[str, C]:
    return {axis: chosen[axis] for axis in axes if axis in chosen}
