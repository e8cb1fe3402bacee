"""What HAProxy's files do that no other proxy's has to."""

import json
from pathlib import Path

from rig.browser import identity_in
from rig.stack import Stack
from rig.wire import Headers, exchange, request


def test_an_identity_that_does_not_fit_is_a_503_and_not_half_an_identity(on_sqlite: Stack, home: Path) -> None:
    """HAProxy drops a header that Lua adds to a full buffer, and says nothing."""
    room = ("tune.maxrewrite 8192", "tune.maxrewrite 64")
    with on_sqlite.sidegate():
        proxy = on_sqlite.further_proxy("haproxy", f"haproxy-{home.name}", room).start()
        whole = len(identity_in(proxy.ask("/api/x", on_sqlite.ada.cookie).json()))
        statuses = set()
        for length in range(30_000, 33_000, 40):
            filler = [(f"X-Filler-{count}", "x" * 1000) for count in range(length // 1000)]
            headers: Headers = [
                ("Host", "x"),
                ("Cookie", on_sqlite.ada.cookie),
                *filler,
                ("X-Rest", "x" * (length % 1000)),
            ]
            answer = exchange(proxy.address, request("GET", "/api/x", headers))
            statuses.add(answer.status)
            if answer.status == 200:
                assert len(identity_in(json.loads(answer.body))) == whole
        assert statuses == {200, 503, 400}
        proxy.stop()
