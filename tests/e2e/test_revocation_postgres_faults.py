"""Whatever happens to the listener, the triggers or the database: nothing that was missed is believed, and while nothing
tells, sessions are looked up soon.

The database is of this module's own: it is stopped, paused, and its roles are locked out.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.pgbouncer import PgBouncer
from rig.postgres import Postgres
from rig.process import until
from rig.revocation import (
    LISTENING,
    WATCHER,
    heard,
    hearing,
    hears,
    let_watch,
    remembered,
    wait_until_it_hears,
    wait_until_it_is_deaf,
    wait_until_refused,
)
from rig.sidegate import LONG, Sidegate
from rig.sql import literal
from rig.stack import Stack
from test_commands import sidegate


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Postgres]:
    database = Postgres(world.home / "postgres-faults", world.certificates)
    yield database
    database.stop()


@pytest.fixture(scope="module")
def frail(world: World, database: Postgres) -> Stack:
    stack = world.new_stack(database, "frail", None, {"admin": {}})
    assert sidegate(stack.home, "revocation", "install", f"--store={stack.store}").code == 0
    return stack


@pytest.fixture(scope="module")
def people(frail: Stack) -> Iterator[SignedIn]:
    """Signed in beforehand: Better Auth does not survive a restart of its database."""
    return iter([frail.better_auth.sign_in() for _ in range(6)])


@pytest.fixture
def gate(frail: Stack, home: Path) -> Iterator[Sidegate]:
    with hearing(home, let_watch(frail, "session", '"user"')) as gate:
        yield gate


def end_listeners(frail: Stack) -> None:
    frail.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENING}")


def sign_out_by_sql(frail: Stack, token: str) -> None:
    frail.run(f"DELETE FROM session WHERE token = {literal(token)}")


def test_a_killed_listener_costs_nothing_but_lookups(frail: Stack, gate: Sidegate, people: Iterator[SignedIn]) -> None:
    gone, staying = next(people), next(people)
    remembered(gate, gone.cookie)
    remembered(gate, staying.cookie)
    before = len(gate.events("revocations are heard of"))
    end_listeners(frail)
    until(lambda: len(gate.events("revocations are heard of")) > before and hears(gate), "it hears again")
    asked = gate.lookups()
    assert gate.ask(staying.cookie).status == 200
    assert gate.lookups() == asked + 1, "what was remembered from before the gap is not believed"
    sign_out_by_sql(frail, gone.token)
    wait_until_refused(gate, gone.cookie)


def test_while_the_listener_is_lost_sessions_are_soon_looked_up_and_later_nothing_missed_is_believed(
    frail: Stack, gate: Sidegate, people: Iterator[SignedIn]
) -> None:
    noticed, missed = next(people), next(people)
    remembered(gate, noticed.cookie)
    remembered(gate, missed.cookie)
    # Connections that are there stay: the store answers lookups, the listener cannot come back.
    frail.run(f"ALTER ROLE {WATCHER} NOLOGIN")
    try:
        end_listeners(frail)
        wait_until_it_is_deaf(gate)
        sign_out_by_sql(frail, noticed.token)
        sign_out_by_sql(frail, missed.token)
        # Only a shorter age can be the cause: nothing tells, and cache_ttl is a minute.
        wait_until_refused(gate, noticed.cookie)
        assert not hears(gate)
    finally:
        frail.run(f"ALTER ROLE {WATCHER} LOGIN")
    wait_until_it_hears(gate)
    assert gate.ask(missed.cookie).status == 401


def test_a_restart_of_the_database_is_survived(
    database: Postgres, frail: Stack, gate: Sidegate, people: Iterator[SignedIn]
) -> None:
    person = next(people)
    remembered(gate, person.cookie)
    database.stop()
    wait_until_it_is_deaf(gate)
    assert gate.ask(person.cookie).status == 200, "it passes while the database is away"
    database.start()
    wait_until_it_hears(gate)
    gate.wait_until_ready()
    remembered(gate, person.cookie)
    sign_out_by_sql(frail, person.token)
    wait_until_refused(gate, person.cookie)


def test_a_database_that_hangs_is_noticed_within_seconds(database: Postgres, gate: Sidegate) -> None:
    """Stopped, the connection stands and nothing comes: as with a half-open connection. The server itself hangs as well as
    those of its processes that answer."""
    database.pause_all()
    try:
        wait_until_it_is_deaf(gate)
    finally:
        database.resume_all()
    wait_until_it_hears(gate)


TAMPERING = {
    "dropped": "DROP TRIGGER sidegate_changed ON session",
    "turned off": "ALTER TABLE session DISABLE TRIGGER sidegate_changed",
    "not for replicas": "ALTER TABLE session ENABLE TRIGGER sidegate_changed",
    "another condition": (
        "DROP TRIGGER sidegate_changed ON session; CREATE TRIGGER sidegate_changed AFTER DELETE OR UPDATE ON session "
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION sidegate_tell_session(); "
        "ALTER TABLE session ENABLE ALWAYS TRIGGER sidegate_changed"
    ),
    "fewer columns": (
        "DROP TRIGGER sidegate_changed ON session; CREATE TRIGGER sidegate_changed AFTER DELETE OR UPDATE OF token ON "
        "session FOR EACH ROW EXECUTE FUNCTION sidegate_tell_session(); "
        "ALTER TABLE session ENABLE ALWAYS TRIGGER sidegate_changed"
    ),
    "another function": (
        'CREATE OR REPLACE FUNCTION sidegate_tell_user() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS '
        "'BEGIN RETURN NULL; END'"
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_triggers_that_are_no_longer_ours_are_noticed_and_mended(frail: Stack, gate: Sidegate, how: str) -> None:
    frail.run(TAMPERING[how])
    wait_until_it_is_deaf(gate)
    ended = sidegate(frail.home, "revocation", "status", f"--store={frail.store}")
    assert (ended.code, ended.out.count("FAIL")) == (1, 1)
    ended = sidegate(frail.home, "check", f"--store={frail.store}")
    assert ended.code == 0
    assert "revoked   none  nothing tells of sign-outs: a signed-out session passes for up to 5s" in ended.out
    ended = sidegate(frail.home, "check", f"--store={frail.store}", "--revocation=listen")
    assert ended.code == 1
    assert "revoked   FAIL" in ended.out
    ended = sidegate(frail.home, "revocation", "install", f"--store={frail.store}")
    assert (ended.code, ended.out.count("it was: ")) == (0, 1)
    wait_until_it_hears(gate)


def test_triggers_may_come_while_it_runs(world: World, database: Postgres, home: Path) -> None:
    stack = world.new_stack(database, "later-listen")
    person = stack.better_auth.sign_in()
    with Sidegate(home, stack.store, cache_ttl=LONG) as gate:
        warning = until(
            lambda: [event for event in gate.log() if event["level"] == "WARN"], "it says that nothing tells"
        )
        assert "sidegate revocation install" in warning[0]["why"]
        assert gate.ask(person.cookie).status == 200
        assert sidegate(stack.home, "revocation", "install", f"--store={stack.store}").code == 0
        wait_until_it_hears(gate)
        remembered(gate, person.cookie)
        stack.better_auth.sign_out(person)
        wait_until_refused(gate, person.cookie)


def test_a_pooler_in_transaction_mode_is_not_taken_for_a_listener(database: Postgres, frail: Stack, home: Path) -> None:
    with PgBouncer(home, database) as pooler, Sidegate(home, pooler.url(frail.schema)) as gate:
        warning = until(
            lambda: [event["why"] for event in gate.log() if event["message"].startswith("nothing tells")],
            "it says that nothing tells",
        )
        assert "as through a pooler in transaction mode" in warning[0]
        assert "outbox" in warning[0]
        assert not hears(gate)


def test_the_listener_keeps_to_the_url_of_the_store(world: World, frail: Stack, home: Path) -> None:
    """TLS and all: every connection of sidegate's, the one that listens among them."""
    secure = f"{frail.store}?sslmode=verify-full&sslrootcert={world.certificates.authority}"
    told = "SELECT ssl, application_name FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
    with hearing(home, secure):
        assert frail.run(f"{told} WHERE {LISTENING}").split("\t") == ["t", "sidegate"]


def test_two_apps_in_one_database_do_not_hear_each_other(
    frail: Stack, gate: Sidegate, people: Iterator[SignedIn], home: Path
) -> None:
    """The same names in another schema, which a search path leads to."""
    frail.run("CREATE SCHEMA other")
    store = f"{frail.store}?options=-csearch_path%3Dother"
    frail.run('CREATE TABLE other."user" (LIKE "user" INCLUDING ALL); CREATE TABLE other.session (LIKE session)')
    assert sidegate(home, "revocation", "install", f"--store={store}").code == 0
    with hearing(home, store) as neighbour:
        person = next(people)
        remembered(gate, person.cookie)
        frail.run(f"INSERT INTO other.session SELECT * FROM session WHERE token = {literal(person.token)}")
        frail.run(f"DELETE FROM other.session WHERE token = {literal(person.token)}")
        until(lambda: heard(neighbour, "token") == 1, "the other app's sidegate hears of it")
        sign_out_by_sql(frail, person.token)
        wait_until_refused(gate, person.cookie)
        assert (heard(gate, "token"), heard(neighbour, "token")) == (1, 1)
