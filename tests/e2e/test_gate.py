"""sidegate asked directly: what it takes for a question, and what it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.sidegate import ORIGINAL, Sidegate, question
from rig.stack import Stack
from rig.wire import Headers, exchange, request

URL, METHOD = ORIGINAL


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with Sidegate(on_sqlite.home, on_sqlite.store) as gate:
        yield gate


def test_a_pass_is_a_200_without_a_body_that_nobody_may_store(on_sqlite: Stack, gate: Sidegate) -> None:
    reply = gate.ask(on_sqlite.ada.cookie)
    assert (reply.status, reply.get("content-length"), reply.get("cache-control")) == (200, "0", "no-store")
    assert reply.get("set-cookie") is None


def test_a_denial_says_why(gate: Sidegate) -> None:
    reply = gate.ask()
    assert (reply.status, reply.get("x-auth-reason"), reply.get("cache-control")) == (401, "no_credential", "no-store")
    assert reply.body == b'{"error":"unauthenticated","reason":"no_credential"}'


REFUSED: dict[str, tuple[Headers, str]] = {
    "no headers": ([], "missing_header"),
    "no url": ([METHOD], "missing_header"),
    "no method": ([URL], "missing_header"),
    "an empty url": ([("X-Original-URL", ""), METHOD], "missing_header"),
    "an empty method": ([URL, ("X-Original-Method", "")], "missing_header"),
    "two urls": ([URL, URL, METHOD], "duplicate_header"),
    "two urls that differ": ([URL, ("x-original-url", "http://other.example/"), METHOD], "duplicate_header"),
    "two methods": ([URL, METHOD, ("X-ORIGINAL-METHOD", "POST")], "duplicate_header"),
    "two user ids": ([URL, METHOD, ("X-Auth-User-Id", "a"), ("X-Auth-User-Id", "b")], "duplicate_header"),
    "a twin of the url": ([URL, METHOD, ("X_Original_URL", "http://other.example/")], "twin_header"),
    "half a twin of the url": ([URL, METHOD, ("X-Original_URL", "http://other.example/")], "twin_header"),
    "a twin of the method": ([URL, METHOD, ("X_Original_Method", "POST")], "twin_header"),
    "a twin of a user id": ([URL, METHOD, ("X_Auth_User_Id", "evil")], "twin_header"),
    "a twin of a header to come": ([URL, METHOD, ("x_auth_anything", "evil")], "twin_header"),
    "a path for a url": ([("X-Original-URL", "/page"), METHOD], "malformed_header"),
    "a url without a path": ([("X-Original-URL", "http://app.example"), METHOD], "malformed_header"),
    "a url without a host": ([("X-Original-URL", "http:///page"), METHOD], "malformed_header"),
    "a url with a tab": ([("X-Original-URL", "http://app.example/a\tb"), METHOD], "malformed_header"),
    "a method that is none": ([URL, ("X-Original-Method", "GET /")], "malformed_header"),
    "other callers' headers": (
        [("X-Forwarded-Host", "app.example"), ("X-Forwarded-Uri", "/page"), ("X-Forwarded-Method", "GET")],
        "missing_header",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_question_that_may_be_forged_is_refused_whoever_asks(on_sqlite: Stack, gate: Sidegate, case: str) -> None:
    original, reason = REFUSED[case]
    for cookie in (on_sqlite.ada.cookie, None):
        reply = exchange(gate.address, question(cookie, original=original))
        assert (reply.status, reply.get("x-auth-reason")) == (403, reason)
        assert reply.get("x-auth-user-id") is None


def test_what_a_client_says_of_itself_is_not_repeated(on_sqlite: Stack, gate: Sidegate) -> None:
    reply = gate.ask(on_sqlite.ada.cookie, [("X-Auth-User-Role", "admin"), ("X-Auth-User-Id", "evil")])
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    assert known and (reply.status, reply.get("x-auth-user-id")) == (200, known["user"]["id"])
    assert reply.get("x-auth-user-role") is None


@pytest.mark.parametrize(
    "path", ["/", "/auth", "/auth/nginx/", "/auth/nginx/x", "/AUTH/nginx", "/livez", "/metrics", "//auth/nginx"]
)
def test_there_is_one_endpoint(on_sqlite: Stack, gate: Sidegate, path: str) -> None:
    headers = [("Host", "sidegate"), ("Cookie", on_sqlite.ada.cookie), *ORIGINAL]
    assert exchange(gate.address, request("GET", path, headers)).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_it_answers_any_method(on_sqlite: Stack, gate: Sidegate, method: str) -> None:
    headers = [("Host", "sidegate"), ("Cookie", on_sqlite.ada.cookie), *ORIGINAL]
    assert exchange(gate.address, request(method, "/auth/nginx", headers)).status == 200


def test_it_answers_head_without_a_body(on_sqlite: Stack, gate: Sidegate) -> None:
    with gate.connect() as wire:
        assert wire.ask(request("HEAD", "/auth/nginx", [("Host", "sidegate"), *ORIGINAL])).status == 401
        assert wire.ask(question(on_sqlite.ada.cookie)).status == 200


def test_whoever_is_no_trusted_proxy_is_refused(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, trusted_proxies="10.0.0.0/8") as gate:
        reply = gate.ask(on_sqlite.ada.cookie)
        assert (reply.status, reply.get("x-auth-reason")) == (403, "untrusted_peer")
        assert (
            gate.ask(on_sqlite.ada.cookie, [("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")]).status == 403
        )
        assert gate.lookups() == 0
    with Sidegate(home, on_sqlite.store, trusted_proxies="10.0.0.0/8, 127.0.0.1") as gate:
        assert gate.ask(on_sqlite.ada.cookie).status == 200


def test_a_body_that_is_announced_and_never_sent_is_not_waited_for(on_sqlite: Stack, gate: Sidegate) -> None:
    with gate.connect(patience=2) as wire:
        assert wire.ask(question(on_sqlite.ada.cookie, [("Content-Length", "11")])).status == 200


def test_100_continue_is_not_promised(on_sqlite: Stack, gate: Sidegate) -> None:
    headers: Headers = [("Content-Length", "11"), ("Expect", "100-continue")]
    with gate.connect(patience=2) as wire:
        assert wire.ask(question(on_sqlite.ada.cookie, headers)).status == 200


@pytest.mark.parametrize("announced", ["exact", "chunked"])
def test_a_body_is_never_taken_for_a_question(on_sqlite: Stack, gate: Sidegate, announced: str) -> None:
    smuggled = question(on_sqlite.ada.cookie)
    if announced == "chunked":
        headers, body = ("Transfer-Encoding", "chunked"), b"%x\r\n%s\r\n0\r\n\r\n" % (len(smuggled), smuggled)
    else:
        headers, body = ("Content-Length", str(len(smuggled))), smuggled
    with gate.connect() as wire:
        wire.send(question(None, [headers]) + body + question(None, [("Connection", "close")]))
        assert b"HTTP/1.1 200" not in wire.wait_for_end()


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "0"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "0"), ("Content-Length", "5")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Content-Length", "+5")],
    ],
)
def test_a_length_that_two_programs_may_read_differently_ends_the_connection(
    on_sqlite: Stack, gate: Sidegate, headers: Headers
) -> None:
    with gate.connect() as wire:
        wire.send(question(None, headers) + question(on_sqlite.ada.cookie))
        assert b"HTTP/1.1 200" not in wire.wait_for_end()


def test_an_upgrade_is_answered_plainly(on_sqlite: Stack, gate: Sidegate) -> None:
    upgrade: Headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    for cookie, status in ((on_sqlite.ada.cookie, 200), (None, 401)):
        with gate.connect() as wire:
            reply = wire.ask(question(cookie, upgrade))
            assert (reply.status, reply.get("upgrade")) == (status, None)


def test_http_1_0_is_answered_and_its_connection_ended(on_sqlite: Stack, gate: Sidegate) -> None:
    headers = [("Cookie", on_sqlite.ada.cookie), *ORIGINAL]
    with gate.connect() as wire:
        assert wire.ask(request("GET", "/auth/nginx", headers, version="HTTP/1.0")).status == 200
        assert wire.wait_for_end() == b""


def test_pipelined_questions_are_answered_in_their_order(on_sqlite: Stack, gate: Sidegate) -> None:
    cookies = [on_sqlite.ada.cookie if number % 3 else None for number in range(60)]
    with gate.connect() as wire:
        wire.send(b"".join(question(cookie) for cookie in cookies))
        assert [wire.read().status for _ in cookies] == [200 if cookie else 401 for cookie in cookies]


def test_a_question_in_single_bytes_is_answered(on_sqlite: Stack, gate: Sidegate) -> None:
    with gate.connect() as wire:
        for byte in question(on_sqlite.ada.cookie):
            wire.send(bytes([byte]))
        assert wire.read().status == 200


GARBAGE = {
    "zeros": b"\0" * 100 + b"\r\n\r\n",
    "high bytes": b"\xff\xfe\xfd /auth/nginx HTTP/1.1\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + b"\x42" * 100 + b"\r\n\r\n",
    "no version": b"GET /auth/nginx\r\n\r\n",
    "another version": b"GET /auth/nginx HTTP/3.0\r\n\r\n",
    "a header without a name": b"GET /auth/nginx HTTP/1.1\r\n: value\r\n\r\n",
    "a header with a space": b"GET /auth/nginx HTTP/1.1\r\nX Y: z\r\n\r\n",
    "a space before the colon": b"GET /auth/nginx HTTP/1.1\r\nX-Original-URL : http://a/\r\n\r\n",
    "a folded header": b"GET /auth/nginx HTTP/1.1\r\nX-Y: a\r\n b\r\n\r\n",
    "a zero in a value": b"GET /auth/nginx HTTP/1.1\r\nCookie: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_ends_its_own_connection_and_no_other(on_sqlite: Stack, gate: Sidegate, case: str) -> None:
    with gate.connect() as healthy, gate.connect() as sick:
        assert healthy.ask(question(on_sqlite.ada.cookie)).status == 200
        sick.send(GARBAGE[case])
        answer = sick.wait_for_end()
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
        assert healthy.ask(question(on_sqlite.ada.cookie)).status == 200


def test_whoever_hangs_up_in_the_middle_harms_nobody(on_sqlite: Stack, gate: Sidegate) -> None:
    whole = question(on_sqlite.ada.cookie)
    for cut in range(0, len(whole), 7):
        with gate.connect() as wire:
            wire.send(whole[:cut])
            wire.reset()
    assert gate.ask(on_sqlite.ada.cookie).status == 200


def test_the_admin_listener_answers_no_questions_and_the_gate_no_probes(on_sqlite: Stack, gate: Sidegate) -> None:
    assert gate.admin("/auth/nginx").status_code == 404
    assert gate.admin("/metrics").headers["content-type"].startswith("application/openmetrics-text")
    assert not isinstance(gate.admin_address, Path)
    for method, status in (("HEAD", 200), ("POST", 405)):
        assert exchange(gate.admin_address, request(method, "/livez", [("Host", "x")])).status == status
