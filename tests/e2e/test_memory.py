"""Whoever asks for what is not there takes no memory: hundreds of thousands of cookies, each another one.

`tests/bench/memory.rs` does the same with millions, beside a million sessions.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from rig.better_auth import SECRET
from rig.questions import Signed, signed
from rig.sidegate import LONG, Sidegate, question
from rig.stack import Stack

MIB = 1 << 20
ROOM = 4 * MIB
"""What an allocator may keep more after a flood than before. A flood whose cookies were kept, or their digests of 32 bytes alone,
would take more."""
WARMING = 20_000
"""Cookies after which all connections, threads and buffers are there."""
CONNECTIONS = 4
TOGETHER = 25
"""Questions on the way at once on each connection."""


def forged(number: int) -> Signed:
    """In Better Auth's form, signed by somebody who does not know the secret."""
    return Signed("forged", f"{number:032}", f"{number:043}=")


def genuine(number: int) -> Signed:
    """Signed by whoever knows the secret, though there is no such session."""
    return signed("genuine", f"{number:032}", SECRET)


def ask(gate: Sidegate, cookies: Iterator[Signed], count: int) -> set[int]:
    """The statuses of so many, over connections that stay open."""
    statuses = set()
    questions = (question(f"better-auth.session_token={one.wire}") for one in cookies)
    with ExitStack() as opened:
        wires = [opened.enter_context(gate.connect(60)) for _ in range(CONNECTIONS)]
        for _ in range(count // (CONNECTIONS * TOGETHER)):
            for wire in wires:
                wire.send(b"".join(islice(questions, TOGETHER)))
            statuses |= {wire.read().status for wire in wires for _ in range(TOGETHER)}
    return statuses


def growth(gate: Sidegate, cookie: Callable[[int], Signed], count: int) -> int:
    """By how many bytes that many more take."""
    cookies = map(cookie, range(WARMING + count))
    assert ask(gate, cookies, WARMING) == {401}
    before = gate.process.resident()
    assert ask(gate, cookies, count) == {401}
    return gate.process.resident() - before


def test_a_flood_of_forged_cookies_leaves_the_memory_as_it_is(on_sqlite: Stack, home: Path) -> None:
    count = 300_000
    with Sidegate(home, on_sqlite.store, log_denials="false") as gate:
        grown = growth(gate, forged, count)

        refused = gate.total("sidegate_decisions_total", reason="bad_signature")
        assert (refused, gate.lookups(), gate.total("sidegate_cache_entries")) == (WARMING + count, 0, 0)
        assert grown < ROOM, f"{grown / MIB:.1f} MiB for {count} forged cookies"


def test_a_flood_of_genuine_tokens_without_a_session_takes_no_more_than_the_capacity(
    on_sqlite: Stack, home: Path
) -> None:
    capacity, count = 1_000, 60_000
    settings = {"cache_capacity": str(capacity), "negative_ttl": LONG, "store_timeout": "20s"}
    with Sidegate(home, on_sqlite.store, log_denials="false", **settings) as gate:
        grown = growth(gate, genuine, count)

        assert gate.total("sidegate_decisions_total", reason="no_session") == WARMING + count
        assert gate.lookups() == WARMING + count, "each is another one"
        assert gate.total("sidegate_cache_entries") <= capacity
        assert grown < ROOM, f"{grown / MIB:.1f} MiB for {count} tokens"
