"""`sidegate check` on tables as people have them: what it prints is pasted, and then it is content.

The tables of Drizzle and Prisma are written by hand here, as `@better-auth/cli generate` followed by drizzle-kit or
Prisma's migrations write them (names, types), with rows in the forms in which those adapters write them. Neither
program runs.
"""

import base64
import hmac
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import World
from rig import secrets
from rig.better_auth import SECRET
from rig.places import SIDEGATE
from rig.process import environment
from rig.sidegate import Sidegate
from rig.sql import Database
from rig.stack import Stack

TOKEN = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo"
ENDS = "2037-01-22T12:00:00.123Z"
MILLIS = 2116238400123
"""`new Date(ENDS).getTime()`"""


@dataclass(frozen=True)
class Form:
    """Tables in one form, with Ada signed in, and what the settings have to become for them."""

    database: str
    tables: str
    rows: str
    settings: tuple[str, ...] = ()


DRIZZLE_POSTGRES = """
CREATE TABLE "user" ("id" text PRIMARY KEY NOT NULL, "name" text NOT NULL, "email" text NOT NULL,
    "email_verified" boolean DEFAULT false NOT NULL, "image" text, "created_at" timestamp DEFAULT now() NOT NULL,
    "updated_at" timestamp DEFAULT now() NOT NULL, "role" text, "banned" boolean DEFAULT false, "ban_reason" text,
    "ban_expires" timestamp, CONSTRAINT "user_email_unique" UNIQUE("email"));
CREATE TABLE "session" ("id" text PRIMARY KEY NOT NULL, "expires_at" timestamp NOT NULL, "token" text NOT NULL,
    "created_at" timestamp DEFAULT now() NOT NULL, "updated_at" timestamp NOT NULL, "ip_address" text, "user_agent" text,
    "user_id" text NOT NULL, "impersonated_by" text, CONSTRAINT "session_token_unique" UNIQUE("token"));
"""
PRISMA_POSTGRES = """
CREATE TABLE "{user}" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, "email" TEXT NOT NULL,
    "emailVerified" BOOLEAN NOT NULL DEFAULT false, "image" TEXT, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT
    CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "role" "Role",
    CONSTRAINT "user_pkey" PRIMARY KEY ("id"));
CREATE TABLE "{session}" ("id" TEXT NOT NULL, "expiresAt" TIMESTAMP(3) NOT NULL, "token" TEXT NOT NULL, "createdAt"
    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ipAddress" TEXT, "userAgent" TEXT, "userId" TEXT NOT NULL, CONSTRAINT "session_pkey" PRIMARY KEY ("id"));
INSERT INTO "{user}" (id, name, email, role) VALUES ('usr_1', 'Ada', 'ada@example.com', 'ADMIN');
INSERT INTO "{session}" (id, "expiresAt", token, "userId")
    VALUES ('ses_1', '2037-01-22 12:00:00.123', '{token}', 'usr_1');
"""
DRIZZLE_MYSQL = """
CREATE TABLE `user` (`id` varchar(36) PRIMARY KEY, `name` varchar(255) NOT NULL, `email` varchar(255) NOT NULL UNIQUE,
    `email_verified` boolean NOT NULL DEFAULT false, `image` text, `created_at` timestamp(3) NOT NULL DEFAULT (now()),
    `updated_at` timestamp(3) NOT NULL DEFAULT (now()), `role` text);
CREATE TABLE `session` (`id` varchar(36) PRIMARY KEY, `expires_at` timestamp(3) NOT NULL, `token` varchar(255) NOT NULL
    UNIQUE, `created_at` timestamp(3) NOT NULL DEFAULT (now()), `updated_at` timestamp(3) NOT NULL DEFAULT (now()),
    `ip_address` text, `user_agent` text, `user_id` varchar(36) NOT NULL);
"""
PRISMA_MYSQL = """
CREATE TABLE `user` (`id` VARCHAR(191) NOT NULL, `name` TEXT NOT NULL, `email` VARCHAR(191) NOT NULL, `emailVerified`
    BOOLEAN NOT NULL DEFAULT false, `image` TEXT NULL, `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `updatedAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), `role` ENUM('USER', 'ADMIN') NULL, PRIMARY KEY (`id`))
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `session` (`id` VARCHAR(191) NOT NULL, `expiresAt` DATETIME(3) NOT NULL, `token` VARCHAR(191) NOT NULL,
    `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), `updatedAt` DATETIME(3) NOT NULL DEFAULT
    CURRENT_TIMESTAMP(3), `ipAddress` TEXT NULL, `userAgent` TEXT NULL, `userId` VARCHAR(191) NOT NULL, PRIMARY KEY
    (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
"""
DRIZZLE_SQLITE = """
CREATE TABLE `users` (`id` text PRIMARY KEY NOT NULL, `name` text NOT NULL, `email` text NOT NULL, `email_verified`
    integer DEFAULT false NOT NULL, `image` text, `created_at` integer, `updated_at` integer, `role` text);
CREATE TABLE `sessions` (`id` text PRIMARY KEY NOT NULL, `expires_at` integer NOT NULL, `token` text NOT NULL,
    `created_at` integer, `updated_at` integer, `ip_address` text, `user_agent` text, `user_id` text NOT NULL);
"""
PRISMA_SQLITE = """
CREATE TABLE "user" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "email" TEXT NOT NULL, "emailVerified" BOOLEAN
    NOT NULL DEFAULT false, "image" TEXT, "role" TEXT);
CREATE TABLE "session" ("id" TEXT NOT NULL PRIMARY KEY, "expiresAt" DATETIME NOT NULL, "token" TEXT NOT NULL, "ipAddress"
    TEXT, "userAgent" TEXT, "userId" TEXT NOT NULL);
"""


