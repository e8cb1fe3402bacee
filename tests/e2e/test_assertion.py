"""The signed assertion: read by PyJWT with the published keys, behind every proxy, for people of every kind."""

import base64
import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from conftest import World
from rig.assertion import AUDIENCE, P256, claims, key_set, new_key, request_digest, thumbprint
from rig.better_auth import SignedIn
from rig.callers import ALL
from rig.configuration import Configuration, wait_for
from rig.process import until
from rig.proxy import Proxy
from rig.sidegate import LONG, Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.wire import request
from test_commands import sidegate
from test_identity_headers import SPOOFS
from test_plugins import PLUGINS, change_user, in_organization, known

HEADER = "x-auth-assertion"


@pytest.fixture(scope="module")
def gate(world: World, on_sqlite: Stack) -> Iterator[Sidegate]:
    """As it is with a key of its own and everything that an assertion can be tied to, for each proxy."""
    home = world.home / "assertion"
    home.mkdir()
    key = str(new_key(home, "key.pem"))
    with on_sqlite.sidegate(
        assertion_audience=AUDIENCE, assertion_key_file=key, assertion_bind="host,request", log_level="trace"
    ) as gate:
        yield gate


def seen_by_the_app(proxy: Proxy, path: str, cookie: str, **options: Any) -> dict[str, Any]:
    answer = proxy.ask(path, cookie, **options)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


def values(seen: dict[str, Any], name: str) -> list[str]:
    return [value for header, value in seen["headers"] if header == name]


# --- behind each proxy


