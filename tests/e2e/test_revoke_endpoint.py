"""`POST /revoke`: whoever knows the secret says what may no longer be believed, above all Better Auth itself by the plugin in
`deploy/better-auth/`.

`cache_ttl` is a minute: what is refused sooner was told of.
"""

import hashlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import World
from rig import secrets
from rig.better_auth import BetterAuth, SignedIn
from rig.ports import free_port
from rig.process import until
from rig.redis import Redis
from rig.sidegate import LONG, Sidegate
from rig.stack import Stack
from rig.wire import Wire, request
from test_commands import sidegate
from test_revocation_redis import HALF_OPEN, remembered

SECRET = "what-only-better-auth-knows-0123"
secrets.remember("the secret of POST /revoke", SECRET)

PATIENCE = 1.0
"""Seconds that an answer of Better Auth waits for sidegate: `timeout` of the plugin."""


@pytest.fixture(scope="module")
def secret_file(world: World) -> str:
    path = world.home / "revoke-secret"
    path.write_text(SECRET + "\n")
    return str(path)


@pytest.fixture(scope="module")
def gate(on_sqlite: Stack, world: World, secret_file: str) -> Iterator[Sidegate]:
    home = world.home / "revoke"
    home.mkdir()
    with Sidegate(home, on_sqlite.store, cache_ttl=LONG, revocation="off", revoke_secret_file=secret_file) as gate:
        yield gate


def digest(person: SignedIn) -> str:
    return hashlib.sha256(person.token.encode()).hexdigest()


def post(gate: Sidegate, body: bytes = b'{"everything":true}', method: str = "POST", **headers: str) -> httpx.Response:
    """A request with the secret and as JSON, unless headers say otherwise; an empty one is left out."""
    assert not isinstance(gate.admin_address, Path)
    sent = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    url = f"http://127.0.0.1:{gate.admin_address[1]}/revoke"
    given = {name: value for name, value in sent.items() if value}
    return httpx.request(method, url, content=body, headers=given, trust_env=False)


def names_of(stack: Stack, person: SignedIn) -> dict[str, dict[str, Any]]:
    """Each way to name that session."""
    known = stack.better_auth.session_of(person.cookie)
    assert known
    return {
        "token": {"token_digest": digest(person)},
        "TOKEN": {"token_digest": [digest(person).upper()]},
        "session": {"session_id": known["session"]["id"]},
        "user": {"user_id": ["somebody else", known["user"]["id"]]},
        "everything": {"everything": True},
    }


@pytest.mark.parametrize("how", ["token", "TOKEN", "session", "user", "everything"])
def test_what_is_named_is_asked_for_again(on_sqlite: Stack, gate: Sidegate, how: str) -> None:
    person = on_sqlite.better_auth.sign_in()
    named = names_of(on_sqlite, person)[how]
    remembered(gate, person)
    on_sqlite.better_auth.sign_out(person)
    assert gate.ask(person.cookie).status == 200, "it is remembered"
    counted = gate.total("sidegate_revocations_total", channel="push")
    answer = gate.revoke(SECRET, **named)
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    assert gate.ask(person.cookie).status == 401
    expected = len(value) if isinstance(value := next(iter(named.values())), list) else 1
    assert gate.total("sidegate_revocations_total", channel="push") == counted + expected


def test_what_is_named_is_asked_for_once_more_a_moment_later(on_sqlite: Stack, gate: Sidegate) -> None:
    """Better Auth tells of a user before it has written the change to a secondary storage: who was looked up meanwhile is
    looked up again."""
    person = on_sqlite.better_auth.sign_in()
    assert gate.revoke(SECRET, **names_of(on_sqlite, person)["user"]).status_code == 204
    remembered(gate, person)
    asked = gate.lookups()

    def asked_again() -> bool:
        assert gate.ask(person.cookie).status == 200
        return gate.lookups() == asked + 1

    until(asked_again, "the session is looked up once more")


def test_what_is_not_named_stays_remembered(on_sqlite: Stack, gate: Sidegate) -> None:
    person, other = on_sqlite.better_auth.sign_in(), on_sqlite.better_auth.sign_in()
    remembered(gate, person)
    assert gate.revoke(SECRET, token_digest=digest(other), user_id="somebody", session_id="none").status_code == 204
    asked = gate.lookups()
    assert gate.ask(person.cookie).status == 200
    assert gate.lookups() == asked


