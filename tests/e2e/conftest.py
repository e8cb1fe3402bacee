"""What the tests are given. Each program is started when a test first asks for it, and ended for sure."""

import resource
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from rig import process, secrets
from rig import sidegate as sidegates
from rig.callers import ALL
from rig.mariadb import MariaDb
from rig.postgres import Postgres
from rig.process import Process
from rig.proxy import Edit, MakeProxy, Proxy
from rig.sidegate import Sidegate
from rig.sql import Database
from rig.sqlite import Sqlite
from rig.stack import Apps, Stack
from rig.tls import Certificates

DATABASES = ("sqlite", "postgres", "mariadb")


class World:
    """Everything that one test run starts, each on first use."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.apps = Apps(home)
        self._stacks: dict[str, Stack] = {}
        self._stack_homes = home / "stacks"
        self._stack_homes.mkdir()

    @cached_property
    def certificates(self) -> Certificates:
        return Certificates(self.home / "tls")

    @cached_property
    def sqlite(self) -> Sqlite:
        return Sqlite(self.home)

    @cached_property
    def postgres(self) -> Postgres:
        return Postgres(self.home / "postgres", self.certificates)

    @cached_property
    def mariadb(self) -> MariaDb:
        return MariaDb(self.home / "mariadb")

    def database(self, name: str) -> Database:
        database: Database = getattr(self, name)
        return database

    def stack(self, name: str) -> Stack:
        """The deployment on that database which all tests share."""
        if name not in self._stacks:
            self._stacks[name] = self.new_stack(self.database(name), "app")
        return self._stacks[name]

    def new_stack(
        self,
        database: Database,
        schema: str,
        options: dict[str, Any] | None = None,
        plugins: dict[str, Any] | None = None,
        time_zone: str = "UTC",
    ) -> Stack:
        """One more deployment, on a database schema of its own."""
        # Among themselves: a test names its own directories as it likes, and none may be one of these.
        home = self._stack_homes / f"{database.name}-{schema}"
        stack = Stack(home, self.apps, database, schema, options, plugins, time_zone)
        self._stacks[str(stack.home)] = stack
        return stack

    def stop(self) -> None:
        for stack in self._stacks.values():
            stack.stop()
        self.apps.stop()
        for name in DATABASES:
            if name in self.__dict__:
                getattr(self, name).stop()


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    # A thousand connections at once, on both ends.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home = Path(tempfile.mkdtemp(prefix="sidegate-e2e-"))
    home.chmod(0o711)  # databases run as somebody else and have to get through
    world = World(home)
    try:
        yield world
        world.stop()
    finally:
        for program in process.started:
            program.discard()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", params=DATABASES)
def stack(request: pytest.FixtureRequest, world: World) -> Stack:
    """A deployment, once on each database."""
    return world.stack(request.param)


@pytest.fixture(scope="session")
def on_sqlite(world: World) -> Stack:
    """A deployment on SQLite, where the database makes no difference."""
    return world.stack("sqlite")


@pytest.fixture(scope="session")
def on_postgres(world: World) -> Stack:
    return world.stack("postgres")


@pytest.fixture(scope="session")
def on_mariadb(world: World) -> Stack:
    return world.stack("mariadb")


@pytest.fixture(scope="module", params=ALL)
def caller(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def proxy(caller: str, on_sqlite: Stack) -> Proxy:
    """Each caller with its shipped file, before the sidegate and the echo app of `on_sqlite`."""
    return on_sqlite.proxy(caller)


@pytest.fixture
def further(on_sqlite: Stack, caller: str, home: Path) -> Iterator[MakeProxy]:
    """Makes one more proxy of this kind, started; see `Stack.further_proxy`."""
    made: list[Proxy] = []

    def make(*edits: Edit, **others: Any) -> Proxy:
        made.append(on_sqlite.further_proxy(caller, f"{caller}-{home.name}-{len(made)}", *edits, **others))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def stacks(world: World) -> Iterator[Callable[..., Stack]]:
    """Makes deployments of a test's own; see `World.new_stack`."""
    made: list[Stack] = []

    def make(*arguments: Any) -> Stack:
        made.append(world.new_stack(*arguments))
        return made[-1]

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture
def gate(stack: Stack) -> Iterator[Sidegate]:
    """sidegate as it comes, behind the nginx of `stack`."""
    with stack.sidegate() as gate:
        yield gate


@pytest.fixture
def home(world: World, request: pytest.FixtureRequest) -> Path:
    """A directory for this test alone. Short: a UNIX socket's path has about a hundred bytes."""
    return Path(tempfile.mkdtemp(dir=world.home))


@pytest.fixture
def cleanup() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Takes what has to be done after the test, in reverse order."""
    actions: list[Callable[[], object]] = []
    yield actions.append
    for action in reversed(actions):
        action()


@pytest.fixture(autouse=True)
def sidegate_keeps_secrets_and_its_head() -> Iterator[None]:
    """Whatever a test is about: no secret in any output of sidegate, and no defect told in its log."""
    yield
    for gate in sidegates.running:
        text = gate.process.text()
        assert not (leaked := secrets.found_in(text)), f"sidegate wrote {leaked}"
        assert "a defect of sidegate" not in text, text[-3000:]
    sidegates.running[:] = [gate for gate in sidegates.running if gate.process.exit_code is None]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the programs wrote last, with the test that failed."""
    report = yield
    if report.failed:
        for program in process.started[-8:]:
            report.sections.append((f"{program.name}, process {program.pid}", tail(program)))
    return report


def tail(program: Process) -> str:
    text = program.text() if program.output.exists() else ""
    return text[-4000:]
