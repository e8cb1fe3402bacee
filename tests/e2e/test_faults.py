"""Whatever happens to the store, under a steady mix of requests: no live session is refused, none that is over passes outside
the bounds that README.md states, and none that was refused passes again.

Each fault is done to a real server, before which three sidegates stand: one that asks each time, one with bounds so short
that they run out meanwhile, and one as it comes. Every answer is judged by what was true when it was asked for and when it
came (`rig.ledger`). `SIDEGATE_FAULT_ROUNDS=10` does each fault ten times over.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import BetterAuth
from rig.ground import PLUGINS, Ground, RedisGround, SqlGround
from rig.lane import Lane
from rig.ledger import Trouble
from rig.mariadb import MariaDb
from rig.postgres import READ_ONLY, SHUT, Crowd, Lock, Postgres
from rig.process import PATIENCE, until
from rig.redis import Redis
from rig.revocation import LISTENING, WATCHER
from rig.scene import WITH_STORE, Scene
from test_commands import sidegate

ROUNDS = int(os.environ.get("SIDEGATE_FAULT_ROUNDS", "1"))


@dataclass(frozen=True)
class Fault:
    act: Callable[[Scene], None]
    trouble: Trouble = Trouble()
    by_lane: bool = False
    """Whether it happens on the way to the store."""


SILENT = Trouble(noticed_within=5.0)
"""A channel on which nobody answers is looked at every two seconds at the latest, and waited for as long."""
LATE = 0.8
"""Seconds, longer than `store_timeout`."""


def killed(scene: Scene) -> None:
    """SIGKILL to all of its processes."""
    scene.open()
    scene.sign_out(2)
    scene.begin()
    scene.ground.server.kill()
    scene.felt()
    scene.ground.server.start()
    scene.delete(2)


def paused(scene: Scene) -> None:
    """Connections stay open, and nothing comes."""
    server = scene.ground.server
    scene.open()
    scene.sign_out(2)
    scene.begin()
    if isinstance(server, Postgres):
        server.pause_all()
    else:
        server.pause()
    try:
        scene.felt()
        scene.outlasts_stale()
    finally:
        if isinstance(server, Postgres):
            server.resume_all()
        else:
            server.resume()
    scene.delete(2)


def dropped(scene: Scene) -> None:
    """The server ends every connection, again and again."""
    scene.open()
    scene.begin()
    for _ in range(4):
        scene.delete()
        scene.ground.drop_connections()
        scene.passes()


def out_of_reach(scene: Scene) -> None:
    """For longer than `stale_if_error`, while all others reach the store."""
    assert scene.lane
    scene.open()
    scene.begin()
    scene.lane.cut()
    scene.sign_out(2)
    scene.felt()
    scene.ban()
    scene.delete(2)
    scene.outlasts_stale()
    scene.sign_out(2)
    scene.lane.mend()


def delayed(scene: Scene) -> None:
    """Answers come late, then too late."""
    assert scene.lane
    scene.open()
    scene.begin()
    scene.lane.delay(0.12)
    scene.sign_out(3)
    scene.passes()
    scene.ban()
    scene.lane.delay(LATE)
    scene.felt()
    scene.sign_out(2)
    scene.outlasts_stale()
    scene.delete()
    scene.lane.mend()


def started_before_its_store(scene: Scene) -> None:
    """Nothing is remembered."""
    scene.ground.server.stop()
    scene.begin()
    scene.start()
    scene.answers("forgetful", 503, *WITH_STORE)
    scene.answers("brief", 503, *WITH_STORE)
    scene.answers("plain", 503, *WITH_STORE)
    scene.ground.server.start()
    scene.delete(2)


def listener_locked_out(scene: Scene) -> None:
    """It is ended and cannot come back. Lookups go on, on the connections that are there."""
    ground = sql(scene)
    scene.open()
    scene.show_unseen()
    ground.stack.run(f"ALTER ROLE {WATCHER} NOLOGIN")
    try:
        ground.stack.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENING}")
        scene.wait_until_it_is_deaf()
        scene.sign_out(2)
        scene.ban()
        scene.delete(2)
        # By the shorter age alone, for nothing tells.
        scene.settle()
        assert not scene.hears("plain")
    finally:
        ground.stack.run(f"ALTER ROLE {WATCHER} LOGIN")


def listener_frozen(scene: Scene) -> None:
    """The processes that serve it stand still, as a half-open connection would. Nothing else does."""
    ground = sql(scene)
    scene.open()
    scene.show_unseen()
    pids = [int(pid) for pid in ground.stack.run(f"SELECT pid FROM pg_stat_activity WHERE {LISTENING}").split()]
    assert pids, "nobody listens"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        scene.sign_out(2)
        scene.ban()
        scene.delete(2)
        scene.settle()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def locked(scene: Scene) -> None:
    """Lookups wait for a lock, on every connection there may be. Revocations are heard of as before."""
    ground = sql(scene)
    scene.open()
    with Lock(postgres(scene), ground.stack.schema, "user"):
        scene.begin()
        scene.felt()
        scene.delete(2)
        scene.outlasts_stale()
        scene.delete(2)


def crowded_out(scene: Scene) -> None:
    """Others have all of the server's connections."""
    ground = sql(scene)
    with Crowd(postgres(scene), ground.stack.schema) as crowd:
        crowd.fill(50)
        scene.open()
        scene.begin()
        # Sidegate is kept away only until the others are there.
        ground.stack.run(f"ALTER ROLE {WATCHER} CONNECTION LIMIT 0")
        try:
            ground.drop_connections()
            until(lambda: crowd.fill() == 0, "all connections are taken", 3 * PATIENCE)
        finally:
            ground.stack.run(f"ALTER ROLE {WATCHER} CONNECTION LIMIT -1")
        scene.felt()
        scene.delete(2)
        scene.outlasts_stale()