def test_the_answer_tells_nothing_of_what_there_was(gate: Sidegate) -> None:
    answers = [gate.revoke(SECRET, user_id="nobody") for _ in range(2)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}


def test_when_it_happened_is_measured(on_sqlite: Stack, gate: Sidegate) -> None:
    def measured() -> tuple[float, float]:
        name = "sidegate_revocation_lag_seconds"
        return gate.total(f"{name}_count", channel="push"), gate.total(f"{name}_sum", channel="push")

    before = measured()
    assert gate.revoke(SECRET, user_id="nobody", at=int(time.time() * 1000) - 3000).status_code == 204
    count, total = measured()
    assert count == before[0] + 1
    assert 3 <= total - before[1] < 20


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({"authorization": ""}, 'Bearer realm="sidegate"'),
        ({"authorization": f"Basic {SECRET}"}, 'Bearer realm="sidegate"'),
        ({"authorization": SECRET}, 'Bearer realm="sidegate"'),
        ({"authorization": "Bearer wrong"}, 'Bearer realm="sidegate", error="invalid_token"'),
        ({"authorization": f"Bearer {SECRET}x"}, 'Bearer realm="sidegate", error="invalid_token"'),
        ({"authorization": f"Bearer {SECRET[:-1]}"}, 'Bearer realm="sidegate", error="invalid_token"'),
    ],
)
def test_without_the_secret_nothing_is_revoked(
    on_sqlite: Stack, gate: Sidegate, headers: dict[str, str], challenge: str
) -> None:
    person = on_sqlite.better_auth.sign_in()
    remembered(gate, person)
    answer = post(gate, **headers)
    # RFC 6750 §3 and §3.1
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)
    assert answer.json()["error"] == "unauthorized"
    asked = gate.lookups()
    assert gate.ask(person.cookie).status == 200
    assert gate.lookups() == asked


def test_the_schemes_name_may_be_written_in_any_case(gate: Sidegate) -> None:
    """RFC 9110 §11.1"""
    assert post(gate, authorization=f"bEARER {SECRET}").status_code == 204


def test_two_secrets_are_none(gate: Sidegate) -> None:
    assert not isinstance(gate.admin_address, Path)
    headers = [("authorization", f"Bearer {SECRET}")] * 2 + [("content-type", "application/json")]
    url = f"http://127.0.0.1:{gate.admin_address[1]}/revoke"
    assert httpx.post(url, content=b'{"everything":true}', headers=headers, trust_env=False).status_code == 401


