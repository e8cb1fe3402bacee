"""What routes may require of a user, and what they tell whoever does not meet it: by HTTP, and before a socket opens."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.types import Message, Scope
from starlette.websockets import WebSocketDisconnect

from apps import GATES, Client, app_with, client
from minting import AUDIENCE, Signer, claims, jwks
from sidegate_fastapi import (
    Organization,
    SidegateAuth,
    User,
    current_user,
    optional_user,
    require_any_role,
    require_fresh,
    require_role,
)

OPENS: list[tuple[str, dict[str, object]]] = [
    ("role", {"roles": ["admin"]}),
    ("role", {"roles": ["editor", "admin"]}),
    ("any", {"roles": ["editor"]}),
    ("any", {"roles": ["admin", "editor", "x"]}),
    ("all", {"roles": ["x", "editor", "admin"]}),
    ("org", {"org_id": "o", "org_roles": ["admin", "member"]}),
    ("member", {"org_id": "o", "org_roles": ["member"]}),
    ("email", {"email": "a@example.com", "email_verified": True}),
    ("two-factor", {"two_factor": True}),
    ("themselves", {}),
]
STAYS_SHUT: list[tuple[str, str, dict[str, object]]] = [
    ("role", "missing_role", {}),
    ("role", "missing_role", {"roles": ["Admin", "administrator", " admin", "admin,editor"]}),
    ("role", "missing_role", {"org_id": "o", "org_roles": ["admin"]}),
    ("any", "missing_role", {"roles": ["x"]}),
    ("all", "missing_role", {"roles": ["admin"]}),
    ("org", "missing_organization_role", {"roles": ["owner", "admin"]}),
    ("org", "missing_organization_role", {"org_id": "o", "org_roles": ["member"]}),
    ("org", "missing_organization_role", {"org_roles": ["owner"]}),
    ("member", "not_member", {"org_id": "o"}),
    ("member", "not_member", {"org_id": "o", "org_roles": [], "roles": ["admin"]}),
    ("member", "not_member", {"org_roles": ["member"]}),
    ("member", "not_member", {}),
    ("email", "email_unverified", {"email": "a@example.com"}),
    ("email", "email_unverified", {"email_verified": False}),
    ("two-factor", "no_two_factor", {}),
    ("themselves", "impersonated", {"act": {"sub": "usr_boss"}}),
]


@pytest.mark.parametrize(("gate", "told"), OPENS, ids=repr)
def test_whoever_meets_it_gets_in(app: Client, signer: Signer, gate: str, told: dict[str, object]) -> None:
    assert app.get(signer.token(claims(**told)), f"/api/gates/{gate}").status_code == 200


@pytest.mark.parametrize(("gate", "reason", "told"), STAYS_SHUT, ids=repr)
def test_whoever_does_not_meet_it_is_forbidden(
    app: Client, signer: Signer, gate: str, reason: str, told: dict[str, object]
) -> None:
    answer = app.is_refused(signer.token(claims(**told)), reason, f"/api/gates/{gate}", 403)
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("gate", GATES)
def test_whoever_is_nobody_is_not_forbidden_but_unknown(app: Client, signer: Signer, gate: str) -> None:
    app.is_refused(None, "no_assertion", f"/api/gates/{gate}")
    app.is_refused(signer.token(claims(aud="x")), "wrong_audience", f"/api/gates/{gate}")


def test_whoever_lacks_a_role_is_told_which(app: Client, signer: Signer) -> None:
    messages = {
        name: app.get(signer.token(), f"/api/gates/{name}").json()["detail"]["message"]
        for name in ("role", "any", "all", "org")
    }
    assert messages == {
        "role": "this role is needed: admin",
        "any": "one of these roles is needed: admin, editor",
        "all": "all of these roles are needed: admin, editor",
        "org": "one of these roles in the organization is needed: admin, owner",
    }


def test_a_requirement_is_a_user_as_well(app: Client, signer: Signer) -> None:
    assert app.get(signer.token(claims(roles=["admin"])), "/api/admin").json() == "vcTE1"
    app.is_refused(signer.token(), "missing_role", "/api/admin", 403)


def test_a_sign_in_that_is_long_ago_has_to_be_repeated(app: Client, signer: Signer) -> None:
    now = int(time.time())
    for seconds in (0, 60, 290):
        assert app.get(signer.token(claims(auth_time=now - seconds)), "/api/gates/fresh").status_code == 200
    for told in ({"auth_time": now - 301}, {"auth_time": 0}, {}):
        answer = app.is_refused(signer.token(claims(**told)), "not_fresh", "/api/gates/fresh")
        # RFC 9470, section 3
        assert answer.headers["www-authenticate"] == (
            'Bearer realm="sidegate", error="insufficient_user_authentication", '
            'error_description="a more recent sign-in is needed", max_age="300"'
        )


def test_a_requirement_of_nothing_is_a_mistake() -> None:
    mistakes: list[Callable[[], object]] = [
        lambda: require_any_role(),
        lambda: require_role(""),
        lambda: require_fresh(timedelta(0)),
        lambda: require_fresh(timedelta(seconds=-1)),
    ]
    for mistake in mistakes:
        with pytest.raises(ValueError):
            mistake()


def test_a_socket_knows_its_user(app: Client, signer: Signer) -> None:
    for path, told in (("/ws", {}), ("/ws/admin", {"roles": ["admin"]})):
        headers = {"X-Auth-Assertion": signer.token(claims(**told))}
        with app.http.websocket_connect(path, headers=headers) as socket:
            assert socket.receive_text() == "vcTE1"


@pytest.mark.parametrize(
    ("path", "told", "status", "reason"),
    [
        ("/ws", None, 401, "no_assertion"),
        ("/ws", {"exp": 1}, 401, "expired"),
        ("/ws", {"aud": "https://other.example"}, 401, "wrong_audience"),
        ("/ws", {"req": "x"}, 401, "wrong_request"),
        ("/ws/admin", {}, 403, "missing_role"),
    ],
)
def test_a_socket_for_anybody_else_does_not_open(
    app: Client, signer: Signer, path: str, told: dict[str, object] | None, status: int, reason: str
) -> None:
    headers = {} if told is None else {"X-Auth-Assertion": signer.token(claims(**told))}
    with pytest.raises(WebSocketDenialResponse) as refused, app.http.websocket_connect(path, headers=headers):
        pass
    assert (refused.value.status_code, refused.value.json()["detail"]["reason"]) == (status, reason)


def test_a_server_that_cannot_answer_a_handshake_has_the_socket_closed(eddsa: Signer) -> None:
    """ASGI's extension `websocket.http.response` is an extension. Without it, close before accept is a 403."""
    auth = SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa))

    class WithoutExtensions(FastAPI):
        async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
            await super().__call__({**scope, "extensions": {}}, receive, send)

    plain = WithoutExtensions(routes=app_with(auth).routes)
    auth.install(plain)
    with pytest.raises(WebSocketDisconnect) as closed, TestClient(plain).websocket_connect("/ws"):
        pass
    assert (closed.value.code, closed.value.reason) == (1008, "no_assertion")