def another_schema(scene: Scene) -> None:
    """It comes back with a column under another name, then without one. Who is not known is told nothing."""
    ground, server = sql(scene), postgres(scene)
    scene.open()
    scene.sign_out(2)
    scene.begin()
    server.stop()
    scene.felt()
    server.start()
    for change, back in SCHEMAS:
        ground.stack.run(change)
        since = time.time()
        scene.answers("forgetful", 503, *WITH_STORE, count=60)
        scene.delete()
        scene.answers("brief", 503, "remembered")
        scene.answers("plain", 503, "unseen")
        assert scene.told("forgetful", since) == {503}, "nobody knows who they are"
        ground.stack.run(back)
        scene.passes()


SCHEMAS = [
    ('ALTER TABLE session RENAME "expiresAt" TO expires', 'ALTER TABLE session RENAME expires TO "expiresAt"'),
    (
        'ALTER TABLE "user" ADD kept text; UPDATE "user" SET kept = email; ALTER TABLE "user" DROP email',
        'ALTER TABLE "user" ADD email text; UPDATE "user" SET email = kept; ALTER TABLE "user" DROP kept',
    ),
]
"""What is done to the tables, and what undoes it."""


def failed_over(scene: Scene) -> None:
    """The primary dies. In its place is a server that takes nobody yet, then one that may only be read, at last a primary."""
    ground, server = sql(scene), postgres(scene)
    scene.open()
    scene.sign_out(2)
    scene.begin()
    server.kill()
    server.make_standby()
    server.start(SHUT, hot_standby="off")
    scene.felt()
    server.stop()
    server.start(READ_ONLY)
    scene.passes()
    assert not scene.hears("plain"), "a standby takes no LISTEN"
    ground.stack.run("SELECT pg_promote()")
    scene.delete(2)
    scene.passes()


def sql(scene: Scene) -> SqlGround:
    assert isinstance(scene.ground, SqlGround)
    return scene.ground


def postgres(scene: Scene) -> Postgres:
    assert isinstance(scene.ground.server, Postgres)
    return scene.ground.server


