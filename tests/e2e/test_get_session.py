"""GET /api/auth/get-session: the bytes that Better Auth itself answers, from each place where sessions are kept."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import BetterAuth, SignedIn
from rig.get_session import READING, all_cookies, ask, assert_same
from rig.redis import Redis
from rig.sidegate import Sidegate
from rig.sql import literal, named
from rig.stack import Stack
from test_plugins import FUTURE, PLUGINS, change_user, in_organization
from test_schema import SCHEMAS

MakeStack = Callable[..., Stack]

NAME = 'Zoë "Ωμέγα" \\ 🐙 <b>\t\u2028\x7f'
WHOLE_SECOND = {
    "sqlite": "'2026-01-02T03:04:05.000Z'",
    "postgres": "timestamptz '2026-01-02 03:04:05Z'",
    "mariadb": "'2026-01-02 03:04:05'",
}
ALL_PLUGINS = PLUGINS | {"lastLoginMethod": {"storeInDatabase": True}}
ADDITIONAL: dict[str, Any] = {
    "user": {
        "additionalFields": {
            "plan": {"type": "string", "required": False},
            "credits": {"type": "number", "required": False, "fieldName": "credit_count"},
            "views": {"type": "number", "required": False, "bigint": True},
            "beta": {"type": "boolean", "required": False},
            "since": {"type": "date", "required": False},
            "settings": {"type": "json", "required": False},
            "tags": {"type": "string[]", "required": False},
            "ranks": {"type": "number[]", "required": False},
            "note": {"type": "string", "required": False, "returned": False, "defaultValue": "for nobody"},
        }
    },
    "session": {
        "additionalFields": {
            "device": {"type": "string", "required": False, "defaultValue": "phone"},
            "trust": {"type": "number", "required": False, "defaultValue": 3, "fieldName": "trust_level"},
            "trace": {"type": "string", "required": False, "returned": False, "defaultValue": "for nobody"},
        }
    },
}
ADDITIONAL_SETTINGS = {
    "session_additional_fields": "device:string,trust=trust_level:number",
    "user_additional_fields": (
        "plan:string,credits=credit_count:number,views:number,beta:boolean,since:date,settings:json,tags:string[],ranks:number[]"
    ),
}
OWN_VALUES = {
    "plan": 'pro "plus" ü',
    "credits": 7,
    "views": 2**53 - 1,
    "beta": True,
    "settings": {"b": 1.5, "a": {"at": "2026-01-02T03:04:05Z", "list": [1, "x", None, False]}, "text": "Zoë"},
    "tags": ["x", "Zoë", "2026-01-02"],
    "ranks": [3, 1, 2],
}


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Redis]:
    redis = Redis(world.home / "redis-get-session", world.certificates)
    yield redis
    redis.discard()


def gate_on(stack: Stack, **settings: str) -> Sidegate:
    return Sidegate(stack.home, stack.store, get_session="true", **settings)


def change_session(stack: Stack, person: SignedIn, **values: str) -> None:
    name = stack.database
    changes = ", ".join(f"{named(name, column)} = {value}" for column, value in values.items())
    stack.run(f"UPDATE {named(name, 'session')} SET {changes} WHERE token = {literal(person.token)}")


def test_a_session_and_its_user(stack: Stack) -> None:
    person = stack.better_auth.sign_in(stack.better_auth.sign_up(NAME))
    with gate_on(stack) as gate:
        told = assert_same(stack.better_auth, gate, person.cookie)
        assert told["user"]["name"] == NAME and told["user"]["image"] is None


def test_values_that_could_be_written_in_another_way(stack: Stack) -> None:
    person = stack.better_auth.sign_in()
    at = WHOLE_SECOND[stack.database.name]
    change_session(stack, person, ipAddress="NULL", userAgent=literal("Zoë's/1.0"), createdAt=at, updatedAt=at)
    change_user(stack, person, image=literal("https://x/ü?a=1&b=2"), emailVerified="true", updatedAt=at)
    with gate_on(stack) as gate:
        told = assert_same(stack.better_auth, gate, person.cookie)
        assert (told["session"]["createdAt"], told["session"]["ipAddress"]) == ("2026-01-02T03:04:05.000Z", None)
        assert told["user"]["emailVerified"] is True


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_what_plugins_add(world: World, stacks: MakeStack, database: str, order: str) -> None:
    plugins = ALL_PLUGINS if order == "forwards" else dict(reversed(ALL_PLUGINS.items()))
    stack = stacks(world.database(database), f"told-{order}", None, plugins)
    plain, person = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    change_user(
        stack,
        person,
        role="'admin,user'",
        banned="false",
        banReason="'noise'",
        banExpires=FUTURE[database],
        isAnonymous="true",
        username=literal("zoë"),
        displayUsername=literal("Zoë"),
        phoneNumber="'+4930123456'",
        phoneNumberVerified="true",
        twoFactorEnabled="false",
    )
    organization = in_organization(stack, person)
    user_id = stack.better_auth.session_of(plain.cookie)["user"]["id"]  # type: ignore[index]
    acting = stack.better_auth.impersonate(user_id, person)
    with gate_on(stack) as gate:
        assert assert_same(stack.better_auth, gate, plain.cookie)["user"]["role"] == "user"
        told = assert_same(stack.better_auth, gate, person.cookie)
        assert told["session"]["activeOrganizationId"] == organization
        assert told["user"]["banExpires"].startswith("2037-01-01T")
        assert assert_same(stack.better_auth, gate, acting.cookie)["session"]["impersonatedBy"]


def test_plugins_that_came_later_are_told_in_the_order_of_the_columns(world: World, stacks: MakeStack, home: Path) -> None:
    """The one difference: which plugin stands first in Better Auth's list is not written in a database."""
    stack = stacks(world.sqlite, "later", None, {"username": {}})
    better_auth = BetterAuth(home, stack.store, plugins={"admin": {}, "username": {}})
    person = better_auth.sign_in()
    with gate_on(stack) as gate:
        own, reply = ask(better_auth, person.cookie, READING), ask(gate, person.cookie)
        assert json.loads(reply.body) == json.loads(own.body)
        core = ["name", "email", "emailVerified", "image", "createdAt", "updatedAt"]
        of_admin = ["role", "banned", "banReason", "banExpires"]
        of_username = ["username", "displayUsername"]
        assert list(json.loads(own.body)["user"]) == [*core, *of_admin, *of_username, "id"]
        assert list(json.loads(reply.body)["user"]) == [*core, *of_username, *of_admin, "id"]
    better_auth.stop()


