"""Settings that change while sidegate runs: by SIGHUP and by files that change, under load and with mistakes in them."""

import itertools
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import World
from rig import secrets
from rig.better_auth import SECRET, BetterAuth, SignedIn
from rig.configuration import Configuration, reloads, wait_for
from rig.postgres import Lock
from rig.process import until
from rig.sidegate import LONG, Sidegate, question
from rig.stack import Stack
from rig.traffic import Traffic
from rig.wire import Reply
from test_shutdown import asking

OTHER_SECRET = "the-secret-after-the-rotation-9876543210"
secrets.remember("the other secret", OTHER_SECRET)
PUBLIC_DEFAULT = "better-auth-secret-12345678901234567890"
"""better-auth 1.7.25, `utils/constants`"""

SOON = "100ms"
"""A `reload_interval` that a test does not have to wait for."""


@dataclass(frozen=True)
class Rotation:
    """Two secrets, each in a file, and somebody signed in by each."""

    old: Path
    new: Path
    ada: SignedIn
    """Her cookie is of the old one."""
    bea: SignedIn
    """Her cookie is of the new one: of a Better Auth that runs with it on the same database."""


@pytest.fixture(scope="module")
def rotation(on_sqlite: Stack, world: World) -> Iterator[Rotation]:
    home = world.home / "rotation"
    home.mkdir()
    old, new = home / "old", home / "new"
    old.write_text(SECRET + "\n")
    new.write_text(OTHER_SECRET + "\n")
    rotated = BetterAuth(home, on_sqlite.store, origins=[on_sqlite.better_auth.origin], secret=OTHER_SECRET)
    bea = rotated.sign_in(on_sqlite.ada.email)
    rotated.stop()
    yield Rotation(old, new, on_sqlite.ada, bea)


def statuses(gate: Sidegate, *people: SignedIn) -> list[int]:
    return [gate.ask(person.cookie).status for person in people]


def hang_up(gate: Sidegate) -> None:
    gate.process.send(signal.SIGHUP)


def by_signal(gate: Sidegate, outcome: str, times: int) -> None:
    """Nothing is looked at before the signal comes."""
    hang_up(gate)
    wait_for(gate, outcome, times)


@pytest.mark.parametrize("way", ["SIGHUP", "a look at the files"])
def test_thousands_of_requests_through_nginx_notice_nothing_of_reloads(
    on_sqlite: Stack, rotation: Rotation, home: Path, way: str
) -> None:
    until_tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def settings(current: Path, previous: Path, round: int) -> dict[str, str]:
        return {
            "secret_file": str(current),
            "previous_secret_file": str(previous),
            "previous_secret_until": until_tomorrow,
            "login_url": f"/login/{round}",
        }

    configuration = Configuration(home, **settings(rotation.old, rotation.new, 0))
    interval = "0s" if way == "SIGHUP" else SOON
    people = itertools.cycle([rotation.ada.cookie, rotation.bea.cookie])
    nginx = on_sqlite.echo
    with on_sqlite.sidegate(config=str(configuration.path), secret=None, reload_interval=interval) as gate:
        with Traffic(lambda: nginx.ask("/api/x", next(people)).status_code) as traffic:
            for round in range(1, 9):
                pair = (rotation.new, rotation.old) if round % 2 else (rotation.old, rotation.new)
                traffic.go_on(200, 100)
                configuration.put(**settings(*pair, round))
                if way == "SIGHUP":
                    hang_up(gate)
                wait_for(gate, "applied", round)
                traffic.go_on(200, 100)
                configuration.write("trusted_proxies = 'nobody'\nno_such_setting = 1\n[")
                if way == "SIGHUP":
                    hang_up(gate)
                wait_for(gate, "refused", round)
            traffic.go_on(200, 500)
        assert traffic.statuses() == {200}
        told = nginx.ask("/api/x")
        assert told.status_code == 401
        assert gate.ask().get("x-auth-login") == "/login/8?return_to=%2Fpage"


