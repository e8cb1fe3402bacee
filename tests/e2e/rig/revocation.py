"""A database that tells of sign-outs, and a sidegate that hears of them."""

from pathlib import Path

from .process import until
from .sidegate import LONG, Sidegate
from .stack import Stack
from .wire import Reply

WATCHER = "watcher"
"""A role of PostgreSQL's that may read sessions and nothing else."""
LISTENING = "pid <> pg_backend_pid() AND (query LIKE 'UNLISTEN%' OR query LIKE 'SELECT w.place, w.relation%')"
"""The connections of listeners in pg_stat_activity, by what they asked last: nobody else asks that."""


def let_watch(stack: Stack, *tables: str) -> str:
    """Makes the role, and lets it read these tables; the URL with it. Roles are the server's, not the database's."""
    if not stack.run(f"SELECT 1 FROM pg_roles WHERE rolname = '{WATCHER}'"):
        stack.run(f"CREATE ROLE {WATCHER} LOGIN")
    for table in tables:
        stack.run(f"GRANT SELECT ON {table} TO {WATCHER}")
    return stack.store.replace("postgres@", f"{WATCHER}@")


def hearing(home: Path, store: str, **settings: str) -> Sidegate:
    """A sidegate that hears by now, and that would remember a session for longer than any test waits."""
    gate = Sidegate(home, store, **({"cache_ttl": LONG} | settings))
    wait_until_it_hears(gate)
    return gate


def hears(gate: Sidegate, channel: str = "listen") -> bool:
    return gate.total("sidegate_revocation_channel_up", channel=channel) == 1


def wait_until_it_hears(gate: Sidegate, within: float = 30) -> None:
    until(lambda: hears(gate), "sidegate hears of revocations", within)


def wait_until_it_is_deaf(gate: Sidegate) -> None:
    until(lambda: not hears(gate), "sidegate hears of nothing any more")


def heard(gate: Sidegate, kind: str) -> int:
    """How many revocations of a kind it heard of."""
    return int(gate.total("sidegate_revocations_total", kind=kind))


def remembered(gate: Sidegate, cookie: str) -> Reply:
    """The answer about a live session, given once by the store and once from memory."""
    assert gate.ask(cookie).status == 200
    asked = gate.lookups()
    reply = gate.ask(cookie)
    assert (reply.status, gate.lookups()) == (200, asked), "it is not remembered"
    return reply


def wait_until_refused(gate: Sidegate, cookie: str, *statuses: int) -> None:
    until(lambda: gate.ask(cookie).status in (statuses or (401,)), "the session is refused")