def test_nothing_is_sent_before_the_user_is_known(eddsa: Signer) -> None:
    sent: list[Message] = []
    app = app_with(SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa)))

    async def watched(scope: Scope, receive: Any, send: Any) -> None:
        async def sending(message: Message) -> None:
            sent.append(message)
            await send(message)

        await app(scope, receive, sending)

    with pytest.raises(WebSocketDenialResponse), TestClient(watched).websocket_connect("/ws"):
        pass
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]


def test_the_documentation_shows_the_lock_and_the_refusals(app: Client) -> None:
    told = app.http.get("/openapi.json").json()
    [(name, scheme)] = told["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-Auth-Assertion")
    for path in ("/api/me", "/api/maybe", "/api/sync", "/api/admin", "/api/gates/fresh"):
        assert told["paths"][path]["get"]["security"] == [{name: []}]
        assert "parameters" not in told["paths"][path]["get"]
    assert {"200", "401", "403", "503"} == set(told["paths"]["/api/me"]["get"]["responses"])
    assert "claims" not in told["components"]["schemas"]["User"]["properties"]
    assert app.http.get("/docs").status_code == 200


def test_tests_may_put_another_user_in_place(eddsa: Signer) -> None:
    app = app_with(SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa)))
    ends = datetime(2099, 1, 1, tzinfo=UTC)
    somebody = User(id="u", session_id="s", expires_at=ends, roles=frozenset({"admin"}))
    app.dependency_overrides[current_user] = lambda: somebody
    http = TestClient(app)
    assert http.get("/api/sync").json() == http.get("/api/admin").json() == "u"
    assert http.get("/api/maybe").json() is None
    app.dependency_overrides[optional_user] = lambda: somebody
    assert http.get("/api/maybe").json() == "u"


def test_a_user_cannot_be_changed_and_does_not_show_claims(eddsa: Signer) -> None:
    seen: list[User] = []
    app = FastAPI()
    SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa)).install(app)

    @app.get("/")
    async def keep(user: User = Depends(current_user)) -> None:
        seen.append(user)

    told = claims(org_id="o", checked_at=5, note="said in private")
    assert TestClient(app).get("/", headers={"X-Auth-Assertion": eddsa.token(told)}).status_code == 200
    [user] = seen
    with pytest.raises(ValueError, match="frozen"):
        user.id = "root"  # type: ignore[misc]
    assert "said in private" not in repr(user) + user.model_dump_json()
    assert user.stale and user.organization == Organization(id="o")


def test_two_apps_believe_each_its_own(eddsa: Signer, es256: Signer) -> None:
    one, two = client(eddsa), client(es256, audience="https://two.example")
    token, other = eddsa.token(), es256.token(claims(aud="https://two.example"))
    assert (one.get(token).status_code, two.get(other).status_code) == (200, 200)
    assert (one.get(other).status_code, two.get(token).status_code) == (401, 401)
