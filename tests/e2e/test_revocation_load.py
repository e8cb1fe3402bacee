"""How long somebody who was signed out or banned still passes, while sidegate is asked all the time: the proof under load.

Sign-outs and bans go through the real Better Auth. Each victim has passed and is remembered, and is asked about without
a pause on a connection of its own; it would be believed for a minute. Sessions that stay are asked about as well, and so is, to
the end, everybody who was refused.

No aim is a condition here: what is asserted is that everybody is refused because it was told of, that nobody who was refused ever
passes again, and that nobody else is refused. The times are printed; so many sign-outs and bans on each store are a proof:

    SIDEGATE_PROOF=1000 SIDEGATE_BIN=…/target/release/sidegate python -m pytest -s test_revocation_load.py

From the commit to the first refusal: the store's own word on when it committed (`rig/instants.py`, which is never too late: SQLite
still has its file synced after that), until the answer that refuses has been read. Besides, from when Better Auth answered, which is
always after the commit; that can be less than nothing, for an answer takes its time, and a ban's comes after a second commit.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import BetterAuth, Person, SignedIn
from rig.crowd import Asked, Crowd
from rig.figures import Figures
from rig.instants import Instants, Monitored, Written
from rig.places import SIDEGATE
from rig.process import PATIENCE, run
from rig.redis import Redis
from rig.sidegate import LONG, Sidegate
from rig.stack import Stack
from rig.wire import exchange, request
from test_redis import Deployment

PROOF = int(os.environ.get("SIDEGATE_PROOF", "0"))
COUNTS = {"sign-out": PROOF or 100, "ban": PROOF or 60}
STAYING = 50
CALLERS = 2
"""So many sign-outs and bans are under way at Better Auth at once."""
HUNTED = 16
"""Most sessions that are asked about without a pause at one time: more than that, and asking takes longer than being refused."""


QUIET = {
    # A database on a busy machine may take its time: that answers 503 then is not what this is about.
    "store_timeout": "10s",
    # Its log is looked through for secrets: a line for each refusal would be too much of it.
    "log_denials": "false",
}


@dataclass
class Store:
    """Where sessions live, and how it is heard of that they ended."""

    name: str
    channel: str
    url: str
    better_auth: BetterAuth
    instants: Instants
    stop: Callable[[], None]


def in_database(world: World, name: str, channel: str) -> Store:
    stack = world.new_stack(world.database(name), "load", None, {"admin": {}})
    if name == "sqlite":
        # As the README recommends: else a commit fails, in Better Auth's driver, whenever anybody reads.
        stack.run("PRAGMA journal_mode = WAL")
    how = ["--outbox"] if channel == "outbox" else []
    run([SIDEGATE, "revocation", "install", *how, f"--store={stack.store}"], stack.home)
    return Store(f"{name}, {channel}", channel, stack.store, stack.better_auth, Written(stack), stack.stop)


def in_redis(world: World) -> Store:
    redis = Redis(world.home / "load", world.certificates)
    better_auth = Deployment(world, redis, "load").better_auth

    def stop() -> None:
        better_auth.stop()
        redis.discard()

    return Store("redis, tracking", "tracking", redis.url, better_auth, Monitored(redis), stop)


STORES: dict[str, Callable[[World], Store]] = {
    "postgres": lambda world: in_database(world, "postgres", "listen"),
    "mariadb": lambda world: in_database(world, "mariadb", "outbox"),
    "sqlite": lambda world: in_database(world, "sqlite", "outbox"),
    "redis": in_redis,
}


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    figures = Figures()
    yield figures
    print(f"\n{figures}")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, world: World) -> Iterator[Store]:
    store = STORES[request.param](world)
    yield store
    store.stop()


@dataclass
class Ending:
    """Somebody whose session is ended."""

    kind: str
    asked: Asked
    sent: float
    answered: float


def administrator(better_auth: BetterAuth) -> SignedIn:
    email = better_auth.sign_up("The Administrator")
    better_auth.make_administrator(email)
    # Redis keeps the role with the session.
    return better_auth.sign_in(email)


def post(better_auth: BetterAuth, path: str, body: bytes, who: SignedIn) -> None:
    """As `BetterAuth.call`, at next to no cost: the time that this takes here is taken from whoever measures."""
    headers = [("Host", f"127.0.0.1:{better_auth.port}"), ("Origin", better_auth.origin), ("Cookie", who.cookie),
               ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]  # fmt: skip
    reply = exchange(("127.0.0.1", better_auth.port), request("POST", path, headers, body))
    assert reply.status == 200, f"{path}: {reply.status} {reply.body!r}"


def end(kind: str, better_auth: BetterAuth, person: Person, admin: SignedIn) -> None:
    if kind == "sign-out":
        post(better_auth, "/api/auth/sign-out", b"{}", person)
    else:
        post(better_auth, "/api/auth/admin/ban-user", b'{"userId": "%s"}' % person.id.encode(), admin)


def test_whoever_is_signed_out_or_banned_is_refused_for_good_and_nobody_else(
    store: Store, home: Path, figures: Figures
) -> None:
    kinds = [kind for kind, count in COUNTS.items() for _ in range(count)]
    random.Random(len(kinds)).shuffle(kinds)
    victims, staying = store.better_auth.people(len(kinds)), store.better_auth.people(STAYING)
    admin = administrator(store.better_auth)
    settings = {"revocation": store.channel, "cache_ttl": LONG} | QUIET
    with Sidegate(home, store.url, **settings) as gate:
        gate.wait_until_it_hears(store.channel)
        began = time.monotonic()
        with Crowd(gate.address, staying) as crowd:

            def ended(kind: str, person: Person) -> Ending:
                crowd.wait(lambda: crowd.hunted() < HUNTED, "most of those who were ended are refused")
                asked = crowd.hunt(person)
                sent = time.time()
                end(kind, store.better_auth, person, admin)
                return Ending(kind, asked, sent, time.time())

            with ThreadPoolExecutor(CALLERS) as callers:
                endings = list(callers.map(ended, kinds, victims))
            crowd.wait(lambda: all(one.asked.refused_at for one in endings), "everybody is refused who was ended")
            crowd.ask_all_once_more()
        figures.add_load(store.name, crowd.answers, time.monotonic() - began)
        assert_nothing_was_lost(gate, store.channel)
    for one in endings:
        at = one.asked.refused_at
        assert at and at - one.answered < PATIENCE, "nothing told of it"
        figures.add(store.name, one.kind, at - store.instants.earliest(one.asked.person, one.sent), at - one.answered)
    assert [one.asked.later for one in endings if one.asked.later] == [], "somebody was refused and then was not"
    assert [one.asked.odd for one in endings if one.asked.odd] == [], "neither allowed nor refused"
    assert [one for one in crowd.staying if one.refusals or one.odd] == [], "somebody is refused who stays"
    assert all(one.passes for one in crowd.staying)


def assert_nothing_was_lost(gate: Sidegate, channel: str) -> None:
    """It was told of each, and never had to forget everything: the times are what they are said to be."""
    assert gate.total("sidegate_revocations_total", kind="everything") == 0
    assert gate.total("sidegate_revocation_channel_up", channel=channel) == 1
    heard = [event for event in gate.log() if event["message"] == "revocations are heard of"]
    assert len(heard) == 1, "it lost the channel meanwhile"
