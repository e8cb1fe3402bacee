"""The database goes and comes back: sessions that were seen pass, others are told to wait, nobody is signed out.

Each of these deployments has a database of its own, for Better Auth does not survive what is done to it here.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.mariadb import MariaDb
from rig.postgres import Postgres
from rig.process import until
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.traffic import Traffic


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def database(request: pytest.FixtureRequest, world: World) -> Iterator[Postgres | MariaDb]:
    home = world.home / f"unsteady-{request.param}"
    database = Postgres(home, world.certificates) if request.param == "postgres" else MariaDb(home)
    yield database
    database.stop()


@pytest.fixture(scope="module")
def unsteady(database: Postgres | MariaDb, world: World) -> Stack:
    return world.new_stack(database, "unsteady")


@pytest.fixture(scope="module")
def people(unsteady: Stack) -> list[SignedIn]:
    """Signed in beforehand."""
    return [unsteady.better_auth.sign_in() for _ in range(4)]


@pytest.fixture(autouse=True)
def up_again(database: Postgres | MariaDb) -> Iterator[None]:
    yield
    database.stop()
    database.start()


def test_a_restart_under_traffic_signs_nobody_out(
    database: Postgres | MariaDb, unsteady: Stack, people: list[SignedIn], home: Path
) -> None:
    seen, unseen = people[0], people[1]
    # Beside the gate behind nginx, one that has to ask for each request, by as many clients as it has connections.
    with unsteady.sidegate(cache_ttl="1h") as gate, Sidegate(home, unsteady.store, cache_ttl="0s") as forgetful:
        assert unsteady.echo.ask("/api/x", seen.cookie).status_code == 200
        cached = Traffic(lambda: unsteady.echo.ask("/api/x", seen.cookie).status_code, clients=2)
        uncached = Traffic(lambda: forgetful.ask(seen.cookie).status, clients=8)
        with cached, uncached:
            uncached.go_on(200)
            database.stop()
            gate.wait_until_unready()
            uncached.go_on(503, 10)
            cached.go_on(200)
            assert gate.ask(unseen.cookie).status == 503
            assert unsteady.echo.ask("/api/x", unseen.cookie).status_code == 500
            database.start()
            gate.wait_until_ready()
            until(lambda: unsteady.echo.ask("/api/x", unseen.cookie).status_code == 200, "unseen sessions pass")
            uncached.go_on(200)
            cached.go_on(200)
        assert cached.statuses() == {200}
        assert uncached.statuses() == {200, 503}


def test_the_first_request_after_a_restart_is_answered_though_every_connection_is_dead(
    database: Postgres | MariaDb, unsteady: Stack, people: list[SignedIn], home: Path
) -> None:
    with Sidegate(home, unsteady.store, cache_ttl="0s", store_connections="4") as gate:
        with Traffic(lambda: gate.ask(people[0].cookie).status, clients=8) as traffic:
            until(lambda: gate.total("sidegate_store_connections") == 4, "all four connections are open")
            traffic.go_on(200)
        database.stop()
        database.start()
        assert gate.ask(people[1].cookie).status == 200


def test_a_session_is_refused_as_unknown_only_when_the_database_says_so(
    database: Postgres | MariaDb, unsteady: Stack, people: list[SignedIn], home: Path
) -> None:
    with Sidegate(home, unsteady.store) as gate:
        database.stop()
        for person in people[2:4]:
            reply = gate.ask(person.cookie)
            assert (reply.status, reply.get("retry-after")) == (503, "1")
        assert gate.ask("better-auth.session_token=forged").status == 401
        assert gate.ask().status == 401


def test_sidegate_starts_before_its_database_does(
    database: Postgres | MariaDb, unsteady: Stack, people: list[SignedIn], home: Path
) -> None:
    database.stop()
    with Sidegate(home, unsteady.store) as gate:
        assert gate.admin("/livez").status_code == 200
        assert gate.admin("/readyz").status_code == 503
        assert gate.ask(people[0].cookie).status == 503
        database.start()
        gate.wait_until_ready()
        until(lambda: gate.ask(people[0].cookie).status == 200, "whoever was told 503 is let through")


def test_a_database_that_hangs_is_a_503_in_time(
    database: Postgres | MariaDb, unsteady: Stack, people: list[SignedIn], home: Path
) -> None:
    with Sidegate(home, unsteady.store, store_timeout="300ms") as gate:
        database.pause()
        try:
            # The database would not have answered within the test's own patience.
            assert gate.ask(people[0].cookie).status == 503
        finally:
            database.resume()
        gate.wait_until_ready()
        until(lambda: gate.ask(people[0].cookie).status == 200, "whoever was told 503 is let through")
