"""However a protected path is spelled, no proxy takes it for a public one."""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from rig.proxy import Proxy
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import exchange
from rig.wire import request as raw


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate() as gate:
        yield gate


# Each is read differently by some program: dots resolved or not, `%2F` a slash or not, `;…` a parameter or not.
DOUBTFUL = [
    "/api/../api/x",
    "/about/../api/x",
    "/about/./../api/x",
    "/about/%2e%2e/api/x",
    "/about/%2E./api/x",
    "/about/..%2fapi/x",
    "/about/..%5capi/x",
    "/about/..\\api/x",
    "/about/..;/api/x",
    "/about/..;a=b/api/x",
    "/api/auth/../x",
    "/api/auth/..%2fx",
    "/api/x/../../about",
    "/api/x/%2e%2e/%2e%2e/about",
    "/api/x/..%2f..%2fabout",
    "/api/x/../auth/../../about",
    "//api/x",
    "/./api/x",
    "/.//api/x",
    "/%2fapi/x",
    "/%61pi/x",
    "/ap%69/x",
    "/api%2fx",
    "/api%2Fx",
    "/api//x",
    "/api;a=b/x",
    "/api%3ba=b/x",
    "/api\\x",
    "/api%5cx",
    "/api/%00",
    "/api%00/x",
    "/api/%zz",
    "/api/x%",
    "/api/%u0061",
    "/api/\xe9",
    "/api/%c0%af",
    "/dashboard/%",
    "/%77s",
    "/ws;a=b",
    "/ws/.",
    "/about/../ws",
    "/dashboard%2fx",
    "//dashboard/x",
    "/%64ashboard/x",
    "/api/x#/about",
    "/api/x?/../../about",
    "http://shop.example/api/x",
    "http://other.example//api/x",
    "http:api/x",
    "http:/api/x",
    "http:////api/x",
    "x:api/x",
    "x:/api/x",
    "api/x",
    "?/../api/x",
    "/api/x\t",
    "\x0b/api/x",
    "*",
]


@pytest.mark.parametrize("target", DOUBTFUL)
def test_no_spelling_of_a_protected_path_is_public(gate: Sidegate, proxy: Proxy, target: str) -> None:
    answer = exchange(proxy.address, raw("GET", target, [("Host", "shop.example"), ("Connection", "close")]))
    if answer.status == 200:
        path = json.loads(answer.body)["path"]
        assert not any(is_protected(reading) for reading in readings(path)), path


def readings(path: str) -> set[str]:
    """What an app may take a path for."""
    found = {path, unquote(path), f"/{path}"}
    found |= {one.replace("\\", "/") for one in found}
    found |= {"/".join(segment.split(";")[0] for segment in one.split("/")) for one in found}
    found |= {re.sub("/+", "/", one) for one in found}
    return found | {resolved(one) for one in found}


def resolved(path: str) -> str:
    """Without dot segments, as RFC 3986 section 5.2.4 removes them."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept) + ("/" if path.endswith(("/.", "/..")) else "")


def is_protected(path: str) -> bool:
    if path.startswith("/api/auth/"):
        return False
    return path.startswith(("/api/", "/dashboard/")) or path == "/ws"
