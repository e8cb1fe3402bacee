"""Sessions in Redis, where the real Better Auth keeps them: whatever it makes of a key, sidegate makes of it too."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import BetterAuth, SignedIn
from rig.process import until
from rig.redis import Redis
from rig.sidegate import Sidegate

STATUS = {"allow": 200, "deny": 401, "error": 503}
PREFIX = "better-auth:"
PAST = "2020-01-01T00:00:00.000Z"


@dataclass
class Deployment:
    """Better Auth on Redis and a SQLite file, each with names of its own."""

    world: World
    redis: Redis
    name: str
    prefix: str = PREFIX
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        home = self.world.home / f"redis-{self.name}"
        home.mkdir()
        self.database = self.world.sqlite.url(home.name)
        env = {"REDIS_URL": self.redis.url, "REDIS_KEY_PREFIX": self.prefix}
        self.better_auth = BetterAuth(
            home, self.database, options=self.options, plugins={"admin": {}}, env=env
        )

    def gate(self, home: Path, **settings: str) -> Sidegate:
        """sidegate with these settings, asking for each request if nothing else is said."""
        chosen = {"cache_ttl": "0s", "negative_ttl": "0s", "redis_key_prefix": self.prefix} | self.settings | settings
        return Sidegate(home, chosen.pop("store", self.redis.url), **chosen)

    def key(self, person: SignedIn) -> str:
        return self.prefix + person.token

    def value(self, person: SignedIn) -> dict[str, Any]:
        return self.redis.value(self.key(person))

    def marker(self, person: SignedIn) -> str:
        return f"{self.prefix}revoked-sessions-before-{self.value(person)['session']['userId']}"

    def run(self, statement: str) -> str:
        return self.world.sqlite.run(statement, self.database.rsplit("/", 1)[-1].removesuffix(".db"))

    def administrator(self) -> SignedIn:
        email = self.better_auth.sign_up("The Administrator")
        self.run(f"UPDATE user SET role = 'admin' WHERE email = '{email}'")
        return self.better_auth.sign_in(email)


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Redis]:
    redis = Redis(world.home / "redis", world.certificates)
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def alone(world: World, redis: Redis) -> Iterator[Deployment]:
    """Sessions in Redis alone."""
    deployment = Deployment(world, redis, "alone")
    yield deployment
    deployment.better_auth.stop()


@pytest.fixture(scope="module")
def both(world: World, redis: Redis) -> Iterator[Deployment]:
    """Sessions in Redis and in the database."""
    deployment = Deployment(world, redis, "both", "both:", {"session": {"storeSessionInDatabase": True}})
    deployment.settings["fallback_store"] = deployment.database
    yield deployment
    deployment.better_auth.stop()


@pytest.fixture(scope="module")
def preserved(world: World, redis: Redis) -> Iterator[Deployment]:
    """Sessions in Redis, and in the database for the record."""
    session = {"storeSessionInDatabase": True, "preserveSessionInDatabase": True}
    deployment = Deployment(world, redis, "preserved", "preserved:", {"session": session})
    yield deployment
    deployment.better_auth.stop()


@pytest.fixture(scope="module", params=["alone", "both", "preserved"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    deployment: Deployment = request.getfixturevalue(request.param)
    return deployment


@pytest.fixture(scope="module")
def gate(deployment: Deployment) -> Iterator[Sidegate]:
    with deployment.gate(deployment.world.home / f"redis-{deployment.name}") as gate:
        yield gate


def assert_agreed(deployment: Deployment, gate: Sidegate, person: SignedIn, verdict: str) -> None:
    """Better Auth says so, and sidegate too."""
    assert deployment.better_auth.verdict_on(person.cookie) == verdict
    assert gate.ask(person.cookie).status == STATUS[verdict]


def test_who_signed_in_is_let_in_as_better_auth_knows_them(deployment: Deployment, gate: Sidegate) -> None:
    person = deployment.better_auth.sign_in(deployment.better_auth.sign_up("Grace Hopper"))
    known = deployment.better_auth.session_of(person.cookie)
    assert known
    reply = gate.ask(person.cookie)
    told = {
        "x-auth-user-id": known["user"]["id"],
        "x-auth-user-email": person.email,
        "x-auth-user-name": "Grace Hopper",
        "x-auth-session-id": known["session"]["id"],
        "x-auth-session-expires": known["session"]["expiresAt"],
    }
    assert reply.status == 200
    assert {name: reply.get(name) for name in told} == told
    assert gate.is_ready()


def test_who_signed_out_is_out(deployment: Deployment, gate: Sidegate) -> None:
    person = deployment.better_auth.sign_in()
    assert_agreed(deployment, gate, person, "allow")
    deployment.better_auth.call("/api/auth/sign-out", {}, person)
    assert_agreed(deployment, gate, person, "deny")


def test_revoked_sessions_are_over_and_later_ones_are_not(deployment: Deployment, gate: Sidegate) -> None:
    email = deployment.better_auth.sign_up()
    people = [deployment.better_auth.sign_in(email) for _ in range(3)]
    deployment.better_auth.call("/api/auth/revoke-sessions", {}, people[0])
    for person in people:
        assert_agreed(deployment, gate, person, "deny")
    assert_agreed(deployment, gate, deployment.better_auth.sign_in(email), "allow")


def test_an_entry_that_comes_back_after_a_revocation_stays_over(deployment: Deployment, gate: Sidegate) -> None:
    """What the marker is for: another process of Better Auth writes a session anew that it had read before."""
    email = deployment.better_auth.sign_up()
    first, second = deployment.better_auth.sign_in(email), deployment.better_auth.sign_in(email)
    value = deployment.redis.command("GET", deployment.key(second))
    deployment.better_auth.call("/api/auth/revoke-sessions", {}, first)
    deployment.redis.command("SET", deployment.key(second), value)
    assert_agreed(deployment, gate, second, "deny")


def test_the_banned_are_out_at_once(deployment: Deployment, gate: Sidegate) -> None:
    person, administrator = deployment.better_auth.sign_in(), deployment.administrator()
    user = deployment.value(person)["user"]["id"]
    deployment.better_auth.call("/api/auth/admin/ban-user", {"userId": user}, administrator)
    assert_agreed(deployment, gate, person, "deny")
    assert_agreed(deployment, gate, administrator, "allow")


def test_a_new_name_is_told_at_once(deployment: Deployment, gate: Sidegate) -> None:
    person = deployment.better_auth.sign_in(deployment.better_auth.sign_up("Before"))
    assert gate.ask(person.cookie).get("x-auth-user-name") == "Before"
    deployment.better_auth.call("/api/auth/update-user", {"name": "After"}, person)
    assert gate.ask(person.cookie).get("x-auth-user-name") == "After"


def test_a_remembered_session_is_told_anew_after_cache_ttl(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in(alone.better_auth.sign_up("Before"))
    with alone.gate(home, cache_ttl="100ms") as gate:
        assert gate.ask(person.cookie).get("x-auth-user-name") == "Before"
        alone.better_auth.call("/api/auth/update-user", {"name": "After"}, person)
        until(lambda: gate.ask(person.cookie).get("x-auth-user-name") == "After", "the new name is told")


def expire(deployment: Deployment, person: SignedIn) -> None:
    """Has Redis end it by itself."""
    deployment.redis.command("PEXPIRE", deployment.key(person), "1")
    until(lambda: deployment.redis.command("EXISTS", deployment.key(person)) == "0", "the key is gone")


def test_an_entry_that_expired_is_no_session(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in()
    expire(alone, person)
    with alone.gate(home) as gate:
        assert_agreed(alone, gate, person, "deny")


def test_where_redis_forgot_the_database_knows(both: Deployment, home: Path) -> None:
    person = both.better_auth.sign_in()
    expire(both, person)
    with both.gate(home) as gate:
        assert_agreed(both, gate, person, "allow")
        both.run(f"UPDATE session SET expiresAt = '{PAST}' WHERE token = '{person.token}'")
        assert gate.ask(person.cookie).get("x-auth-reason") == "expired"


def test_where_rows_are_kept_for_the_record_the_database_is_not_asked(preserved: Deployment, home: Path) -> None:
    person = preserved.better_auth.sign_in()
    expire(preserved, person)
    assert preserved.run(f"SELECT count(*) FROM session WHERE token = '{person.token}'") == "1"
    with preserved.gate(home) as gate:
        assert_agreed(preserved, gate, person, "deny")


def test_a_session_of_another_prefix_is_none(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in()
    with alone.gate(home, redis_key_prefix="both:") as gate:
        assert gate.ask(person.cookie).status == 401


Damage = Callable[[Deployment, SignedIn], None]


def write(text: str) -> Damage:
    return lambda deployment, person: deployment.redis.command("SET", deployment.key(person), text) and None


def edit(part: str, **fields: Any) -> Damage:
    """Other fields in the value; what is None is left out."""

    def damage(deployment: Deployment, person: SignedIn) -> None:
        value = deployment.value(person)
        value[part] |= fields
        value[part] = {name: one for name, one in value[part].items() if one is not None}
        deployment.redis.command("SET", deployment.key(person), json.dumps(value))

    return damage


def without(part: str) -> Damage:
    def damage(deployment: Deployment, person: SignedIn) -> None:
        value = deployment.value(person)
        deployment.redis.command("SET", deployment.key(person), json.dumps({**value, part: None}))

    return damage


def mark(text: str) -> Damage:
    return lambda deployment, person: deployment.redis.command("SET", deployment.marker(person), text) and None


def mark_to_the_millisecond(by: int) -> Damage:
    """A marker at the instant of signing in, or so many milliseconds later."""

    def damage(deployment: Deployment, person: SignedIn) -> None:
        at = deployment.world.sqlite.run(
            "SELECT CAST(ROUND((julianday('"
            + deployment.value(person)["session"]["createdAt"]
            + "') - 2440587.5) * 86400000) AS INTEGER)",
            "clock",
        )
        deployment.redis.command("SET", deployment.marker(person), str(int(at) + by))

    return damage


def another_type(deployment: Deployment, person: SignedIn) -> None:
    deployment.redis.command("DEL", deployment.key(person))
    deployment.redis.command("RPUSH", deployment.key(person), "a list")


def copy_from_somebody(deployment: Deployment, person: SignedIn) -> None:
    other = deployment.better_auth.sign_in()
    deployment.redis.command("COPY", deployment.key(other), deployment.key(person), "REPLACE")


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no JSON": (write("{"), "deny"),
    "null": (write("null"), "deny"),
    "nothing": (write(""), "fallback"),
    "a text": (write('"{}"'), "error"),
    "an empty object": (write("{}"), "error"),
    "no user": (without("user"), "error"),
    "no session": (without("session"), "error"),
    "another type": (another_type, "error"),
    "no session.id": (edit("session", id=None), "allow"),
    "no session.token": (edit("session", token=None), "allow"),
    "another's session": (copy_from_somebody, "allow, but an error here"),
    "expired": (edit("session", expiresAt=PAST), "deny"),
    "expires at a number": (edit("session", expiresAt=4102444800000), "allow"),
    "expired at a number": (edit("session", expiresAt=1), "deny"),
    "no expiry": (edit("session", expiresAt=None), "allow, but deny here"),
    "expires some day": (edit("session", expiresAt="some day"), "allow, but an error here"),
    "half a character": (edit("user", name="Ada \ud83d"), "allow"),
    "revoked a millisecond later": (mark_to_the_millisecond(1), "deny"),
    "revoked in that millisecond": (mark_to_the_millisecond(0), "allow"),
    "an empty marker": (mark(""), "allow"),
    "a marker that is no number": (mark("yesterday"), "allow, but an error here"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_judged_as_better_auth_judges_it(
    deployment: Deployment, gate: Sidegate, damage: str
) -> None:
    person = deployment.better_auth.sign_in()
    how, verdict = DAMAGES[damage]
    how(deployment, person)
    match verdict:
        case "fallback":
            assert_agreed(deployment, gate, person, "allow" if deployment.name == "both" else "deny")
        case "allow, but an error here":
            assert deployment.better_auth.verdict_on(person.cookie) == "allow"
            assert gate.ask(person.cookie).status == 503
        case "allow, but deny here":
            assert deployment.better_auth.verdict_on(person.cookie) == "allow"
            assert gate.ask(person.cookie).status == 401
        case _:
            assert_agreed(deployment, gate, person, verdict)


def test_a_lookup_is_one_get_or_two(both: Deployment, home: Path) -> None:
    person, gone = both.better_auth.sign_in(), both.better_auth.sign_in()
    both.redis.command("DEL", both.key(gone))
    with both.gate(home, revocation="off") as gate:
        assert gate.ask(person.cookie).status == 200
        for cookie, commands in ((person.cookie, {"get": 2}), (gone.cookie, {"get": 1})):
            both.redis.forget_commands()
            assert gate.ask(cookie).status == 200
            # Another sidegate asks each second whether it is still told.
            assert {name: times for name, times in both.redis.commands().items() if name != "client|trackinginfo"} == commands


def test_a_remembered_session_is_not_asked_for_again(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in()
    with alone.gate(home, cache_ttl="1h") as gate:
        assert {gate.ask(person.cookie).status for _ in range(20)} == {200}
        assert gate.lookups() == 1
        assert gate.total("sidegate_store_connections") == 1
