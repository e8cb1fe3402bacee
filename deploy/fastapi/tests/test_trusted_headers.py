"""An app that said trust_headers=True: what it makes of plain headers. That no client writes them is the proxy's part."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from apps import Client, app_with
from minting import ed25519
from sidegate_fastapi import SidegateAuth

IDENTITY = {
    "X-Auth-Status": "user",
    "X-Auth-User-Id": "vcTE1",
    "X-Auth-User-Email": "joerg@example.com",
    "X-Auth-User-Name": "J%C3%B6rg 100%25",
    "X-Auth-User-Role": "admin,editor",
    "X-Auth-User-Email-Verified": "true",
    "X-Auth-Session-Id": "s1",
    "X-Auth-Session-Expires": "2099-01-02T03:04:05.678Z",
    "X-Auth-Organization-Id": "org_1",
    "X-Auth-Organization-Role": "owner",
}


@pytest.fixture(scope="module")
def app() -> Client:
    return Client(TestClient(app_with(SidegateAuth(trust_headers=True))))


def changed(**headers: str | None) -> dict[str, str]:
    """IDENTITY with some headers replaced; None leaves one out. `User_Id` names X-Auth-User-Id."""
    result = IDENTITY | {f"X-Auth-{name.replace('_', '-')}": value for name, value in headers.items()}
    return {name: value for name, value in result.items() if value is not None}


def test_a_signed_in_user_is_who_the_headers_say(app: Client) -> None:
    seen = app.get(**IDENTITY).json()
    assert sorted(seen.pop("roles")) == ["admin", "editor"]
    assert seen == {
        "id": "vcTE1",
        "session_id": "s1",
        "email": "joerg@example.com",
        "email_verified": True,
        "name": "Jörg 100%",
        "organization": {"id": "org_1", "roles": ["owner"]},
        "team_id": None,
        "impersonated_by": None,
        "two_factor": False,
        "anonymous": False,
        "auth_time": None,
        "expires_at": "2099-01-02T03:04:05.678000Z",
        "session_expires": "2099-01-02T03:04:05.678000Z",
        "checked_at": None,
    }


NOBODY: dict[str, dict[str, str]] = {
    "nothing": {},
    "nobody": {"X-Auth-Status": "anonymous"},
    "a user without a status": changed(Status=None),
    "a user with an empty status": changed(Status=""),
    "a user who is nobody": changed(Status="anonymous"),
}


@pytest.mark.parametrize("who", NOBODY)
def test_whoever_is_not_stated_to_be_a_user_is_nobody(app: Client, who: str) -> None:
    headers = NOBODY[who]
    answer = app.get(**headers)
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "not_signed_in")
    assert app.get(path="/api/maybe", **headers).json() is None


MALFORMED = [
    ("Status", "User"),
    ("Status", "user,anonymous"),
    ("User-Id", None),
    ("User-Id", ""),
    ("Session-Expires", None),
    ("Session-Expires", "soon"),
    ("Session-Expires", "2099-01-02T03:04:05"),
    ("User-Two-Factor", "perhaps"),
    ("User-Name", "%ff"),
    ("Freshness", "fresh"),
    ("Freshness", "stale; age=-1"),
]


@pytest.mark.parametrize(("named", "value"), MALFORMED)
def test_an_identity_that_sidegate_would_not_send_is_refused(app: Client, named: str, value: str | None) -> None:
    headers = changed(**{named: value})
    for path in ("/api/me", "/api/maybe"):
        answer = app.get(path=path, **headers)
        told = {"reason": "malformed_header", "message": f"X-Auth-{named} is not what sidegate sends"}
        assert (answer.status_code, answer.json()) == (401, {"detail": told})


@pytest.mark.parametrize("name", IDENTITY)
def test_a_second_line_of_an_identity_header_is_refused(app: Client, name: str) -> None:
    for twice in ([(name.lower(), "evil"), *IDENTITY.items()], [*IDENTITY.items(), (name.lower(), IDENTITY[name])]):
        for path in ("/api/me", "/api/maybe"):
            assert app.http.get(path, headers=twice).status_code == 401


def test_a_header_without_a_value_is_an_absent_one(app: Client) -> None:
    answer = app.get(**changed(User_Email="", User_Name="", Team_Id="", Session_Id=""))
    assert [answer.json()[field] for field in ("email", "name", "team_id", "session_id")] == [None] * 4


def test_roles_are_read_one_by_one_and_as_better_auth_splits_them(app: Client) -> None:
    seen = app.get(**changed(User_Role=",admin, editor,", Organization_Role=None)).json()
    assert sorted(seen["roles"]) == [" editor", "admin"]
    assert seen["organization"] == {"id": "org_1", "roles": []}


def test_stale_headers_say_since_when(app: Client) -> None:
    before = datetime.now(UTC)
    seen = app.get(**changed(Freshness="stale; age=40")).json()
    age = before - datetime.fromisoformat(seen["checked_at"])
    assert 30 < age.total_seconds() <= 40


def test_an_assertion_is_not_looked_at(app: Client) -> None:
    assert app.get(ed25519().token(), **IDENTITY).json()["id"] == "vcTE1"
    assert app.get("nonsense").status_code == 401


def test_a_sign_in_whose_time_is_not_told_is_none_that_is_fresh(app: Client) -> None:
    answer = app.get(path="/api/gates/fresh", **IDENTITY)
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "not_fresh")
    assert app.get(path="/api/gates/all", **IDENTITY).status_code == 200


def test_an_organization_without_a_role_in_it_is_no_membership(app: Client) -> None:
    assert app.get(path="/api/gates/member", **IDENTITY).status_code == 200
    for role in (None, "", ","):
        answer = app.get(path="/api/gates/member", **changed(Organization_Role=role))
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "not_member")


def test_a_socket_knows_its_user(app: Client) -> None:
    with app.http.websocket_connect("/ws", headers=IDENTITY) as socket:
        assert socket.receive_text() == "vcTE1"