def test_guesses_are_logged_once_a_minute(on_sqlite: Stack, home: Path, secret_file: str) -> None:
    with Sidegate(home, on_sqlite.store, revoke_secret_file=secret_file) as gate:
        for _ in range(5):
            assert post(gate, authorization="Bearer a guess of somebody").status_code == 401
        assert post(gate).status_code == 204
        told = gate.events("POST /revoke was asked without the right secret", 1)
        assert [event["refused"] for event in told] == [1]
        assert "a guess of somebody" not in gate.process.text()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON object"),
        (b"{", "no JSON object"),
        (b"[]", "no JSON object"),
        (b'{"everything":true} {}', "no JSON object"),
        (b"{}", "nothing is named"),
        (b'{"everything":false}', "nothing is named"),
        (b'{"user_id":[]}', "nothing is named"),
        (b'{"at":1}', "nothing is named"),
        (b'{"everything":1}', "everything is neither"),
        (b'{"user_id":7}', "user_id is neither"),
        (b'{"user_id":""}', "user_id is neither"),
        (b'{"user_id":["a",null]}', "user_id is neither"),
        (b'{"session_id":{}}', "session_id is neither"),
        (b'{"token_digest":"ab"}', "token_digest is neither"),
        (b'{"token_digest":"' + b"g" * 64 + b'"}', "token_digest is neither"),
        (b'{"everything":true,"at":"today"}', "at is no number"),
        (b'{"everything":true,"at":-1}', "at is no number"),
        (b'{"user_id":"a","user_id":"b"}', "twice"),
        (b'{"user_id":"a","token":"b"}', "a key other than"),
        (b'{"user_id":["' + b'","'.join([b"a"] * 1001) + b'"]}', "more than 1000"),
    ],
)
def test_a_body_that_says_nothing_is_told_why(gate: Sidegate, body: bytes, why: str) -> None:
    answer = post(gate, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert why in answer.json()["message"]


def test_a_thousand_digests_fit(gate: Sidegate) -> None:
    many = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
    assert gate.revoke(SECRET, token_digest=many).status_code == 204


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_only_json_is_read(gate: Sidegate, kind: str) -> None:
    assert post(gate, content_type=kind).status_code == 415
    assert post(gate, content_type="application/json; charset=utf-8").status_code == 204


def test_a_body_beyond_the_limit_is_not_read(gate: Sidegate) -> None:
    body = b'{"user_id":"' + b"a" * 131_072 + b'"}'
    assert post(gate, body).status_code == 413

    def chunks() -> Iterator[bytes]:
        yield body

    assert not isinstance(gate.admin_address, Path)
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    url = f"http://127.0.0.1:{gate.admin_address[1]}/revoke"
    # Of no length that is known beforehand.
    assert httpx.post(url, content=chunks(), headers=headers, trust_env=False).status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(on_sqlite: Stack, home: Path, secret_file: str) -> None:
    settings = {"revoke_secret_file": secret_file, "header_read_timeout": "300ms"}
    with Sidegate(home, on_sqlite.store, **settings) as gate, Wire(gate.admin_address) as wire:
        headers = [("Host", "sidegate"), ("Authorization", f"Bearer {SECRET}"),
                   ("Content-Type", "application/json"), ("Content-Length", "19")]  # fmt: skip
        wire.send(request("POST", "/revoke", headers))
        assert wire.read().status == 408


def test_other_methods_are_told_which_one_it_is(gate: Sidegate) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = post(gate, method=method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_without_the_setting_there_is_no_such_place(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        assert gate.admin("/revoke").status_code == 404
        assert post(gate).status_code == 404


def test_it_is_not_on_the_listener_that_proxies_ask(gate: Sidegate) -> None:
    assert not isinstance(gate.address, Path)
    url = f"http://127.0.0.1:{gate.address[1]}/revoke"
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    assert httpx.post(url, content=b'{"everything":true}', headers=headers, trust_env=False).status_code == 404


@pytest.mark.parametrize("text", ["", "too short", "fifteen-letters", "with a space in the middle", "mit-Umlaut-äöü-und-mehr"])
def test_a_secret_that_is_none_is_a_mistake(on_sqlite: Stack, home: Path, text: str) -> None:
    path = home / "secret"
    path.write_text(text)
    ended = sidegate(home, "check", f"--store={on_sqlite.store}", f"--revoke-secret-file={path}")
    assert ended.code == 78
    assert "none that can be sent as a bearer" in ended.err
    assert not text or text not in ended.err


class Told:
    """Better Auth with the plugin, and sidegates that it tells."""

    def __init__(self, home: Path, database: str, secret_file: str, *, gates: int = 1, **options: Any) -> None:
        home.mkdir(exist_ok=True)
        self.home, self._secret_file = home, secret_file
        # Known before either starts, for each has to know the other.
        self._admins = [f"127.0.0.1:{free_port()}" for _ in range(gates)]
        urls = ",".join(f"http://{admin}" for admin in options.pop("told", self._admins))
        env = {"SIDEGATE_URLS": urls, "SIDEGATE_REVOKE_SECRET": SECRET} | options.pop("env", {})
        changes = {"user": {"changeEmail": {"enabled": True, "updateEmailWithoutVerification": True}}}
        self.better_auth = BetterAuth(
            home, database, options=changes | options.pop("options", {}), plugins={"admin": {}}, env=env, **options
        )

    def gate(self, number: int = 0, store: str | None = None, **settings: str) -> Sidegate:
        """One of the sidegates, which asks Better Auth itself if no store is named."""
        chosen = {"cache_ttl": LONG, "revocation": "off"} | settings
        return Sidegate(
            self.home,
            store or self.better_auth.origin,
            admin_listen=self._admins[number],
            revoke_secret_file=self._secret_file,
            **chosen,
        )

    def administrator(self) -> SignedIn:
        """As the first user's own right is given: by the adapter, whatever that is."""
        email = self.better_auth.sign_up("The Administrator")
        self.better_auth.make_administrator(email)
        return self.better_auth.sign_in(email)

    def user(self, person: SignedIn) -> str:
        known = self.better_auth.session_of(person.cookie)
        assert known
        user: str = known["user"]["id"]
        return user


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres"])
def told(request: pytest.FixtureRequest, world: World, secret_file: str) -> Iterator[Told]:
    """Behind sidegate, Better Auth itself, or its database."""
    name = request.param
    if name != "memory":
        world.database(name).create("told")
    url = "memory:" if name == "memory" else world.database(name).url("told")
    told = Told(world.home / f"told-{name}", url, secret_file)
    told.store = None if name == "memory" else url
    yield told
    told.better_auth.stop()


@pytest.fixture(scope="module")
def pushed(told: Told) -> Iterator[Sidegate]:
    with told.gate(store=told.store) as gate:
        yield gate


def test_who_signs_out_of_better_auth_is_out_before_it_answers(told: Told, pushed: Sidegate) -> None:
    person, other = told.better_auth.sign_in(), told.better_auth.sign_in()
    remembered(pushed, person, other)
    told.better_auth.sign_out(person)
    assert pushed.ask(person.cookie).status == 401
    asked = pushed.lookups()
    assert pushed.ask(other.cookie).status == 200
    assert pushed.lookups() == asked


def test_the_plugin_tells_of_sessions_that_are_revoked(told: Told, pushed: Sidegate) -> None:
    email = told.better_auth.sign_up()
    mine, one, *rest = (told.better_auth.sign_in(email) for _ in range(5))
    remembered(pushed, mine, one, *rest)
    told.better_auth.call("/api/auth/revoke-session", {"token": one.token}, mine)
    assert pushed.ask(one.cookie).status == 401
    told.better_auth.call("/api/auth/revoke-other-sessions", {}, mine)
    assert {pushed.ask(other.cookie).status for other in rest} == {401}
    assert pushed.ask(mine.cookie).status == 200
    told.better_auth.call("/api/auth/revoke-sessions", {}, mine)
    assert pushed.ask(mine.cookie).status == 401


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_the_plugin_tells_of_more_sessions_than_better_auth_runs_its_hook_for(told: Told, pushed: Sidegate) -> None:
    """Better Auth reads a hundred rows, runs the hook for these, and deletes all there are (1.7.25 `deleteManyWithHooks`)."""
    email = told.better_auth.sign_up()
    people = [told.better_auth.sign_in(email) for _ in range(103)]
    remembered(pushed, *people)
    told.better_auth.call("/api/auth/revoke-sessions", {}, people[0])
    assert {pushed.ask(person.cookie).status for person in people} == {401}


def test_the_plugin_tells_of_users_that_change(told: Told, pushed: Sidegate) -> None:
    person, administrator = told.better_auth.sign_in(), told.administrator()
    remembered(pushed, person)
    body = {"userId": told.user(person), "role": "admin"}
    told.better_auth.call("/api/auth/admin/set-role", body, administrator)
    assert pushed.ask(person.cookie).get("x-auth-user-role") == "admin"
    told.better_auth.call("/api/auth/update-user", {"name": "After"}, person)
    assert pushed.ask(person.cookie).get("x-auth-user-name") == "After"
    address = f"after-{told.user(person).lower()}@example.com"
    told.better_auth.call("/api/auth/change-email", {"newEmail": address}, person)
    assert pushed.ask(person.cookie).get("x-auth-user-email") == address


@pytest.mark.parametrize("path", ["ban-user", "remove-user", "revoke-user-sessions"])
def test_the_plugin_tells_of_what_administrators_do(told: Told, pushed: Sidegate, path: str) -> None:
    email, administrator = told.better_auth.sign_up(), told.administrator()
    people = [told.better_auth.sign_in(email) for _ in range(3)]
    remembered(pushed, administrator, *people)
    told.better_auth.call(f"/api/auth/admin/{path}", {"userId": told.user(people[0])}, administrator)
    assert {pushed.ask(person.cookie).status for person in people} == {401}
    assert pushed.ask(administrator.cookie).status == 200


def test_signing_in_tells_of_nothing(told: Told, pushed: Sidegate) -> None:
    counted = pushed.total("sidegate_revocations_total")
    told.better_auth.sign_in()
    assert pushed.total("sidegate_revocations_total") == counted


def test_a_session_that_is_prolonged_is_told_anew(world: World, home: Path, secret_file: str) -> None:
    told = Told(home, world.sqlite.url("prolonged"), secret_file, options={"session": {"updateAge": 0}})
    try:
        with told.gate() as gate:
            person = told.better_auth.sign_in()
            remembered(gate, person)
            known = told.better_auth.session_of(person.cookie)
            assert known
            until(lambda: gate.total("sidegate_revocations_total", channel="push", kind="token") >= 1, "it was told")
            assert gate.ask(person.cookie).get("x-auth-session-expires") >= known["session"]["expiresAt"]
    finally:
        told.better_auth.stop()


def test_sessions_in_a_secondary_storage_alone_are_told_of_by_its_keys(
    world: World, home: Path, secret_file: str
) -> None:
    """Better Auth runs no hooks for them."""
    redis = Redis(world.home / "watched", world.certificates)
    told = Told(home, world.sqlite.url("watched"), secret_file, env={"REDIS_URL": redis.url})
    try:
        with told.gate() as gate:
            email = told.better_auth.sign_up()
            person, *people = (told.better_auth.sign_in(email) for _ in range(3))
            remembered(gate, person, *people)
            told.better_auth.sign_out(person)
            assert gate.ask(person.cookie).status == 401
            told.better_auth.call("/api/auth/update-user", {"name": "After"}, people[0])
            assert gate.ask(people[0].cookie).get("x-auth-user-name") == "After"
            told.better_auth.call("/api/auth/revoke-sessions", {}, people[0])
            assert {gate.ask(other.cookie).status for other in people} == {401}
    finally:
        told.better_auth.stop()
        redis.discard()


def test_better_auth_waits_no_longer_than_a_second_and_tells_it_later(
    world: World, home: Path, secret_file: str
) -> None:
    told = Told(home, world.sqlite.url("hung"), secret_file)
    try:
        with told.gate() as gate:
            person = told.better_auth.sign_in()
            remembered(gate, person)
            gate.process.send(signal.SIGSTOP)
            began = time.monotonic()
            told.better_auth.sign_out(person)
            waited = time.monotonic() - began
            gate.process.send(signal.SIGCONT)
            assert waited < PATIENCE + 1
            gate.wait_until_out(person.cookie)
    finally:
        told.better_auth.stop()


def test_a_sidegate_that_is_away_is_told_when_it_is_back(world: World, home: Path, secret_file: str) -> None:
    told = Told(home, world.sqlite.url("away"), secret_file, gates=2)
    try:
        with told.gate(0) as gate:
            people = [told.better_auth.sign_in() for _ in range(3)]
            remembered(gate, *people)
            for person in people:
                told.better_auth.sign_out(person)
                # The one that is there is told at once, whatever becomes of the other.
                assert gate.ask(person.cookie).status == 401
            with told.gate(1) as late:
                until(lambda: late.total("sidegate_revocations_total", channel="push") >= 3, "it was told")
    finally:
        told.better_auth.stop()


def test_a_secret_that_differs_is_said_in_better_auths_log(world: World, home: Path, secret_file: str) -> None:
    told = Told(home, world.sqlite.url("differs"), secret_file, env={"SIDEGATE_REVOKE_SECRET": "another-secret-of-theirs"})
    try:
        with told.gate() as gate:
            person = told.better_auth.sign_in()
            remembered(gate, person)
            told.better_auth.sign_out(person)
            told.better_auth.process.wait_for("was not told of revocations: it answered 401")
            assert person.token not in told.better_auth.process.text()
    finally:
        told.better_auth.stop()


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Redis]:
    redis = Redis(world.home / "relay", world.certificates)
    yield redis
    redis.discard()


@pytest.fixture
def replicas(on_sqlite: Stack, home: Path, redis: Redis, secret_file: str) -> Iterator[list[Sidegate]]:
    def replica() -> Sidegate:
        settings = {"revoke_secret_file": secret_file, "revocation_redis": redis.url}
        gate = Sidegate(home, on_sqlite.store, cache_ttl=LONG, revocation="off", **settings)
        gate.wait_until_it_hears("relay")
        return gate

    with replica() as first, replica() as second:
        yield [first, second]


def test_what_one_replica_is_told_reaches_all(on_sqlite: Stack, replicas: list[Sidegate]) -> None:
    for how in ("token", "session", "user", "everything"):
        person = on_sqlite.better_auth.sign_in()
        named = names_of(on_sqlite, person)[how]
        for gate in replicas:
            remembered(gate, person)
        on_sqlite.better_auth.sign_out(person)
        assert replicas[0].revoke(SECRET, **named).status_code == 204
        assert replicas[0].ask(person.cookie).status == 401
        replicas[1].wait_until_out(person.cookie)
    assert replicas[1].total("sidegate_revocations_total", channel="push") == 0
    assert replicas[1].total("sidegate_revocations_total", channel="relay") == 5


def test_a_message_that_nobody_understands_stands_for_everything(
    on_sqlite: Stack, replicas: list[Sidegate], redis: Redis
) -> None:
    for message in ("", "{}", "later versions know what this is", '{"tokens":["ab"]}', '{"members":["ab"]}'):
        person = on_sqlite.better_auth.sign_in()
        for gate in replicas:
            remembered(gate, person)
        on_sqlite.better_auth.sign_out(person)
        redis.command("PUBLISH", "sidegate:revocations", message)
        for gate in replicas:
            gate.wait_until_out(person.cookie)


def test_what_was_missed_while_the_relay_was_away_is_not_believed(
    on_sqlite: Stack, replicas: list[Sidegate], redis: Redis
) -> None:
    person = on_sqlite.better_auth.sign_in()
    for gate in replicas:
        remembered(gate, person)
    on_sqlite.better_auth.sign_out(person)
    for subscriber in redis.subscribers():
        redis.command("CLIENT", "KILL", "ID", subscriber)
    for gate in replicas:
        gate.wait_until_it_hears("relay", 2)
        assert gate.ask(person.cookie).status == 401


def test_without_the_relay_whoever_tells_is_told_to_tell_again(
    on_sqlite: Stack, replicas: list[Sidegate], redis: Redis
) -> None:
    first, second = replicas
    person = on_sqlite.better_auth.sign_in()
    remembered(first, person)
    remembered(second, person)
    redis.pause()
    try:
        on_sqlite.better_auth.sign_out(person)
        answer = first.revoke(SECRET, token_digest=digest(person))
        assert (answer.status_code, answer.json()["error"]) == (503, "not_relayed")
        assert first.ask(person.cookie).status == 401, "it counts where it was told"
        began = time.monotonic()
        until(lambda: second.total("sidegate_revocation_channel_up", channel="relay") == 0, "the loss is noticed")
        assert time.monotonic() - began < HALF_OPEN
        # Five seconds instead of a minute.
        second.wait_until_out(person.cookie)
    finally:
        redis.resume()
    for gate in replicas:
        gate.wait_until_it_hears("relay", 2)
    until(lambda: first.revoke(SECRET, user_id="somebody").status_code == 204, "it is relayed again")


def test_a_user_of_redis_may_do_no_more_than_that(
    on_sqlite: Stack, home: Path, redis: Redis, secret_file: str
) -> None:
    rights = ("resetchannels", "&sidegate:revocations", "+subscribe", "+publish", "+ping")
    redis.add_user("relays", "relays-and-nothing-else", *rights)
    redis.add_user("idle", "relays-and-nothing-else", "+ping")
    redis.command("ACL", "LOG", "RESET")
    for user, is_enough in (("relays", True), ("idle", False)):
        settings = {
            "revoke_secret_file": secret_file,
            "revocation_redis": f"redis://{user}:relays-and-nothing-else@127.0.0.1:{redis.port}",
        }
        with Sidegate(home, on_sqlite.store, **settings) as gate:
            if is_enough:
                gate.wait_until_it_hears("relay")
                assert gate.revoke(SECRET, user_id="somebody").status_code == 204
                assert redis.command("ACL", "LOG") == "", "something was refused"
            else:
                gate.process.wait_for("nothing tells of revocations.*&sidegate:revocations \\+subscribe")


def test_check_tells_whether_replicas_can_tell_each_other(on_sqlite: Stack, home: Path, redis: Redis) -> None:
    redis.add_user("checked", "relays-and-nothing-else", "+ping")
    who = f"redis://checked:relays-and-nothing-else@127.0.0.1:{redis.port}"
    for url, code, told in (
        (redis.url, 0, "relay     ok"),
        (f"redis://127.0.0.1:{free_port()}", 1, "refused"),
        (who, 1, "&sidegate:revocations +subscribe"),
    ):
        ended = sidegate(home, "check", f"--store={on_sqlite.store}", f"--revocation-redis={url}")
        assert ended.code == code, ended.err
        assert told in ended.out + ended.err


def test_a_relay_that_is_no_redis_is_a_mistake(on_sqlite: Stack, home: Path) -> None:
    ended = sidegate(home, "serve", f"--store={on_sqlite.store}", "--revocation-redis=postgres://u:hush-hush-hush@h/d")
    assert ended.code == 78
    assert "revocation_redis is no URL of a Redis server" in ended.err
    assert "hush" not in ended.err
