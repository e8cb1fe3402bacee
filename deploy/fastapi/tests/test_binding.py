"""Assertions that are for one host, or for one method and path."""

import base64
import hashlib

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from apps import Client, client
from minting import AUDIENCE, Signer, claims, jwks
from sidegate_fastapi import CurrentUser, SidegateAuth

HOST = "testserver"
"""What Starlette's test client calls the app."""


def req(method: str, path: str) -> str:
    """Of the contract: base64url, unpadded, of SHA-256 over the method, a line feed and the path without its query."""
    digest = hashlib.sha256(f"{method}\n{path}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_the_digest_is_that_of_the_contract() -> None:
    # printf 'GET\n/api/me' | openssl dgst -sha256 -binary | basenc --base64url
    assert req("GET", "/api/me") == "9hWFYE0wHMYi8ct0qirE4ZRO4YL6fIS-_udh31cJP6Q"


def test_an_assertion_for_this_host_and_request_counts(app: Client, signer: Signer) -> None:
    token = signer.token(claims(host=HOST, req=req("GET", "/api/me")))
    assert app.get(token).status_code == app.get(token, "/api/me?x=1").status_code == 200


@pytest.mark.parametrize("host", ["other.example", "testserver:80", "testserver.", "estserver", "testserver "])
def test_an_assertion_for_another_host_is_refused(app: Client, signer: Signer, host: str) -> None:
    app.is_refused(signer.token(claims(host=host)), "wrong_host")


def test_a_host_is_the_same_in_capitals_and_has_its_port(app: Client, signer: Signer) -> None:
    token = signer.token(claims(host="app.example:8443"))
    assert app.get(token, Host="App.Example:8443").status_code == 200
    assert app.get(token, Host="app.example").status_code == 401


def test_without_one_host_there_is_none_to_be_for(app: Client, signer: Signer) -> None:
    token = signer.token(claims(host=HOST))
    for hosts in ([("host", HOST), ("host", "other.example")], [("host", "")]):
        answer = app.http.get("/api/me", headers=[("X-Auth-Assertion", token), *hosts])
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "wrong_host")


@pytest.mark.parametrize(
    "wrong",
    [
        req("POST", "/api/me"),
        req("get", "/api/me"),
        req("GET", "/api/maybe"),
        req("GET", "/api/me/"),
        req("GET", "/api/me?x=1"),
        req("GET", "/api/me") + "=",
        "x",
    ],
)
def test_an_assertion_for_another_request_is_refused(app: Client, signer: Signer, wrong: str) -> None:
    app.is_refused(signer.token(claims(req=wrong)), "wrong_request")


def test_what_is_bound_to_nothing_counts_unless_it_must_be(app: Client, eddsa: Signer) -> None:
    assert app.get(eddsa.token()).status_code == 200
    bound = {"host": HOST, "req": req("GET", "/api/me")}
    for bind, claim in (("host", "host"), ("request", "req")):
        strict = client(eddsa, bind=[bind])
        assert strict.get(eddsa.token(claims(**{claim: bound[claim]}))).status_code == 200
        strict.is_refused(eddsa.token(), "claim_missing")
        other = {name: value for name, value in bound.items() if name != claim}
        strict.is_refused(eddsa.token(claims(**other)), "claim_missing")


@pytest.mark.parametrize("path", ["/items/a%20b", "/items/%C3%A9", "/items/a+b;c=d", "/items/%41", "/items/a%2Fb"])
def test_a_path_is_bound_as_it_was_sent(eddsa: Signer, path: str) -> None:
    app = FastAPI()
    SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa), bind=["request"]).install(app)

    @app.put("/items/{item:path}")
    async def item(item: str, user: CurrentUser) -> str:
        return user.id

    told = {"X-Auth-Assertion": eddsa.token(claims(req=req("PUT", path)))}
    assert TestClient(app).put(path, headers=told).status_code == 200
    told = {"X-Auth-Assertion": eddsa.token(claims(req=req("PUT", path.replace("%", "%25"))))}
    assert TestClient(app).put(path, headers=told).status_code == (401 if "%" in path else 200)


def test_a_mounted_app_sees_the_whole_path(eddsa: Signer) -> None:
    inner, outer = FastAPI(), FastAPI()
    SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa)).install(inner)
    outer.mount("/v1", inner)

    @inner.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    told = {"X-Auth-Assertion": eddsa.token(claims(req=req("GET", "/v1/me")))}
    assert TestClient(outer).get("/v1/me", headers=told).json() == "vcTE1"
