"""Signed out means out, where an outbox tells: on MariaDB, SQLite, and PostgreSQL without LISTEN.

Remembered answers count for a minute, longer than any test waits: what is refused sooner was heard of.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conftest import DATABASES, World
from rig import secrets
from rig.better_auth import SignedIn
from rig.mariadb import MariaDb
from rig.pgbouncer import PgBouncer
from rig.places import SIDEGATE
from rig.postgres import Postgres
from rig.process import run, until
from rig.revocation import hears, remembered, wait_until_refused
from rig.sidegate import LONG, Sidegate, flags
from rig.sql import literal, named
from rig.stack import Stack
from rig.traffic import Traffic
from rig.transaction import Transaction

MakeStack = Callable[..., Stack]

PLUGINS: dict[str, Any] = {"admin": {}, "organization": {}}
OUTBOX = "sidegate_revocation"
CONCURRENT = ("postgres", "mariadb")


@pytest.fixture(scope="module", params=DATABASES)
def told(request: pytest.FixtureRequest, world: World) -> Stack:
    """A deployment with plugins and an outbox, once on each database."""
    return with_outbox(world.new_stack(world.database(request.param), "outbox", None, PLUGINS))


@pytest.fixture
def gate(told: Stack, home: Path) -> Iterator[Sidegate]:
    with hearing(told, home) as gate:
        yield gate


def revocation(stack: Stack, task: str, **settings: str) -> str:
    """What `sidegate revocation` says, as the owner of the tables."""
    command = [SIDEGATE, "revocation", task, "--outbox", *flags({"store": stack.store} | settings)]
    return run(command, stack.home)


def with_outbox(stack: Stack, **settings: str) -> Stack:
    revocation(stack, "install", **settings)
    return stack


def hearing(stack: Stack, home: Path, store: str | None = None, **settings: str) -> Sidegate:
    """A sidegate that hears by the outbox."""
    gate = Sidegate(home, store or stack.store, **({"revocation": "outbox", "cache_ttl": LONG} | settings))
    wait_until_heard(gate)
    return gate


def is_up(gate: Sidegate) -> bool:
    return hears(gate, "outbox")


def wait_until_heard(gate: Sidegate) -> None:
    until(lambda: is_up(gate), "revocations are heard of")


def heard(gate: Sidegate) -> int:
    return int(gate.total("sidegate_revocations_total"))


def somebody(stack: Stack, gate: Sidegate) -> SignedIn:
    """Somebody who passes without the database being asked."""
    person = stack.better_auth.sign_in()
    remembered(gate, person.cookie)
    return person


def assert_heard_once_installed(stack: Stack, gate: Sidegate) -> None:
    with_outbox(stack)
    wait_until_heard(gate)
    person = somebody(stack, gate)
    stack.better_auth.sign_out(person)
    wait_until_refused(gate, person.cookie)


def where_token(stack: Stack, person: SignedIn) -> str:
    return f"{named(stack.database, 'session')} WHERE token = {literal(person.token)}"


def user_id(stack: Stack, person: SignedIn) -> str:
    session = stack.better_auth.session_of(person.cookie)
    assert session
    identity: str = session["user"]["id"]
    return identity


def change_user(stack: Stack, person: SignedIn, change: str) -> None:
    stack.run(f"UPDATE {named(stack.database, 'user')} SET {change} WHERE email = {literal(person.email)}")


def administrator(stack: Stack) -> SignedIn:
    admin = stack.better_auth.sign_in()
    change_user(stack, admin, "role = 'admin'")
    return admin


def call(stack: Stack, path: str, body: dict[str, Any], person: SignedIn) -> None:
    stack.better_auth.call(f"/api/auth{path}", body, person)


ENDINGS: dict[str, Callable[[Stack, SignedIn], object]] = {
    "sign-out": lambda stack, person: stack.better_auth.sign_out(person),
    "revoke-session": lambda stack, person: call(stack, "/revoke-session", {"token": person.token}, person),
    "revoke-sessions": lambda stack, person: call(stack, "/revoke-sessions", {}, person),
    "ban": lambda stack, person: call(
        stack, "/admin/ban-user", {"userId": user_id(stack, person)}, administrator(stack)
    ),
    "remove": lambda stack, person: call(
        stack, "/admin/remove-user", {"userId": user_id(stack, person)}, administrator(stack)
    ),
    # MariaDB's foreign keys delete the sessions and tell no trigger.
    "user deleted": lambda stack, person: stack.run(
        f"DELETE FROM {named(stack.database, 'user')} WHERE email = {literal(person.email)}"
    ),
    "session deleted": lambda stack, person: stack.run(f"DELETE FROM {where_token(stack, person)}"),
    "expired": lambda stack, person: stack.run(
        f"UPDATE {named(stack.database, 'session')} SET {named(stack.database, 'expiresAt')} = {stack.database.past} "
        f"WHERE token = {literal(person.token)}"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_that_ended_is_refused_though_it_is_remembered(told: Stack, gate: Sidegate, ending: str) -> None:
    bystander, person = somebody(told, gate), somebody(told, gate)
    ENDINGS[ending](told, person)
    wait_until_refused(gate, person.cookie)
    # Whom it is not about stays remembered; an administrator signs in for some of them, which revokes nothing.
    assert evicted(gate) == 0
    lookups = gate.lookups()
    assert gate.ask(bystander.cookie).status == 200
    assert gate.lookups() == lookups


def test_sessions_that_go_with_their_user_are_refused_in_sqlite(world: World, stacks: MakeStack, home: Path) -> None:
    """There a connection says for itself whether foreign keys count."""
    stack = with_outbox(stacks(world.sqlite, "cascade"))
    with hearing(stack, home) as gate:
        person = somebody(stack, gate)
        with closing(sqlite3.connect(world.sqlite.path("cascade"))) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute('DELETE FROM "user" WHERE email = ?', (person.email,))
        wait_until_refused(gate, person.cookie)
        assert stack.run(f"SELECT count(*) FROM {where_token(stack, person)}") == "0"


CHANGES = {
    "role": ("role = 'editor'", "x-auth-user-role", "editor"),
    "case of a role": ("role = 'USER'", "x-auth-user-role", "USER"),
    "e-mail": ("email = 'new-{email}'", "x-auth-user-email", "new-{email}"),
    "name": ("name = 'Zoë'", "x-auth-user-name", "Zo%C3%AB"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_of_a_user_is_told_though_the_user_is_remembered(
    told: Stack, gate: Sidegate, change: str
) -> None:
    person = somebody(told, gate)
    set_, header, value = (text.format(email=person.email) for text in CHANGES[change])
    change_user(told, person, set_)
    until(lambda: gate.ask(person.cookie).get(header) == value, "the change is told")


def test_a_role_in_an_organization_that_changed_is_told(told: Stack, gate: Sidegate) -> None:
    person = told.better_auth.sign_in()
    organization = told.better_auth.call(
        "/api/auth/organization/create", {"name": "Analytical", "slug": f"engine-{person.email}"}, person
    )
    remembered(gate, person.cookie)
    assert gate.ask(person.cookie).get("x-auth-organization-role") == "owner"
    told.run(
        f"UPDATE {named(told.database, 'member')} SET role = 'member' "
        f"WHERE {named(told.database, 'organizationId')} = {literal(organization['id'])}"
    )
    until(lambda: gate.ask(person.cookie).get("x-auth-organization-role") == "member", "the role is told")


def test_signing_in_and_prolonging_revoke_nothing(told: Stack, gate: Sidegate) -> None:
    person = somebody(told, gate)
    before = rows(told)
    other = told.better_auth.sign_in(person.email)
    column = named(told.database, "expiresAt")
    later = {
        "sqlite": f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '+1 day')",
        "postgres": f"{column} + interval '1 day'",
        "mariadb": f"{column} + INTERVAL 1 DAY",
    }[told.database.name]
    updated = named(told.database, "updatedAt")
    told.run(
        f"UPDATE {named(told.database, 'session')} SET {column} = {later}, {updated} = {later} "
        f"WHERE token = {literal(person.token)}"
    )
    change_user(told, person, f"{updated} = {later.replace(column, updated)}")
    assert rows(told) == before
    # What is heard after it was written after it.
    told.better_auth.sign_out(other)
    until(lambda: heard(gate) == 1, "the sign-out is heard of")
    lookups = gate.lookups()
    assert gate.ask(person.cookie).status == 200
    assert gate.lookups() == lookups


def rows(stack: Stack) -> int:
    return int(stack.run(f"SELECT count(*) FROM {OUTBOX} WHERE kind <> 'i'"))


def test_the_outbox_holds_no_token(told: Stack, gate: Sidegate) -> None:
    for ending in ("sign-out", "ban", "expired"):
        person = somebody(told, gate)
        ENDINGS[ending](told, person)
        wait_until_refused(gate, person.cookie)
    assert not secrets.found_in(told.run(f"SELECT * FROM {OUTBOX}"))


def test_ten_thousand_sessions_that_are_deleted_at_once_are_refused(told: Stack, gate: Sidegate) -> None:
    person = somebody(told, gate)
    columns = ["expiresAt", "createdAt", "updatedAt", "userId"]
    names = ", ".join(named(told.database, name) for name in columns)
    number = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) ",
        "mariadb": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) ",
        "postgres": "WITH n(i) AS (SELECT generate_series(1, 10000)) ",
    }[told.database.name]
    prefix = "SET SESSION max_recursive_iterations = 20000; " if told.database.name == "mariadb" else ""
    i = "CAST(i AS char(8))" if told.database.name != "sqlite" else "i"
    joined = f"CONCAT('x', {i})" if told.database.name != "sqlite" else "'x' || i"
    table = named(told.database, "session")
    insert = f"INSERT INTO {table} (id, token, {names})"
    chosen = f"SELECT {joined}, {joined}, {names} FROM {table}, n WHERE token = {literal(person.token)}"
    told.run(f"{prefix}{insert} {number}{chosen}" if told.database.name == "mariadb" else f"{number}{insert} {chosen}")
    told.run(f"DELETE FROM {table}")
    wait_until_refused(gate, person.cookie)
    # All that follows is heard of as before.
    other = somebody(told, gate)
    told.better_auth.sign_out(other)
    wait_until_refused(gate, other.cookie)


@pytest.mark.parametrize("database", CONCURRENT)
def test_what_commits_after_a_later_number_is_heard_of(world: World, stacks: MakeStack, home: Path, database: str) -> None:
    stack = with_outbox(stacks(world.database(database), "order"))
    with hearing(stack, home) as gate:
        slow, rolled_back, quick = (somebody(stack, gate) for _ in range(3))
        with transaction(world, stack) as first, transaction(world, stack) as second:
            first.run(f"DELETE FROM {where_token(stack, slow)}")
            second.run(f"DELETE FROM {where_token(stack, rolled_back)}")
            stack.better_auth.sign_out(quick)
            wait_until_refused(gate, quick.cookie)
            assert gate.ask(slow.cookie).status == 200, "it has not happened"
            second.roll_back()
            stack.run(revocation(stack, "clean-up"))
            first.commit()
            wait_until_refused(gate, slow.cookie)
        assert gate.ask(rolled_back.cookie).status == 200
        assert evicted(gate) == 0


@pytest.mark.parametrize("database", CONCURRENT)
def test_what_was_not_committed_when_sidegate_began_is_heard_of(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    stack = with_outbox(stacks(world.database(database), "begun"))
    slow, quick = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    with transaction(world, stack) as first:
        first.run(f"DELETE FROM {where_token(stack, slow)}")
        stack.better_auth.sign_out(quick)
        with hearing(stack, home) as gate:
            remembered(gate, slow.cookie)
            first.commit()
            wait_until_refused(gate, slow.cookie)


def transaction(world: World, stack: Stack) -> Transaction:
    database = stack.database
    assert isinstance(database, MariaDb | Postgres)
    return Transaction(database, stack.schema)


def test_an_outbox_that_is_emptied_leaves_nobody_believed(told: Stack, gate: Sidegate) -> None:
    gone = told.better_auth.sign_in()
    told.better_auth.sign_out(gone)
    until(lambda: heard(gate) > 0, "it is heard of")
    person = somebody(told, gate)
    statement = "DELETE FROM" if told.database.name == "sqlite" else "TRUNCATE TABLE"
    restart = " RESTART IDENTITY" if told.database.name == "postgres" else ""
    told.run(f"{statement} {OUTBOX}{restart}")
    until(lambda: gate.total("sidegate_revocations_total", kind="everything") == 1, "nothing is believed")
    told.better_auth.sign_out(person)
    wait_until_refused(gate, person.cookie)
    other = somebody(told, gate)
    told.better_auth.sign_out(other)
    wait_until_refused(gate, other.cookie)
    with_outbox(told)


def test_clean_up_removes_what_is_a_day_old_and_nobody_notices(told: Stack, gate: Sidegate) -> None:
    old, person = told.better_auth.sign_in(), somebody(told, gate)
    told.better_auth.sign_out(old)
    until(lambda: heard(gate) == 1, "it is heard of")
    told.run(f"UPDATE {OUTBOX} SET written_at = written_at - 86400001 WHERE kind <> 'i'")
    # The row that was heard of last has changed.
    until(lambda: gate.total("sidegate_revocations_total", kind="everything") == 1, "nothing is believed")
    told.better_auth.sign_out(told.better_auth.sign_in())
    until(lambda: heard(gate) == 3, "it is heard of")
    remembered(gate, person.cookie)
    told.run(revocation(told, "clean-up").splitlines()[0])
    assert rows(told) == 1
    told.better_auth.sign_out(person)
    wait_until_refused(gate, person.cookie)
    assert gate.total("sidegate_revocations_total", kind="everything") == 1


def test_the_sql_that_is_printed_is_the_clients_own(world: World, stacks: MakeStack, home: Path, told: Stack) -> None:
    stack = stacks(told.database, "printed")
    script = revocation(stack, "sql")
    database = stack.database
    if isinstance(database, MariaDb | Postgres):
        run(database.shell(stack.schema), home, text=script)
    else:
        with closing(sqlite3.connect(world.sqlite.path(stack.schema))) as connection:
            connection.executescript(script)
    assert "installed for outbox" in revocation(stack, "status")
    with hearing(stack, home) as gate:
        person = somebody(stack, gate)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)


RENAMED: dict[str, Any] = {
    "session": {"modelName": "auth_sessions", "fields": {"userId": "owner", "token": "se`cr\"et", "expiresAt": "until"}},
    "user": {"modelName": "auth users", "fields": {"name": "display_name"}},
}
RENAMED_SETTINGS = {
    "session_table": "auth_sessions",
    "user_table": "auth users",
    "session_fields": "userId=owner,token=se`cr\"et,expiresAt=until",
    "user_fields": "name=display_name",
}


def test_renamed_tables_and_columns_are_watched(told: Stack, stacks: MakeStack, home: Path) -> None:
    stack = with_outbox(stacks(told.database, "renamed", RENAMED), **RENAMED_SETTINGS)
    with hearing(stack, home, **RENAMED_SETTINGS) as gate:
        person, other = somebody(stack, gate), somebody(stack, gate)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)
        name = named(stack.database, "display_name")
        stack.run(f"UPDATE {named(stack.database, 'auth users')} SET {name} = 'Ada' WHERE email = {literal(other.email)}")
        until(lambda: gate.ask(other.cookie).get("x-auth-user-name") == "Ada", "the change is told")


@pytest.mark.parametrize(("database", "kind"), [("postgres", "uuid"), ("postgres", "serial"), ("mariadb", "serial"), ("sqlite", "serial")])
def test_ids_of_any_type_are_told(world: World, stacks: MakeStack, home: Path, database: str, kind: str) -> None:
    stack = with_outbox(stacks(world.database(database), f"outbox-{kind}", {"advanced": {"database": {"generateId": kind}}}))
    with hearing(stack, home) as gate:
        person, other = somebody(stack, gate), somebody(stack, gate)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)
        change_user(stack, other, "name = 'Ada'")
        until(lambda: gate.ask(other.cookie).get("x-auth-user-name") == "Ada", "the change is told")


@pytest.mark.parametrize("database", CONCURRENT)
def test_select_alone_is_enough_to_hear(world: World, stacks: MakeStack, home: Path, database: str) -> None:
    stack = with_outbox(stacks(world.database(database), "reading"))
    if isinstance(stack.database, Postgres):
        stack.run(f'CREATE ROLE hearer LOGIN; GRANT SELECT ON session, "user", {OUTBOX} TO hearer')
        store = stack.database.url("reading", "hearer")
    else:
        assert isinstance(stack.database, MariaDb)
        grants = (f"GRANT SELECT ON reading.{table} TO hearer@localhost" for table in ("session", "user", OUTBOX))
        stack.run("; ".join(["CREATE USER hearer@localhost", *grants]))
        store = stack.database.url("reading", "hearer")
    with hearing(stack, home, store) as gate:
        person = somebody(stack, gate)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)


@pytest.mark.parametrize("database", CONCURRENT)
def test_who_writes_sessions_needs_no_right_on_the_outbox(world: World, stacks: MakeStack, home: Path, database: str) -> None:
    stack = with_outbox(stacks(world.database(database), "writing"))
    with hearing(stack, home) as gate:
        person = somebody(stack, gate)
        delete = f"DELETE FROM {where_token(stack, person)}"
        if isinstance(stack.database, Postgres):
            stack.run(f"CREATE ROLE writer; GRANT SELECT, DELETE ON session TO writer; SET ROLE writer; {delete}")
        else:
            assert isinstance(stack.database, MariaDb)
            stack.run("CREATE USER writer@localhost; GRANT SELECT, DELETE ON writing.session TO writer@localhost")
            command = ["--user=writer" if word == "--user=root" else word for word in stack.database.shell("writing")]
            run([*command, "-e", delete], home)
        wait_until_refused(gate, person.cookie)


def test_an_outbox_is_heard_through_a_transaction_pooler(world: World, stacks: MakeStack, home: Path) -> None:
    """Heard, and no more: lookups ask for a PgBouncer that keeps prepared statements, which Debian's does not."""
    stack = with_outbox(stacks(world.postgres, "pooled"))
    with PgBouncer(home, world.postgres) as pooler, hearing(stack, home, pooler.url("pooled")) as gate:
        for count in range(1, 4):
            stack.better_auth.sign_out(stack.better_auth.sign_in())
            until(lambda count=count: heard(gate) == count, "the sign-out is heard of")
        assert is_up(gate)


