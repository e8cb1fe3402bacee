"""What Better Auth changes in Redis counts in sidegate at once, because Redis tells it (client tracking).

`cache_ttl` is a minute: what is refused sooner was told of. Where it was not, the age to which answers are cut is 5 seconds.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import BetterAuth, SignedIn
from rig.process import until
from rig.redis import Cluster, Redis
from rig.sidegate import LONG, Sidegate
from rig.traffic import Traffic
from test_redis import Deployment
from test_redis_links import ENCODED, LEAST, PASSWORD, is_on

RIGHTS = (*LEAST, "+client|tracking", "+client|trackinginfo")
HALF_OPEN = 5.0
"""Seconds within which a connection that leads nowhere is noticed: asked each second, waited for two."""


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Redis]:
    redis = Redis(world.home / "tracked", world.certificates)
    yield redis
    redis.discard()


@pytest.fixture(scope="module")
def alone(world: World, redis: Redis) -> Iterator[Deployment]:
    """Sessions in Redis alone; so are rate limits, of every request."""
    limit = {"enabled": True, "storage": "secondary-storage", "window": 10, "max": 100_000}
    rules = {path: {"window": 10, "max": 100_000} for path in ("/sign-in/*", "/sign-up/*", "/change-email")}
    options = {
        "rateLimit": limit | {"customRules": rules},
        "user": {"changeEmail": {"enabled": True, "updateEmailWithoutVerification": True}},
    }
    deployment = Deployment(world, redis, "tracked", options=options)
    yield deployment
    deployment.better_auth.stop()


@pytest.fixture(scope="module")
def both(world: World, redis: Redis) -> Iterator[Deployment]:
    """Sessions in Redis and in the database."""
    deployment = Deployment(world, redis, "tracked-both", "both:", {"session": {"storeSessionInDatabase": True}})
    deployment.settings["fallback_store"] = deployment.database
    yield deployment
    deployment.better_auth.stop()


@pytest.fixture(scope="module", params=["alone", "both"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    deployment: Deployment = request.getfixturevalue(request.param)
    return deployment


def hearing(deployment: Deployment, home: Path, **settings: str) -> Sidegate:
    gate = deployment.gate(home, **({"cache_ttl": LONG, "negative_ttl": LONG} | settings))
    gate.wait_until_it_hears("tracking")
    return gate


@pytest.fixture(scope="module")
def gate(deployment: Deployment, world: World) -> Iterator[Sidegate]:
    home = world.home / f"hears-{deployment.name}"
    home.mkdir()
    with hearing(deployment, home) as gate:
        yield gate


def remembered(gate: Sidegate, *people: SignedIn) -> None:
    """All of them pass, and the store is not asked for them again."""
    for person in people:
        assert gate.ask(person.cookie).status == 200
    asked = gate.lookups()
    for person in people:
        assert gate.ask(person.cookie).status == 200
    assert gate.lookups() == asked


def user_of(deployment: Deployment, person: SignedIn) -> str:
    user: str = deployment.value(person)["user"]["id"]
    return user


def test_who_signs_out_is_out_at_once_and_nobody_else(deployment: Deployment, gate: Sidegate) -> None:
    person, other = deployment.better_auth.sign_in(), deployment.better_auth.sign_in()
    remembered(gate, person, other)
    deployment.better_auth.sign_out(person)
    gate.wait_until_out(person.cookie)
    asked = gate.lookups()
    assert gate.ask(other.cookie).status == 200
    assert gate.lookups() == asked


def test_the_banned_are_out_at_once(deployment: Deployment, gate: Sidegate) -> None:
    email = deployment.better_auth.sign_up()
    people = [deployment.better_auth.sign_in(email) for _ in range(3)]
    administrator = deployment.administrator()
    remembered(gate, *people, administrator)
    user = user_of(deployment, people[0])
    deployment.better_auth.call("/api/auth/admin/ban-user", {"userId": user}, administrator)
    for person in people:
        gate.wait_until_out(person.cookie)
    assert gate.ask(administrator.cookie).status == 200


def test_one_revoked_session_is_out_and_the_others_are_not(deployment: Deployment, gate: Sidegate) -> None:
    email = deployment.better_auth.sign_up()
    mine, lost = deployment.better_auth.sign_in(email), deployment.better_auth.sign_in(email)
    remembered(gate, mine, lost)
    deployment.better_auth.call("/api/auth/revoke-session", {"token": lost.token}, mine)
    gate.wait_until_out(lost.cookie)
    assert gate.ask(mine.cookie).status == 200


def test_all_of_a_users_many_sessions_are_out_at_once(deployment: Deployment, gate: Sidegate) -> None:
    email = deployment.better_auth.sign_up()
    people = [deployment.better_auth.sign_in(email) for _ in range(12)]
    remembered(gate, *people)
    deployment.better_auth.call("/api/auth/revoke-sessions", {}, people[0])
    for person in people:
        gate.wait_until_out(person.cookie)


def test_a_removed_user_is_out_at_once(deployment: Deployment, gate: Sidegate) -> None:
    person, administrator = deployment.better_auth.sign_in(), deployment.administrator()
    remembered(gate, person)
    body = {"userId": user_of(deployment, person)}
    deployment.better_auth.call("/api/auth/admin/remove-user", body, administrator)
    gate.wait_until_out(person.cookie)


def test_a_new_role_a_new_name_and_a_new_address_are_told_at_once(alone: Deployment, home: Path) -> None:
    person, administrator = alone.better_auth.sign_in(), alone.administrator()
    with hearing(alone, home) as gate:
        remembered(gate, person)
        body = {"userId": user_of(alone, person), "role": "admin"}
        alone.better_auth.call("/api/auth/admin/set-role", body, administrator)
        until(lambda: gate.ask(person.cookie).get("x-auth-user-role") == "admin", "the new role is told")
        alone.better_auth.call("/api/auth/update-user", {"name": "After"}, person)
        until(lambda: gate.ask(person.cookie).get("x-auth-user-name") == "After", "the new name is told")
        alone.better_auth.call("/api/auth/change-email", {"newEmail": "after@example.com"}, person)
        told = "after@example.com"
        until(lambda: gate.ask(person.cookie).get("x-auth-user-email") == told, "the new address is told")


def test_a_session_that_redis_ends_by_itself_is_out_at_once(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in()
    with hearing(alone, home) as gate:
        remembered(gate, person)
        alone.redis.command("PEXPIRE", alone.key(person), "50")
        gate.wait_until_out(person.cookie)


def test_an_absence_ends_with_the_session_that_begins(alone: Deployment, home: Path) -> None:
    person = alone.better_auth.sign_in()
    value = alone.redis.command("GET", alone.key(person))
    alone.redis.command("DEL", alone.key(person))
    with hearing(alone, home) as gate:
        assert [gate.ask(person.cookie).status for _ in range(2)] == [401, 401]
        assert gate.lookups() == 1
        alone.redis.command("SET", alone.key(person), value)
        until(lambda: gate.ask(person.cookie).status == 200, "it passes")


def test_what_says_nothing_of_a_session_throws_nothing_away(alone: Deployment, home: Path) -> None:
    """Signing in, signing up, codes that are sent, and a count of each request."""
    person = alone.better_auth.sign_in()
    with hearing(alone, home) as gate:
        remembered(gate, person)
        told = gate.total("sidegate_revocations_total", channel="tracking")
        signed_in = [alone.better_auth.sign_in() for _ in range(5)]
        for _ in range(20):
            alone.better_auth.session_of(person.cookie)
        limits = alone.redis.command("KEYS", "better-auth:*|*").splitlines()
        assert any(key.endswith("|/get-session") for key in limits), "Better Auth counts requests in Redis"
        asked = gate.lookups()
        assert gate.ask(person.cookie).status == 200
        assert gate.lookups() == asked
        # Signing up signs in: two new tokens for each of the five.
        expected = told + 2 * len(signed_in)
        until(lambda: gate.total("sidegate_revocations_total", channel="tracking") == expected, "tokens were told")
        assert gate.total("sidegate_cache_evictions_total") == 0


def test_when_all_keys_are_gone_all_are_out(world: World, home: Path) -> None:
    redis = Redis(world.home / "flushed", world.certificates)
    deployment = Deployment(world, redis, "flushed")
    try:
        for command in ("FLUSHALL", "FLUSHDB"):
            people = [deployment.better_auth.sign_in() for _ in range(3)]
            with hearing(deployment, home) as gate:
                remembered(gate, *people)
                redis.command(command)
                for person in people:
                    gate.wait_until_out(person.cookie)
                assert gate.total("sidegate_revocations_total", kind="everything") >= 1
    finally:
        deployment.better_auth.stop()
        redis.discard()


def test_who_signed_out_stays_out_under_load(deployment: Deployment, gate: Sidegate) -> None:
    """Between two answers of 401 there is never another: not even for a lookup that was under way."""
    for _ in range(5):
        person = deployment.better_auth.sign_in()
        seen: list[int] = []

        def ask(person: SignedIn = person, seen: list[int] = seen) -> int:
            status = gate.ask(person.cookie).status
            seen.append(status)
            return status

        with Traffic(ask, clients=1) as first, Traffic(lambda person=person: gate.ask(person.cookie).status) as rest:
            first.go_on(200, 20)
            deployment.better_auth.sign_out(person)
            first.go_on(401, 100)
            assert first.statuses() | rest.statuses() == {200, 401}
        assert 200 not in seen[seen.index(401) :]


def test_what_happens_while_the_connection_is_away_is_not_missed(alone: Deployment, home: Path) -> None:
    person, other = alone.better_auth.sign_in(), alone.better_auth.sign_in()
    others = alone.redis.trackers()

    def kill() -> None:
        (tracker,) = alone.redis.trackers() - others
        alone.redis.command("CLIENT", "KILL", "ID", tracker)

    with hearing(alone, home) as gate:
        for times in (2, 3):
            remembered(gate, person, other)
            kill()
            # Nothing of what is remembered counts once it hears again: other passes, asked for anew.
            gate.wait_until_it_hears("tracking", times)
            asked = gate.lookups()
            assert gate.ask(other.cookie).status == 200
            assert gate.lookups() == asked + 1
        remembered(gate, person)
        kill()
        alone.better_auth.sign_out(person)
        gate.wait_until_out(person.cookie)


def test_a_server_that_was_restarted_is_heard_again(alone: Deployment, home: Path) -> None:
    people = [alone.better_auth.sign_in() for _ in range(2)]
    with hearing(alone, home) as gate:
        remembered(gate, *people)
        assert gate.total("sidegate_revocation_channel_up", channel="tracking") == 1
        alone.redis.kill()
        until(lambda: gate.total("sidegate_revocation_channel_up") == 0, "it is known that nothing is heard")
        alone.redis.start()
        gate.wait_until_it_hears("tracking", 2)
        until(lambda: gate.ask(people[0].cookie).status == 200, "Redis answers")
        remembered(gate, *people)
        alone.better_auth.sign_out(people[0])
        gate.wait_until_out(people[0].cookie)
        assert gate.ask(people[1].cookie).status == 200


def test_a_connection_on_which_nobody_answers_is_noticed_within_seconds(alone: Deployment, home: Path) -> None:
    with hearing(alone, home) as gate:
        alone.redis.pause()
        try:
            began = time.monotonic()
            until(lambda: gate.total("sidegate_revocation_channel_up") == 0, "it is noticed")
            assert time.monotonic() - began < HALF_OPEN
        finally:
            alone.redis.resume()
        gate.wait_until_it_hears("tracking", 2)


def test_two_rights_more_are_enough(alone: Deployment, home: Path) -> None:
    alone.redis.add_user("hears", PASSWORD, *RIGHTS)
    alone.redis.command("ACL", "LOG", "RESET")
    person = alone.better_auth.sign_in()
    with hearing(alone, home, store=f"redis://hears:{ENCODED}@127.0.0.1:{alone.redis.port}") as gate:
        remembered(gate, person)
        alone.better_auth.sign_out(person)
        gate.wait_until_out(person.cookie)
    assert alone.redis.command("ACL", "LOG") == "", "something was refused"


@pytest.mark.parametrize("rights", [LEAST, (*LEAST, "+client|tracking")], ids=["neither", "one"])
def test_without_the_rights_answers_are_believed_for_five_seconds_and_it_says_why(
    alone: Deployment, home: Path, rights: tuple[str, ...]
) -> None:
    alone.redis.add_user("deaf", PASSWORD, *rights)
    person = alone.better_auth.sign_in()
    store = f"redis://deaf:{ENCODED}@127.0.0.1:{alone.redis.port}"
    with alone.gate(home, store=store, cache_ttl=LONG) as gate:
        gate.process.wait_for("nothing tells of revocations.*client\\|track.*\\+client\\|trackinginfo")
        remembered(gate, person)
        alone.better_auth.sign_out(person)
        gate.wait_until_out(person.cookie)
        assert gate.total("sidegate_revocations_total") == 0
        losses = [event for event in gate.log() if event["message"].startswith("nothing tells of revocations")]
        assert len(losses) == 1, "it is said once, however often it is tried"


def test_it_is_heard_on_every_way_to_the_server(alone: Deployment, world: World, home: Path) -> None:
    alone.redis.add_user("hears", PASSWORD, *RIGHTS)
    redis, authority = alone.redis, world.certificates.authority
    for store in (
        f"rediss://hears:{ENCODED}@127.0.0.1:{redis.tls_port}?ssl_ca_certs={authority}",
        f"redis+unix://{redis.socket}?user=hears&pass={ENCODED}",
        f"valkey://127.0.0.1:{redis.port}/0",
    ):
        person = alone.better_auth.sign_in()
        with hearing(alone, home, store=store) as gate:
            remembered(gate, person)
            alone.better_auth.sign_out(person)
            gate.wait_until_out(person.cookie)


def test_where_revocation_is_off_nothing_is_tracked(alone: Deployment, home: Path) -> None:
    person, others = alone.better_auth.sign_in(), alone.redis.trackers()
    with alone.gate(home, revocation="off") as gate:
        assert gate.ask(person.cookie).status == 200
        assert alone.redis.trackers() == others


def test_where_redis_may_forget_a_session_its_end_is_not_counted_on_to_be_heard(both: Deployment, home: Path) -> None:
    """The database alone has it, and Redis has nothing to tell when it ends there: answers age as if nothing were told."""
    person = both.better_auth.sign_in()
    both.redis.command("DEL", both.key(person))
    store = both.redis.url
    with Sidegate(home, store, redis_key_prefix=both.prefix, fallback_store=both.database) as gate:
        gate.wait_until_it_hears("tracking")
        remembered(gate, person)
        both.better_auth.sign_out(person)
        # 30 seconds if it were believed that all is told, which is longer than is waited for; 5 seconds otherwise.
        gate.wait_until_out(person.cookie)


@pytest.fixture(scope="module")
def cluster(world: World) -> Iterator[Cluster]:
    cluster = Cluster(world.home / "tracked-cluster", world.certificates)
    yield cluster
    cluster.stop()


def test_in_a_cluster_each_server_is_heard(cluster: Cluster, world: World, home: Path) -> None:
    auth = BetterAuth(home, world.sqlite.url("tracked-cluster"), env={"REDIS_URL": cluster.urls})
    try:
        for node in cluster.nodes:
            node.add_user("hears", PASSWORD, *RIGHTS, "+cluster|slots")
        url = cluster.url(cluster.nodes[:1]).replace("://", f"://hears:{ENCODED}@")
        with Sidegate(home, url, cache_ttl=LONG) as gate:
            gate.wait_until_it_hears("tracking")
            assert [len(node.trackers()) for node in cluster.nodes] == [1, 1, 1]
            met: set[int] = set()
            while met != {0, 1, 2}:
                person = auth.sign_in()
                remembered(gate, person)
                auth.sign_out(person)
                gate.wait_until_out(person.cookie)
                met |= {number for number in range(3) if is_on(number, cluster, f"better-auth:{person.token}")}
    finally:
        auth.stop()


def test_a_server_that_joins_a_cluster_is_heard_too(cluster: Cluster, world: World, home: Path) -> None:
    joining = Redis(world.home / "joining", world.certificates, is_node=True)
    first = cluster.nodes[0]
    over_tls = ["--tls", "--cacert", str(world.certificates.authority)]
    try:
        with Sidegate(home, cluster.url(), cache_ttl=LONG) as gate:
            gate.wait_until_it_hears("tracking")
            first.manage(*over_tls, "add-node", f"127.0.0.1:{joining.tls_port}", f"127.0.0.1:{first.tls_port}")
            new = joining.command("CLUSTER", "MYID")
            nodes = (joining, *cluster.nodes)
            for node in nodes:
                until(lambda node=node: new in node.command("CLUSTER", "NODES"), "all know each other")
            until(lambda: len({str(node.command("CLUSTER", "SLOTS")) for node in nodes}) == 1, "all say who has what")
            giving = first.command("CLUSTER", "MYID")
            first.manage(*over_tls, "reshard", f"127.0.0.1:{first.tls_port}", "--cluster-from", giving,
                         "--cluster-to", new, "--cluster-slots", "10", "--cluster-yes")  # fmt: skip
            # That keys are elsewhere now, or that a connection broke as they went: nothing is believed until all are heard.
            gate.process.wait_for("nothing tells of revocations: ")
            until(lambda: len(joining.trackers()) == 1, "the new one is heard")
    finally:
        joining.discard()
