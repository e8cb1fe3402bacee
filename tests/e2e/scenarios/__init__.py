"""The rows of the conformance matrix. A class is a section of MATRIX.md with one set of settings, a test a row, and the
docstrings are their titles. `test_matrix.py` runs them, at each caller."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from rig.callers import ALL
from rig.conformance import Cell
from rig.matrix_file import Words
from rig.sidegate import Sidegate
from rig.site import Site

seen: dict[str, Words] = {}
"""What was seen so far, by section."""


class Scenarios:
    """A section: a sidegate of its own, started once, and a cell for each test and caller."""

    SETTINGS: ClassVar[dict[str, str]] = {}
    NOTE: ClassVar[str] = ""
    """What is to be said of it in MATRIX.md."""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        with site.sidegate(**cls.SETTINGS) as gate:
            gate.wait_until_ready()
            yield gate

    @pytest.fixture(params=ALL)
    def cell(self, request: pytest.FixtureRequest, site: Site, gate: Sidegate | None) -> Iterator[Cell]:
        cell = Cell(request.param, site.stack.proxy(request.param), site.witness)
        yield cell
        # There is none if it was found to be otherwise.
        if cell.word:
            row = seen.setdefault(request.cls.__doc__, {}).setdefault(request.function.__doc__, {})
            row[request.param] = cell.word
