"""Each proxy with the file that sidegate ships for it: who gets through, and as whom."""

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import unquote, urljoin

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.better_auth import SignedIn
from rig.browser import identity_in
from rig.proxy import MakeProxy, Proxy
from rig.relay import Relay
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import Headers, Reply, Wire, exchange
from rig.wire import request as raw
from test_identity_headers import FORWARDED, NAMES, SPOOFS, identity_of_ada
from test_proxying import BODY, CALLS, NAVIGATIONS


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


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


# People choose their names. None of them is a piece of configuration, and none ends a header.
NAMES_OF_PEOPLE = [
    "{env.HOME} {http.request.header.Cookie} {http.reverse_proxy.header.X-Auth-User-Id}",
    "$http_cookie ${HOME} $(id) `id`",
    "%REQ(COOKIE)% %[req.hdr(Cookie)] %{HOME}",
    "Zoë, “the 1st”; 山田\r\nX-Auth-User-Role: admin",
    "  Ada  ",
]


@pytest.fixture(scope="module")
def people(on_sqlite: Stack) -> dict[str, SignedIn]:
    better_auth = on_sqlite.better_auth
    return {name: better_auth.sign_in(better_auth.sign_up(name)) for name in NAMES_OF_PEOPLE}


@pytest.mark.parametrize("name", NAMES_OF_PEOPLE)
def test_a_name_is_a_name_and_nothing_else(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, people: dict[str, SignedIn], name: str
) -> None:
    who = people[name]
    known = on_sqlite.better_auth.session_of(who.cookie)
    told = dict(identity_in(proxy.ask("/api/x", who.cookie).json()))
    assert known and told["x-auth-user-id"] == known["user"]["id"]
    assert unquote(told.get("x-auth-user-name", "")) == known["user"]["name"]
    assert "x-auth-user-role" not in told


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
def test_a_protected_app_is_told_the_truth_alone(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, spoof: str) -> None:
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


SOCKETS: dict[str, list[tuple[str, str]]] = {
    "plain": [],
    "spoofed": [("X-Auth-User-Id", "evil"), ("X_Auth_User_Id", "evil"), ("X-Auth-User-Role", "admin")],
}


@pytest.mark.parametrize("kind", SOCKETS)
def test_a_socket_opens_for_whoever_is_signed_in(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, kind: str) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), *SOCKETS[kind]]
    with connect(proxy.socket_url, additional_headers=headers) as socket:
        seen = json.loads(socket.recv())
        socket.send("hello")
        assert socket.recv() == "hello"
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


def test_sidegate_is_asked_for_no_upgrade(on_sqlite: Stack, gate: Sidegate, further: MakeProxy) -> None:
    with Relay(on_sqlite.sidegate_port) as relay:
        watched = further(sidegate=relay.address)
        with connect(watched.socket_url, additional_headers={"Cookie": on_sqlite.ada.cookie}) as socket:
            assert socket.recv()
        assert on_sqlite.ada.token.encode() in relay.said()
        assert b"\r\nupgrade:" not in relay.said().lower()
        watched.stop()


def test_no_client_can_have_a_sockets_identity_dropped(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), ("Connection", "X-Auth-User-Id, X-Auth-Status")]
    try:
        with connect(proxy.socket_url, additional_headers=headers) as socket:
            seen = json.loads(socket.recv())
    except InvalidStatus as refused:  # HAProxy makes an ordinary request of it
        assert (proxy.name, refused.response.status_code) == ("haproxy", 200)
        seen = json.loads(refused.response.body)
    assert sorted(identity_in(seen)) == sorted(identity_of_ada(on_sqlite))


def test_a_socket_does_not_open_for_anybody_else(gate: Sidegate, proxy: Proxy) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(proxy.socket_url):
        pass
    assert refused.value.response.status_code == 401


UPGRADES: dict[str, Headers] = {
    "h2c": [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
    ],
    "anything": [("Connection", "Upgrade"), ("Upgrade", "tunnel")],
}


@pytest.mark.parametrize("kind", UPGRADES)
@pytest.mark.parametrize("path", ["/api/x", "/ws", "/about"])
def test_an_upgrade_to_anything_but_a_websocket_does_not_get_through(
    on_sqlite: Stack, gate: Sidegate, proxy: Proxy, path: str, kind: str
) -> None:
    answer = sent(proxy, path, on_sqlite.ada.cookie, UPGRADES[kind])
    if answer.status == 200:
        assert "upgrade" not in dict(json.loads(answer.body)["headers"])
    else:  # Envoy knows no such upgrade, and to Traefik it can only be a WebSocket's
        assert answer.status in (400, 403), answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_reaches_the_app_and_not_sidegate(
    on_sqlite: Stack, gate: Sidegate, further: MakeProxy, method: str
) -> None:
    with Relay(on_sqlite.sidegate_port) as relay:
        watched = further(sidegate=relay.address)
        chunked = b"the-" + b"body" * 5000
        for whole, content in ((BODY, BODY), (b"the-body", b"the-body"), (chunked, iter([b"the-", b"body" * 5000]))):
            answer = watched.ask("/api/x", on_sqlite.ada.cookie, method, content=content)
            if whole == chunked and watched.name == "haproxy":
                assert answer.status_code == 411  # its file: trailers could come behind it
                continue
            seen = answer.json()
            told = (seen["method"], seen["body_length"], seen["body_sha256"])
            assert told == (method, len(whole), hashlib.sha256(whole).hexdigest())
        assert on_sqlite.ada.token.encode() in relay.said()
        assert BODY[:256] not in relay.said() and b"the-body" not in relay.said()
        watched.stop()


def test_a_body_that_waits_to_be_asked_for_arrives(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    headers = [("Host", "x"), ("Cookie", on_sqlite.ada.cookie), ("Content-Length", str(len(BODY)))]
    with Wire(proxy.address) as wire:
        answer = wire.ask(raw("POST", "/api/x", [*headers, ("Expect", "100-continue")]))
        wire.send(BODY)
        while answer.status == 100:
            answer = wire.read()
    assert answer.status == 200
    assert json.loads(answer.body)["body_length"] == len(BODY)


def test_a_body_of_somebody_unknown_reaches_nobody(gate: Sidegate, proxy: Proxy) -> None:
    assert proxy.ask("/api/x", None, "POST", content=BODY).status_code == 401


def sent(proxy: Proxy, path: str, cookie: str | None, headers: Headers) -> Reply:
    cookies: Headers = [("Cookie", cookie)] if cookie else []
    return exchange(proxy.address, raw("GET", path, [("Host", "shop.example:81"), *cookies, *headers]))
