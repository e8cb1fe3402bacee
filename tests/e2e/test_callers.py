"""Each proxy with the file that sidegate ships for it: who gets through, as whom, and what happens when sidegate is down."""

import hashlib
import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.browser import identity_in
from rig.callers import ALL
from rig.proxy import Proxy
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import Headers, Reply, exchange, request
from test_identity_headers import SPOOFS, identity_of_ada


@pytest.fixture(scope="module", params=ALL)
def proxy(request: pytest.FixtureRequest, on_sqlite: Stack) -> Proxy:
    return on_sqlite.proxy(request.param)


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


def test_whoever_is_signed_in_reaches_the_app_as_themselves(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    answer = proxy.ask("/api/x?a=b", on_sqlite.ada.cookie)
    assert answer.status_code == 200, answer.text
    print(json.dumps(answer.json()["headers"], indent=1))
    print(proxy.errors())
