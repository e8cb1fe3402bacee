"""How Redis is reached, with which rights, and what happens when it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig import secrets
from rig.better_auth import BetterAuth, SignedIn
from rig.process import until
from rig.redis import Cluster, Redis
from rig.sidegate import Sidegate
from rig.traffic import Traffic
from test_commands import sidegate

PASSWORD = "red/is: p@ss?word #1"
ENCODED = "red%2Fis%3A%20p%40ss%3Fword%20%231"
LEAST = ("~better-auth:*", "+get")

secrets.remember("Redis' password", PASSWORD)
secrets.remember("Redis' password", ENCODED)


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Redis]:
    redis = Redis(world.home / "redis-links", world.certificates)
    yield redis
    redis.discard()


@pytest.fixture(scope="module")
def better_auth(world: World, redis: Redis) -> Iterator[BetterAuth]:
    home = world.home / "redis-links-auth"
    home.mkdir()
    better_auth = BetterAuth(home, world.sqlite.url(home.name), env={"REDIS_URL": redis.url})
    yield better_auth
    better_auth.stop()


@pytest.fixture(scope="module")
def people(better_auth: BetterAuth) -> list[SignedIn]:
    """Signed in beforehand."""
    return [better_auth.sign_in() for _ in range(4)]


def uncached(home: Path, store: str, **settings: str) -> Sidegate:
    forgetful = {"cache_ttl": "0s", "negative_ttl": "0s", "stale_if_error": "0s"}
    return Sidegate(home, store, **(forgetful | settings))


def test_every_form_of_url_leads_there(redis: Redis, people: list[SignedIn], world: World, home: Path) -> None:
    redis.add_user("sidegate", PASSWORD, *LEAST)
    redis.command("CONFIG", "SET", "requirepass", "")
    who, authority = f"sidegate:{ENCODED}@", world.certificates.authority
    for store in (
        redis.url,
        f"{redis.url}/0",
        f"valkey://127.0.0.1:{redis.port}",
        f"redis://{who}127.0.0.1:{redis.port}",
        f"rediss://127.0.0.1:{redis.tls_port}?ssl_ca_certs={authority}",
        f"rediss://{who}127.0.0.1:{redis.tls_port}/0?ssl_ca_certs={authority}",
        f"redis+unix://{redis.socket}",
        f"unix://{redis.socket}?user=sidegate&pass={ENCODED}",
    ):
        with uncached(home, store) as gate:
            assert gate.ask(people[0].cookie).status == 200, store
            assert gate.is_ready()
            assert "means nothing here" not in gate.process.text()


def test_another_database_of_the_server_has_other_sessions(redis: Redis, people: list[SignedIn], home: Path) -> None:
    redis.add_user("elsewhere", PASSWORD, *LEAST, "+select")
    for store in (
        f"{redis.url}/5",
        f"unix://{redis.socket}?db=5",
        f"redis://elsewhere:{ENCODED}@127.0.0.1:{redis.port}/5",
    ):
        with uncached(home, store) as gate:
            assert gate.ask(people[0].cookie).status == 401


def test_a_user_that_may_only_get_below_the_prefix_is_enough(
    redis: Redis, people: list[SignedIn], home: Path
) -> None:
    redis.add_user("least", PASSWORD, *LEAST)
    redis.command("ACL", "LOG", "RESET")
    with uncached(home, f"redis://least:{ENCODED}@127.0.0.1:{redis.port}", revocation="off") as gate:
        assert gate.ask(people[0].cookie).status == 200
        assert gate.is_ready()
    assert redis.command("ACL", "LOG") == "", "something was refused"


def test_client_certificates_are_shown(world: World, redis: Redis, people: list[SignedIn], home: Path) -> None:
    tls = world.certificates
    redis.command("CONFIG", "SET", "tls-auth-clients", "yes")
    try:
        url = f"rediss://127.0.0.1:{redis.tls_port}?ssl_ca_certs={tls.authority}"
        with uncached(home, url) as gate:
            assert gate.ask(people[0].cookie).status == 503
        key = home / "client.key"
        key.write_bytes(tls.server_key.read_bytes())
        with uncached(home, f"{url}&ssl_certfile={tls.server_certificate}&ssl_keyfile={key}") as gate:
            assert gate.ask(people[0].cookie).status == 200
    finally:
        redis.command("CONFIG", "SET", "tls-auth-clients", "optional")


def test_a_server_that_nobody_known_vouches_for_is_not_asked(
    redis: Redis, people: list[SignedIn], world: World, home: Path
) -> None:
    url = f"rediss://127.0.0.1:{redis.tls_port}"
    for store in (url, f"{url}?ssl_ca_certs={world.certificates.stranger}",
                  f"rediss://localhost:{redis.tls_port}?ssl_ca_certs={world.certificates.authority}",
                  f"rediss://127.0.0.1:{redis.port}"):  # fmt: skip
        with uncached(home, store) as gate:
            assert gate.ask(people[0].cookie).status == 503, store
            assert not gate.is_ready()


def test_check_tells_what_is_wrong(redis: Redis, world: World, home: Path) -> None:
    redis.add_user("other", PASSWORD, "~other:*", "+get")
    redis.add_user("idle", PASSWORD, "~*", "+ping")
    redis.add_user("markerless", PASSWORD, "~better-auth:", "+get")
    redis.command("ACL", "SETUSER", "default", "resetpass", f">{PASSWORD}")
    port, tls = redis.port, f"rediss://127.0.0.1:{redis.tls_port}"
    try:
        told = {
            f"redis://127.0.0.1:{port}": "NOAUTH",
            f"redis://:wrong@127.0.0.1:{port}": "authentication failed",
            f"redis://other:{ENCODED}@127.0.0.1:{port}": "NoPerm",
            f"redis://idle:{ENCODED}@127.0.0.1:{port}": "NoPerm",
            f"redis://markerless:{ENCODED}@127.0.0.1:{port}": "NoPerm",
            f"redis://127.0.0.1:{redis.port + 1}": "refused",
            f"redis+unix://{home}/nothing": "No such file",
            tls: "UnknownIssuer",
        }
        for store, why in told.items():
            ended = sidegate(home, "check", f"--store={store}")
            assert ended.code == 1, store
            assert why in ended.err, ended.err
    finally:
        # The password is told by nobody else either.
        sidegate_url = f"redis://:{ENCODED}@127.0.0.1:{port}"
        assert sidegate(home, "check", f"--store={sidegate_url}").code == 0
        Redis.command(redis, "--no-auth-warning", "-a", PASSWORD, "ACL", "SETUSER", "default", "nopass")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["--store=redis://127.0.0.1:1", "--fallback-store=redis://127.0.0.1:2"], "Redis as well"),
        (["--store=sqlite:/nowhere.db", "--fallback-store=sqlite:/nowhere.db"], "fallback_store"),
        (["--store=redis://127.0.0.1:1", "--fallback-store=nothing://x"], "fallback_store"),
        (["--store=redis://u:hunter2-hunter2@127.0.0.1:1/x"], "database number"),
        (["--store=rediss://u:hunter2-hunter2@127.0.0.1:1#insecure"], "certificates are always checked"),
        (["--store=rediss://127.0.0.1:1?ssl_ca_certs=/nowhere.pem"], "ssl_ca_certs cannot be read"),
        (["--store=rediss://127.0.0.1:1?ssl_ca_certs=/etc/passwd"], "ssl_ca_certs is no PEM file"),
        (["--store=rediss://127.0.0.1:1?ssl_certfile=/nowhere.pem"], "ssl_certfile"),
        (["--store=redis-cluster://u:hunter2-hunter2@"], "malformed"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(home: Path, settings: list[str], named: str) -> None:
    ended = sidegate(home, "check", *settings)
    assert ended.code == 78, ended.err
    assert named in ended.err
    assert "hunter2" not in ended.out + ended.err


def test_a_parameter_that_means_nothing_is_told_by_its_name(redis: Redis, home: Path) -> None:
    ended = sidegate(home, "check", f"--store={redis.url}?ssl_cert_reqs=none")
    assert (ended.code, "ssl_cert_reqs" in ended.out) == (0, True)


def test_a_kill_and_a_restart_under_traffic_sign_nobody_out(
    redis: Redis, people: list[SignedIn], home: Path
) -> None:
    with uncached(home, redis.url, cache_ttl="1h") as gate, uncached(home, redis.url) as forgetful:
        assert gate.ask(people[0].cookie).status == 200
        known = Traffic(lambda: gate.ask(people[0].cookie).status, clients=2)
        asked = Traffic(lambda: forgetful.ask(people[0].cookie).status, clients=8)
        with known, asked:
            asked.go_on(200)
            redis.kill()
            asked.go_on(503, 10)
            known.go_on(200)
            assert gate.ask(people[1].cookie).status == 503
            forgetful.wait_until_unready()
            redis.start()
            asked.go_on(200)
            forgetful.wait_until_ready()
            known.go_on(200)
        assert known.statuses() == {200}
        assert asked.statuses() == {200, 503}


def test_the_first_request_after_a_restart_is_answered(redis: Redis, people: list[SignedIn], home: Path) -> None:
    with uncached(home, redis.url) as gate, uncached(home, f"unix://{redis.socket}") as other:
        for restart in (redis.stop, redis.kill):
            assert {gate.ask(people[0].cookie).status, other.ask(people[0].cookie).status} == {200}
            restart()
            redis.start()
            assert {gate.ask(people[1].cookie).status, other.ask(people[1].cookie).status} == {200}


def test_a_killed_connection_is_made_again(redis: Redis, people: list[SignedIn], home: Path) -> None:
    with uncached(home, redis.url) as gate:
        for _ in range(5):
            assert gate.ask(people[0].cookie).status == 200
            redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert gate.ask(people[1].cookie).status == 200


def test_sidegate_starts_before_redis_does(redis: Redis, people: list[SignedIn], home: Path) -> None:
    redis.stop()
    with uncached(home, redis.url) as gate:
        assert not gate.is_ready()
        assert gate.ask(people[0].cookie).status == 503
        redis.start()
        assert gate.ask(people[0].cookie).status == 200
        gate.wait_until_ready()


def test_a_server_that_hangs_is_a_503_in_time(redis: Redis, people: list[SignedIn], home: Path) -> None:
    with uncached(home, redis.url, store_timeout="300ms") as gate, uncached(home, redis.url) as fresh:
        assert gate.ask(people[0].cookie).status == 200
        redis.pause()
        try:
            # Redis would not have answered within the test's own patience.
            assert gate.ask(people[0].cookie).status == 503
            assert fresh.ask(people[0].cookie).status == 503
        finally:
            redis.resume()
        until(lambda: gate.ask(people[0].cookie).status == 200, "whoever was told 503 is let through")
        until(lambda: fresh.ask(people[0].cookie).status == 200, "whoever was told 503 is let through")


def test_an_error_of_redis_is_not_made_up_for_by_the_database(
    redis: Redis, people: list[SignedIn], better_auth: BetterAuth, world: World, home: Path
) -> None:
    """Its rows may be of sessions that Redis knows to be over."""
    database = world.sqlite.url("redis-links-rows")
    rows = BetterAuth(home, database)
    person = rows.sign_in()
    try:
        with uncached(home, redis.url, fallback_store=database) as gate:
            assert gate.ask(person.cookie).status == 200, "Redis has no entry"
            assert gate.is_ready()
            redis.stop()
            assert gate.ask(person.cookie).status == 503
            gate.wait_until_unready()
            redis.start()
            assert gate.ask(person.cookie).status == 200
            gate.wait_until_ready()
            redis.command("SET", f"better-auth:{person.token}", "denied")
            assert gate.ask(person.cookie).status == 401
            redis.command("DEL", f"better-auth:{person.token}")
            rows.stop()
            world.sqlite.path("redis-links-rows").unlink()
            assert gate.ask(people[0].cookie).status == 200, "Redis has an entry"
        with uncached(home, redis.url, fallback_store=database) as gate:
            assert gate.ask(person.cookie).status == 503, "there is no database"
            assert not gate.is_ready()
    finally:
        rows.stop()


@pytest.fixture(scope="module")
def cluster(world: World) -> Iterator[Cluster]:
    cluster = Cluster(world.home / "redis-cluster", world.certificates)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def spread(world: World, cluster: Cluster) -> Iterator[BetterAuth]:
    """Better Auth on the cluster."""
    home = world.home / "redis-cluster-auth"
    home.mkdir()
    better_auth = BetterAuth(home, world.sqlite.url(home.name), env={"REDIS_URL": cluster.urls})
    yield better_auth
    better_auth.stop()


def test_sessions_are_found_on_whichever_node_they_are(cluster: Cluster, spread: BetterAuth, home: Path) -> None:
    people = [spread.sign_in() for _ in range(12)]
    assert all(node.command("DBSIZE") != "0" for node in cluster.nodes)
    with uncached(home, cluster.url(cluster.nodes[:1])) as gate:
        assert {gate.ask(person.cookie).status for person in people} == {200}
        assert gate.is_ready()
        spread.call("/api/auth/revoke-sessions", {}, people[0])
        spread.call("/api/auth/sign-out", {}, people[1])
        assert [gate.ask(person.cookie).status for person in people[:3]] == [401, 401, 200]


def test_a_cluster_is_asked_over_tls(cluster: Cluster, spread: BetterAuth, world: World, home: Path) -> None:
    people = [spread.sign_in() for _ in range(6)]
    for node in cluster.nodes:
        node.add_user("sidegate", PASSWORD, *LEAST, "+cluster|slots", "+ping")
    url = cluster.url(tls=True).replace("//", f"//sidegate:{ENCODED}@")
    with uncached(home, f"{url}?ssl_ca_certs={world.certificates.authority}") as gate:
        assert {gate.ask(person.cookie).status for person in people} == {200}
        assert gate.is_ready()
    with uncached(home, url) as gate:
        assert gate.ask(people[0].cookie).status == 503


def test_a_cluster_under_another_name_is_told_from_one_server(
    cluster: Cluster, spread: BetterAuth, home: Path
) -> None:
    people = [spread.sign_in() for _ in range(12)]
    with uncached(home, cluster.nodes[0].url) as gate:
        seen = {gate.ask(person.cookie).status for person in people}
        assert 503 in seen
        assert seen <= {200, 503}
        assert "redis-cluster://" in gate.process.text()
    ended = sidegate(home, "check", f"--store={cluster.nodes[0].url}")
    assert ended.code == 1
    assert "redis-cluster://" in ended.err
    assert sidegate(home, "check", f"--store={cluster.url(cluster.nodes[2:])}").code == 0


def test_a_cluster_whose_nodes_restart_signs_nobody_out(cluster: Cluster, spread: BetterAuth, home: Path) -> None:
    people = [spread.sign_in() for _ in range(12)]
    with uncached(home, cluster.url()) as gate:
        assert {gate.ask(person.cookie).status for person in people} == {200}
        cluster.nodes[1].kill()
        seen = {gate.ask(person.cookie).status for person in people}
        assert 503 in seen
        assert seen <= {200, 503}
        cluster.nodes[1].start()
        cluster.wait_until_whole()
        for person in people:
            until(lambda person=person: gate.ask(person.cookie).status == 200, "the cluster answers again")
        for node in cluster.nodes:
            node.stop()
        assert gate.ask(people[0].cookie).status == 503
        for node in cluster.nodes:
            node.start()
        cluster.wait_until_whole()
        for person in people:
            until(lambda person=person: gate.ask(person.cookie).status == 200, "the cluster answers again")


def is_on(node: int, cluster: Cluster, key: str) -> bool:
    """`redis-cli --cluster create` deals the 16384 slots out in the order of the nodes."""
    return int(cluster.nodes[0].command("CLUSTER", "KEYSLOT", key)) * 3 // 16384 == node


def test_where_one_node_hangs_sessions_on_the_others_are_found(
    cluster: Cluster, spread: BetterAuth, home: Path
) -> None:
    on_it, elsewhere = [], []
    while not (on_it and elsewhere):
        person = spread.sign_in()
        known = spread.session_of(person.cookie)
        assert known
        keys = [f"better-auth:{person.token}", f"better-auth:revoked-sessions-before-{known['user']['id']}"]
        (on_it if is_on(1, cluster, keys[0]) else elsewhere).append(person)
        if not is_on(1, cluster, keys[0]) and is_on(1, cluster, keys[1]):
            elsewhere.pop()
    with uncached(home, cluster.url()) as gate, uncached(home, cluster.url()) as fresh:
        assert gate.ask(on_it[0].cookie).status == 200
        cluster.nodes[1].pause()
        try:
            for _ in range(3):
                assert gate.ask(on_it[0].cookie).status == 503
                assert gate.ask(elsewhere[0].cookie).status == 200
            until(lambda: fresh.ask(elsewhere[0].cookie).status == 200, "a new sidegate finds the others' sessions")
        finally:
            cluster.nodes[1].resume()
        for one in (gate, fresh):
            until(lambda one=one: one.ask(on_it[0].cookie).status == 200, "the node answers again")
