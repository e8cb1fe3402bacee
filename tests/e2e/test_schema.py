"""The tables as people have them: renamed, in snake case, with other ids, and with no more rights than needed."""

import base64
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import World
from rig import secrets
from rig.better_auth import SECRET, SignedIn
from rig.sidegate import Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.traffic import Traffic

MakeStack = Callable[..., Stack]

SESSION_SNAKE = {
    "expiresAt": "expires_at",
    "userId": "user_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "ipAddress": "ip_address",
    "userAgent": "user_agent",
}
USER_SNAKE = {"emailVerified": "email_verified", "createdAt": "created_at", "updatedAt": "updated_at"}

SCHEMAS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plural-and-snake": (
        {
            "session": {"modelName": "sessions", "fields": SESSION_SNAKE},
            "user": {"modelName": "users", "fields": USER_SNAKE},
        },
        {"session_table": "sessions", "user_table": "users", "column_case": "snake"},
    ),
    "reserved-and-odd": (
        {
            "session": {
                "modelName": "Log In",
                "fields": {"token": "the token", "userId": "WHO", "expiresAt": "select"},
            },
            "user": {"modelName": "order", "fields": {"email": "e-mail", "name": "key"}},
        },
        {
            "session_table": "Log In",
            "user_table": "order",
            "session_fields": "token=the token,userId=WHO,expiresAt=select",
            "user_fields": "email=e-mail,name=key",
        },
    ),
}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
def test_renamed_tables_and_columns_are_read(world: World, stacks: MakeStack, database: str, schema: str) -> None:
    options, settings = SCHEMAS[schema]
    stack = stacks(world.database(database), schema, options)
    person = stack.better_auth.sign_in(stack.better_auth.sign_up("Ada Lovelace"))
    with Sidegate(stack.home, stack.store, **settings) as gate:
        assert_known(stack, gate, person)
    with Sidegate(stack.home, stack.store) as gate:
        assert gate.ask(person.cookie).status == 503, "with the default names there is nothing to read"
        assert not gate.is_ready()


QUALIFIED: dict[str, dict[str, Any]] = {
    "sqlite": {"session_table": "main.session", "user_table": "main.user"},
    "postgres": {"session_table": "public.session", "user_table": "public.user"},
    "mariadb": {"session_table": "app.session", "user_table": "app.user"},
}


def test_a_table_may_be_named_with_its_schema(stack: Stack, home: Path) -> None:
    with Sidegate(home, stack.store, **QUALIFIED[stack.database.name]) as gate:
        assert_known(stack, gate, stack.ada)


@pytest.mark.parametrize(
    ("database", "kind"), [("postgres", "uuid"), ("postgres", "serial"), ("mariadb", "serial"), ("sqlite", "serial")]
)
def test_ids_of_any_type_are_told_as_better_auth_tells_them(
    world: World, stacks: MakeStack, database: str, kind: str
) -> None:
    stack = stacks(world.database(database), f"ids-{kind}", {"advanced": {"database": {"generateId": kind}}})
    person = stack.better_auth.sign_in()
    with Sidegate(stack.home, stack.store) as gate:
        assert_known(stack, gate, person)


def test_postgres_needs_no_more_than_select_on_two_tables(on_postgres: Stack, world: World, home: Path) -> None:
    on_postgres.run('CREATE ROLE reader LOGIN; GRANT SELECT ON session, "user" TO reader')
    with Sidegate(home, world.postgres.url("app", "reader")) as gate:
        gate.wait_until_ready()
        assert_known(on_postgres, gate, on_postgres.ada)


def test_postgres_needs_no_more_than_select_on_seven_columns(on_postgres: Stack, world: World, home: Path) -> None:
    on_postgres.run(
        'CREATE ROLE narrow LOGIN; GRANT SELECT (id, token, "userId", "expiresAt") ON session TO narrow;'
        'GRANT SELECT (id, email, name) ON "user" TO narrow'
    )
    with Sidegate(home, world.postgres.url("app", "narrow")) as gate:
        gate.wait_until_ready()
        assert_known(on_postgres, gate, on_postgres.ada)


def test_mariadb_needs_no_more_than_select_on_two_tables(on_mariadb: Stack, world: World, home: Path) -> None:
    on_mariadb.run("CREATE USER reader; GRANT SELECT ON app.session TO reader; GRANT SELECT ON app.user TO reader")
    with Sidegate(home, world.mariadb.url("app", "reader")) as gate:
        gate.wait_until_ready()
        assert_known(on_mariadb, gate, on_mariadb.ada)


def test_mariadb_needs_no_more_than_select_on_seven_columns(on_mariadb: Stack, world: World, home: Path) -> None:
    on_mariadb.run(
        "CREATE USER narrow; GRANT SELECT (id, token, userId, expiresAt) ON app.session TO narrow;"
        "GRANT SELECT (id, email, name) ON app.user TO narrow"
    )
    with Sidegate(home, world.mariadb.url("app", "narrow")) as gate:
        gate.wait_until_ready()
        assert_known(on_mariadb, gate, on_mariadb.ada)