def kind_of(reply: Reply) -> str:
    """Whose answer it is, by the names of all that tells somebody's identity."""
    names = {name.lower() for name, _ in reply.headers}
    own, others = {"x-auth-user-id", "x-auth-user-email"} & names, {"remote-user", "remote-email"} & names
    assert not (own and others), reply
    return f"{reply.status} {'old' if len(own) == 2 else 'new' if len(others) == 2 else 'nobody'}"


def test_no_answer_mixes_old_and_new_on_connections_that_are_kept(
    on_sqlite: Stack, rotation: Rotation, home: Path
) -> None:
    """The old secret comes with the old names, the new one with new ones, in one file that is renamed."""
    old = {"secret_file": str(rotation.old), "header_preset": "sidegate"}
    new = {"secret_file": str(rotation.new), "header_preset": "authelia"}
    configuration = Configuration(home, **old)
    seen: Counter[tuple[str, str]] = Counter()
    with (
        Sidegate(
            home, on_sqlite.store, secret=None, config=str(configuration.path), reload_interval="0s", log_denials="false"
        ) as gate,
        gate.connect() as ada,
        gate.connect() as bea,
    ):
        questions = {"ada": (ada, question(rotation.ada.cookie)), "bea": (bea, question(rotation.bea.cookie))}

        def answers() -> list[tuple[str, str]]:
            return [(who, kind_of(wire.ask(asked))) for who, (wire, asked) in questions.items()]

        by_old, by_new = [("ada", "200 old"), ("bea", "401 nobody")], [("ada", "401 nobody"), ("bea", "200 new")]
        for reload in range(1, 41):
            configuration.put(**(new if reload % 2 else old))
            hang_up(gate)
            while reloads(gate, "applied") < reload:
                for _ in range(20):
                    seen.update(answers())
            # From here on, it is the one alone.
            assert answers() == (by_new if reload % 2 else by_old)
        assert set(seen) == {*by_old, *by_new}
        # Each of them was looked up once, whatever came between.
        assert gate.lookups() == 2