def test_the_app_gets_one_that_it_can_check(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    seen = seen_by_the_app(proxy, "/api/x", on_sqlite.ada.cookie)
    [told] = values(seen, HEADER)
    verdict = known(on_sqlite, on_sqlite.ada)
    said = claims(told, key_set(gate))
    assert said["iss"] == "sidegate"
    assert (said["sub"], said["sid"]) == (verdict["user"]["id"], verdict["session"]["id"])
    assert (said["email"], said["name"]) == (verdict["user"]["email"], verdict["user"]["name"])
    assert said["auth_time"] == seconds(verdict["session"]["createdAt"])


def test_it_is_tied_to_what_the_app_was_asked(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    keys = key_set(gate)
    for method, path in (("GET", "/api/caf%C3%A9?x=1"), ("POST", "/api/a+b"), ("DELETE", "/api/~x/?a=b?c")):
        seen = seen_by_the_app(proxy, path, on_sqlite.ada.cookie, method=method)
        said = claims(values(seen, HEADER)[0], keys)
        assert said["req"] == request_digest(method, seen["path"]), path
        assert [said["host"]] == [host.lower() for host in values(seen, "host")]
    first, second = (claims(values(seen_by_the_app(proxy, path, on_sqlite.ada.cookie), HEADER)[0], keys)["req"]
                     for path in ("/api/x", "/api/y"))  # fmt: skip
    assert first != second


@pytest.mark.parametrize("spoof", ["plain", "underscores", "duplicates", "mixed"])
def test_no_client_can_send_one(on_sqlite: Stack, gate: Sidegate, proxy: Proxy, spoof: str) -> None:
    answer = proxy.ask("/api/x", on_sqlite.ada.cookie, headers=SPOOFS[spoof])
    # What could be taken for another header is refused by some, and never handed on.
    if answer.status_code == 200:
        [told] = values(answer.json(), HEADER)
        assert claims(told, key_set(gate))["sub"]
    else:
        assert answer.status_code in (400, 403)
    public = proxy.ask("/about", on_sqlite.ada.cookie, headers=SPOOFS[spoof])
    if public.status_code == 200:
        assert values(public.json(), HEADER) == []


def test_whoever_is_signed_out_gets_none(on_sqlite: Stack, gate: Sidegate, proxy: Proxy) -> None:
    person = on_sqlite.better_auth.sign_in()
    assert seen_by_the_app(proxy, "/api/x", person.cookie)
    on_sqlite.better_auth.sign_out(person)
    gate.wait_until_out(person.cookie)
    answer = proxy.ask("/api/x", person.cookie)
    assert (answer.status_code, HEADER in answer.headers) == (401, False)


# --- whom it is about


@pytest.fixture(scope="module")
def plugged(world: World) -> Stack:
    return world.new_stack(world.sqlite, "asserted", None, PLUGINS)


@pytest.fixture
def fresh(plugged: Stack, home: Path) -> Iterator[Sidegate]:
    """The gate behind the proxies of `plugged`, which asks its store each time."""
    key = str(new_key(home, "key.pem", *P256))
    with plugged.sidegate(assertion_audience=AUDIENCE, assertion_key_file=key, cache_ttl="0s") as gate:
        yield gate


@pytest.mark.parametrize("caller", ["nginx", "envoy-grpc"])
def test_all_that_better_auth_says_of_somebody_is_claimed(plugged: Stack, fresh: Sidegate, caller: str) -> None:
    person = plugged.better_auth.sign_in(plugged.better_auth.sign_up("Zoë 山田 🚀 100%"))
    change_user(plugged, person, role="'admin,user'", emailVerified="true", twoFactorEnabled="true", isAnonymous="true")
    organization = in_organization(plugged, person)
    seen = seen_by_the_app(plugged.proxy(caller), "/api/x", person.cookie)
    verdict = known(plugged, person)
    said = claims(values(seen, HEADER)[0], key_set(fresh))
    assert said.pop("exp") == said.pop("iat") + 60
    assert said == {
        "iss": "sidegate",
        "aud": AUDIENCE,
        "sub": verdict["user"]["id"],
        "sid": verdict["session"]["id"],
        "auth_time": seconds(verdict["session"]["createdAt"]),
        "session_expiry": seconds(verdict["session"]["expiresAt"]),
        "roles": ["admin", "user"],
        "org_id": organization,
        "org_roles": ["owner"],
        "team_id": verdict["session"]["activeTeamId"],
        "email": person.email,
        "email_verified": True,
        "name": "Zoë 山田 🚀 100%",
        "two_factor": True,
        "anonymous": True,
    }


@pytest.mark.parametrize("caller", ["nginx", "envoy-grpc"])
def test_an_administrator_who_acts_as_somebody_is_named(plugged: Stack, fresh: Sidegate, caller: str) -> None:
    admin, person = plugged.better_auth.sign_in(), plugged.better_auth.sign_in()
    change_user(plugged, admin, role="'admin'")
    acting = plugged.better_auth.impersonate(known(plugged, person)["user"]["id"], admin)
    seen = seen_by_the_app(plugged.proxy(caller), "/api/x", acting.cookie)
    said = claims(values(seen, HEADER)[0], key_set(fresh))
    assert said["sub"] == known(plugged, person)["user"]["id"]
    assert said["act"] == {"sub": known(plugged, admin)["user"]["id"]}
    assert "act" not in claims(asked(fresh, person), key_set(fresh))


def test_a_role_that_changed_is_claimed_with_the_next_answer(plugged: Stack, fresh: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    for role in ("admin", "user", "admin"):
        change_user(plugged, person, role=literal(role))
        assert claims(asked(fresh, person), key_set(fresh))["roles"] == [role]


def test_neither_token_nor_cookie_is_in_it(plugged: Stack, fresh: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    told = asked(fresh, person)
    for part in told.split("."):
        text = base64.urlsafe_b64decode(part + "==")
        assert person.token.encode() not in text
        assert person.value.encode() not in text


@pytest.mark.parametrize("caller", ALL)
def test_the_longest_identity_gets_through_every_proxy_whole(plugged: Stack, fresh: Sidegate, caller: str) -> None:
    person = plugged.better_auth.sign_in()
    name = "n" * 750 + '"' * 150  # a quotation mark takes one byte in a header and two in JSON
    change_user(plugged, person, role=literal("r" * 1000), name=literal(name))
    change_user(plugged, person, email=literal(f"{caller:e<540}@example.com"))
    direct = fresh.ask(person.cookie)
    identity = {header: value for header, value in direct.headers if header.startswith("x-auth-")}
    # Of 4096 and 2560 at most.
    assert len(identity[HEADER]) > 3900
    assert sum(len(value) for header, value in identity.items() if header != HEADER) > 2500
    seen = seen_by_the_app(plugged.proxy(caller), "/api/x", person.cookie)
    assert claims(values(seen, HEADER)[0], key_set(fresh))["name"] == name
    for header, value in identity.items():
        # Each is signed anew here, so another than sidegate's answer to the test has.
        assert values(seen, header) == [value] or (header == HEADER and len(values(seen, header)) == 1), header


# --- stale


def test_an_answer_from_before_an_outage_says_since_when_nothing_newer_is_known(
    world: World, stacks: Callable[..., Stack], home: Path
) -> None:
    stack = stacks(world.sqlite, "asserted-stale")
    person = stack.better_auth.sign_in()
    with Sidegate(
        home,
        stack.better_auth.url,
        assertion_audience=AUDIENCE,
        cache_ttl="10ms",
        stale_if_error=LONG,
    ) as gate:
        asked_at = time.time()
        assert "checked_at" not in claims(asked(gate, person), key_set(gate))
        stack.better_auth.stop()
        until(lambda: gate.ask(person.cookie).get("x-auth-freshness"), "the answer is stale")
        known_until = time.time()
        said = claims(asked(gate, person), key_set(gate))
        assert int(asked_at) <= said["checked_at"] <= known_until


# --- keys


def test_keys_are_named_by_their_thumbprints_and_told_for_signatures_alone(home: Path, on_sqlite: Stack) -> None:
    files = [new_key(home, "new.pem", *P256), new_key(home, "old.pem")]
    jwks = home / "public" / "jwks.json"
    jwks.parent.mkdir()
    with Sidegate(
        home,
        on_sqlite.store,
        assertion_audience=AUDIENCE,
        assertion_issuer="https://app.example",
        assertion_key_file=",".join(map(str, files)),
        assertion_jwks_file=str(jwks),
    ) as gate:
        answer = gate.admin("/.well-known/jwks.json")
        assert answer.headers["content-type"] == "application/jwk-set+json"
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert json.loads(jwks.read_text()) == answer.json()
        assert (jwks.stat().st_mode & 0o777, list(jwks.parent.iterdir())) == (0o644, [jwks])
        new, old = answer.json()["keys"]
        assert [thumbprint(key) for key in (new, old)] == [new["kid"], old["kid"]]
        assert (new["kty"], new["crv"], new["alg"], new["use"]) == ("EC", "P-256", "ES256", "sig")
        assert (old["kty"], old["crv"], old["alg"], old["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
        assert all("d" not in key for key in (new, old))
        told = asked(gate, on_sqlite.ada)
        assert jwt.get_unverified_header(told)["kid"] == new["kid"]
        assert claims(told, jwt.PyJWKSet.from_json(jwks.read_text()), issuer="https://app.example")


def test_while_keys_are_replaced_no_assertion_is_in_doubt(home: Path, on_sqlite: Stack) -> None:
    old, new = new_key(home, "old.pem"), new_key(home, "new.pem", *P256)
    settings = {"assertion_audience": AUDIENCE, "cache_ttl": LONG}
    told: list[str] = []
    for files in ([old], [old, new], [new, old]):
        with Sidegate(home, on_sqlite.store, assertion_key_file=",".join(map(str, files)), **settings) as gate:
            told.append(asked(gate, on_sqlite.ada))
            for each in told:
                assert claims(each, key_set(gate))
    with Sidegate(home, on_sqlite.store, assertion_key_file=str(new), **settings) as gate:
        assert claims(told[-1], key_set(gate))
        with pytest.raises(KeyError):
            claims(told[0], key_set(gate))


def test_keys_are_replaced_without_a_restart(home: Path, on_sqlite: Stack) -> None:
    old, new, jwks = new_key(home, "old.pem"), new_key(home, "new.pem"), home / "jwks.json"
    told: list[str] = []
    settings = {"assertion_audience": AUDIENCE, "assertion_jwks_file": str(jwks), "reload_interval": "0s"}
    configuration = Configuration(home, **settings, assertion_key_file=str(old))
    with Sidegate(home, on_sqlite.store, config=str(configuration.path), cache_ttl=LONG) as gate:
        told.append(asked(gate, on_sqlite.ada))
        for times, files in enumerate(([old, new], [new, old]), 1):
            configuration.put(**settings, assertion_key_file=",".join(map(str, files)))
            gate.process.send(signal.SIGHUP)
            wait_for(gate, "applied", times)
            told.append(asked(gate, on_sqlite.ada))
            assert json.loads(jwks.read_text()) == gate.admin("/.well-known/jwks.json").json()
            assert all(claims(each, key_set(gate)) for each in told)
        kids = [jwt.get_unverified_header(each)["kid"] for each in told]
        assert (kids[0], kids[1] == kids[0], kids[2] == kids[0]) == (key_set(gate).keys[1].key_id, True, False)
        # A key that cannot be taken leaves all as it is.
        new.write_text("no key")
        gate.process.send(signal.SIGHUP)
        wait_for(gate, "refused", 1)
        assert claims(asked(gate, on_sqlite.ada), key_set(gate))


def test_a_key_that_was_made_at_the_start_outlives_a_reload(home: Path, on_sqlite: Stack) -> None:
    configuration = Configuration(home, assertion_audience=AUDIENCE, reload_interval="0s")
    with Sidegate(home, on_sqlite.store, config=str(configuration.path), cache_ttl=LONG) as gate:
        before = asked(gate, on_sqlite.ada)
        configuration.put(assertion_audience="other-api", reload_interval="0s")
        gate.process.send(signal.SIGHUP)
        wait_for(gate, "applied", 1)
        assert claims(before, key_set(gate))
        assert claims(asked(gate, on_sqlite.ada), key_set(gate), audience="other-api")
        configuration.put(reload_interval="0s")
        gate.process.send(signal.SIGHUP)
        wait_for(gate, "applied", 2)
        assert gate.admin("/.well-known/jwks.json").status_code == 404
        assert gate.ask(on_sqlite.ada.cookie).get(HEADER) is None


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_key_that_is_made_at_the_start_is_another_one_each_time(
    home: Path, on_sqlite: Stack, algorithm: str
) -> None:
    kids = set()
    for _ in range(2):
        with Sidegate(
            home, on_sqlite.store, assertion_audience=AUDIENCE, assertion_algorithm=algorithm
        ) as gate:
            told = asked(gate, on_sqlite.ada)
            assert claims(told, key_set(gate))
            header = jwt.get_unverified_header(told)
            assert header["alg"] == algorithm
            kids.add(header["kid"])
            assert any("a key is made at each start" in event["message"] for event in gate.log())
    assert len(kids) == 2


def test_an_assertion_is_signed_once_and_handed_out_again(home: Path, on_sqlite: Stack) -> None:
    with Sidegate(home, on_sqlite.store, assertion_audience=AUDIENCE, cache_ttl=LONG) as gate:
        # Within half a minute, or the clock has it signed anew.
        told = {asked(gate, on_sqlite.ada) for _ in range(20)}
        signed = gate.total("sidegate_assertions_total", outcome="signed")
        assert len(told) == signed <= 2
        assert gate.total("sidegate_assertions_total", outcome="reused") == 20 - signed


def test_without_an_audience_nothing_is_signed_or_published(home: Path, on_sqlite: Stack) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        assert gate.admin("/.well-known/jwks.json").status_code == 404
        assert gate.ask(on_sqlite.ada.cookie).get(HEADER) is None


def test_the_keys_are_not_told_where_proxies_ask(home: Path, on_sqlite: Stack) -> None:
    with Sidegate(home, on_sqlite.store, assertion_audience=AUDIENCE) as gate:
        assert isinstance(gate.address, tuple)
        with gate.connect() as wire:
            assert wire.ask(request("GET", "/.well-known/jwks.json", [("Host", "sidegate")])).status == 404


# --- settings


def test_check_tells_who_signs_for_whom(home: Path, on_sqlite: Stack) -> None:
    store = f"--store={on_sqlite.store}"
    assert "assertion off" in sidegate(home, "check", store).out
    made = sidegate(home, "check", store, f"--assertion-audience={AUDIENCE}")
    assert made.code == 0
    assert "a new EdDSA key at each start" in made.out
    assert "assertion_key_file is not set" in made.out
    old, new = new_key(home, "old.pem"), new_key(home, "new.pem", *P256)
    files = f"--assertion-key-file={new},{old}"
    ended = sidegate(home, "check", store, f"--assertion-audience={AUDIENCE}", files)
    assert ended.code == 0
    assert f"for the audience {AUDIENCE}, from the issuer sidegate" in ended.out
    assert "warning" not in ended.out
    with Sidegate(home, on_sqlite.store, assertion_audience=AUDIENCE, assertion_key_file=f"{new},{old}") as gate:
        kids = [key["kid"] for key in gate.admin("/.well-known/jwks.json").json()["keys"]]
    assert f"ES256 key {kids[0]} signs" in ended.out
    assert f"EdDSA key {kids[1]} is published" in ended.out


def test_a_file_of_keys_that_cannot_be_written_ends_the_start(home: Path, on_sqlite: Stack) -> None:
    missing = home / "missing" / "jwks.json"
    gate = Sidegate(home, on_sqlite.store, assertion_audience=AUDIENCE, assertion_jwks_file=str(missing))
    until(lambda: gate.process.exit_code == 78, "it ends for a setting that is wrong")
    assert f"cannot write {missing}, which assertion_jwks_file names" in gate.process.text()


def asked(gate: Sidegate, person: SignedIn) -> str:
    """The assertion about somebody, as nginx is given it."""
    told = gate.ask(person.cookie).get(HEADER)
    assert told
    return told


def seconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp())
