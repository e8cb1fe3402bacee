"""What an app may set, where, and what it is told at the start if that cannot work."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from apps import Client, app_with
from minting import AUDIENCE, Signer, claims, ed25519, jwks
from serving import answering, key_server
from sidegate_fastapi import ConfigurationError, CurrentUser, SidegateAuth

ROOT = Path(__file__).resolve().parents[1]


def asked(token: str, **settings: Any) -> int:
    app = Client(TestClient(app_with(SidegateAuth(**settings))))
    return app.get(token).status_code


def test_keys_may_be_a_text_a_mapping_a_file_or_a_url(eddsa: Signer, tmp_path: Path) -> None:
    text, token = jwks(eddsa), eddsa.token()
    path = tmp_path / "jwks.json"
    path.write_text(text)
    with key_server(answering(text)) as server:
        given: list[dict[str, Any]] = [
            {"jwks": text},
            {"jwks": json.loads(text)},
            {"jwks_file": path},
            {"jwks_file": str(path)},
            {"jwks_url": server.url},
        ]
        assert [asked(token, audience=AUDIENCE, **one) for one in given] == [200] * 5


def test_the_environment_may_say_it_all(eddsa: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(jwks(eddsa))
    told = {
        "AUDIENCE": "https://env.example",
        "ISSUER": "https://gate.example",
        "JWKS_FILE": str(path),
        "ALGORITHMS": "EdDSA, ES256",
        "BIND": "host",
        "LEEWAY": "2.5",
        "TRUST_HEADERS": "false",
        "JWKS": "",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"SIDEGATE_APP_{name}", value)
    good = {"aud": "https://env.example", "iss": "https://gate.example", "host": "testserver"}
    assert asked(eddsa.token(claims(**good))) == 200
    for name in good:
        assert asked(eddsa.token(claims(**(good | {name: None if name == "host" else "sidegate"})))) == 401


def test_what_the_code_says_outweighs_the_environment(eddsa: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDEGATE_APP_AUDIENCE", "https://other.example")
    monkeypatch.setenv("SIDEGATE_APP_ISSUER", "other")
    monkeypatch.setenv("SIDEGATE_APP_JWKS", jwks(ed25519()))
    monkeypatch.setenv("SIDEGATE_APP_ALGORITHMS", "ES256")
    monkeypatch.setenv("SIDEGATE_APP_BIND", "request")
    monkeypatch.setenv("SIDEGATE_APP_TRUST_HEADERS", "true")
    coded: dict[str, Any] = {"audience": AUDIENCE, "issuer": "sidegate", "jwks": jwks(eddsa), "algorithms": ["EdDSA"]}
    assert asked(eddsa.token(), **coded, bind=[], trust_headers=False) == 200


def test_sidegates_own_variables_are_not_the_apps(eddsa: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both may share an environment, and SIDEGATE_JWKS_URL is where sidegate finds the keys of Better Auth's tokens."""
    monkeypatch.setenv("SIDEGATE_JWKS_URL", "http://127.0.0.1:9/jwks")
    monkeypatch.setenv("SIDEGATE_ASSERTION_AUDIENCE", "https://other.example")
    assert asked(eddsa.token(), audience=AUDIENCE, jwks=jwks(eddsa)) == 200


def test_a_service_of_kubernetes_is_no_setting(eddsa: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "PORT_80_TCP", "SERVICE_HOST", "SERVICE_PORT"):
        monkeypatch.setenv(f"SIDEGATE_APP_{name}", "x")
    assert asked(eddsa.token(), audience=AUDIENCE, jwks=jwks(eddsa)) == 200


GOOD = jwks(ed25519())

WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {},
        "no audience is set: SidegateAuth(audience=…) or SIDEGATE_APP_AUDIENCE is what sidegate's assertion_audience is",
    ),
    ({"audience": ""}, "no audience is set"),
    ({"audience": "a", "issuer": ""}, "the issuer is empty"),
    ({"audience": "a", "trust_headers": True}, "an audience and trust_headers are set"),
    ({"audience": "a", "trust_headers": "false"}, "neither true nor false"),
    ({"audience": "a", "trust_headers": 1}, "neither true nor false"),
    ({"audience": "a", "jwks": GOOD, "jwks_url": "http://127.0.0.1/"}, "jwks_url and jwks are set"),
    ({"audience": "a", "jwks": "{}"}, "jwks is no JWK Set"),
    ({"audience": "a", "jwks": {"keys": []}}, "jwks is no JWK Set"),
    ({"audience": "a", "jwks_url": "127.0.0.1:4181"}, "jwks_url has to be http"),
    ({"audience": "a", "jwks_url": "ftp://127.0.0.1/"}, "jwks_url has to be http"),
    ({"audience": "a", "jwks_url": "file:///etc/jwks.json"}, "jwks_url has to be http"),
    ({"audience": "a", "jwks_url": "http://user:secret@127.0.0.1/"}, "without a user in it"),
    ({"audience": "a", "jwks_url": "http://[::1/"}, "jwks_url is no URL"),
    ({"audience": "a", "algorithms": []}, "no algorithm is allowed"),
    ({"audience": "a", "algorithms": ["EdDSA", "HS256"]}, "algorithms has 'HS256': there are EdDSA, ES256"),
    ({"audience": "a", "algorithms": ["none"]}, "algorithms has 'none'"),
    ({"audience": "a", "algorithms": "EdDSA"}, "algorithms is a text"),
    ({"audience": "a", "bind": ["hosts"]}, "bind has 'hosts': there are host, request"),
    ({"audience": "a", "bind": "host"}, "bind is a text"),
    ({"audience": "a", "leeway": -1}, "leeway is -1: it may be 0 to 60 seconds"),
    ({"audience": "a", "leeway": 61}, "leeway is 61"),
    ({"audience": "a", "leeway": float("nan")}, "leeway is nan"),
]


@pytest.mark.parametrize(("settings", "told"), WRONG, ids=[repr(settings)[:60] for settings, _ in WRONG])
def test_what_cannot_work_is_told_at_the_start(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        SidegateAuth(**settings)
    assert told in str(wrong.value) and "secret" not in str(wrong.value)


WRONG_VARIABLES = [
    ({"AUDIENCE": "a", "TRUST_HEADERS": "yes"}, "neither true nor false"),
    ({"AUDIENCE": "a", "TRUST_HEADERS": "true"}, "an audience and trust_headers are set"),
    ({"AUDIENCE": "a", "LEEWAY": "5s"}, "SIDEGATE_APP_LEEWAY is no number"),
    ({"AUDIENCE": "a", "ALGORITHMS": "RS256"}, "algorithms has 'RS256'"),
    ({"AUDIENCE": "a", "JWKS": "x"}, "jwks is no JWK Set"),
    ({"AUDIENCE": "a", "JWKS_FILE": "x", "JWKS_URL": "http://127.0.0.1/"}, "jwks_url and jwks_file are set"),
    ({"AUDIENCE": "a", "AUDIENCES": "b"}, "SIDEGATE_APP_AUDIENCES is no setting"),
    ({"AUDIENCE": ""}, "no audience is set"),
]


@pytest.mark.parametrize(("variables", "told"), WRONG_VARIABLES, ids=repr)
def test_a_variable_that_cannot_work_is_told_at_the_start(
    variables: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SIDEGATE_APP_{name}", value)
    with pytest.raises(ConfigurationError, match=told):
        SidegateAuth()


def test_the_keys_are_sidegates_own_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As sidegate listens: `admin_listen` in its README."""
    asked: list[str] = []
    monkeypatch.setattr("sidegate_fastapi.settings.from_url", asked.append)
    SidegateAuth(audience=AUDIENCE)
    assert asked == ["http://127.0.0.1:4181/.well-known/jwks.json"]


def test_keys_that_cannot_be_had_are_503_and_come_again(eddsa: Signer) -> None:
    with key_server(answering("")) as gone:
        url = gone.url
    app = Client(TestClient(app_with(SidegateAuth(audience=AUDIENCE, jwks_url=url))))
    answer = app.is_refused(eddsa.token(), "keys_unavailable", status=503)
    assert (answer.headers["retry-after"], answer.headers.get("www-authenticate")) == ("1", None)
    app.is_refused(eddsa.token(), "keys_unavailable", "/api/maybe", 503)
    app.is_refused(None, "no_assertion")
    app.is_refused("nonsense", "malformed_assertion")


def test_keys_by_plain_http_of_another_machine_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for url in ("http://127.0.0.1:1/", "http://localhost/", "http://[::1]:1/", "https://sidegate.internal/"):
        SidegateAuth(audience="a", jwks_url=url)
    assert caplog.messages == []
    SidegateAuth(audience="a", jwks_url="http://sidegate:4181/.well-known/jwks.json")
    assert ["sidegate by plain http" in message for message in caplog.messages] == [True]


def test_an_app_without_a_sidegate_auth_lets_nobody_by() -> None:
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    assert TestClient(app, raise_server_exceptions=False).get("/me").status_code == 500
    with pytest.raises(ConfigurationError, match=r"SidegateAuth\(audience=…\)\.install\(app\)"):
        TestClient(app).get("/me")


def test_an_app_without_an_audience_does_not_start() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/src", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", f"{ROOT}/example", "--port", "0"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "ConfigurationError: no audience is set: SidegateAuth(audience=…)" in ended.stderr