def test_fields_of_ones_own(world: World, stacks: MakeStack, database: str) -> None:
    stack = stacks(world.database(database), "own", ADDITIONAL, {"admin": {}, "organization": {}})
    empty, person = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    stack.better_auth.call("/api/auth/update-user", OWN_VALUES, person)
    change_user(stack, person, since=WHOLE_SECOND[database])
    with gate_on(stack, **ADDITIONAL_SETTINGS) as gate:
        assert_same(stack.better_auth, gate, empty.cookie)
        told = assert_same(stack.better_auth, gate, person.cookie)
        assert told["session"]["trust"] == 3 and told["user"]["ranks"] == [3, 1, 2]
        # node-pg makes a text of what may be too large for a number.
        assert told["user"]["views"] == (str(2**53 - 1) if database == "postgres" else 2**53 - 1)
        assert told["user"]["since"] == "2026-01-02T03:04:05.000Z"
        assert "for nobody" not in json.dumps(told)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_renamed_tables_and_columns(world: World, stacks: MakeStack, database: str, schema: str) -> None:
    options, settings = SCHEMAS[schema]
    stack = stacks(world.database(database), f"told-{schema}", options)
    with gate_on(stack, **settings) as gate:
        assert_same(stack.better_auth, gate, stack.ada.cookie)


@pytest.mark.parametrize("kind", ["uuid", "serial"])
def test_ids_of_any_type(world: World, stacks: MakeStack, database: str, kind: str) -> None:
    options = {"advanced": {"database": {"generateId": kind}}}
    stack = stacks(world.database(database), f"told-{kind}", options, {"organization": {}})
    in_organization(stack, stack.ada)
    with gate_on(stack) as gate:
        told = assert_same(stack.better_auth, gate, stack.ada.cookie)
        assert isinstance(told["session"]["userId"], str)


