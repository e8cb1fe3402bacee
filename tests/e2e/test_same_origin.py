"""Whose pages may send the session cookie, beyond the rows of MATRIX.md: WebSockets over HTTP/2, proxies that do not pass on
what tells, the log."""

import json
from collections.abc import Iterator

import pytest

from rig.http2 import Http2
from rig.process import until
from rig.proxy import Edit, MakeProxy
from rig.sidegate import ORIGINAL, Sidegate, question
from rig.stack import Stack
from rig.wire import Headers, exchange
from scenarios.origins import ELSEWHERE, OWN

ORIGINS = {"allowed_origins": "https://app.example"}

PROXY_FORGETS: dict[str, Edit] = {
    "traefik": (
        "          - Origin                      # these three tell whose page asks (`allowed_origins`)\n"
        "          - Sec-Fetch-Site\n",
        "",
    ),
    "envoy": (
        "                          - exact: origin               # these three tell whose page asks (`allowed_origins`)\n"
        "                          - exact: sec-fetch-site\n",
        "",
    ),
}


ENVOYS_APP = b"missing Sec-WebSocket-Key"
"""HAProxy makes a key for an app that speaks HTTP/1.1, Envoy does not: there the app itself refuses the handshake."""
THE_APPS_ANSWER = {"haproxy": b"x-auth-user-id", "envoy": ENVOYS_APP, "envoy-grpc": ENVOYS_APP}


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(**ORIGINS) as gate:
        yield gate


@pytest.mark.parametrize("caller", THE_APPS_ANSWER, indirect=True)
def test_a_websocket_over_http2_is_asked_where_it_comes_from(
    on_sqlite: Stack, gate: Sidegate, further: MakeProxy, caller: str
) -> None:
    """RFC 8441: to the proxy it is CONNECT, to sidegate a GET without a key."""
    proxy = further(*takes_sockets_over_http2(caller))

    def opened(origin: Headers) -> tuple[Http2, int]:
        http2 = Http2(proxy.address)
        handshake = [(":protocol", "websocket"), ("sec-websocket-version", "13"), ("cookie", on_sqlite.ada.cookie)]
        sent = [*handshake, *((name.lower(), value) for name, value in origin)]
        return http2, http2.begin("/ws", sent, "CONNECT", authority="app.example")

    http2, stream = opened(OWN[:1])
    with http2:
        http2.wait(lambda: THE_APPS_ANSWER[caller] in http2.data_of(stream))
    for origin in (ELSEWHERE[:1], ELSEWHERE, []):
        http2, stream = opened(origin)
        with http2:
            refused = http2.answer(stream)
        assert (refused.status, refused.headers["x-auth-reason"]) == (403, "cross_origin")


def takes_sockets_over_http2(caller: str) -> list[Edit]:
    if caller == "haproxy":
        return [(" proto h1\n", "\n")]
    normalize = "                normalize_path: true\n"
    return [(normalize, f"{normalize}                http2_protocol_options: {{ allow_connect: true }}\n")]


@pytest.mark.parametrize("caller", PROXY_FORGETS, indirect=True)
def test_behind_a_proxy_that_passes_nothing_on_nobody_changes_anything(
    on_sqlite: Stack, gate: Sidegate, further: MakeProxy, caller: str
) -> None:
    proxy = further(PROXY_FORGETS[caller])
    before = len(gate.denials())
    assert proxy.ask("/api/x", on_sqlite.ada.cookie, "POST", headers=OWN).status_code == 403
    assert proxy.ask("/api/x", on_sqlite.ada.cookie, headers=OWN).status_code == 200

    denied = gate.denials(before + 1)[before]
    assert denied["reason"] == "cross_origin"
    assert not {"origin", "sec_fetch_site"} & denied.keys()


def test_the_log_tells_whose_page_it_was(on_sqlite: Stack, gate: Sidegate) -> None:
    before = len(gate.denials())
    for sent in (ELSEWHERE, [("Origin", "https://evil.example/\xff\x22"), ("Origin", "null")]):
        answer = exchange(gate.address, post(on_sqlite.ada.cookie, sent))
        assert (answer.status, answer.get("x-auth-reason")) == (403, "cross_origin")
        assert json.loads(answer.body) == {"error": "forbidden", "reason": "cross_origin"}
        assert answer.get("cache-control") == "no-store"

    first, second = gate.denials(before + 2)[before:]
    assert (first["origin"], first["sec_fetch_site"]) == ("https://evil.example", "cross-site")
    assert second["origin"] == 'https://evil.example/\\xff\\"' and "sec_fetch_site" not in second
    series = 'sidegate_decisions_total{dialect="nginx",outcome="forbidden",reason="cross_origin",cache="none"}'
    until(lambda: gate.metrics()[series] >= 2, "both are counted")


def test_another_sites_request_does_not_reach_the_store(on_sqlite: Stack, gate: Sidegate) -> None:
    stranger = on_sqlite.better_auth.sign_in(on_sqlite.better_auth.sign_up("Stranger"))
    before = gate.lookups()
    assert exchange(gate.address, post(stranger.cookie, ELSEWHERE)).status == 403
    assert gate.lookups() == before
    assert exchange(gate.address, post(stranger.cookie, OWN)).status == 200
    assert gate.lookups() == before + 1


def post(cookie: str, headers: Headers) -> bytes:
    return question(cookie, headers, [ORIGINAL[0], ("X-Original-Method", "POST")])
