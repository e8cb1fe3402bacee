"""What nginx passes on once sidegate has said yes: bodies, methods, sockets, redirects to the sign-in page."""

import hashlib
import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.process import until
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import Wire, exchange, request

BODY = bytes(range(256)) * 1500
"""Longer than nginx's buffer (16 KiB), so that it goes through a file."""


@pytest.fixture(scope="module", autouse=True)
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


@pytest.mark.parametrize("body", [b"", b"x", BODY], ids=["empty", "one byte", "long"])
def test_a_body_arrives_whole(on_sqlite: Stack, body: bytes) -> None:
    seen = on_sqlite.echo.ask("/api/x", on_sqlite.ada.cookie, "POST", content=body).json()
    assert (seen["body_length"], seen["body_sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_chunked_body_arrives_whole(on_sqlite: Stack) -> None:
    chunks = [BODY[:10], BODY[10:50_000], BODY[50_000:]]
    headers = [("Host", "x"), ("Cookie", on_sqlite.ada.cookie), ("Transfer-Encoding", "chunked")]
    with Wire(on_sqlite.echo.address) as wire:
        wire.send(request("POST", "/api/x", headers))
        for chunk in chunks:
            wire.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        seen = json.loads(wire.ask(b"0\r\n\r\n").body)
    assert (seen["body_length"], seen["body_sha256"]) == (len(BODY), hashlib.sha256(BODY).hexdigest())


def test_a_body_of_somebody_unknown_is_not_passed_on(on_sqlite: Stack) -> None:
    assert on_sqlite.echo.ask("/api/x", None, "POST", content=BODY).status_code == 401


def test_fastapi_reads_a_body_and_knows_whose_it_is(on_sqlite: Stack) -> None:
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    answer = on_sqlite.fastapi.ask("/api/notes", on_sqlite.ada.cookie, "POST", json={"text": "milk"})
    assert known and (answer.status_code, answer.json()) == (201, {"text": "milk", "author": known["user"]["id"]})


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "PROPFIND"])
def test_each_method_is_checked_and_arrives(on_sqlite: Stack, gate: Sidegate, method: str) -> None:
    assert on_sqlite.echo.ask("/api/x", on_sqlite.ada.cookie, method).json()["method"] == method
    assert on_sqlite.echo.ask("/api/x", None, method).status_code == 401
    until(lambda: gate.denials()[-1]["method"] == method, "the denial is told with its method")


def test_head_is_checked_and_has_no_body(on_sqlite: Stack) -> None:
    answer = on_sqlite.echo.ask("/api/x", on_sqlite.ada.cookie, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert on_sqlite.echo.ask("/api/x", None, "HEAD").status_code == 401


def test_the_path_and_the_query_arrive_as_they_were_sent(on_sqlite: Stack) -> None:
    headers = [("Host", "x"), ("Cookie", on_sqlite.ada.cookie)]
    reply = exchange(on_sqlite.echo.address, request("GET", "/api/a%2fb%20c/..%2f?x=1%2F2&y=a+b", headers))
    seen = json.loads(reply.body)
    assert (seen["path"], seen["query"]) == ("/api/a%2fb%20c/..%2f", "x=1%2F2&y=a+b")


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_of_the_apps_own_is_passed_on(on_sqlite: Stack, status: int) -> None:
    assert on_sqlite.echo.ask(f"/status/{status}").status_code == status


def test_a_socket_opens_and_echoes_for_whoever_is_signed_in(on_sqlite: Stack) -> None:
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    with connect(socket_url(on_sqlite.fastapi.port), additional_headers={"Cookie": on_sqlite.ada.cookie}) as socket:
        socket.send("hello")
        assert known and socket.recv() == f"{known['user']['id']}: hello"


def test_a_socket_does_not_open_for_anybody_else(on_sqlite: Stack) -> None:
    for port in (on_sqlite.echo.port, on_sqlite.fastapi.port):
        with pytest.raises(InvalidStatus) as refused, connect(socket_url(port)):
            pass
        assert refused.value.response.status_code == 401


def test_an_upgrade_to_anything_but_a_websocket_is_an_ordinary_request(on_sqlite: Stack) -> None:
    headers = [("Host", "x"), ("Cookie", on_sqlite.ada.cookie), ("Connection", "Upgrade, HTTP2-Settings")]
    upgrade = [("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")]
    reply = exchange(on_sqlite.echo.address, request("GET", "/api/x", [*headers, *upgrade]))
    assert reply.status == 200
    assert "upgrade" not in dict(json.loads(reply.body)["headers"])


PAGE = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")

NAVIGATIONS = {
    "a browser": [PAGE, ("Sec-Fetch-Mode", "navigate")],
    "a browser from before Sec-Fetch-Mode": [PAGE],
}
CALLS = {
    "fetch": [("Accept", "*/*"), ("Sec-Fetch-Mode", "cors")],
    "fetch that wants html": [PAGE, ("Sec-Fetch-Mode", "same-origin")],
    "XMLHttpRequest": [PAGE, ("X-Requested-With", "XMLHttpRequest")],
    "a client that wants JSON": [("Accept", "application/json")],
}


@pytest.mark.parametrize("kind", NAVIGATIONS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_leads_to_the_sign_in_page_and_back(on_sqlite: Stack, kind: str, method: str) -> None:
    answer = on_sqlite.echo.ask("/dashboard/a?b=c&d=%2F", None, method, headers=NAVIGATIONS[kind])
    assert answer.status_code == 302
    assert answer.headers["location"] == "/login?return_to=%2Fdashboard%2Fa%3Fb%3Dc%26d%3D%252F"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", CALLS)
def test_a_call_gets_401_and_no_redirect(on_sqlite: Stack, kind: str) -> None:
    answer = on_sqlite.echo.ask("/dashboard/a", None, headers=CALLS[kind])
    assert (answer.status_code, answer.headers.get("location")) == (401, None)


def test_a_form_gets_401_for_its_body_would_be_lost(on_sqlite: Stack) -> None:
    headers = NAVIGATIONS["a browser"]
    assert on_sqlite.echo.ask("/dashboard/a", None, "POST", headers=headers, data={"a": "b"}).status_code == 401


def test_where_no_redirect_is_wanted_a_page_gets_401(on_sqlite: Stack) -> None:
    assert on_sqlite.echo.ask("/api/x", None, headers=NAVIGATIONS["a browser"]).status_code == 401


def test_whoever_is_signed_in_is_sent_nowhere(on_sqlite: Stack) -> None:
    headers = NAVIGATIONS["a browser"]
    assert on_sqlite.echo.ask("/dashboard/a", on_sqlite.ada.cookie, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example/", "/\\evil.example/", "/%2f/evil.example", "/dashboard/../../evil"]
)
def test_nobody_is_led_back_to_another_site(on_sqlite: Stack, target: str) -> None:
    headers = [("Host", "x"), *NAVIGATIONS["a browser"]]
    reply = exchange(on_sqlite.echo.address, request("GET", f"{target}dashboard/../dashboard/", headers))
    location = reply.get("location") or ""
    assert location in ("", "/login") or location.startswith("/login?return_to=%2F"), location
    assert not location.startswith(("/login?return_to=%2F%2F", "/login?return_to=%2F%5C")), location


def socket_url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/ws"