class TestRedis:
    """Values are told in the order in which they were written, but for what is not to be returned."""

    def better_auth(self, world: World, home: Path, redis: Redis, name: str, session: dict[str, Any]) -> BetterAuth:
        options = ADDITIONAL | {"session": ADDITIONAL["session"] | session}
        env = {"REDIS_URL": redis.url, "REDIS_KEY_PREFIX": f"{name}:"}
        return BetterAuth(home, world.sqlite.url(f"told-{name}"), options=options, plugins=ALL_PLUGINS, env=env)

    def gate(self, home: Path, redis: Redis, name: str, **settings: str) -> Sidegate:
        settings = {"redis_key_prefix": f"{name}:", "cache_ttl": "0s"} | ADDITIONAL_SETTINGS | settings
        return Sidegate(home, redis.url, get_session="true", **settings)

    def test_alone(self, world: World, home: Path, redis: Redis) -> None:
        better_auth = self.better_auth(world, home, redis, "alone", {})
        person = better_auth.sign_in(better_auth.sign_up(NAME))
        with self.gate(home, redis, "alone") as gate:
            assert_same(better_auth, gate, person.cookie)
            better_auth.call("/api/auth/update-user", OWN_VALUES | {"image": "https://x/ü"}, person)
            organization = {"name": "Engine", "slug": "engine"}
            better_auth.call("/api/auth/organization/create", organization, person)
            told = assert_same(better_auth, gate, person.cookie)
            assert told["session"]["activeOrganizationId"] and told["user"]["plan"] == OWN_VALUES["plan"]
            assert "for nobody" not in json.dumps(told)
            assert "for nobody" in redis.command("GET", f"alone:{person.token}"), "it is there, and not told"
        better_auth.stop()

    def test_with_the_database_behind_it(self, world: World, home: Path, redis: Redis) -> None:
        better_auth = self.better_auth(world, home, redis, "behind", {"storeSessionInDatabase": True})
        person = better_auth.sign_in(better_auth.sign_up(NAME))
        with self.gate(home, redis, "behind", fallback_store=world.sqlite.url("told-behind")) as gate:
            assert_same(better_auth, gate, person.cookie)
            redis.command("DEL", f"behind:{person.token}")
            told = assert_same(better_auth, gate, person.cookie)
            assert list(told["session"])[-1] == "id", "it was told by the database"
        better_auth.stop()


def test_better_auth_itself_as_the_store(home: Path) -> None:
    better_auth = BetterAuth(home, "memory:", options=ADDITIONAL)
    person = better_auth.sign_in(better_auth.sign_up(NAME))
    better_auth.call("/api/auth/update-user", OWN_VALUES, person)
    with Sidegate(home, better_auth.origin, get_session="true") as gate:
        assert "for nobody" not in json.dumps(assert_same(better_auth, gate, person.cookie))
    better_auth.stop()


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe", "jwks"])
def test_the_cookie_cache_while_the_store_is_down(stacks: MakeStack, world: World, home: Path, strategy: str) -> None:
    # A key of the jwt plugin signs what the secret would.
    of_jwks = {"jwt": {"sessionCookieCache": True}} if strategy == "jwks" else {}
    cache = {"cookieCache": {"enabled": True, "strategy": "jwt" if of_jwks else strategy}}
    options = ADDITIONAL | {"session": ADDITIONAL["session"] | cache}
    stack = stacks(world.sqlite, f"told-{strategy}", options, {"admin": {}} | of_jwks)
    person = stack.better_auth.sign_in(stack.better_auth.sign_up(NAME))
    down = {"store_timeout": "300ms", "cookie_cache": strategy, "get_session": "true"}
    if of_jwks:
        down["jwks_url"] = f"{stack.better_auth.url}/api/auth/jwks"
    with Sidegate(home, "postgres://nobody@127.0.0.1:1/none", **down) as gate:
        told = assert_same(stack.better_auth, gate, all_cookies(person))
        assert list(told["user"])[0] == "id", "it was told by the cookie, in whose order ids stand first"
        reply = ask(gate, all_cookies(person), "?disableCookieCache=true")
        assert reply.status == 503, "whoever does not want the cookie asks the store"
        assert ask(gate, person.cookie).status == 503


@pytest.mark.parametrize("strategy", ["jwe", "compact"])
def test_the_cookie_cache_where_there_is_no_store(home: Path, strategy: str) -> None:
    options = {"database": None, "session": {"cookieCache": {"enabled": True, "strategy": strategy, "maxAge": 3600}}}
    better_auth = BetterAuth(home, "memory:", options=options)
    person = better_auth.sign_in(better_auth.sign_up(NAME))
    better_auth.stop()
    # As long as it runs, Better Auth remembers whom it signed in. After a restart it has the cookies alone.
    better_auth = BetterAuth(home, "memory:", options=options)
    with Sidegate(home, "none", cookie_cache=strategy, get_session="true") as gate:
        assert_same(better_auth, gate, all_cookies(person))
        for cookie, query in ((person.cookie, ""), (all_cookies(person), "?disableCookieCache=true")):
            assert [ask(whom, cookie, query).body for whom in (better_auth, gate)] == [b"null", b"null"]
    better_auth.stop()