def test_a_restarted_server_leaves_nobody_believed(world: World, stacks: MakeStack, home: Path) -> None:
    stack = with_outbox(stacks(world.mariadb, "restarted"))
    with hearing(stack, home) as gate:
        person, other = somebody(stack, gate), somebody(stack, gate)
        world.mariadb.stop()
        until(lambda: not is_up(gate), "it is not heard of")
        world.mariadb.start()
        stack.run(f"DELETE FROM {where_token(stack, person)}")
        wait_until_heard(gate)
        wait_until_refused(gate, person.cookie)
        assert gate.ask(other.cookie).status == 200


@pytest.mark.parametrize("database", CONCURRENT)
def test_an_outbox_that_is_dropped_fails_no_sign_out_and_is_noticed(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    stack = with_outbox(stacks(world.database(database), "dropped"))
    with hearing(stack, home) as gate:
        stack.run(f"DROP TABLE {OUTBOX}")
        stack.better_auth.sign_out(stack.better_auth.sign_in())
        until(lambda: not is_up(gate), "it is not heard of")
        assert_heard_once_installed(stack, gate)


def test_a_trigger_that_is_dropped_is_noticed_while_nobody_changes_anything(
    told: Stack, stacks: MakeStack, home: Path
) -> None:
    """Others of that name in the same server or database are no comfort."""
    stack, trigger = with_outbox(stacks(told.database, "untold")), "sidegate_outbox_session_delete"
    with hearing(stack, home) as gate:
        if stack.database.name == "postgres":
            stack.run(
                "CREATE SCHEMA other; CREATE TABLE other.session (LIKE session); CREATE TRIGGER "
                f"{trigger} BEFORE DELETE ON other.session FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            )
        on = " ON session" if stack.database.name == "postgres" else ""
        stack.run(f"DROP TRIGGER {trigger}{on}")
        until(lambda: not is_up(gate), "it is not heard of")
        assert f"there is no trigger {trigger}" in gate.process.text()
        assert_heard_once_installed(stack, gate)


def test_triggers_that_are_all_dropped_are_not_taken_for_triggers_that_are_not_told(
    world: World, stacks: MakeStack, home: Path
) -> None:
    """MariaDB tells of none to whoever may make none; who was told of some once may."""
    stack = with_outbox(stacks(world.mariadb, "all-untold"))
    names = stack.run("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()").split()
    with hearing(stack, home) as gate:
        stack.run("; ".join(f"DROP TRIGGER {name}" for name in names))
        # One reason is told once in a row, and it is opened anew a moment after: another reason was met in between.
        until(lambda: "there is no trigger" in gate.process.text(), "it is told")
        stack.run(f"RENAME TABLE {OUTBOX} TO elsewhere")
        until(lambda: f"{OUTBOX}' doesn't exist" in gate.process.text(), "it was tried again")
        stack.run(f"RENAME TABLE elsewhere TO {OUTBOX}")
        until(lambda: gate.process.text().count("there is no trigger") == 2, "it was tried once more")
        assert gate.process.text().count("revocations are heard of") == 1
        assert_heard_once_installed(stack, gate)


def test_uninstalling_leaves_nothing(told: Stack, stacks: MakeStack, home: Path) -> None:
    stack = with_outbox(stacks(told.database, "undone"))
    with hearing(stack, home) as gate:
        revocation(stack, "uninstall")
        until(lambda: not is_up(gate), "it is not heard of")
    stack.better_auth.sign_out(stack.better_auth.sign_in())
    left = {
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE name LIKE 'sidegate%'",
        "postgres": "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'sidegate%') "
        "+ (SELECT count(*) FROM pg_proc WHERE proname LIKE 'sidegate%')",
        "mariadb": "SELECT (SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()) "
        "+ (SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'sidegate%')",
    }[stack.database.name]
    assert stack.run(left) == "0"


def test_a_plugin_that_comes_later_is_noticed_until_it_is_watched(told: Stack, stacks: MakeStack, home: Path) -> None:
    stack = with_outbox(stacks(told.database, "later-plugin"))
    kind = "text" if stack.database.name != "mariadb" else "varchar(255)"
    stack.run(f"ALTER TABLE {named(stack.database, 'user')} ADD COLUMN role {kind}")
    with Sidegate(home, stack.store, revocation="outbox") as gate:
        until(lambda: "no trigger looks at user.role" in gate.process.text(), "it is told")
        assert not is_up(gate)
        with_outbox(stack)
        wait_until_heard(gate)


@pytest.mark.parametrize("database", CONCURRENT)
def test_a_connection_that_is_killed_leaves_nobody_believed(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    stack = with_outbox(stacks(world.database(database), "killed"))
    with hearing(stack, home) as gate:
        person = somebody(stack, gate)
        kill_all(stack)
        until(lambda: gate.ask(person.cookie) and evicted(gate), "what was remembered is not believed")
        wait_until_heard(gate)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)


def evicted(gate: Sidegate) -> float:
    return gate.total("sidegate_cache_evictions_total", cause="everything")


def kill_all(stack: Stack) -> None:
    """Ends all connections of sidegate."""
    if stack.database.name == "postgres":
        stack.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sidegate'")
        return
    ids = stack.run(f"SELECT id FROM information_schema.processlist WHERE db = {literal(stack.schema)} AND id <> CONNECTION_ID()")
    for number in ids.split():
        stack.run(f"KILL {number}")


def test_a_sqlite_file_that_is_replaced_leaves_nobody_believed(world: World, stacks: MakeStack, home: Path) -> None:
    stack = with_outbox(stacks(world.sqlite, "restored"))
    path = world.sqlite.path("restored")
    with hearing(stack, home) as gate:
        backup = home / "backup.db"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        person = somebody(stack, gate)
        stack.better_auth.stop()
        backup.rename(path)
        wait_until_refused(gate, person.cookie)
        wait_until_heard(gate)


def test_nobody_who_signed_out_passes_again_while_requests_run(told: Stack, gate: Sidegate) -> None:
    steady = somebody(told, gate)
    with Traffic(lambda: gate.ask(steady.cookie).status) as traffic:
        for _ in range(5):
            person = told.better_auth.sign_in()
            with Traffic(lambda person=person: gate.ask(person.cookie).status, clients=2) as asked:
                asked.go_on(200)
                told.better_auth.sign_out(person)
                wait_until_refused(gate, person.cookie)
                answers = {gate.ask(person.cookie).status for _ in range(50)}
                assert answers == {401}
        assert traffic.statuses() == {200}
