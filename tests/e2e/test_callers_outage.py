"""Each proxy without a sidegate that knows: nobody passes, and nobody is told that they are not signed in."""

import time
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.ports import free_port
from rig.proxy import MakeProxy, Proxy
from rig.relay import Mute
from rig.sidegate import Sidegate
from rig.stack import Stack
from test_proxying import NAVIGATIONS

WITHOUT_SIDEGATE = {
    "nginx": {500},  # auth_request knows 401 and 403 alone
    "traefik": {500},
    "envoy": {503},
    "envoy-grpc": {503},
    "caddy": {502, 504},
    "caddy-new": {502, 504},
    "haproxy": {503},
}
"""What a client is told then: that it is an error, and not that nobody is signed in."""


def test_nobody_passes_while_sidegate_is_down(on_sqlite: Stack, further: MakeProxy) -> None:
    assert_nobody_passes(further(sidegate=f"127.0.0.1:{free_port()}"), on_sqlite)


def test_nobody_passes_while_sidegate_hangs_up(on_sqlite: Stack, further: MakeProxy) -> None:
    with Mute(hangs_up=True) as mute:
        assert_nobody_passes(further(sidegate=mute.address), on_sqlite)


# Traefik waits 30 s, which nothing changes.
@pytest.mark.parametrize("caller", [one for one in WITHOUT_SIDEGATE if one != "traefik"], indirect=True)
def test_nobody_waits_long_for_a_sidegate_that_is_silent(on_sqlite: Stack, caller: str, further: MakeProxy) -> None:
    with Mute(hangs_up=False) as mute:
        silent = further(sidegate=mute.address)
        begun = time.monotonic()
        assert silent.ask("/api/x", on_sqlite.ada.cookie).status_code in WITHOUT_SIDEGATE[caller]
        assert time.monotonic() - begun < 10  # the files say 1 s, and without that it is a minute or for ever


def test_nobody_passes_while_the_store_is_out_of_reach(on_sqlite: Stack, home: Path, further: MakeProxy) -> None:
    with Sidegate(home, "sqlite:/nowhere/to/be/found.db") as lost:
        assert isinstance(lost.address, tuple)
        cut_off = further(sidegate=f"127.0.0.1:{lost.address[1]}")
        answer = cut_off.ask("/api/x", on_sqlite.ada.cookie)
        if cut_off.name == "nginx":
            assert answer.status_code == 500
        else:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert cut_off.ask("/about").status_code == 200
        cut_off.stop()


def assert_nobody_passes(proxy: Proxy, stack: Stack) -> None:
    for cookie in (stack.ada.cookie, None):
        for path in ("/api/x", "/dashboard/x", "/ws"):
            answer = proxy.ask(path, cookie, headers=NAVIGATIONS["a browser"])
            assert answer.status_code in WITHOUT_SIDEGATE[proxy.name], path
        with pytest.raises(InvalidStatus) as refused, connect(proxy.socket_url):
            pass
        assert refused.value.response.status_code in WITHOUT_SIDEGATE[proxy.name]
    assert proxy.ask("/about").status_code == 200