def test_a_role_without_rights_is_doubt_and_not_absence(on_postgres: Stack, world: World, home: Path) -> None:
    on_postgres.run("CREATE ROLE stranger LOGIN")
    with Sidegate(home, world.postgres.url("app", "stranger")) as gate:
        assert gate.ask(on_postgres.ada.cookie).status == 503
        assert not gate.is_ready()
        assert gate.total("sidegate_store_lookup_seconds_count", result="refused") == 1


def test_sqlite_is_not_written_to(on_sqlite: Stack, world: World, home: Path) -> None:
    person = on_sqlite.better_auth.sign_in()
    path = world.sqlite.path("app")
    before = path.read_bytes(), path.stat().st_mtime_ns
    with Sidegate(home, on_sqlite.store) as gate:
        assert_known(on_sqlite, gate, person)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_collation_does_not_make_another_token_the_same(on_mariadb: Stack, home: Path) -> None:
    """Signed here and not by Better Auth, which makes no such token: only the database thinks the two are equal."""
    token = on_mariadb.ada.token.swapcase()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), token.encode(), "sha256")).decode()
    value = quote(f"{token}.{signature}", safe="")
    secrets.remember_cookie(value)
    found = on_mariadb.run(f"SELECT count(*) FROM session WHERE token = {literal(token)}")
    assert found == "1", "the collation of this database tells the two apart; the test would show nothing"
    with Sidegate(home, on_mariadb.store) as gate:
        reply = gate.ask(f"{on_mariadb.ada.name}={value}")
        assert (reply.status, reply.get("x-auth-reason")) == (401, "no_session")
        assert gate.ask(on_mariadb.ada.cookie).status == 200


MIGRATIONS = {
    "postgres": """ALTER TABLE session ALTER "expiresAt" TYPE timestamp USING "expiresAt" AT TIME ZONE 'UTC'""",
    "mariadb": "ALTER TABLE session MODIFY expiresAt datetime(3) NOT NULL",
}


@pytest.mark.parametrize("database", MIGRATIONS)
def test_a_migration_under_a_running_sidegate_locks_nobody_out(world: World, stacks: MakeStack, database: str) -> None:
    """PostgreSQL refuses a prepared statement whose result has another type now, as long as its connection lives."""
    stack = stacks(world.database(database), "migrated")
    person = stack.better_auth.sign_in()
    with Sidegate(stack.home, stack.store, cache_ttl="0s", store_connections="4") as gate:
        with Traffic(lambda: gate.ask(person.cookie).status, clients=4) as traffic:
            traffic.go_on(200)
            stack.run(MIGRATIONS[database])
        assert [gate.ask(person.cookie).status for _ in range(20)] == [200] * 20


def test_an_expiry_of_infinity_never_comes(on_postgres: Stack, home: Path) -> None:
    person = on_postgres.better_auth.sign_in()
    on_postgres.run(f"UPDATE session SET \"expiresAt\" = 'infinity' WHERE token = {literal(person.token)}")
    assert on_postgres.better_auth.session_of(person.cookie) is not None
    with on_postgres.sidegate() as gate:
        reply = gate.ask(person.cookie)
        # The last instant that an app in whatever language can hold.
        assert (reply.status, reply.get("x-auth-session-expires")) == (200, "9999-12-31T23:59:59.999Z")
        assert on_postgres.echo.ask("/api/x", person.cookie).status_code == 200


def test_the_fastapi_app_knows_somebody_whose_session_never_ends(on_postgres: Stack) -> None:
    person = on_postgres.better_auth.sign_in()
    on_postgres.run(f"UPDATE session SET \"expiresAt\" = 'infinity' WHERE token = {literal(person.token)}")
    with on_postgres.sidegate():
        assert on_postgres.fastapi.ask("/api/me", person.cookie).status_code == 200


def test_an_expiry_of_minus_infinity_has_come(on_postgres: Stack, home: Path) -> None:
    person = on_postgres.better_auth.sign_in()
    on_postgres.run(f"UPDATE session SET \"expiresAt\" = '-infinity' WHERE token = {literal(person.token)}")
    with Sidegate(home, on_postgres.store) as gate:
        assert gate.ask(person.cookie).status == 401


def assert_known(stack: Stack, gate: Sidegate, person: SignedIn) -> None:
    """sidegate says of a session what Better Auth says of it."""
    known = stack.better_auth.session_of(person.cookie)
    reply = gate.ask(person.cookie)
    assert known and reply.status == 200
    told = {name: value for name, value in reply.headers if name.startswith("x-auth-")}
    assert told == {
        "x-auth-status": "user",
        "x-auth-user-id": known["user"]["id"],
        "x-auth-user-email": known["user"]["email"],
        "x-auth-user-name": known["user"]["name"],
        "x-auth-session-id": known["session"]["id"],
        "x-auth-session-expires": known["session"]["expiresAt"],
    }
