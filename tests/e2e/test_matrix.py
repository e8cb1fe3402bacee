"""The conformance matrix: each scenario at each caller, as the real program before the real app. Each cell compares
what the client gets and what reaches the app with what it has to be there; MATRIX.md is what they saw."""

import inspect
import os
from collections.abc import Iterator

import pytest

import scenarios
from conftest import World
from rig import matrix_file
from rig.callers import ALL, proxy_for
from rig.site import Site
from scenarios.asking import TestBearerTokens, TestProlongedSessions, TestPublicPages, TestWhoIsAsking
from scenarios.origins import TestSameOrigin, TestShadow
from scenarios.outages import TestSidegateDown, TestSidegateHangs, TestStoreGone, TestStoreHangs
from scenarios.pages import TestPages, TestPreflights, TestSignInPageBehindItself, TestSignInPageElsewhere
from scenarios.passing import TestLimits, TestRequests, TestSockets

SECTIONS: list[type[scenarios.Scenarios]] = [
    TestWhoIsAsking,
    TestPublicPages,
    TestBearerTokens,
    TestProlongedSessions,
    TestPages,
    TestSignInPageElsewhere,
    TestSignInPageBehindItself,
    TestPreflights,
    TestSameOrigin,
    TestShadow,
    TestSockets,
    TestRequests,
    TestLimits,
    TestStoreGone,
    TestStoreHangs,
    TestSidegateDown,
    TestSidegateHangs,
]


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[Site]:
    site = Site(world.home / "matrix", world.certificates)
    yield site
    site.stop()


def test_matrix_md_says_what_was_seen() -> None:
    """Or is written, with UPDATE=1."""
    sections = [section_of(section) for section in SECTIONS]
    if any(set(section.words.get(row, {})) != set(ALL) for section in sections for row in section.rows):
        pytest.skip("not all cells were run, or not all are as they have to be")
    versions = {caller: proxy_for(caller).version() for caller in ALL}
    text = matrix_file.text_of(sections, versions)
    if os.environ.get("UPDATE"):
        matrix_file.FILE.write_text(text)
    written = matrix_file.FILE.read_text() if matrix_file.FILE.exists() else ""
    assert matrix_file.cells_of(written) == matrix_file.cells_of(text), f"in tests/e2e: {matrix_file.REWRITE}"


def section_of(section: type[scenarios.Scenarios]) -> matrix_file.Section:
    tests = [test for name, test in vars(section).items() if name.startswith("test_")]
    title, rows = inspect.getdoc(section) or "", [inspect.getdoc(test) or "" for test in tests]
    assert all(rows) and len(rows) == len(set(rows)), f"each row of {title!r} has a title of its own"
    return matrix_file.Section(title, section.NOTE, rows, scenarios.seen.get(title, {}))
