"""What an assertion makes of a request: who it is, and when it is nobody."""

import json
import time
from datetime import UTC, datetime

import pytest

from apps import Client, client
from minting import AUDIENCE, Signer, claims

WHOLE = {
    "auth_time": 1_700_000_000,
    "email": "joerg@example.com",
    "email_verified": True,
    "name": "Jörg 100% 山田 🚀",
    "roles": ["admin", "editor"],
    "org_id": "org_1",
    "org_roles": ["owner"],
    "team_id": "team_1",
    "act": {"sub": "usr_boss"},
    "two_factor": True,
    "anonymous": True,
    "session_expiry": 4_070_908_800,
    "checked_at": 1_700_000_100,
}


def test_a_user_is_who_the_assertion_says(app: Client, signer: Signer) -> None:
    told = claims(**WHOLE)
    answer = app.get(signer.token(told))
    assert answer.status_code == 200
    seen = answer.json()
    assert {name: seen.pop(name) for name in ("expires_at", "auth_time", "checked_at", "session_expires")} == {
        "expires_at": datetime.fromtimestamp(int(str(told["exp"])), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "auth_time": "2023-11-14T22:13:20Z",
        "checked_at": "2023-11-14T22:15:00Z",
        "session_expires": "2099-01-01T00:00:00Z",
    }
    assert sorted(seen.pop("roles")) == ["admin", "editor"]
    assert seen == {
        "id": "vcTE1",
        "session_id": "s1",
        "email": "joerg@example.com",
        "email_verified": True,
        "name": "Jörg 100% 山田 🚀",
        "organization": {"id": "org_1", "roles": ["owner"]},
        "team_id": "team_1",
        "impersonated_by": "usr_boss",
        "two_factor": True,
        "anonymous": True,
    }


def test_what_is_not_claimed_is_none_or_false(app: Client, signer: Signer) -> None:
    seen = app.get(signer.token(claims(sid=None))).json()
    assert [seen.pop(name) for name in ("id", "roles")] == ["vcTE1", []]
    assert {name for name, value in seen.items() if value is False} == {"email_verified", "two_factor", "anonymous"}
    assert {name for name, value in seen.items() if value is None} == {
        "session_id", "email", "name", "organization", "team_id", "impersonated_by", "auth_time", "session_expires",
        "checked_at",
    }  # fmt: skip


def test_claims_of_the_apps_own_are_there_as_they_were_said(app: Client, signer: Signer) -> None:
    told = claims(plan={"name": "pro", "seats": [1, 2]})
    assert app.get(signer.token(told), "/api/claims").json() == told


def test_a_sync_endpoint_knows_its_user(app: Client, signer: Signer) -> None:
    assert app.get(signer.token(), "/api/sync").json() == "vcTE1"


def test_whoever_has_no_assertion_is_nobody(app: Client) -> None:
    for empty in (None, ""):
        answer = app.is_refused(empty, "no_assertion")
        # RFC 6750, section 3: no error is named where no credential came.
        assert answer.headers["www-authenticate"] == 'Bearer realm="sidegate"'
        assert answer.headers["cache-control"] == "no-store"
        assert app.get(empty, "/api/maybe").json() is None


def test_an_optional_user_may_be_somebody(app: Client, signer: Signer) -> None:
    assert app.get(signer.token(), "/api/maybe").json() == "vcTE1"


def test_an_assertion_that_does_not_count_is_not_nobody_either(app: Client, signer: Signer) -> None:
    app.is_refused(signer.token(claims(aud="https://other.example")), "wrong_audience", "/api/maybe")
    app.is_refused("nonsense", "malformed_assertion", "/api/maybe")


def test_a_refusal_says_why_and_asks_for_a_bearer(app: Client, signer: Signer) -> None:
    answer = app.is_refused(signer.token(claims(exp=1)), "expired")
    assert answer.json() == {"detail": {"reason": "expired", "message": "the assertion is over"}}
    challenge = 'Bearer realm="sidegate", error="invalid_token", error_description="the assertion is over"'
    assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "iat", "exp"])
def test_an_assertion_without_what_must_be_there_is_refused(app: Client, signer: Signer, claim: str) -> None:
    app.is_refused(signer.token(claims(**{claim: None})), "claim_missing")


@pytest.mark.parametrize("audience", ["https://other.example", AUDIENCE + "/", AUDIENCE.upper(), f" {AUDIENCE}"])
def test_an_assertion_for_another_audience_is_refused(app: Client, signer: Signer, audience: str) -> None:
    app.is_refused(signer.token(claims(aud=audience)), "wrong_audience")


@pytest.mark.parametrize("audience", [[AUDIENCE], [AUDIENCE, "https://other.example"], {AUDIENCE: 1}, 1, True])
def test_an_audience_is_one_text(app: Client, signer: Signer, audience: object) -> None:
    """RFC 7519, section 4.1.3, allows for lists; sidegate writes none, so another wrote this."""
    app.is_refused(signer.token(claims(aud=audience)), "wrong_audience")


