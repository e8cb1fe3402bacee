"""`sidegate revocation` on PostgreSQL: by whom, how often and under which names the triggers are set up."""

from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.places import SIDEGATE
from rig.process import run, until
from rig.revocation import WATCHER, heard, hearing, let_watch, remembered, wait_until_refused
from rig.sidegate import flags
from rig.sql import literal, named
from rig.stack import Stack
from test_commands import Ended, sidegate
from test_schema import SCHEMAS

TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'sidegate%'"
FUNCTIONS = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'sidegate%'"


def revocation(stack: Stack, task: str, store: str | None = None, **settings: str) -> Ended:
    """Needs no secret of Better Auth's, for an owner of tables may not know it."""
    given = flags(settings | {"store": store or stack.store})
    return sidegate(stack.home, "revocation", task, *given, secret=None)


@pytest.fixture
def bare(world: World, request: pytest.FixtureRequest) -> Any:
    """A deployment whose database tells nothing yet."""
    stack = world.new_stack(world.postgres, f"bare-{abs(hash(request.node.name))}", None, {"organization": {}})
    yield stack
    stack.stop()


def test_it_is_installed_once_and_found_to_be_there_twice(bare: Stack) -> None:
    ended = revocation(bare, "status")
    assert (ended.code, ended.out.count("has no trigger of sidegate's")) == (1, 3)
    assert "sidegate revocation install" in ended.err

    ended = revocation(bare, "install")
    assert ended.code == 0, ended.err
    assert ended.out.count("tells of its changes (it was: has no trigger of sidegate's)") == 3
    assert (bare.run(TRIGGERS), bare.run(FUNCTIONS)) == ("6", "3")

    ended = revocation(bare, "install")
    assert (ended.code, "nothing to do" in ended.out) == (0, True)
    assert revocation(bare, "status").code == 0
    assert (bare.run(TRIGGERS), bare.run(FUNCTIONS)) == ("6", "3")


def test_what_it_uninstalls_is_gone(bare: Stack) -> None:
    assert revocation(bare, "install").code == 0
    for was in ("it was: tells of its changes", "it was: has no trigger of sidegate's"):
        ended = revocation(bare, "uninstall")
        assert (ended.code, ended.out.count(was)) == (0, 3), ended.err
        assert (bare.run(TRIGGERS), bare.run(FUNCTIONS)) == ("0", "0")
    assert revocation(bare, "status").code == 1


def test_the_sql_that_it_prints_does_what_it_would_do(world: World, bare: Stack) -> None:
    printed = revocation(bare, "sql")
    assert printed.code == 0
    for _ in range(2):
        run(world.postgres.shell(bare.schema), bare.home, text=printed.out)
        assert revocation(bare, "status").code == 0


def test_a_role_that_may_not_is_told_what_is_missing_and_nothing_is_changed(bare: Stack) -> None:
    reader = let_watch(bare, "session", '"user"', "member")
    ended = revocation(bare, "install", reader)
    assert ended.code == 1
    lack = f"session belongs to postgres, and {WATCHER} is not a member of that role: connect as postgres"
    assert lack in ended.out
    assert bare.run(TRIGGERS) == "0"

    # PostgreSQL 15 lets nobody but the database's owner make things in public.
    bare.run(f'ALTER TABLE session OWNER TO {WATCHER}; ALTER TABLE "user" OWNER TO {WATCHER}')
    bare.run(f"ALTER TABLE member OWNER TO {WATCHER}")
    ended = revocation(bare, "install", reader)
    assert (ended.code, f"GRANT CREATE ON SCHEMA public TO {WATCHER}" in ended.out) == (1, True)

    bare.run(f"GRANT CREATE ON SCHEMA public TO {WATCHER}")
    ended = revocation(bare, "install", reader)
    assert ended.code == 0, ended.err


def test_a_table_that_somebody_holds_is_not_waited_for(world: World, bare: Stack) -> None:
    """Whoever waits for a lock on a table holds up all who come after."""
    script = f"BEGIN; DELETE FROM session; \\! {SIDEGATE} revocation install --store={bare.store}\nROLLBACK;"
    told = run(world.postgres.shell(bare.schema), bare.home, text=script, errors_too=True)
    assert "lock timeout" in told
    assert "try again when no long transaction holds one of the tables" in told
    assert bare.run(TRIGGERS) == "0"


def test_there_is_nothing_to_prepare_in_redis(bare: Stack) -> None:
    ended = revocation(bare, "sql", "redis://127.0.0.1:1")
    assert (ended.code, "there is nothing to prepare in Redis" in ended.err) == (78, True)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_renamed_tables_and_columns_tell(world: World, home: Path, schema: str) -> None:
    options, settings = SCHEMAS[schema]
    stack = world.new_stack(world.postgres, f"telling-{schema}", options)
    session, user = settings["session_table"], settings["user_table"]
    ended = revocation(stack, "install", **settings)
    assert ended.code == 0, ended.out + ended.err
    store = let_watch(stack, named(stack.database, session), named(stack.database, user))
    with hearing(home, store, **settings) as gate:
        first, second, staying = (stack.better_auth.sign_in() for _ in range(3))
        for person in (first, second, staying):
            remembered(gate, person.cookie)
        stack.better_auth.sign_out(first)
        wait_until_refused(gate, first.cookie)
        email = dict(pair.split("=") for pair in settings.get("user_fields", "email=email").split(","))["email"]
        stack.run(
            f"DELETE FROM {named(stack.database, user)} "
            f"WHERE {named(stack.database, email)} = {literal(second.email)}"
        )
        wait_until_refused(gate, second.cookie)
        assert (heard(gate, "user"), heard(gate, "everything")) == (1, 0)
        assert gate.ask(staying.cookie).status == 200
    stack.stop()


def test_tables_of_another_schema_tell(bare: Stack, home: Path) -> None:
    person = bare.better_auth.sign_in()
    bare.run('CREATE SCHEMA "Auth"; ALTER TABLE session SET SCHEMA "Auth"; ALTER TABLE "user" SET SCHEMA "Auth"')
    settings = {"session_table": "Auth.session", "user_table": "Auth.user"}
    assert revocation(bare, "install", **settings).code == 0
    # Beside their tables, so that whoever drops the schema drops them.
    place = "SELECT DISTINCT pronamespace::regnamespace FROM pg_proc WHERE proname ~ '^sidegate.*(user|session)$'"
    assert bare.run(place) == '"Auth"'
    with hearing(home, bare.store, **settings) as gate:
        remembered(gate, person.cookie)
        bare.run(f'DELETE FROM "Auth".session WHERE token = {literal(person.token)}')
        wait_until_refused(gate, person.cookie)


def test_partitions_tell(bare: Stack, home: Path) -> None:
    """Also where somebody deletes from the partition itself."""
    person = bare.better_auth.sign_in()
    bare.run(
        "ALTER TABLE session RENAME TO old; CREATE TABLE session (LIKE old) PARTITION BY LIST (token); "
        "CREATE TABLE part PARTITION OF session DEFAULT; INSERT INTO session SELECT * FROM old; DROP TABLE old"
    )
    assert revocation(bare, "install").code == 0
    with hearing(home, bare.store) as gate:
        remembered(gate, person.cookie)
        bare.run(f"DELETE FROM part WHERE token = {literal(person.token)}")
        wait_until_refused(gate, person.cookie)
        until(lambda: heard(gate, "token") == 1, "it is told of once")
