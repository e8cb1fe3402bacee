"""Each proxy with the file that sidegate ships for it: who gets through, as whom, and what happens without sidegate."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.browser import identity_in
from rig.callers import ALL
from rig.ports import free_port
from rig.proxy import Edit, Proxy
from rig.relay import Mute, Relay
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import Headers, Reply, exchange
from rig.wire import request as raw
from test_identity_headers import FORWARDED, NAMES, SPOOFS, identity_of_ada
from test_proxying import BODY, CALLS, NAVIGATIONS

MakeProxy = Callable[..., Proxy]


@pytest.fixture(scope="module", params=ALL)
def caller(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def proxy(caller: str, on_sqlite: Stack) -> Proxy:
    """Before the sidegate of `gate`, shared by all tests here."""
    return on_sqlite.proxy(caller)


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


@pytest.fixture
def further(on_sqlite: Stack, caller: str, home: Path) -> Iterator[MakeProxy]:
    """Makes one more proxy of this kind, started: with edits, or with another sidegate or Better Auth than the stack's."""
    made: list[Proxy] = []

    def make(*edits: Edit, **others: str | int) -> Proxy:
        made.append(on_sqlite.further_proxy(caller, f"{caller}-{home.name}", *edits, **others))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


def test_the_program_has_nothing_to_complain_about(on_sqlite: Stack, gate: Sidegate, further: MakeProxy) -> None:
    plain = further()
    for path, cookie, status in (("/api/x", on_sqlite.ada.cookie, 200), ("/api/x", None, 401), ("/about", None, 200)):
        assert plain.ask(path, cookie).status_code == status
    assert plain.errors() == ""


@pytest.mark.parametrize("path", ["/api/x", "/dashboard/x"])
def test_whoever_is_signed_in_reaches_the_app_as_themselves(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, path: str
) -> None:
    seen = proxy.ask(f"{path}/y%20z?a=b&c=%2F", on_sqlite.ada.cookie).json()
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))
    assert (seen["path"], seen["query"]) == (f"{path}/y%20z", "a=b&c=%2F")


@pytest.mark.parametrize("path", ["/api/x", "/dashboard/x", "/ws"])
def test_nobody_else_does(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, path: str) -> None:
    for cookie in (None, f"{on_sqlite.ada.name}=forged", f"{on_sqlite.ada.name}={on_sqlite.ada.value[:-1]}"):
        assert proxy.ask(path, cookie).status_code == 401


def test_a_refusal_says_why(gate: Sidegate, proxy: Proxy) -> None:
    refused = proxy.ask("/api/x")
    assert refused.status_code == 401
    if proxy.name == "nginx":
        return  # auth_request keeps nothing of an answer but its status
    assert refused.headers["x-auth-reason"] == "no_credential"
    assert refused.headers["cache-control"] == "no-store"
    if proxy.name != "haproxy":  # which asks by HEAD
        assert refused.headers["content-type"] == "application/json"
        assert refused.json()["reason"] == "no_credential"


