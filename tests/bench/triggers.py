#!/usr/bin/env python3
"""What the triggers cost that tell of revocations, and how soon they tell: each channel of each database, side by side.

    tests/e2e's requirements, SIDEGATE_BIN; tests/bench/triggers.py [sqlite|postgres|mariadb …]

On one server of each kind are several deployments of the real Better Auth: one as it is, and one to each channel, with its triggers
and a sidegate that hears. All are asked in turns, so that whatever else the machine does meets all of them; figures are
medians, and ratios to the one without triggers, round by round. No figure is a condition.

"Better Auth" is a request to it. "SQL" is what its adapter says for that, alone: a statement, which is a transaction, after another
on one connection. No database waits for its disk there, so that it is the most that a trigger can cost.
"""

import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from conftest import World
from rig import process
from rig.mariadb import MariaDb
from rig.places import SIDEGATE
from rig.postgres import Postgres
from rig.process import environment, run
from rig.revocation import hears, wait_until_refused
from rig.sidegate import LONG, Sidegate
from rig.sql import named
from rig.stack import Stack

CHANNELS = {"sqlite": ("outbox",), "postgres": ("listen", "outbox"), "mariadb": ("outbox",)}
ROUNDS = 40
BATCHES = 60
ROWS = 100
SIGN_OUTS = 50

Times = dict[str, list[list[float]]]
"""What was done, and how long it took in each deployment, each time."""


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Client:
    """A connection to a deployment's database, on which each statement is a transaction."""

    def __init__(self, stack: Stack) -> None:
        self._shell: subprocess.Popen[str] | None = None
        if isinstance(stack.database, MariaDb | Postgres):
            self._shell = subprocess.Popen(
                stack.database.shell(stack.schema), stdin=PIPE, stdout=PIPE, text=True, env=environment(stack.home)
            )
        else:
            self._link = sqlite3.connect(stack.store.removeprefix("sqlite:"), isolation_level=None, timeout=20)
            self._link.execute("PRAGMA synchronous = OFF")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shell:
            self._shell.communicate()
        else:
            self._link.close()

    def say(self, statements: Sequence[str]) -> None:
        if not self._shell:
            for statement in statements:
                self._link.execute(statement)
            return
        assert self._shell.stdin and self._shell.stdout
        self._shell.stdin.write("".join(f"{statement};\n" for statement in [*statements, "SELECT 'done'"]))
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "done\n", "a statement failed"


def batches(stack: Stack) -> dict[str, list[str]]:
    """A hundred times what Better Auth's adapter says."""
    session, user = named(stack.database, "session"), named(stack.database, "user")
    columns = [named(stack.database, name) for name in ("expiresAt", "createdAt", "updatedAt", "userId")]
    names = ", ".join(columns)
    source = f"{names} FROM {session} WHERE id <> token LIMIT 1"
    numbers = range(ROWS)
    return {
        "sign in (insert)": [
            f"INSERT INTO {session} (id, token, {names}) SELECT 'x{n}', 'x{n}', {source}" for n in numbers
        ],
        "prolong (update)": [f"UPDATE {session} SET {columns[2]} = {columns[1]} WHERE id = 'x{n}'" for n in numbers],
        "change a user (update)": [f"UPDATE {user} SET name = 'n{n}'" for n in numbers],
        "sign out (delete)": [f"DELETE FROM {session} WHERE id = 'x{n}'" for n in numbers],
    }


def in_turns(work: Sequence[Callable[[], object]], turn: int) -> list[float]:
    """How long each took, done one after the other, with another one first each time."""
    took = [0.0] * len(work)
    for at in range(len(work)):
        which = (at + turn) % len(work)
        took[which] = seconds(work[which])
    return took


def requests(stacks: Sequence[Stack]) -> Times:
    """Through Better Auth."""
    auths = [stack.better_auth for stack in stacks]
    emails = [auth.sign_up() for auth in auths]
    people = [auth.sign_in(email) for auth, email in zip(auths, emails, strict=True)]

    def sign_in(at: int) -> None:
        people[at] = auths[at].sign_in(emails[at])

    each = range(len(stacks))
    times: Times = {"Better Auth: sign in": [], "Better Auth: sign out": []}
    for turn in range(ROUNDS):
        times["Better Auth: sign in"].append(in_turns([partial(sign_in, at) for at in each], turn))
        outs = [partial(auth.sign_out, person) for auth, person in zip(auths, people, strict=True)]
        times["Better Auth: sign out"].append(in_turns(outs, turn))
    return times


def statements(stacks: Sequence[Stack]) -> Times:
    """Past Better Auth."""
    for stack in stacks:
        stack.better_auth.sign_in()  # whose session is copied
    all_batches = [batches(stack) for stack in stacks]
    times: Times = {f"SQL: {what}": [] for what in all_batches[0]}
    with ExitStack() as opened:
        clients = [opened.enter_context(Client(stack)) for stack in stacks]
        for turn in range(BATCHES):
            for what in all_batches[0]:
                work = [partial(client.say, batch[what]) for client, batch in zip(clients, all_batches, strict=True)]
                times[f"SQL: {what}"].append([took / ROWS for took in in_turns(work, turn)])
    return times


def lag(stack: Stack, gate: Sidegate) -> str:
    times = []
    for _ in range(SIGN_OUTS):
        person = stack.better_auth.sign_in()
        status = gate.ask(person.cookie).status
        assert status == 200, f"{status} for somebody who has just signed in"
        stack.better_auth.sign_out(person)
        times.append(seconds(partial(wait_until_refused, gate, person.cookie)) * 1000)
    times.sort()
    return f"p50 {statistics.median(times):.0f} ms, max {times[-1]:.0f} ms, of {len(times)}"


@contextmanager
def hearing(stack: Stack, channel: str) -> Iterator[Sidegate]:
    extra = ["--outbox"] if channel == "outbox" else []
    run([SIDEGATE, "revocation", "install", *extra, f"--store={stack.store}"], stack.home)
    with Sidegate(stack.home, stack.store, revocation=channel, cache_ttl=LONG, store_timeout="20s") as gate:
        process.until(lambda: hears(gate, channel), "it is heard")
        yield gate


def compare(name: str, world: World) -> None:
    channels = CHANNELS[name]
    plain = world.new_stack(world.database(name), "plain")
    watched = [world.new_stack(world.database(name), channel) for channel in channels]
    with ExitStack() as opened:
        gates = [opened.enter_context(hearing(*one)) for one in zip(watched, channels, strict=True)]
        print(f"{name:<34}{'without':>10}" + "".join(f"{channel:>20}" for channel in channels))
        for what, times in (requests([plain, *watched]) | statements([plain, *watched])).items():
            line = f"  {what:<31}{statistics.median(took[0] for took in times) * 1000:8.3f} ms"
            for at in range(1, len(channels) + 1):
                ratio = statistics.median(took[at] / took[0] for took in times)
                line += f"{statistics.median(took[at] for took in times) * 1000:9.3f} ms  {ratio:5.2f} x"
            print(line)
        for channel, stack, gate in zip(channels, watched, gates, strict=True):
            print(f"  {channel}: from the answer to a sign-out to the first refusal {lag(stack, gate)}")


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="sidegate-triggers-"))
    home.chmod(0o711)
    world = World(home)
    try:
        for name in sys.argv[1:] or CHANNELS:
            compare(name, world)
        world.stop()
    finally:
        for program in process.started:
            program.discard()
        shutil.rmtree(home, ignore_errors=True)


main()
