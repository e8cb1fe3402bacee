"""What the app makes of the headers. That no client can write them itself is the proxy's part: tests/e2e/."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from app import app
from sidegate_auth import User

IDENTITY = {
    "X-Auth-Status": "user",
    "X-Auth-User-Id": "vcTE1",
    "X-Auth-User-Email": "joerg@example.com",
    "X-Auth-User-Name": "J%C3%B6rg 100%25",
    "X-Auth-User-Role": "admin,editor",
    "X-Auth-User-Email-Verified": "true",
    "X-Auth-Session-Id": "s1",
    "X-Auth-Session-Expires": "2099-01-02T03:04:05.678Z",
}

client = TestClient(app)


def changed(**headers: str | None) -> dict[str, str]:
    """IDENTITY with some headers replaced; None leaves one out. `User_Id` names X-Auth-User-Id."""
    result = IDENTITY | {f"X-Auth-{name.replace('_', '-')}": value for name, value in headers.items()}
    return {name: value for name, value in result.items() if value is not None}


def test_a_signed_in_user_is_told_who_they_are() -> None:
    answer = client.get("/api/me", headers=IDENTITY)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "vcTE1",
        "email": "joerg@example.com",
        "name": "Jörg 100%",
        "role": "admin,editor",
        "username": None,
        "phone": None,
        "email_verified": True,
        "phone_verified": False,
        "two_factor": False,
        "anonymous": False,
        "session_id": "s1",
        "session_expires": "2099-01-02T03:04:05.678000Z",
        "organization_id": None,
        "organization_role": None,
        "team_id": None,
        "impersonated_by": None,
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Auth-Status": "anonymous"},
        changed(Status=None),
        changed(Status=""),
        changed(Status="anonymous"),
        changed(Status="User"),
    ],
)
def test_whoever_is_not_stated_to_be_a_user_gets_401(headers: dict[str, str]) -> None:
    answer = client.get("/api/me", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not signed in"})
    assert client.get("/api/hello", headers=headers).json() == {"message": "Hello, whoever you are"}


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        (changed(User_Id=None), "X-Auth-User-Id"),
        (changed(User_Id=""), "X-Auth-User-Id"),
        (changed(Session_Expires=None), "X-Auth-Session-Expires"),
        (changed(Session_Expires="soon"), "X-Auth-Session-Expires"),
        (changed(User_Two_Factor="perhaps"), "X-Auth-User-Two-Factor"),
        (changed(Session_Expires="2099-01-02T03:04:05"), "X-Auth-Session-Expires"),
        (changed(User_Name="%ff"), "X-Auth-User-Name"),
    ],
)
def test_an_identity_that_sidegate_would_not_send_is_refused(headers: dict[str, str], named: str) -> None:
    for path in ("/api/me", "/api/hello"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"detail": f"{named} is not what sidegate sends"})


@pytest.mark.parametrize("name", IDENTITY)
def test_a_second_line_of_an_identity_header_is_refused(name: str) -> None:
    twice = [(name.lower(), "evil"), *IDENTITY.items()]
    for path in ("/api/me", "/api/hello"):
        assert client.get(path, headers=twice).status_code == 400


def test_a_header_without_a_value_is_an_absent_one() -> None:
    answer = client.get("/api/me", headers=changed(User_Email="", User_Name="", Team_Id=""))
    assert [answer.json()[field] for field in ("email", "name", "team_id")] == [None, None, None]


def test_roles_are_read_one_by_one() -> None:
    user = User(id="u", role="admin, editor,", session_id="s", session_expires=datetime.now(UTC))
    assert user.roles == {"admin", "editor"}
    assert user.model_copy(update={"role": None}).roles == frozenset()


def test_a_user_cannot_be_changed() -> None:
    user = User(id="u", session_id="s", session_expires=datetime.now(UTC))
    with pytest.raises(ValidationError):
        user.id = "somebody else"


def test_a_note_belongs_to_whoever_sent_it() -> None:
    answer = client.post("/api/notes", headers=IDENTITY, json={"text": "milk", "author": "somebody else"})
    assert (answer.status_code, answer.json()) == (201, {"text": "milk", "author": "vcTE1"})


def test_a_note_from_nobody_is_refused() -> None:
    assert client.post("/api/notes", json={"text": "milk"}).status_code == 401


def test_a_socket_knows_its_user() -> None:
    with client.websocket_connect("/ws", headers=IDENTITY) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "vcTE1: hello"


def test_a_socket_for_nobody_does_not_open() -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
        pass
    assert refused.value.status_code == 401


def test_a_socket_ends_with_its_session() -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=50)
    headers = changed(Session_Expires=soon.isoformat())
    with client.websocket_connect("/ws", headers=headers) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == 1008


def test_the_api_documentation_shows_which_routes_want_a_session() -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for method, path in (("get", "/api/me"), ("post", "/api/notes")):
        assert paths[path][method]["security"] == [{"Better Auth session": []}]
        assert paths[path][method]["responses"]["401"]["description"] == "Not signed in"
    assert "401" not in paths["/api/hello"]["get"]["responses"]
