"""Whoever counts wrong answers (`rig.ledger`) counts them all, and no right one."""

from dataclasses import replace

import pytest

from rig.ledger import NEVER, Answer, Asker, Bounds, Hearing, Ledger, Trouble

LIVE = Asker("live", "", "usr_1", "token")
SIGNED_OUT = Asker("signed out", "", "usr_1", "token", ending=10.0, ended=10.1)
FORGED = Asker("forged", "", ending=-NEVER, ended=-NEVER)
SHORT = Bounds(believed=30, unheard=5, stale=20)


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([(LIVE, 1, 200), (LIVE, 2, 503), (FORGED, 3, 401)], None),
        ([(SIGNED_OUT, 9, 200), (SIGNED_OUT, 10.05, 401), (SIGNED_OUT, 12, 503), (SIGNED_OUT, 13, 401)], None),
        ([(SIGNED_OUT, 15, 200), (SIGNED_OUT, 30, 200)], None),
        ([(LIVE, 1, 401)], "before anything happened"),
        ([(LIVE, 1, 500)], "neither let in, nor refused"),
        ([(FORGED, 1, 503)], "needs no store"),
        ([(SIGNED_OUT, 9.9, 401)], "before anything happened"),
        ([(SIGNED_OUT, 11, 401), (SIGNED_OUT, 11.5, 200)], "let in again"),
        ([(SIGNED_OUT, 16, 200)], "at the most"),
        ([(SIGNED_OUT, 36, 200)], "at the most"),
        ([(replace(LIVE, user="usr_2"), 1, 200)], "let in as usr_1"),
    ],
)
def test_wrong_answers_are_known_for_what_they_are(answers: list[tuple[Asker, float, int]], wrong: str | None) -> None:
    """The store is away from the twentieth second on, and nothing tells of revocations."""
    ledger = Ledger(SHORT)
    for asker, at, status in answers:
        ledger.add(Answer(asker, at, at + 0.01, status, "usr_1" if status == 200 else None))
    found = ledger.wrong(Hearing(), Trouble(away=20))
    assert len(found) == (wrong is not None), found
    assert not wrong or wrong in found[0]


@pytest.mark.parametrize(
    ("spans", "longest"),
    [
        ([(0, NEVER)], 1.0),
        ([(0, 12)], 5.0),
        ([(0, 9), (11, NEVER)], 0.9),
    ],
    ids=["heard of throughout", "lost a moment later", "heard of again"],
)
def test_what_is_heard_of_counts_at_once(spans: list[tuple[float, float]], longest: float) -> None:
    def is_wrong(after: float) -> bool:
        ledger = Ledger(SHORT)
        ledger.add(Answer(SIGNED_OUT, SIGNED_OUT.ended + after, 100.0, 200, "usr_1"))
        return bool(ledger.wrong(Hearing(spans), Trouble()))

    assert [is_wrong(longest - 0.1), is_wrong(longest + 0.1)] == [False, True]
