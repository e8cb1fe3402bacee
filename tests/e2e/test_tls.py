"""TLS to the database: asked for, checked, and not gone without."""

from pathlib import Path

import pytest

from conftest import World
from rig.sidegate import Sidegate
from rig.stack import Stack


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_session_is_read_over_tls(on_postgres: Stack, world: World, home: Path, mode: str) -> None:
    root = "" if mode == "require" else f"&sslrootcert={world.certificates.authority}"
    with Sidegate(home, world.postgres.url("app", query=f"?sslmode={mode}{root}")) as gate:
        assert gate.ask(on_postgres.ada.cookie).status == 200
        assert gate.is_ready()
        assert connections_with_tls(world) == {"t"}


def test_without_tls_no_session_is_encrypted(on_postgres: Stack, world: World, home: Path) -> None:
    """What the other tests see is not always so."""
    with Sidegate(home, world.postgres.url("app", query="?sslmode=disable")) as gate:
        assert gate.ask(on_postgres.ada.cookie).status == 200
        assert connections_with_tls(world) == {"f"}


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_that_another_authority_vouches_for_is_not_asked(
    on_postgres: Stack, world: World, home: Path, mode: str
) -> None:
    query = f"?sslmode={mode}&sslrootcert={world.certificates.stranger}"
    with Sidegate(home, world.postgres.url("app", query=query)) as gate:
        assert gate.admin("/readyz").status_code == 503
        assert gate.ask(on_postgres.ada.cookie).status == 503
        assert connections_with_tls(world) == set()


def test_a_server_of_another_name_is_not_asked_in_full_mode(on_postgres: Stack, world: World, home: Path) -> None:
    query = f"?sslrootcert={world.certificates.authority}&sslmode="
    url = world.postgres.url("app", query=query).replace("127.0.0.1", "localhost")
    with Sidegate(home, f"{url}verify-full") as gate:
        assert gate.ask(on_postgres.ada.cookie).status == 503
    with Sidegate(home, f"{url}verify-ca") as gate:
        assert gate.ask(on_postgres.ada.cookie).status == 200


def connections_with_tls(world: World) -> set[str]:
    """`t` or `f` for each of sidegate's connections."""
    told = world.postgres.run(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'sidegate'", "app"
    )
    return set(told.split())