@pytest.mark.parametrize("kind", NAVIGATIONS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_leads_to_the_sign_in_page(gate: Sidegate, proxy: Proxy, method: str, kind: str) -> None:
    answer = proxy.ask("/dashboard/a?b=c&d=%2F", None, method, headers=NAVIGATIONS[kind])
    assert answer.status_code == 302
    led_to = urljoin(str(answer.url), answer.headers["location"])
    assert led_to == f"{proxy.origin}/login?return_to=%2Fdashboard%2Fa%3Fb%3Dc%26d%3D%252F"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", CALLS)
def test_a_call_gets_401_and_no_redirect(gate: Sidegate, proxy: Proxy, kind: str) -> None:
    answer = proxy.ask("/dashboard/a", None, headers=CALLS[kind])
    assert (answer.status_code, answer.headers.get("location")) == (401, None)


def test_what_is_public_needs_no_session(gate: Sidegate, proxy: Proxy) -> None:
    assert proxy.ask("/about").json()["path"] == "/about"
    assert proxy.ask("/caf%C3%A9/a%20b").json()["path"] == "/caf%C3%A9/a%20b"
    assert proxy.ask("/api/auth/get-session").json() is None


@pytest.mark.parametrize("spoof", SPOOFS)
def test_a_protected_app_is_told_the_truth_alone(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, spoof: str
) -> None:
    seen = json.loads(sent(proxy, "/api/x", on_sqlite.ada.cookie, SPOOFS[spoof]).body)
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


@pytest.mark.parametrize("spoof", SPOOFS)
def test_a_public_route_is_told_nothing(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, spoof: str) -> None:
    for cookie in (None, on_sqlite.ada.cookie):
        assert identity_in(json.loads(sent(proxy, "/about", cookie, SPOOFS[spoof]).body)) == []


def test_better_auth_is_told_nothing(on_sqlite: Stack, gate: Sidegate, further: MakeProxy) -> None:
    echo_twice = further(better_auth=on_sqlite.apps.echo.port)
    for spoof in SPOOFS.values():
        answer = sent(echo_twice, "/api/auth/get-session", on_sqlite.ada.cookie, spoof)
        assert identity_in(json.loads(answer.body)) == []


@pytest.mark.parametrize("spoof", SPOOFS)
def test_whoever_only_claims_to_be_somebody_gets_401(gate: Sidegate, proxy: Proxy, spoof: str) -> None:
    assert sent(proxy, "/api/x", None, SPOOFS[spoof]).status == 401


@pytest.mark.parametrize("name", [f"X-Auth-{name}" for name in NAMES])
def test_no_client_can_have_an_identity_header_dropped(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, name: str
) -> None:
    """RFC 9110 section 7.6.1 has a proxy drop what `Connection` names."""
    for told in (name, f"close, {name}", f"keep-alive,{name.lower()}"):
        answer = sent(proxy, "/api/x", on_sqlite.ada.cookie, [("Connection", told)])
        if answer.status != 200:
            continue
        assert sorted(identity_in(json.loads(answer.body))) == sorted(identity_of_ada(on_sqlite)), told


def test_no_client_can_have_the_question_changed(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    for name in ("Cookie", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host", "X-Original-URL", "Host"):
        for headers in ([("Connection", name)], [*FORWARDED, ("Connection", name)]):
            assert sent(proxy, "/api/x", None, headers).status in (400, 401), name


def test_the_app_is_told_the_true_client(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    seen = json.loads(sent(proxy, "/api/x", on_sqlite.ada.cookie, FORWARDED).body)
    told = dict(seen["headers"])
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert told["x-forwarded-host"] == "shop.example:81"
    assert "6.6.6.6" not in json.dumps(seen["headers"])


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
]


@pytest.mark.parametrize("target", DOUBTFUL)
def test_no_spelling_of_a_protected_path_is_public(gate: Sidegate, proxy: Proxy, target: str) -> None:
    if proxy.name == "nginx" and re.search(r"[;\\]|%3b|%5c", target):
        pytest.skip("ordinary characters to nginx, and to FastAPI")
    answer = exchange(proxy.address, raw("GET", target, [("Host", "shop.example"), ("Connection", "close")]))
    if answer.status == 200:
        path = json.loads(answer.body)["path"]
        assert not any(is_protected(reading) for reading in readings(path)), path


def readings(path: str) -> set[str]:
    """What an app may take a path for."""
    found = {path, unquote(path)}
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


SOCKETS: dict[str, list[tuple[str, str]]] = {
    "plain": [],
    "spoofed": [("X-Auth-User-Id", "evil"), ("X_Auth_User_Id", "evil"), ("X-Auth-User-Role", "admin")],
}


@pytest.mark.parametrize("kind", SOCKETS)
def test_a_socket_opens_for_whoever_is_signed_in(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, kind: str) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), *SOCKETS[kind]]
    with connect(socket_url(proxy), additional_headers=headers) as socket:
        seen = json.loads(socket.recv())
        socket.send("hello")
        assert socket.recv() == "hello"
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


def test_no_client_can_have_a_sockets_identity_dropped(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), ("Connection", "X-Auth-User-Id, X-Auth-Status")]
    try:
        with connect(socket_url(proxy), additional_headers=headers) as socket:
            seen = json.loads(socket.recv())
    except InvalidStatus as refused:  # HAProxy makes an ordinary request of it
        assert (proxy.name, refused.response.status_code) == ("haproxy", 200)
        seen = json.loads(refused.response.body)
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


def test_a_socket_does_not_open_for_anybody_else(gate: Sidegate, proxy: Proxy) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(socket_url(proxy)):
        pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("path", ["/api/x", "/ws", "/about"])
def test_an_upgrade_to_anything_but_a_websocket_does_not_get_through(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, path: str
) -> None:
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQCAAAAAA")]
    answer = sent(proxy, path, on_sqlite.ada.cookie, headers)
    assert answer.status != 101
    if answer.status == 200:
        assert "upgrade" not in dict(json.loads(answer.body)["headers"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_reaches_the_app_and_not_sidegate(
    on_sqlite: Stack, gate: Sidegate, further: MakeProxy, method: str
) -> None:
    with Relay(on_sqlite.sidegate_port) as relay:
        watched = further(sidegate=relay.address)
        for content in (BODY, b"the-body", iter([b"the-", b"body" * 5000])):
            whole = content if isinstance(content, bytes) else b"the-" + b"body" * 5000
            seen = watched.ask("/api/x", on_sqlite.ada.cookie, method, content=content).json()
            told = (seen["method"], seen["body_length"], seen["body_sha256"])
            assert told == (method, len(whole), hashlib.sha256(whole).hexdigest())
        assert on_sqlite.ada.token.encode() in relay.said()
        assert BODY[:256] not in relay.said() and b"the-body" not in relay.said()
        watched.stop()


def test_a_body_of_somebody_unknown_reaches_nobody(gate: Sidegate, proxy: Proxy) -> None:
    assert proxy.ask("/api/x", None, "POST", content=BODY).status_code == 401


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


def test_nobody_waits_long_for_a_sidegate_that_is_silent(on_sqlite: Stack, caller: str, further: MakeProxy) -> None:
    if caller == "traefik":
        pytest.skip("Traefik waits 30 s, which nothing changes")
    with Mute(hangs_up=False) as mute:
        silent = further(sidegate=mute.address)
        begun = time.monotonic()
        assert silent.ask("/api/x", on_sqlite.ada.cookie).status_code in WITHOUT_SIDEGATE[caller]
        assert time.monotonic() - begun < 3  # the files say 1 s


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
        with pytest.raises(InvalidStatus) as refused, connect(socket_url(proxy)):
            pass
        assert refused.value.response.status_code in WITHOUT_SIDEGATE[proxy.name]
    assert proxy.ask("/about").status_code == 200


def sent(proxy: Proxy, path: str, cookie: str | None, headers: Headers) -> Reply:
    cookies: Headers = [("Cookie", cookie)] if cookie else []
    return exchange(proxy.address, raw("GET", path, [("Host", "shop.example:81"), *cookies, *headers]))


def socket_url(proxy: Proxy) -> str:
    return f"ws://127.0.0.1:{proxy.port}/ws"