@pytest.mark.parametrize("audience", [[], "", {}])
def test_an_assertion_for_nobody_is_refused(app: Client, signer: Signer, audience: object) -> None:
    app.is_refused(signer.token(claims(aud=audience)), "claim_missing")


@pytest.mark.parametrize("issuer", ["https://evil.example", "Sidegate", "sidegate ", ""])
def test_an_assertion_of_another_issuer_is_refused(app: Client, signer: Signer, issuer: str) -> None:
    app.is_refused(signer.token(claims(iss=issuer)), "wrong_issuer")


def test_an_issuer_of_the_operators_choice_counts_and_no_other(eddsa: Signer) -> None:
    app = client(eddsa, issuer="https://gate.example")
    assert app.get(eddsa.token(claims(iss="https://gate.example"))).status_code == 200
    app.is_refused(eddsa.token(), "wrong_issuer")


def test_an_assertion_counts_until_it_expires_and_by_the_leeway_longer(eddsa: Signer) -> None:
    exact, lenient = client(eddsa, leeway=0), client(eddsa, leeway=30)
    now = int(time.time())
    assert exact.get(eddsa.token(claims(exp=now + 20))).status_code == 200
    exact.is_refused(eddsa.token(claims(exp=now)), "expired")
    assert lenient.get(eddsa.token(claims(exp=now - 10))).status_code == 200
    lenient.is_refused(eddsa.token(claims(exp=now - 31)), "expired")


def test_an_assertion_that_begins_later_is_refused(eddsa: Signer) -> None:
    exact, lenient = client(eddsa, leeway=0), client(eddsa, leeway=60)
    later = int(time.time()) + 30
    for claim in ("nbf", "iat"):
        token = eddsa.token(claims(**{claim: later}))
        exact.is_refused(token, "not_yet_valid")
        assert lenient.get(token).status_code == 200
    assert exact.get(eddsa.token(claims(nbf=later - 60))).status_code == 200


TIMES: list[object] = ["4102444800", 4102444800.5, True, [4102444800], {}, 1e300, 10**30]


@pytest.mark.parametrize("moment", TIMES, ids=repr)
@pytest.mark.parametrize("claim", ["exp", "auth_time"])
def test_a_time_is_a_whole_number(app: Client, signer: Signer, claim: str, moment: object) -> None:
    answer = app.get(signer.token(claims(**{claim: moment})))
    assert answer.status_code == 401
    assert answer.json()["detail"]["reason"] in ("claim_malformed", "malformed_assertion", "expired")


@pytest.mark.parametrize("literal", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_a_time_is_a_finite_one(app: Client, signer: Signer, literal: str) -> None:
    text = json.dumps(claims(exp="@")).replace('"@"', literal)
    assert app.get(signer.token(text)).status_code == 401


WRONG: list[tuple[str, object]] = [
    ("sub", 1),
    ("sub", ""),
    ("sid", ["s1"]),
    ("roles", "admin"),
    ("roles", ["admin", 1]),
    ("roles", {"admin": True}),
    ("org_roles", "owner"),
    ("email", ["joerg@example.com"]),
    ("email_verified", "true"),
    ("email_verified", 1),
    ("two_factor", "yes"),
    ("act", "usr_boss"),
    ("act", {}),
    ("act", {"sub": ""}),
    ("host", ""),
    ("req", 1),
    ("checked_at", "1"),
]


@pytest.mark.parametrize(("claim", "value"), WRONG, ids=repr)
def test_a_claim_is_what_sidegate_writes_and_nothing_like_it(
    app: Client, signer: Signer, claim: str, value: object
) -> None:
    answer = app.get(signer.token(claims(**{claim: value})))
    assert answer.status_code == 401
    reason = answer.json()["detail"]["reason"]
    assert reason == ("malformed_assertion" if claim == "sub" and value == 1 else "claim_malformed")


def test_two_assertions_are_none_whichever_comes_first(app: Client, signer: Signer) -> None:
    good, bad = signer.token(), signer.token(claims(aud="https://other.example"))
    for pair in ((good, bad), (bad, good), (good, good)):
        lines = [("X-Auth-Assertion", pair[0]), ("x-auth-assertion", pair[1])]
        answer = app.http.get("/api/me", headers=lines)
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "two_assertions")
    app.is_refused(f"{good}, {good}", "malformed_assertion")


def test_twins_and_plain_headers_say_nothing(app: Client, signer: Signer) -> None:
    plain = {
        "X-Auth-Status": "user",
        "X-Auth-User-Id": "root",
        "X-Auth-User-Role": "admin",
        "X-Auth-Session-Expires": "2099-01-01T00:00:00Z",
    }
    twins = {"X_Auth_Assertion": signer.token(claims(sub="root")), "X.Auth.Assertion": signer.token(claims(sub="root"))}
    bearer = {"Authorization": f"Bearer {signer.token(claims(sub='root'))}"}
    for spoof in (plain, twins, bearer, plain | twins | bearer):
        assert app.get(None, **spoof).status_code == 401
        assert app.get(None, "/api/maybe", **spoof).json() is None
        seen = app.get(signer.token(), **spoof).json()
        assert (seen["id"], seen["roles"]) == ("vcTE1", [])
