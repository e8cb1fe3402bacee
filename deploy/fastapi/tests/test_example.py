"""The app of example/, as an author of an app would test it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from sidegate_fastapi.testing import Assertions

assertions = Assertions()
with pytest.MonkeyPatch.context() as environment:  # it reads its settings when it is imported
    environment.setenv("SIDEGATE_APP_AUDIENCE", assertions.audience)
    import app as example
assertions.install(example.app)
client = TestClient(example.app)


def test_a_signed_in_user_is_told_who_they_are() -> None:
    answer = client.get("/api/me", headers=assertions.headers(name="Jörg 100%"))
    assert (answer.status_code, answer.json()["id"], answer.json()["name"]) == (200, "usr_1", "Jörg 100%")
    assert client.get("/api/me").status_code == 401


def test_everybody_is_greeted() -> None:
    assert client.get("/api/hello").json() == {"message": "Hello, whoever you are"}
    assert client.get("/api/hello", headers=assertions.headers(name="Ada")).json() == {"message": "Hello, Ada"}
    assert client.get("/api/hello", headers=assertions.headers()).json() == {"message": "Hello, usr_1"}


def test_a_note_belongs_to_whoever_sent_it() -> None:
    note = {"text": "milk", "author": "somebody else"}
    answer = client.post("/api/notes", headers=assertions.headers(), json=note)
    assert (answer.status_code, answer.json()) == (201, {"text": "milk", "author": "usr_1"})
    assert client.post("/api/notes", json=note).status_code == 401


def test_administrators_get_in_if_they_signed_in_not_long_ago() -> None:
    long_ago = int(datetime.now(UTC).timestamp()) - 601
    for told, status in (({"roles": ["admin"]}, 200), ({}, 403), ({"roles": ["admin"], "auth_time": long_ago}, 401)):
        assert client.get("/api/admin", headers=assertions.headers(**told)).status_code == status


def test_a_socket_knows_its_user() -> None:
    with client.websocket_connect("/ws", headers=assertions.headers()) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "usr_1: hello"


def test_a_socket_for_nobody_does_not_open() -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
        pass
    assert (refused.value.status_code, json.loads(refused.value.content)["detail"]["reason"]) == (401, "no_assertion")


def test_a_socket_ends_with_its_session() -> None:
    soon = int((datetime.now(UTC) + timedelta(seconds=1)).timestamp())
    headers = assertions.headers(session_expiry=soon)
    with client.websocket_connect("/ws", headers=headers) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == 1008


def test_a_socket_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "SOCKET_LASTS", timedelta(milliseconds=50))
    with (
        client.websocket_connect("/ws", headers=assertions.headers()) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == 1008
