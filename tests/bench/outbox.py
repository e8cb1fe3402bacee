#!/usr/bin/env python3
"""What an outbox costs and how soon it tells, on the real Better Auth and each database; no figure is a condition.

    tests/e2e's requirements, SIDEGATE_BIN; tests/bench/outbox.py [sqlite|postgres|mariadb …]

Two deployments on one server, one of them with triggers, are asked in turns, so that whatever else the machine does
meets both; figures are ratios of medians. "statements" is SQL alone, a thousand rows a transaction, in the database's own client:
the most that a trigger can cost.
"""

import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from conftest import DATABASES, World
from rig import process
from rig.mariadb import MariaDb
from rig.places import SIDEGATE
from rig.postgres import Postgres
from rig.process import run
from rig.sidegate import Sidegate
from rig.sql import named
from rig.stack import Stack

ROUNDS = 40
BATCHES = 7
ROWS = 1000
SIGN_OUTS = 100


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(what: str, plain: list[float], watched: list[float]) -> None:
    one, other = statistics.median(plain), statistics.median(watched)
    print(f"  {what:<28} {one * 1000:8.2f} ms without, {other * 1000:8.2f} ms with: {other / one:.2f}")


def execute(stack: Stack, statements: list[str]) -> None:
    script = ";\n".join(["BEGIN", *statements, "COMMIT"]) + ";\n"
    if isinstance(stack.database, MariaDb | Postgres):
        run(stack.database.shell(stack.schema), stack.home, text=script)
    else:
        with closing(sqlite3.connect(stack.store.removeprefix("sqlite:"), isolation_level=None)) as connection:
            connection.executescript(script)


def statements(stack: Stack) -> dict[str, list[str]]:
    session, user = named(stack.database, "session"), named(stack.database, "user")
    columns = [named(stack.database, name) for name in ("expiresAt", "createdAt", "updatedAt", "userId")]
    names = ", ".join(columns)
    source = f"SELECT '{{0}}', '{{0}}', {names} FROM {session} WHERE id <> token LIMIT 1"
    later = f"{columns[2]} = {columns[1]}"
    return {
        "insert a session": [f"INSERT INTO {session} (id, token, {names}) {source.format(f'x{n}')}" for n in range(ROWS)],
        "touch a session": [f"UPDATE {session} SET {later} WHERE id = 'x{n}'" for n in range(ROWS)],
        "change a user": [f"UPDATE {user} SET name = 'n{n}'" for n in range(ROWS)],
        "delete a session": [f"DELETE FROM {session} WHERE id = 'x{n}'" for n in range(ROWS)],
    }


def cost(plain: Stack, watched: Stack) -> None:
    stacks = (plain, watched)
    emails = [stack.better_auth.sign_up() for stack in stacks]
    ins: list[list[float]] = [[], []]
    outs: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for at, stack in enumerate(stacks):
            begun = time.perf_counter()
            person = stack.better_auth.sign_in(emails[at])
            ins[at].append(time.perf_counter() - begun)
            outs[at].append(seconds(lambda stack=stack, person=person: stack.better_auth.sign_out(person)))
    compare("Better Auth: sign-in", *ins)
    compare("Better Auth: sign-out", *outs)
    for stack in stacks:
        stack.better_auth.sign_in()
    batches = [statements(stack) for stack in stacks]
    for what in batches[0]:
        # Rows are inserted once and deleted once: what can be repeated is.
        count = BATCHES if what in ("touch a session", "change a user") else 1
        times: list[list[float]] = [[], []]
        for _ in range(count):
            for at, stack in enumerate(stacks):
                times[at].append(seconds(lambda at=at, stack=stack: execute(stack, batches[at][what])) / ROWS)
        compare(f"statements: {what}", *times)


def lag(stack: Stack) -> None:
    with Sidegate(stack.home, stack.store, revocation="outbox", cache_ttl="60s") as gate:
        process.until(lambda: gate.total("sidegate_revocation_channel_up", channel="outbox") == 1, "it is heard")
        times = []
        for _ in range(SIGN_OUTS):
            person = stack.better_auth.sign_in()
            assert gate.ask(person.cookie).status == 200
            stack.better_auth.sign_out(person)
            begun = time.perf_counter()
            while gate.ask(person.cookie).status != 401:
                time.sleep(0.001)
            times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"  sign-out answered to refused  p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {times[-1]:.0f} ms, of {len(times)}")


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="sidegate-outbox-"))
    home.chmod(0o711)
    world = World(home)
    try:
        for name in sys.argv[1:] or DATABASES:
            print(name)
            plain, watched = (world.new_stack(world.database(name), schema) for schema in ("plain", "watched"))
            run([SIDEGATE, "revocation", "install", "--outbox", f"--store={watched.store}"], home)
            cost(plain, watched)
            lag(watched)
        world.stop()
    finally:
        for program in process.started:
            program.discard()
        shutil.rmtree(home, ignore_errors=True)


main()
