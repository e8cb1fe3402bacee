"""Paths match what FastAPI routes: its own router and `sidegate routes`, asked the same of sets of paths from a seed.

A test's name has the seed: `-k "7"` repeats it. The scope is as uvicorn makes it (0.54, `httptools_impl.py`): the target
up to the question mark, decoded once.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI, Response

from rig.patterns import METHODS, Pattern, Patterns, Request
from rig.places import SIDEGATE

SEEDS = 40
REQUESTS = 250

REFUSED = "ambiguous_path"
NONE = "-"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_sidegate_judges_by_the_route_that_fastapi_takes(home: Path, seed: int) -> None:
    patterns = Patterns(seed)
    ordered = in_sidegates_order(home, patterns.some())
    requests = list(dict.fromkeys(patterns.request(ordered) for _ in range(REQUESTS)))
    judged = by_sidegate(home, ordered, requests)
    routed = by_fastapi(ordered, requests)
    for request, ours, theirs in zip(requests, judged, routed, strict=True):
        told = f"seed {seed}: {request}: FastAPI takes {theirs}, sidegate judges by {ours}\n" + "\n".join(map(str, ordered))
        if ours.route == REFUSED:
            continue
        # Not looser in any case: what that route asks for is asked for.
        assert theirs is None or role_of(ordered, theirs) in ours.asked, told
        # Whatever answers GET answers HEAD, to sidegate: FastAPI wants it named.
        if request.method != "HEAD":
            assert ours.route == (str(theirs) if theirs else NONE), told
    assert sum(theirs is not None for theirs in routed) > REQUESTS / 5, "most are of some route"


@dataclass(frozen=True)
class Judged:
    """What `sidegate routes` prints of a request."""

    route: str
    asked: tuple[str, ...]


def in_sidegates_order(home: Path, patterns: Sequence[Pattern]) -> list[Pattern]:
    """Those among them that go together, the most specific first."""
    kept = list(patterns)
    while (done := sidegate_routes(home, kept)).returncode:
        pairs = [(one, other) for one in kept for other in kept]
        later = [other for one, other in pairs if f"{one} and {other} are equally specific" in done.stderr]
        assert later, done.stderr
        kept = [one for one in kept if one not in later]
    lines = done.stdout.splitlines()
    table = {line: pattern for pattern in kept for line in lines if line.startswith(f"{pattern}  ")}
    ordered = [table[line] for line in lines if line in table]
    assert len(ordered) == len(kept) == len(lines) - 1, done.stdout
    return ordered


def by_sidegate(home: Path, patterns: Sequence[Pattern], requests: Iterable[Request]) -> list[Judged]:
    lines = [f"{request.method} {request.target}" for request in requests]
    done = sidegate_routes(home, patterns, "-", text="\n".join(lines))
    assert done.returncode == 0, done.stderr
    told = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line for line, _, _ in told] == lines
    return [Judged(route, tuple(asked.split(","))) for _, route, asked in told]


def sidegate_routes(
    home: Path, patterns: Sequence[Pattern], *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    config = home / "sidegate.toml"
    config.write_text("\n".join(map(table_of, patterns)), encoding="utf-8")
    command = [SIDEGATE, "routes", f"--config={config}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def table_of(pattern: Pattern) -> str:
    methods = f"methods = {json.dumps(pattern.methods)}\n" if pattern.methods else ""
    path = json.dumps(pattern.path, ensure_ascii=False)
    return f"[[route]]\npath = {path}\n{methods}any_role = {json.dumps(name_of(pattern))}\n"


def name_of(pattern: Pattern) -> str:
    """A role of its own."""
    return f"role-{str(pattern).encode().hex()}"


def role_of(patterns: Sequence[Pattern], pattern: Pattern) -> str:
    assert pattern in patterns
    return f"any_role:{name_of(pattern)}"


def by_fastapi(patterns: Sequence[Pattern], requests: Iterable[Request]) -> list[Pattern | None]:
    """The route whose handler runs, of those registered in that order."""
    app = FastAPI(redirect_slashes=False, openapi_url=None)
    for place, pattern in enumerate(patterns):
        app.add_api_route(pattern.path, handler(place), methods=list(pattern.methods or METHODS))

    async def places() -> list[int | None]:
        return [await taken(app, request) for request in requests]

    return [None if place is None else patterns[place] for place in asyncio.run(places())]


def handler(place: int) -> Any:
    async def handle() -> Response:
        return Response(headers={"x-place": str(place)})

    return handle


async def taken(app: FastAPI, request: Request) -> int | None:
    raw, _, query = request.target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
        "scheme": "http",
        "root_path": "",
        "method": request.method,
        "headers": [(b"host", b"app.example")],
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "state": {},
    }
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    await app(scope, receive, send)
    start = answers[0]
    places = [int(value) for name, value in start["headers"] if name == b"x-place"]
    assert start["status"] == (200 if places else start["status"]) and start["status"] in (200, 404, 405), start
    return places[0] if places else None