EVERYWHERE = [
    Fault(killed),
    Fault(paused, SILENT),
    Fault(dropped),
    Fault(out_of_reach, by_lane=True),
    Fault(delayed, replace(SILENT, heard_within=1.0 + LATE), by_lane=True),
]
OF_POSTGRES = [
    Fault(started_before_its_store),
    Fault(listener_locked_out),
    Fault(listener_frozen, SILENT),
    Fault(locked),
    Fault(crowded_out),
    Fault(another_schema),
    Fault(failed_over),
]
FAULTS = {"postgres": EVERYWHERE + OF_POSTGRES, "mariadb": EVERYWHERE, "redis": EVERYWHERE}


class Grounds:
    """One of each, started when it is first asked for."""

    def __init__(self, world: World, exits: ExitStack) -> None:
        self._world, self._exits = world, exits

    @cached_property
    def postgres(self) -> Ground:
        database = Postgres(self._world.home / "faults-postgres", self._world.certificates)
        self._exits.callback(database.stop)
        return self._in(database, "listen")

    @cached_property
    def mariadb(self) -> Ground:
        database = MariaDb(self._world.home / "faults-mariadb")
        self._exits.callback(database.stop)
        return self._in(database, "outbox", "--outbox")

    @cached_property
    def redis(self) -> Ground:
        redis = Redis(self._world.home / "faults-redis", self._world.certificates)
        self._exits.callback(redis.discard)
        home = self._world.home / "faults-redis-auth"
        home.mkdir()
        better_auth = BetterAuth(
            home, self._world.sqlite.url(home.name), plugins=PLUGINS, env={"REDIS_URL": redis.url}
        )
        self._exits.callback(better_auth.stop)
        return RedisGround(redis, better_auth)

    def _in(self, database: Postgres | MariaDb, channel: str, *how: str) -> Ground:
        stack = self._world.new_stack(database, "faults", None, PLUGINS)
        assert sidegate(stack.home, "revocation", "install", *how, f"--store={stack.store}").code == 0
        return SqlGround(stack, channel)


@pytest.fixture(scope="module")
def grounds(world: World) -> Iterator[Grounds]:
    with ExitStack() as exits:
        yield Grounds(world, exits)


@pytest.fixture(scope="module")
def tell(request: pytest.FixtureRequest) -> Iterator[Callable[[str, Counter[int]], None]]:
    """Writes a line about each fault, whatever becomes of what tests write, and one about all of them."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    sum_of_all: Counter[int] = Counter()
    faults = 0

    def write(name: str, statuses: Counter[int]) -> None:
        told = "  ".join(f"{status}: {statuses[status]:6,}" for status in sorted(statuses))
        with capture.global_and_fixture_disabled():
            print(f"\n{name:40} {statuses.total():8,} requests  {told}  wrong: 0", end="", flush=True)

    def tell(name: str, statuses: Counter[int]) -> None:
        nonlocal faults
        faults += 1
        sum_of_all.update(statuses)
        write(name, statuses)

    yield tell
    write(f"{faults} faults", sum_of_all)


@pytest.mark.parametrize(
    ("store", "fault"),
    [pytest.param(store, fault, id=f"{store}-{fault.act.__name__}") for store in FAULTS for fault in FAULTS[store]],
)
def test_no_answer_is_wrong(
    grounds: Grounds, tell: Callable[[str, Counter[int]], None], store: str, fault: Fault, home: Path
) -> None:
    ground: Ground = getattr(grounds, store)
    statuses: Counter[int] = Counter()
    for _ in range(ROUNDS):
        with ExitStack() as exits:
            lane = exits.enter_context(Lane(ground.server.port)) if fault.by_lane else None
            scene = exits.enter_context(Scene(ground, home, lane))
            fault.act(scene)
            scene.settle()
            scene.wait_until_it_hears()
            scene.sign_out()
            scene.settle()
            scene.stop()
            wrong = scene.wrong(fault.trouble)
            assert not wrong, "\n".join([f"{len(wrong)} wrong answers", *wrong[:20]])
            statuses.update(scene.statuses())
    tell(f"{store}: {fault.act.__name__.replace('_', ' ')}", statuses)
