"""MATRIX.md: what the conformance tests saw, scenario by caller. Written by them, never typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "MATRIX.md"

REWRITE = "UPDATE=1 ../../target/venv/bin/python -m pytest -q -p no:cacheprovider test_matrix.py"

NAMES = {
    "nginx": "nginx",
    "traefik": "Traefik",
    "envoy": "Envoy, HTTP",
    "envoy-grpc": "Envoy, gRPC",
    "caddy": "Caddy, old",
    "caddy-new": "Caddy, new",
    "haproxy": "HAProxy",
}

HEAD = f"""# Every caller in every scenario

What clients got from the real programs, each with the file that sidegate ships for it, before the apps of
`tests/upstream` and `deploy/fastapi`. Each cell is one test, which looks at all of the answer (status, reason, body,
`Location`, `Set-Cookie`, `Retry-After`, `Cache-Control`) and at all that reached the app: who it was told is asking,
method, path, query, body.

**These tests write this file**, and fail where it says anything else than they saw. In `tests/e2e`, this writes it:

    {REWRITE}

`200`, `201` and `101` (a WebSocket) reached the app as the signed-in user, `200 nobody` without any identity, `200
anonymous` as a preflight or because nothing is enforced, `200 + cookie` with a new session cookie for the browser. All
else did not reach it: `401 expired` tells the client why, at `401` the proxy keeps that to itself, `302 → /login` is a
redirect, without its query, and `401, explained` a page for people.
"""

Words = dict[str, dict[str, str]]
"""Of a section: row, caller."""


@dataclass(frozen=True)
class Section:
    title: str
    note: str
    rows: list[str]
    words: Words


def text_of(sections: list[Section], versions: Mapping[str, str]) -> str:
    parts = [HEAD]
    for section in sections:
        parts.append(f"\n## {section.title}\n\n")
        parts.append(f"{section.note}\n" if section.note else "")
        parts.append(table(["", *NAMES.values()], [[row, *by_caller(section.words[row])] for row in section.rows]))
    told = [[NAMES[caller], versions[caller]] for caller in NAMES]
    parts.append("\n## Versions\n\n" + table(["caller", "version that was run"], told))
    return "".join(parts)


def cells_of(text: str) -> str:
    """All of it but the versions, which differ from machine to machine."""
    return text.partition("\n## Versions\n")[0]


def by_caller(words: Mapping[str, str]) -> list[str]:
    return [words[caller] for caller in NAMES]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
