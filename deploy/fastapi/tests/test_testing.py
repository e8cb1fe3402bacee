"""What authors of apps are given for their own tests: made by the helper, believed by the app, and by nobody else."""

import pytest
from fastapi.testclient import TestClient

from apps import Client, app_with, client
from minting import AUDIENCE, Signer, jwks
from sidegate_fastapi import SidegateAuth
from sidegate_fastapi.testing import Assertions


@pytest.fixture
def assertions() -> Assertions:
    return Assertions()


@pytest.fixture
def app(assertions: Assertions, eddsa: Signer) -> Client:
    """One that believed sidegate's keys until the helper came."""
    app = app_with(SidegateAuth(audience=AUDIENCE, jwks=jwks(eddsa)))
    assertions.install(app)
    return Client(TestClient(app))


def test_somebody_is_signed_in(app: Client, assertions: Assertions) -> None:
    seen = app.http.get("/api/me", headers=assertions.headers()).json()
    assert (seen["id"], seen["session_id"], seen["roles"]) == ("usr_1", "ses_1", [])
    assert app.get(assertions.token(), "/api/gates/fresh").status_code == 200


def test_claims_may_be_added_replaced_and_left_out(app: Client, assertions: Assertions) -> None:
    seen = app.get(assertions.token(sub="usr_2", sid=None, email="a@example.com", roles=["admin"])).json()
    assert (seen["id"], seen["session_id"], seen["email"], seen["roles"]) == ("usr_2", None, "a@example.com", ["admin"])
    app.is_refused(assertions.token(exp=0), "expired")
    app.is_refused(assertions.token(aud=None), "claim_missing")


def test_nobody_else_believes_it(app: Client, assertions: Assertions, eddsa: Signer) -> None:
    client(eddsa, audience=assertions.audience).is_refused(assertions.token(), "unknown_key")
    app.is_refused(Assertions().token(), "bad_signature")
    app.is_refused(eddsa.token(), "unknown_key")
