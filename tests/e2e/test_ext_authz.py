"""Envoy's questions by gRPC, asked by the official client with the official messages: who passes, and what Envoy is told.

What Envoy itself makes of the answers is in `test_callers.py`.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.service.auth.v2.external_auth_pb2 import CheckResponse as OldCheckResponse
from envoy.service.auth.v3.external_auth_pb2 import CheckResponse

from rig.ext_authz import Caller, Verdict, on_a_route, question, raw_question, texts
from rig.places import ROOT
from rig.ports import free_port
from rig.sidegate import Sidegate
from rig.sql import named
from rig.stack import Stack
from rig.wire import exchange, request

PAGE = (("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"))


@pytest.fixture
def gate(on_sqlite: Stack, home: Path) -> Any:
    with Sidegate(home, on_sqlite.store) as gate:
        yield gate


@pytest.fixture
def caller(gate: Sidegate) -> Any:
    with Caller(gate.address) as caller:
        yield caller


def test_the_vectors_are_what_the_official_messages_make_of_them() -> None:
    done = subprocess.run([sys.executable, ROOT / "tests/vectors/envoy_grpc.py", "--check"], check=False)
    assert done.returncode == 0


def test_whoever_is_signed_in_passes_as_they_do_by_http(on_sqlite: Stack, gate: Sidegate, caller: Caller) -> None:
    """`/auth/envoy` is the measure: the same headers set, the same removed."""
    cookie = on_sqlite.ada.cookie
    by_http = exchange(gate.address, request("GET", "/auth/envoy/x", [("Host", "app.example.com"), ("Cookie", cookie)]))
    set_by_http = {name: value for name, value in by_http.headers if name.startswith("x-auth-")}
    removed_by_http = by_http.get("x-envoy-auth-headers-to-remove") or ""

    joined = caller.ask(cookie)
    raw = Verdict(caller.check(raw_question(("cookie", b"a=1"), ("cookie", cookie.encode()))))

    for verdict in (joined, raw):
        assert verdict.kind == "ok_response"
        assert verdict.headers == set_by_http
        assert verdict.headers["x-auth-status"] == "user"
        assert verdict.removed == removed_by_http.split(",")
        assert set(verdict.removed).isdisjoint(verdict.headers)


def test_what_is_set_overwrites_what_the_client_sent(on_sqlite: Stack, caller: Caller) -> None:
    spoofed = ("x-auth-user-id", "evil,evil2"), ("x-auth-user-role", "admin")
    verdict = caller.ask(on_sqlite.ada.cookie, *spoofed)
    actions = {option.append_action for option in verdict.response.ok_response.headers}
    assert actions == {HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD}
    assert verdict.headers["x-auth-user-id"] not in ("", "evil,evil2")
    assert {"x-auth-user-role", "x_auth_user_role", "x_auth_user_id"} <= set(verdict.removed)


def test_dynamic_metadata_tells_who_it_is(on_sqlite: Stack, caller: Caller) -> None:
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    assert known
    expected = {"status": "user", "user_id": known["user"]["id"], "session_id": known["session"]["id"]}
    assert caller.ask(on_sqlite.ada.cookie).metadata == expected


def test_whoever_is_not_signed_in_is_denied(on_sqlite: Stack, gate: Sidegate, caller: Caller) -> None:
    person = on_sqlite.better_auth.sign_in()
    on_sqlite.better_auth.sign_out(person)
    forged = f"{person.name}={person.token}.{'A' * 43}="
    for cookie, reason in ((None, "no_credential"), (forged, "bad_signature"), (person.cookie, "no_session")):
        verdict = caller.ask(cookie)
        assert (verdict.kind, verdict.status, verdict.reason) == ("denied_response", 401, reason)
        assert json.loads(verdict.body) == {"error": "unauthenticated", "reason": reason}
        assert verdict.headers["content-type"] == "application/json"
        assert verdict.metadata == {}
    assert [event["dialect"] for event in gate.denials(3)] == ["envoy_grpc"] * 3
    assert gate.total("sidegate_decisions_total", dialect="envoy_grpc", outcome="unauthenticated") == 3


def test_a_denial_is_told_with_what_was_asked_and_without_its_query(gate: Sidegate, caller: Caller) -> None:
    caller.ask(None, method="PATCH", path="/private?token=x", host="shop.example")
    event = gate.denials(1)[0]
    assert (event["method"], event["host"], event["path"]) == ("PATCH", "shop.example", "/private")


def test_a_banned_user_is_denied(stacks: Callable[..., Stack], home: Path, on_sqlite: Stack) -> None:
    stack = stacks(on_sqlite.database, "banned", None, {"admin": {}})
    with Sidegate(home, stack.store, cache_ttl="0s") as gate, Caller(gate.address) as caller:
        assert caller.ask(stack.ada.cookie).status == 200
        stack.run(f"UPDATE {named(stack.database, 'user')} SET banned = true WHERE email = '{stack.ada.email}'")
        verdict = caller.ask(stack.ada.cookie)
        assert (verdict.kind, verdict.status, verdict.reason) == ("denied_response", 403, "banned")


def test_an_outage_is_an_error_to_envoy_and_a_denial_to_an_old_one(on_sqlite: Stack, home: Path) -> None:
    nothing = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    with Sidegate(home, nothing) as gate, Caller(gate.address) as caller:
        verdict = caller.ask(on_sqlite.ada.cookie)
        assert (verdict.kind, verdict.status, verdict.reason) == ("error_response", 503, "store_unavailable")
        assert verdict.headers["retry-after"] == "1"
        # The bytes as they came: before 1.37 there was no error_response, in v2 there never was.
        raw = caller.channel.unary_unary("/envoy.service.auth.v3.Authorization/Check")
        old = OldCheckResponse.FromString(raw(question(on_sqlite.ada.cookie).SerializeToString(), timeout=20))
        assert old.WhichOneof("http_response") == "denied_response"
        assert (old.status.code, old.denied_response.status.code) == (14, 503)
        assert texts(old.denied_response.headers)["retry-after"] == "1"


@pytest.mark.parametrize(
    ("login_url", "place"), [("/login", "/login"), ("https://id.example.com/", "https://id.example.com/")]
)
def test_a_page_is_redirected_and_a_call_is_not(on_sqlite: Stack, home: Path, login_url: str, place: str) -> None:
    with Sidegate(home, on_sqlite.store, login_url=login_url) as gate, Caller(gate.address) as caller:
        page = caller.ask(None, *PAGE, method="GET", path="/a?b=c")
        assert (page.kind, page.status, page.body) == ("denied_response", 302, "")
        assert page.headers["location"] == f"{place}?return_to=%2Fa%3Fb%3Dc"
        form = caller.ask(None, *PAGE, method="POST", path="/a")
        assert (form.status, form.headers["location"]) == (303, place)
        assert caller.ask(None, ("accept", "application/json"), method="GET").status == 401


def test_a_circle_of_redirects_is_explained(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, login_url="/login") as gate, Caller(gate.address) as caller:
        cookie = None
        for _ in range(3):
            verdict = caller.ask(cookie, *PAGE, method="GET", path="/a")
            assert verdict.status == 302
            cookie = verdict.headers["set-cookie"].split(";")[0]
        verdict = caller.ask(cookie, *PAGE, method="GET", path="/a")
        assert (verdict.status, verdict.reason) == (401, "login_loop")
        assert gate.events("somebody was sent to sign in again and again, or login_url is itself behind sidegate: "
                           "explained instead", 1)  # fmt: skip


def test_a_routes_policy_counts(on_sqlite: Stack, gate: Sidegate, caller: Caller) -> None:
    cookie = on_sqlite.ada.cookie
    statuses = {
        policy: (verdict.status, verdict.reason)
        for policy in ("session", "email_verified", "not_impersonated", "not_impersonated, two_factor", "admin", "")
        for verdict in [Verdict(caller.check(on_a_route(question(cookie), policy=policy)))]
    }
    assert statuses == {
        "session": (200, None),
        "not_impersonated": (200, None),
        "email_verified": (403, "email_unverified"),
        "not_impersonated, two_factor": (403, "no_two_factor"),
        "admin": (403, "unknown_policy"),
        "": (403, "unknown_policy"),
    }
    assert gate.total("sidegate_decisions_total", dialect="envoy_grpc", reason="email_unverified") == 1
    assert gate.total("sidegate_decisions_total", outcome="refused", reason="unknown_policy") == 2
    assert Verdict(caller.check(on_a_route(question(None), policy="email_verified"))).status == 401


@pytest.mark.parametrize(
    ("message", "status", "reason", "about"),
    [
        (question(method=""), 400, "missing_attribute", {"attribute": "method"}),
        (question(path="http://other.example/"), 400, "malformed_attribute", {"attribute": "path"}),
        (question(None, ("x_auth_user_id", "evil")), 400, "twin_header", {"header": "x_auth_user_id"}),
        (
            raw_question(("x-auth-user-id", b"a"), ("X-Auth-User-Id", b"b")),
            400,
            "duplicate_header",
            {"header": "x-auth-user-id"},
        ),
    ],
)
def test_what_could_be_forged_is_refused_counted_and_logged(
    on_sqlite: Stack, gate: Sidegate, caller: Caller, message: Any, status: int, reason: str, about: dict[str, str]
) -> None:
    # With a credential that would pass, in either of its forms.
    cookie = on_sqlite.ada.cookie
    if message.attributes.request.http.HasField("header_map"):
        message.attributes.request.http.header_map.headers.add(key="cookie", raw_value=cookie.encode())
    else:
        message.attributes.request.http.headers["cookie"] = cookie

    verdict = Verdict(caller.check(message))

    assert (verdict.kind, verdict.status, verdict.reason) == ("denied_response", status, reason)
    event = gate.events("refused", 1)[0]
    assert event.items() >= (about | {"dialect": "envoy_grpc", "reason": reason}).items()
    assert gate.total("sidegate_decisions_total", dialect="envoy_grpc", outcome="refused", reason=reason) == 1


def test_a_stranger_is_denied_and_not_heard(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, trusted_proxies="unix") as gate, Caller(gate.address) as caller:
        verdict = caller.ask(on_sqlite.ada.cookie)
        assert (verdict.kind, verdict.status, verdict.reason) == ("denied_response", 403, "untrusted_peer")
        assert gate.total("sidegate_decisions_total", dialect="envoy_grpc", reason="untrusted_peer") == 1


def test_a_prolonged_sessions_cookie_goes_to_the_client_beside_the_apps_own(on_sqlite: Stack, home: Path) -> None:
    person = on_sqlite.better_auth.sign_in()
    due = datetime.now(UTC) + timedelta(days=5)
    session, expires = named(on_sqlite.database, "session"), named(on_sqlite.database, "expiresAt")
    on_sqlite.run(f"UPDATE {session} SET {expires} = '{due:%Y-%m-%dT%H:%M:%S.000Z}' WHERE token = '{person.token}'")
    settings = {"refresh": "delegate", "relay_set_cookie": "true", "store_timeout": "20s"}
    with (
        Sidegate(home, on_sqlite.store, auth_url=on_sqlite.better_auth.url, **settings) as gate,
        Caller(gate.address) as caller,
    ):
        response: CheckResponse = caller.ask(person.cookie).response
        [added] = response.ok_response.response_headers_to_add
        assert (added.header.key, added.append_action) == ("set-cookie", HeaderValueOption.APPEND_IF_EXISTS_OR_ADD)
        assert added.header.value.startswith(f"{person.name}=")
        assert "set-cookie" not in texts(response.ok_response.headers)


def test_many_questions_at_once_share_a_connection(on_sqlite: Stack, gate: Sidegate, caller: Caller) -> None:
    # More than the streams that one connection may have at once: the rest waits its turn.
    futures = [
        caller.authorization.Check.future(question(on_sqlite.ada.cookie if number % 2 else None), timeout=20)
        for number in range(600)
    ]
    statuses = [Verdict(future.result()).status for future in futures]
    assert statuses == [401, 200] * 300
    assert gate.metrics()["sidegate_connections"] == 1


def test_both_versions_of_http_are_answered_on_one_port(on_sqlite: Stack, gate: Sidegate, caller: Caller) -> None:
    with gate.connect() as first:
        for _ in range(2):
            assert caller.ask(on_sqlite.ada.cookie).status == 200
            reply = first.ask(request("GET", "/auth/envoy/", [("Host", "x"), ("Cookie", on_sqlite.ada.cookie)]))
            assert reply.status == 200
        assert gate.metrics()["sidegate_connections"] == 2


def test_envoy_asks_through_a_unix_socket(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, listen=f"unix:{home}/s") as gate, Caller(gate.address) as caller:
        assert caller.ask(on_sqlite.ada.cookie).status == 200
        assert caller.ask().status == 401
