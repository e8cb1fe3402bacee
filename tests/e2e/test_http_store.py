"""Better Auth itself as the store: whatever its database is, sidegate says what it says.

It stands on its own memory adapter, into which nobody else can look: MongoDB, Prisma, Drizzle and all others are reached
in the same way.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.better_auth import BetterAuth
from rig.liar import Liar
from rig.ports import free_port
from rig.process import until
from rig.sidegate import LONG, Sidegate
from rig.traffic import Traffic
from test_commands import sidegate

MEMORY = "memory:"


@pytest.fixture(scope="module")
def better_auth(world: World) -> Iterator[BetterAuth]:
    home = world.home / "http-store"
    home.mkdir()
    better_auth = BetterAuth(home, MEMORY)
    yield better_auth
    better_auth.stop()


@pytest.fixture
def gate(better_auth: BetterAuth, home: Path) -> Iterator[Sidegate]:
    with Sidegate(home, better_auth.origin, cache_ttl="0s", negative_ttl="0s") as gate:
        yield gate


def test_a_session_passes_until_it_is_signed_out(better_auth: BetterAuth, gate: Sidegate) -> None:
    ada = better_auth.sign_in()
    known = better_auth.session_of(ada.cookie)
    assert known
    reply = gate.ask(ada.cookie)
    assert reply.status == 200
    assert reply.get("x-auth-user-id") == known["user"]["id"]
    assert reply.get("x-auth-user-email") == ada.email
    assert reply.get("x-auth-session-id") == known["session"]["id"]
    assert reply.get("x-auth-session-expires") == known["session"]["expiresAt"]
    assert reply.get("set-cookie") is None
    better_auth.sign_out(ada)
    reply = gate.ask(ada.cookie)
    assert (reply.status, reply.get("x-auth-reason")) == (401, "no_session")


def test_a_forged_cookie_is_not_even_asked_about(better_auth: BetterAuth, gate: Sidegate) -> None:
    asked = better_auth.requests("GET /api/auth/get-session")
    assert gate.ask(f"{better_auth.sign_in().name}=forged").status == 401
    assert better_auth.requests("GET /api/auth/get-session") == asked


def test_a_session_that_is_over_is_refused_and_was_not_prolonged(world: World, home: Path) -> None:
    options = {"session": {"expiresIn": 3, "updateAge": 0}}
    better_auth = BetterAuth(home, MEMORY, options=options)
    with Sidegate(home, better_auth.origin, cache_ttl="0s", negative_ttl="0s") as gate:
        ada = better_auth.sign_in()
        first = gate.ask(ada.cookie)
        assert first.status == 200
        # Each visit of a browser would prolong it: updateAge is 0.
        until(lambda: gate.ask(ada.cookie).status == 401, "the session is over")
    better_auth.stop()


def test_one_that_is_prolonged_outlives_its_first_end(home: Path) -> None:
    better_auth = BetterAuth(home, MEMORY, options={"session": {"expiresIn": 4, "updateAge": 1}})
    ada = better_auth.sign_in()
    sliding = {"refresh": "delegate", "session_expires_in": "4s", "session_update_age": "1s"}
    with Sidegate(home, better_auth.origin, cache_ttl="1h", store_timeout="20s", **sliding) as gate:
        with Traffic(lambda: gate.ask(ada.cookie).status, clients=2) as traffic:
            # Each of them is at least a second after the one before.
            count = "sidegate_refresh_seconds_count"
            until(lambda: gate.total(count, result="prolonged") >= 5, "it was prolonged five times")
        assert traffic.statuses() == {200}
    better_auth.stop()


def test_check_finds_it(better_auth: BetterAuth, home: Path) -> None:
    ended = sidegate(home, "check", f"--store={better_auth.origin}")
    assert (ended.code, ended.err) == (0, "")
    assert "store     ok    Better Auth answers the lookup" in ended.out


def test_check_tells_a_wrong_base_path(better_auth: BetterAuth, home: Path) -> None:
    ended = sidegate(home, "check", f"--store={better_auth.origin}/auth")
    assert ended.code == 1
    assert "get-session was answered with 404" in ended.err
    assert "basePath" in ended.err


def test_a_wrong_base_path_is_doubt(better_auth: BetterAuth, home: Path) -> None:
    with Sidegate(home, f"{better_auth.origin}/auth") as gate:
        assert gate.ask(better_auth.sign_in().cookie).status == 503
        assert gate.admin("/readyz").text == "not ready: refused\n"


def test_another_base_path_is_asked(home: Path) -> None:
    better_auth = BetterAuth(home, MEMORY, options={"basePath": "/auth/v1"})
    with Sidegate(home, f"{better_auth.origin}/auth/v1/") as gate:
        gate.wait_until_ready()
        assert gate.ask(better_auth.sign_in().cookie).status == 200
    better_auth.stop()


def test_a_restart_under_traffic_signs_nobody_out(world: World, home: Path) -> None:
    database, port = f"sqlite:{home}/restart.db", free_port()
    better_auth = BetterAuth(home, database, port=port)
    seen, unseen = better_auth.sign_in(), better_auth.sign_in()
    url = better_auth.origin
    with Sidegate(home, url, cache_ttl="1h") as gate, Sidegate(home, url, cache_ttl="0s") as forgetful:
        assert gate.ask(seen.cookie).status == 200
        cached = Traffic(lambda: gate.ask(seen.cookie).status, clients=2)
        uncached = Traffic(lambda: forgetful.ask(seen.cookie).status, clients=8)
        with cached, uncached:
            uncached.go_on(200)
            better_auth.stop()
            gate.wait_until_unready()
            uncached.go_on(503, 10)
            cached.go_on(200)
            assert gate.ask(unseen.cookie).status == 503
            better_auth = BetterAuth(home, database, port=port)
            gate.wait_until_ready()
            until(lambda: gate.ask(unseen.cookie).status == 200, "unseen sessions pass")
            uncached.go_on(200)
            cached.go_on(200)
        assert cached.statuses() == {200}
        assert uncached.statuses() == {200, 503}
    better_auth.stop()


def test_one_that_hangs_is_a_503_in_time(home: Path) -> None:
    better_auth = BetterAuth(home, MEMORY)
    ada = better_auth.sign_in()
    with Sidegate(home, better_auth.origin, store_timeout="300ms", store_connect_timeout="300ms") as gate:
        better_auth.process.send(signal.SIGSTOP)
        # It would not have answered within the test's own patience.
        assert gate.ask(ada.cookie).status == 503
        gate.wait_until_unready()
        better_auth.process.send(signal.SIGCONT)
        gate.wait_until_ready()
        until(lambda: gate.ask(ada.cookie).status == 200, "whoever was told 503 is let through")
    better_auth.stop()


def test_its_rate_limiter_signs_nobody_out(home: Path) -> None:
    better_auth = BetterAuth(home, MEMORY, options={"rateLimit": {"enabled": True, "window": 3600, "max": 3}})
    ada = better_auth.sign_in()
    with Sidegate(home, better_auth.origin, cache_ttl="0s") as gate:
        assert [gate.ask(ada.cookie).status for _ in range(5)] == [200, 200, 200, 503, 503]
        assert gate.total("sidegate_store_lookup_seconds_count", result="rate_limited") == 2
    better_auth.stop()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<!doctype html><title>app</title>"),
        (200, "{}"),
        (200, '{"session":null,"user":null}'),
        (200, "[null]"),
        (200, ""),
        (204, ""),
        (301, "http://127.0.0.1/"),
        (401, "sign in"),
        (403, "no"),
        (404, "null"),
        (502, "null"),
    ],
)
def test_nothing_but_its_own_answer_is_believed(better_auth: BetterAuth, home: Path, status: int, body: str) -> None:
    text = f"return {status} '{body}';" if body else f"return {status};"
    with Liar(home / "liar", text) as liar, Sidegate(home, liar.url) as gate:
        assert gate.ask(better_auth.sign_in().cookie).status == 503
        assert gate.admin("/readyz").status_code == 503


def test_an_answer_for_somebody_else_is_not_believed(better_auth: BetterAuth, home: Path) -> None:
    """As from a cache on the way that knows no cookies."""
    ada, eve = better_auth.sign_in(), better_auth.sign_in()
    as_eve = f"proxy_pass {better_auth.origin}; proxy_set_header Cookie '{eve.cookie}';"
    with Liar(home / "liar", as_eve) as liar, Sidegate(home, liar.url) as gate:
        assert gate.ask(eve.cookie).status == 200
        assert gate.ask(ada.cookie).status == 503


class TestOverTls:
    @pytest.fixture
    def url(self, world: World, better_auth: BetterAuth, home: Path) -> Iterator[str]:
        with Liar(home / "tls", f"proxy_pass {better_auth.origin};", world.certificates) as liar:
            yield liar.url

    def test_an_authority_of_ones_own_is_trusted(
        self, world: World, better_auth: BetterAuth, home: Path, url: str
    ) -> None:
        env = {"SSL_CERT_FILE": str(world.certificates.authority)}
        with Sidegate(home, url, env=env) as gate:
            assert gate.ask(better_auth.sign_in().cookie).status == 200
        assert sidegate(home, "check", f"--store={url}", env=env).code == 0

    def test_others_are_not(self, world: World, better_auth: BetterAuth, home: Path, url: str) -> None:
        ada = better_auth.sign_in()
        for env in ({}, {"SSL_CERT_FILE": str(world.certificates.stranger)}):
            with Sidegate(home, url, env=env) as gate:
                assert gate.ask(ada.cookie).status == 503
            ended = sidegate(home, "check", f"--store={url}", env=env)
            assert ended.code == 1
            assert "because: cannot reach the store: TLS: invalid peer certificate: UnknownIssuer" in ended.err

    def test_a_file_without_authorities_is_a_mistake_in_the_settings(self, home: Path, url: str) -> None:
        ended = sidegate(home, "check", f"--store={url}", env={"SSL_CERT_FILE": "/dev/null"})
        assert ended.code == 78
        assert "cannot use /dev/null, which SSL_CERT_FILE names\n  because: it holds no certificate" in ended.err


def test_plain_http_to_a_tls_port_is_doubt(
    world: World, better_auth: BetterAuth, home: Path
) -> None:
    with Liar(home / "tls", f"proxy_pass {better_auth.origin};", world.certificates) as liar:
        url = liar.url.replace("https", "http")
        with Sidegate(home, url, cache_ttl=LONG) as gate:
            assert gate.ask(better_auth.sign_in().cookie).status == 503