def ada(session: str, user: str, expires_at: str, user_id: str, value: str, q: str = '"', more: str = "") -> str:
    """Rows of somebody signed in until then."""
    return (
        f"INSERT INTO {q}{user}{q} (id, name, email, role) VALUES ('usr_1', 'Ada', 'ada@example.com', 'ADMIN');"
        f"INSERT INTO {q}{session}{q} (id, {q}{expires_at}{q}, token, {q}{user_id}{q}{more and ', ' + more}) "
        f"VALUES ('ses_1', {value}, '{TOKEN}', 'usr_1'{more and ', ' + value});"
    )


SNAKE = 'column_case = "snake"'
WALL = "'2037-01-22 12:00:00.123'"
ROLE = "CREATE TYPE \"Role\" AS ENUM ('USER', 'ADMIN');"

FORMS = {
    "drizzle-postgres": Form(
        "postgres",
        DRIZZLE_POSTGRES,
        ada("session", "user", "expires_at", "user_id", WALL, more="updated_at"),
        (SNAKE,),
    ),
    "prisma-postgres": Form(
        "postgres", ROLE, PRISMA_POSTGRES.format(user="user", session="session", token=TOKEN), ()
    ),
    "prisma-postgres-models": Form(
        "postgres",
        ROLE,
        PRISMA_POSTGRES.format(user="User", session="Session", token=TOKEN),
        ('session_table = "Session"', 'user_table = "User"'),
    ),
    "postgres-unquoted": Form(
        "postgres",
        "CREATE TABLE sessions (id text, token text, userId text, expiresAt timestamptz);"
        "CREATE TABLE users (id uuid, email varchar(99), name char(3), role text);"
        "ALTER TABLE users ALTER id TYPE text;",
        "INSERT INTO users VALUES ('usr_1', 'ada@example.com', 'Ada', 'ADMIN');"
        f"INSERT INTO sessions VALUES ('ses_1', '{TOKEN}', 'usr_1', '{ENDS}')",
        (
            'session_table = "sessions"',
            'user_table = "users"',
            'session_fields = { expiresAt = "expiresat", userId = "userid" }',
        ),
    ),
    "postgres-other-schema": Form(
        "postgres",
        "CREATE SCHEMA auth; CREATE TYPE \"Role\" AS ENUM ('USER', 'ADMIN');",
        PRISMA_POSTGRES.format(user='auth"."user', session='auth"."session', token=TOKEN),
        ('session_table = "auth.session"', 'user_table = "auth.user"'),
    ),
    "drizzle-mysql": Form(
        "mariadb", DRIZZLE_MYSQL, ada("session", "user", "expires_at", "user_id", WALL, "`"), (SNAKE,)
    ),
    "prisma-mysql": Form("mariadb", PRISMA_MYSQL, ada("session", "user", "expiresAt", "userId", WALL, "`"), ()),
    "drizzle-sqlite-plural": Form(
        "sqlite",
        DRIZZLE_SQLITE,
        ada("sessions", "users", "expires_at", "user_id", str(MILLIS), "`"),
        ('session_table = "sessions"', 'user_table = "users"', SNAKE),
    ),
    "prisma-sqlite-classic": Form(
        "sqlite", PRISMA_SQLITE, ada("session", "user", "expiresAt", "userId", str(MILLIS)), ()
    ),
    "prisma-sqlite-adapter": Form(
        "sqlite",
        PRISMA_SQLITE,
        ada("session", "user", "expiresAt", "userId", "'2037-01-22T12:00:00.123+00:00'"),
        (),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_check_prints_makes_it_content_and_sessions_known(world: World, home: Path, name: str) -> None:
    form = FORMS[name]
    database = world.database(form.database)
    schema = f"form-{name}"
    database.create(schema)
    for statement in filter(str.strip, (form.tables + form.rows).split(";")):
        database.run(statement, schema)
    assert paste_until_content(home, database.url(schema)) == form.settings
    with Sidegate(home, database.url(schema), config=str(home / "sidegate.toml")) as gate:
        reply = gate.ask(signed_cookie())
        assert (reply.status, reply.get("x-auth-session-expires")) == (200, ENDS)
        assert [reply.get(f"x-auth-user-{field}") for field in ("id", "email", "name", "role")] == [
            "usr_1",
            "ada@example.com",
            "Ada",
            "ADMIN",
        ]


MakeStack = Callable[..., Stack]


@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
def test_what_check_prints_for_a_renamed_better_auth_fits_it(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    options: dict[str, Any] = {
        "session": {"modelName": "auth_sessions", "fields": {"userId": "USER_ID", "expiresAt": "expires_at"}},
        "user": {"modelName": "Users", "fields": {"email": "Email"}},
    }
    stack = stacks(world.database(database), "misnamed", options, {"admin": {}})
    person = stack.better_auth.sign_in()
    lines = paste_until_content(home, stack.store)
    assert 'session_table = "auth_sessions"' in lines
    with Sidegate(stack.home, stack.store, config=str(home / "sidegate.toml")) as gate:
        reply = gate.ask(person.cookie)
        assert (reply.status, reply.get("x-auth-user-role")) == (200, "user")


def test_check_tells_which_headers_to_expect(world: World, stacks: MakeStack, home: Path) -> None:
    plugins: dict[str, Any] = {"admin": {}, "organization": {}, "username": {}}
    stack = stacks(world.postgres, "headers", None, plugins)
    out = check(home, stack.store)[1]
    told = set(re.findall(r"^header +ok +(\S+)", out, re.MULTILINE))
    assert told == {
        "x-auth-user-email-verified",
        "x-auth-user-role",
        "x-auth-impersonated-by",
        "x-auth-organization-id",
        "x-auth-organization-role",
        "x-auth-user-username",
    }


def test_check_tells_of_dates_that_have_no_zone(on_mariadb: Stack, on_postgres: Stack, home: Path) -> None:
    assert re.search(r"^zone +note +session\.expiresAt is timestamp\(3\), .* read as UTC", check(home, on_mariadb.store)[1], re.MULTILINE)
    assert "zone" not in check(home, on_postgres.store)[1]


def test_check_tells_a_date_that_cannot_be_read(world: World, home: Path) -> None:
    world.postgres.create("wrong-type")
    world.postgres.run('CREATE TABLE "user" (id text, email text, name text)', "wrong-type")
    world.postgres.run('CREATE TABLE session (id text, token text, "userId" text, "expiresAt" bigint)', "wrong-type")
    code, out, _ = check(home, world.postgres.url("wrong-type"))
    assert code == 1
    assert re.search(r"^type +FAIL +session\.expiresAt is bigint", out, re.MULTILINE)


def test_check_tells_what_a_role_may_not_read(on_postgres: Stack, world: World, home: Path) -> None:
    on_postgres.run(
        'CREATE ROLE checker LOGIN; GRANT SELECT (id, "userId", "expiresAt") ON session TO checker;'
        'GRANT SELECT ON "user" TO checker'
    )
    code, out, _ = check(home, world.postgres.url("app", "checker"))
    assert code == 1
    assert re.search(r"^column +FAIL +session\.token may not be read", out, re.MULTILINE)
    assert "GRANT SELECT" in out
    on_postgres.run("GRANT SELECT (token) ON session TO checker")
    assert check(home, world.postgres.url("app", "checker"))[0] == 0


def test_check_tells_a_column_that_nothing_looks_like(world: World, home: Path) -> None:
    world.sqlite.run("CREATE TABLE user (id text, mail text, name text)", "odd")
    world.sqlite.run('CREATE TABLE session (id text, token text, "userId" text, "expiresAt" date)', "odd")
    code, out, _ = check(home, world.sqlite.url("odd"))
    assert code == 1
    assert re.search(r"^missing .*email.*user_fields.*id, mail, name", out, re.MULTILINE)


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_dates_without_a_zone_are_those_of_better_auths_process(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    """Better Auth in New York writes what a clock on its wall shows, whatever the database takes that for."""
    name: Database = world.database(database)
    stack = stacks(name, "new-york", None, None, "America/New_York")
    if database == "postgres":
        stack.run('ALTER TABLE session ALTER "expiresAt" TYPE timestamp')
    person = stack.better_auth.sign_in()
    known = stack.better_auth.session_of(person.cookie)
    assert known
    ends = known["session"]["expiresAt"]
    with Sidegate(home, stack.store, time_zone="America/New_York") as gate:
        assert gate.ask(person.cookie).get("x-auth-session-expires") == ends
    with Sidegate(home, stack.store) as gate:
        assert gate.ask(person.cookie).get("x-auth-session-expires") != ends, "the zones are the same; nothing is shown"


def paste_until_content(home: Path, store: str) -> tuple[str, ...]:
    """Pastes the settings that `check` prints into its file, and expects it to be content then; the lines."""
    (home / "sidegate.toml").write_text("")
    code, out, _ = check(home, store)
    lines = tuple(re.findall(r"^\w+ = .*$", out, re.MULTILINE))
    assert (code == 0) == (not lines), out
    (home / "sidegate.toml").write_text("\n".join(lines))
    code, out, err = check(home, store)
    assert (code, err, re.findall(r"^\w+ = .*$", out, re.MULTILINE)) == (0, "", []), out
    return lines


def check(home: Path, store: str) -> tuple[int, str, str]:
    if not (home / "sidegate.toml").exists():
        (home / "sidegate.toml").write_text("")
    done = subprocess.run(
        [str(SIDEGATE), "check", "--config=sidegate.toml", f"--store={store}"],
        cwd=home,
        env=environment(home) | {"BETTER_AUTH_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert not (leaked := secrets.found_in(done.stdout + done.stderr)), f"check wrote {leaked}"
    return done.returncode, done.stdout, done.stderr


def signed_cookie() -> str:
    """Ada's, signed here: no Better Auth runs on these tables."""
    signature = base64.b64encode(hmac.digest(SECRET.encode(), TOKEN.encode(), "sha256")).decode()
    value = quote(f"{TOKEN}.{signature}", safe="")
    secrets.remember_cookie(value)
    return f"better-auth.session_token={value}"