MISTAKES: dict[str, tuple[str, list[str]]] = {
    "no TOML": ("cache_ttl = \n", ["is not TOML", "line 1"]),
    "a key that is no setting": ('trusted_proxys = "unix"\n', ["trusted_proxys", "did you mean trusted_proxies?"]),
    "wrong values": (
        'secret_file = "{old}"\ntrusted_proxies = "10.0.0.0/33"\npreflight = "perhaps"\n',
        ['trusted_proxies is "10.0.0.0/33"', 'preflight is "perhaps"', "write deny or pass"],
    ),
    "a wrong value of what waits for the next start": (
        'secret_file = "{old}"\nworkers = "many"\n',
        ['workers is "many"', "write a whole number"],
    ),
    "an address of what waits for the next start that is none": (
        'secret_file = "{old}"\nrevocation_redis = "http://127.0.0.1/"\n',
        ["revocation_redis is no URL of a Redis server"],
    ),
    "a secret that is not there": ('secret_file = "{old}.gone"\n', ["cannot read the secret file", "No such file"]),
    "a secret that everybody knows": ('secret_file = "{public}"\n', ["public default"]),
    "no secret": ("cache_ttl = \"5s\"\n", ["there is no secret"]),
    "nothing any more": ("# cut off\n", ["says nothing any more", "restart sidegate"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_with_a_mistake_everything_stays_and_all_is_told_once(
    on_sqlite: Stack, rotation: Rotation, home: Path, mistake: str
) -> None:
    (home / "public").write_text(PUBLIC_DEFAULT)
    text, parts = MISTAKES[mistake]
    text = text.format(old=rotation.old, public=home / "public")
    right = {"secret_file": str(rotation.old)}
    configuration = Configuration(home, **right)
    with Sidegate(
        home, on_sqlite.store, secret=None, config=str(configuration.path), reload_interval=SOON
    ) as gate:
        loaded = gate.metrics()["sidegate_config_last_reload_success_timestamp_seconds"]
        configuration.write(text)
        [told] = gate.events("configuration not reloaded: what was before goes on to count", 1)
        assert told["level"] == "ERROR"
        assert all(part in told["mistakes"] for part in parts), told
        assert statuses(gate, rotation.ada, rotation.bea) == [200, 401]
        metrics = gate.metrics()
        assert metrics["sidegate_config_last_reload_successful"] == 0
        assert metrics["sidegate_config_last_reload_success_timestamp_seconds"] == loaded
        # Looked at again and again, and told no more than that once, until it changes.
        configuration.write(text + "# still wrong\n")
        wait_for(gate, "refused", 2)
        configuration.put(**right)
        wait_for(gate, "unchanged", 1)
        metrics = gate.metrics()
        assert metrics["sidegate_config_last_reload_successful"] == 1
        assert metrics["sidegate_config_last_reload_success_timestamp_seconds"] > loaded
        assert len(gate.events("configuration not reloaded: what was before goes on to count")) == 2
        # Whoever asks is told, changed or not.
        configuration.write(text)
        wait_for(gate, "refused", 3)
        by_signal(gate, "refused", 4)
        assert statuses(gate, rotation.ada, rotation.bea) == [200, 401]
        configuration.put(secret_file=str(rotation.new))
        wait_for(gate, "applied", 1)
        assert statuses(gate, rotation.ada, rotation.bea) == [401, 200]


def test_sighup_ends_nothing_where_there_is_nothing_new(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate, gate.connect() as kept:
        for times in range(1, 4):
            by_signal(gate, "unchanged", times)
        assert kept.ask(question(on_sqlite.ada.cookie)).status == 200
        assert gate.process.exit_code is None


def test_a_secret_that_kubernetes_swaps_counts_without_a_signal(
    on_sqlite: Stack, rotation: Rotation, home: Path
) -> None:
    # kubelet: a directory for each generation, and one link that is renamed over the other (`atomic_writer.go`).
    volume = home / "volume"
    for generation, secret in (("..2026_11_24_01", rotation.old), ("..2026_11_24_02", rotation.new)):
        (volume / generation).mkdir(parents=True)
        (volume / generation / "secret").write_bytes(secret.read_bytes())
    (volume / "..data").symlink_to("..2026_11_24_01")
    (volume / "secret").symlink_to("..data/secret")
    with Sidegate(
        home, on_sqlite.store, secret=None, secret_file=str(volume / "secret"), reload_interval=SOON
    ) as gate:
        assert statuses(gate, rotation.ada, rotation.bea) == [200, 401]
        (volume / "..data_tmp").symlink_to("..2026_11_24_02")
        (volume / "..data_tmp").rename(volume / "..data")
        (volume / "..2026_11_24_01" / "secret").unlink()
        wait_for(gate, "applied", 1)
        assert statuses(gate, rotation.ada, rotation.bea) == [401, 200]
        [told] = gate.events("configuration reloaded", 1)
    assert told["changed"] == "secret_file"


def test_a_secret_that_an_editor_writes_in_place_counts(on_sqlite: Stack, rotation: Rotation, home: Path) -> None:
    secret = home / "secret"
    secret.write_text(SECRET)
    with Sidegate(home, on_sqlite.store, secret=None, secret_file=str(secret), reload_interval=SOON) as gate:
        assert statuses(gate, rotation.ada, rotation.bea) == [200, 401]
        # Gone for a while, as some editors have it.
        secret.unlink()
        wait_for(gate, "refused", 1)
        assert statuses(gate, rotation.ada, rotation.bea) == [200, 401]
        secret.write_text(OTHER_SECRET)
        wait_for(gate, "applied", 1)
        assert statuses(gate, rotation.ada, rotation.bea) == [401, 200]


def test_what_waits_for_the_next_start_is_told_by_name_and_the_rest_counts(
    on_sqlite: Stack, rotation: Rotation, home: Path
) -> None:
    waiting = "sidegate_config_settings_waiting_for_start"
    configuration = Configuration(home, secret_file=str(rotation.old))
    with Sidegate(
        home, on_sqlite.store, secret=None, config=str(configuration.path), reload_interval="0s"
    ) as gate:
        assert gate.metrics()[waiting] == 0
        # With that prefix, nobody's cookie would be read.
        changes = {"cookie_prefix": "other", "workers": "1"}
        configuration.put(secret_file=str(rotation.new), **changes)
        by_signal(gate, "applied", 1)
        [told] = gate.events("changed settings that take effect at the next start", 1)
        assert (told["level"], told["settings"]) == ("WARN", "cookie_prefix, workers")
        assert gate.metrics()[waiting] == 2
        assert statuses(gate, rotation.ada, rotation.bea) == [401, 200]
        configuration.put(secret_file=str(rotation.new))
        by_signal(gate, "applied", 2)
        assert gate.metrics()[waiting] == 0
    configuration.put(secret_file=str(rotation.new), **changes)
    with Sidegate(home, on_sqlite.store, secret=None, config=str(configuration.path)) as restarted:
        assert statuses(restarted, rotation.bea) == [401]
        assert rotation.bea.name.startswith("better-auth.")


def test_what_does_not_go_with_what_waits_is_refused_by_name(
    on_sqlite: Stack, rotation: Rotation, home: Path
) -> None:
    configuration = Configuration(home, secret_file=str(rotation.old), secure_cookies="true")
    with Sidegate(
        home, on_sqlite.store, secret=None, config=str(configuration.path), reload_interval="0s"
    ) as gate:
        configuration.put(
            secret_file=str(rotation.old),
            secure_cookies="false",
            cookie_cache="compact",
            cookie_cache_name="__Secure-own",
        )
        by_signal(gate, "refused", 1)
        [told] = gate.events("configuration not reloaded: what was before goes on to count", 1)
    assert "does not go with what secure_cookies said at the start" in told["mistakes"]
    assert "cookie_cache_name" in told["mistakes"]
    assert "restart sidegate" in told["mistakes"]


def test_the_secret_of_revocations_changes_too(on_sqlite: Stack, home: Path) -> None:
    known, next_one = "the-first-secret-of-revocations", "the-second-secret-of-revocations"
    for secret in (known, next_one):
        secrets.remember("the secret of POST /revoke", secret)
    file = home / "revoke"
    configuration = Configuration(home)
    with Sidegate(home, on_sqlite.store, config=str(configuration.path), reload_interval="0s") as gate:
        assert gate.revoke(known, user_id="nobody").status_code == 404
        for secret, other, times in ((known, next_one, 1), (next_one, known, 2)):
            file.write_text(secret)
            configuration.put(revoke_secret_file=str(file))
            by_signal(gate, "applied", times)
            assert gate.revoke(secret, user_id="nobody").status_code == 204
            assert gate.revoke(other, user_id="nobody").status_code == 401
        configuration.put(cache_ttl="5s")
        by_signal(gate, "applied", 3)
        assert gate.revoke(next_one, user_id="nobody").status_code == 404


def test_whom_it_believes_changes_from_one_request_of_a_connection_to_the_next(on_sqlite: Stack, home: Path) -> None:
    configuration = Configuration(home, trusted_proxies="loopback")
    with (
        Sidegate(home, on_sqlite.store, config=str(configuration.path), reload_interval="0s") as gate,
        gate.connect() as kept,
    ):
        assert kept.ask(question(on_sqlite.ada.cookie)).status == 200
        configuration.put(trusted_proxies="10.0.0.0/8")
        by_signal(gate, "applied", 1)
        assert kept.ask(question(on_sqlite.ada.cookie)).get("x-auth-reason") == "untrusted_peer"
        configuration.put(trusted_proxies="loopback")
        by_signal(gate, "applied", 2)
        assert kept.ask(question(on_sqlite.ada.cookie)).status == 200


def test_routes_count_from_one_request_to_the_next_or_stay_what_they_were(on_sqlite: Stack, home: Path) -> None:
    denied = '[[route]]\npath = "/page"\naccess = "deny"\n'
    public = '[[route]]\npath = "/page"\naccess = "public"\n'
    configuration = Configuration(home)
    with (
        Sidegate(home, on_sqlite.store, config=str(configuration.path), reload_interval="0s") as gate,
        gate.connect() as kept,
    ):

        def answers() -> list[int]:
            return [kept.ask(question(cookie)).status for cookie in (on_sqlite.ada.cookie, None)]

        assert answers() == [200, 401]
        configuration.write(denied)
        by_signal(gate, "applied", 1)
        assert answers() == [403, 403]
        configuration.write(denied + public)
        by_signal(gate, "refused", 1)
        assert answers() == [403, 403]
        configuration.write(public)
        by_signal(gate, "applied", 2)
        assert answers() == [200, 200]
        [refused] = gate.events("configuration not reloaded: what was before goes on to count", 1)
        assert "two routes hold for the same requests" in refused["mistakes"]
        configuration.write("")
        by_signal(gate, "refused", 2)
        assert answers() == [200, 200]
        configuration.write('cache_ttl = "5s"\n')
        by_signal(gate, "applied", 3)
        assert answers() == [200, 401]
        gate.events("there is no route left: everywhere a session is asked for and nothing else", 1)
        assert [event["changed"] for event in gate.events("configuration reloaded", 3)] == [
            "route",
            "route",
            "cache_ttl, route",
        ]


def test_keys_that_are_known_outlive_a_reload_while_their_source_is_down(
    world: World, stacks: Callable[..., Stack], home: Path
) -> None:
    stack = stacks(world.sqlite, "reload-jwt", None, {"jwt": {}})
    token = stack.better_auth.json_web_token(stack.ada)
    keys = f"{stack.better_auth.url}/api/auth/jwks"
    configuration = Configuration(home, jwt="true", jwt_issuer=stack.better_auth.origin, jwks_url=keys)
    bearer = [("Authorization", f"Bearer {token}")]
    with Sidegate(home, stack.store, config=str(configuration.path), reload_interval="0s") as gate:
        assert gate.ask(None, bearer).status == 200
        stack.better_auth.stop()
        configuration.put(jwt="true", jwt_issuer=stack.better_auth.origin, jwks_url=keys, login_url="/login")
        by_signal(gate, "applied", 1)
        assert gate.ask(None, bearer).status == 200
        # Other keys are other keys: there is nobody to ask for these.
        configuration.put(jwt="true", jwt_issuer=stack.better_auth.origin, jwks_url=keys, jwks_ttl="1m")
        by_signal(gate, "applied", 2)
        assert gate.ask(None, bearer).status == 503


def test_no_configuration_is_read_while_it_drains(on_postgres: Stack, world: World, home: Path) -> None:
    _ = on_postgres.ada
    configuration = Configuration(home)
    with Lock(world.postgres, on_postgres.schema) as lock:
        gate = Sidegate(
            home, on_postgres.store, config=str(configuration.path), store_timeout=LONG, drain_timeout=LONG
        )
        with asking(gate, on_postgres, lock) as wire:
            gate.process.send(signal.SIGTERM)
            gate.process.wait_for('"message":"draining"')
            configuration.write("[")
            hang_up(gate)
            lock.release()
            assert wire.read().status == 200
        assert gate.process.wait() == 0
    assert "SIGHUP" not in gate.process.text()
