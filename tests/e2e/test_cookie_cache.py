"""Better Auth's cookie cache in the place of a store that is down, and where there is none. Which cookies open is compared
with Better Auth case by case in tests/vectors/cookie-cache.json."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import BetterAuth, SignedIn
from rig.postgres import Postgres
from rig.process import until
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import exchange
from rig.wire import request as raw
from test_commands import sidegate

STRATEGIES = ("compact", "jwt", "jwe", "jwks")
NO_SESSION = (401, "no_session")


def options(strategy: str, **cookie_cache: Any) -> dict[str, Any]:
    own = "jwt" if strategy == "jwks" else strategy
    return {"session": {"cookieCache": {"enabled": True, "strategy": own, **cookie_cache}}}


def plugins(strategy: str) -> dict[str, Any]:
    return {"jwt": {"sessionCookieCache": True}} if strategy == "jwks" else {}


def verdict(gate: Sidegate, cookie: str) -> tuple[int, str | None]:
    reply = gate.ask(cookie)
    return reply.status, reply.get("x-auth-reason")


def altered(person: SignedIn) -> str:
    """All cookies, the cookie cache's with one character in its middle changed."""
    start, middle = f"{person.cookie}; ", person.cookie_cache
    at = len(middle) // 2
    return start + middle[:at] + ("A" if middle[at] != "A" else "B") + middle[at + 1 :]


def passed_on(gate: Sidegate) -> float:
    return gate.total("sidegate_decisions_total", outcome="allow", cache="cookie")


def ages(gate: Sidegate) -> float:
    return gate.total("sidegate_cookie_cache_age_seconds_count")


# ---- Beside a store ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Postgres]:
    database = Postgres(world.home / "cookie-cache", world.certificates)
    yield database
    database.stop()


@pytest.fixture(autouse=True)
def up_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "database" in request.fixturenames:
        database: Postgres = request.getfixturevalue("database")
        database.stop()
        database.start()


def asked_for_keys(database: Postgres) -> bool:
    asked = "SELECT true FROM pg_stat_activity WHERE application_name = 'sidegate' AND query LIKE '%\"jwks\" AS k%'"
    return "t" in database.run(asked, "postgres")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_cookie_answers_while_the_store_is_down(
    database: Postgres, stacks: Callable[..., Stack], home: Path, strategy: str
) -> None:
    stack = stacks(database, strategy, options(strategy), plugins(strategy))
    ada, eve, gone = (stack.better_auth.sign_in() for _ in range(3))
    brief = BetterAuth(home, stack.store, options=options(strategy, maxAge=1), plugins=plugins(strategy))
    stale = brief.sign_in(ada.email)
    brief.stop()
    settings = {"cache_ttl": "0s", "negative_ttl": "0s", "jwks_ttl": "1s"}
    with stack.sidegate(cookie_cache=strategy, **settings) as gate:
        if strategy == "jwks":
            until(lambda: asked_for_keys(database), "the keys are at hand before they are needed")
        assert verdict(gate, gone.all_cookies) == (200, None)
        stack.better_auth.sign_out(gone)
        assert verdict(gate, gone.all_cookies) == NO_SESSION, "the store decides"
        assert stack.fastapi.ask("/api/me", ada.all_cookies).json()["email"] == ada.email
        assert (passed_on(gate), ages(gate)) == (0, 0)

        database.stop()
        gate.wait_until_unready()
        until(lambda: gate.ask(stale.all_cookies).status == 503, "the cookie's own time is over")
        before = passed_on(gate)
        told = stack.fastapi.ask("/api/me", ada.all_cookies)
        assert (told.status_code, told.json()["email"]) == (200, ada.email)
        told_of_eve = gate.ask(eve.all_cookies)
        assert told_of_eve.get("x-auth-user-email") == eve.email
        assert (told_of_eve.get("x-auth-freshness") or "").startswith("stale; age=")
        assert (passed_on(gate), ages(gate)) == (before + 2, before + 2)
        for unusable in (ada.cookie, f"{ada.cookie}; {eve.cookie_cache}", altered(ada), stale.all_cookies):
            assert gate.ask(unusable).status == 503
        # The session cookie is what proves who asks.
        assert gate.ask(ada.cookie_cache).status == 401
        assert gate.ask(f"better-auth.session_token={ada.token}.forged; {ada.cookie_cache}").status == 401
        # What the cookie hides, it hides until its time is over: as in Better Auth.
        assert gate.ask(gone.all_cookies).status == 200
        assert passed_on(gate) == before + 3

        database.start()
        gate.wait_until_ready()
        until(lambda: verdict(gate, gone.all_cookies) == NO_SESSION, "the store decides again")


def test_a_cookie_does_not_speak_against_what_the_store_said_before_it_went(
    database: Postgres, stacks: Callable[..., Stack], home: Path
) -> None:
    """Nor does it count where a place or a method takes nothing from before an outage."""
    stack = stacks(database, "said-before", options("compact"))
    ada, gone = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    config = home / "sidegate.toml"
    config.write_text('[[route]]\npath = "/prudent"\nstale_if_error = "0s"\n')
    settings = {"negative_ttl": "1s", "stale_methods": "GET", "stale_if_error": "0s", "config": str(config)}

    def asked(gate: Sidegate, person: SignedIn, method: str, path: str) -> int:
        told = [("X-Original-URL", f"https://app.example{path}"), ("X-Original-Method", method)]
        headers = [("Host", "x"), ("Connection", "close"), ("Cookie", person.all_cookies), *told]
        return exchange(gate.address, raw("GET", "/auth/nginx", headers)).status

    with stack.sidegate(cookie_cache="compact", **settings) as gate:
        assert verdict(gate, gone.all_cookies) == (200, None)
        stack.better_auth.sign_out(gone)
        until(lambda: verdict(gate, gone.all_cookies) == NO_SESSION, "what was remembered is over")
        database.stop()
        gate.wait_until_unready()
        assert asked(gate, ada, "GET", "/") == 200
        assert asked(gate, ada, "POST", "/") == 503
        assert asked(gate, ada, "GET", "/prudent") == 503
        # What it said is over, and yet nobody's word to the contrary counts.
        until(lambda: asked(gate, gone, "GET", "/") != 401, "the store would be asked")
        assert asked(gate, gone, "GET", "/") == 503


def test_without_the_setting_the_cookie_is_not_read(database: Postgres, stacks: Callable[..., Stack]) -> None:
    stack = stacks(database, "unread", options("compact"))
    ada = stack.better_auth.sign_in()
    with stack.sidegate(cache_ttl="0s") as gate:
        database.stop()
        gate.wait_until_unready()
        assert gate.ask(ada.all_cookies).status == 503


def test_another_version_or_strategy_of_the_cookie_does_not_count(
    database: Postgres, stacks: Callable[..., Stack], home: Path
) -> None:
    stack = stacks(database, "version", options("jwt", version="7"))
    ada = stack.better_auth.sign_in()
    own = {"cookie_cache": "jwt", "cookie_cache_version": "7"}
    database.stop()
    with Sidegate(home, stack.store, **own) as gate:
        assert gate.ask(ada.all_cookies).status == 200
    for wrong in ({"cookie_cache_version": "8"}, {"cookie_cache": "jwe"}, {"cookie_cache": "compact"}):
        with Sidegate(home, stack.store, **(own | wrong)) as gate:
            assert gate.ask(ada.all_cookies).status == 503


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_explain_tells_whether_the_cookie_would_open(
    world: World, stacks: Callable[..., Stack], home: Path, strategy: str
) -> None:
    stack = stacks(world.sqlite, f"explained-{strategy}", options(strategy), plugins(strategy))
    ada, eve = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    settings = ("--store", stack.store, "--cookie-cache", strategy)

    def explained(cookie: str) -> str:
        return sidegate(home, "explain", "-", *settings, stdin=cookie).out

    assert "better-auth.session_data opens: it answers while the store is down" in explained(ada.all_cookies)
    for cookie, why in (
        (ada.cookie, "there is no session_data cookie"),
        (f"{ada.cookie}; {eve.cookie_cache}", "it is of another session than the session cookie"),
    ):
        told = explained(cookie)
        assert f"better-auth.session_data does not open: {why}" in told
        assert "decision   200   allow" in told, "the store decides"
    assert "does not open" in explained(altered(ada))
    told = sidegate(home, "check", *settings)
    assert told.code == 0
    assert ("keys      ok    1 in the jwks table in SQLite" in told.out) == (strategy == "jwks")


# ---- Without a store --------------------------------------------------------------------------------------------------


class NoDatabase:
    """Better Auth without a database keeps sessions in its cookie cache alone."""

    name = "none"
    quote = '"'
    past = ""

    def create(self, database: str) -> None:
        """There is nothing to make."""

    def url(self, database: str) -> str:
        return "none"

    def run(self, statement: str, database: str) -> str:
        raise AssertionError("there is no database to run SQL on")


def test_without_any_store_the_cookie_alone_counts(stacks: Callable[..., Stack]) -> None:
    stack = stacks(NoDatabase(), "stateless")
    ada, eve = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    with stack.sidegate(cookie_cache="jwe") as gate:
        told = stack.fastapi.ask("/api/me", ada.all_cookies)
        assert (told.status_code, told.json()["email"]) == (200, ada.email)
        for refused in (ada.cookie, f"{ada.cookie}; {eve.cookie_cache}", altered(ada)):
            assert verdict(gate, refused) == NO_SESSION
            assert stack.fastapi.ask("/api/me", refused).status_code == 401
        assert verdict(gate, ada.cookie_cache) == (401, "no_credential")
        assert gate.is_ready()
        assert (passed_on(gate), ages(gate)) == (1, 1)
        # Nobody is asked: what Better Auth ended, ends for whoever gives up the cookie.
        stack.better_auth.sign_out(ada)
        assert verdict(gate, ada.all_cookies) == (200, None)


def test_a_cookie_in_parts_is_put_together(stacks: Callable[..., Stack]) -> None:
    stack = stacks(NoDatabase(), "chunked")
    ada = stack.better_auth.sign_in(stack.better_auth.sign_up("Ada " + "L" * 3200))
    assert {"better-auth.session_data.0", "better-auth.session_data.1"} <= set(ada.cookies)
    with stack.sidegate(cookie_cache="jwe") as gate:
        assert stack.fastapi.ask("/api/me", ada.all_cookies).json()["email"] == ada.email
        first_part = "; ".join(part for part in ada.all_cookies.split("; ") if "session_data.1" not in part)
        assert verdict(gate, first_part) == NO_SESSION


@pytest.mark.parametrize(
    ("advanced", "settings"),
    [
        ({"useSecureCookies": True}, {"secure_cookies": "true"}),
        ({"cookiePrefix": "acme"}, {"cookie_prefix": "acme"}),
        ({"useSecureCookies": True, "cookiePrefix": "acme"}, {"secure_cookies": "true", "cookie_prefix": "acme"}),
        ({"cookies": {"session_data": {"name": "sid_data"}}}, {"cookie_cache_name": "sid_data"}),
        (
            {"useSecureCookies": True, "cookies": {"session_data": {"name": "sid_data"}}},
            {"secure_cookies": "true", "cookie_cache_name": "sid_data"},
        ),
    ],
)
def test_the_cookie_is_read_under_the_name_that_better_auth_gives_it(
    home: Path, advanced: dict[str, Any], settings: dict[str, str]
) -> None:
    better_auth = BetterAuth(home, "none", options={"advanced": advanced})
    try:
        ada = better_auth.sign_in()
        with Sidegate(home, "none", cookie_cache="jwe", **settings) as gate:
            assert gate.ask(ada.all_cookies).get("x-auth-user-email") == ada.email
        with Sidegate(home, "none", cookie_cache="jwe") as gate:
            assert gate.ask(ada.all_cookies).status == 401
    finally:
        better_auth.stop()


def test_doubt_about_keys_is_no_refusal_even_without_a_store(home: Path) -> None:
    better_auth = BetterAuth(home, "none", options=options("jwks"), plugins=plugins("jwks"))
    own = {"cookie_cache": "jwks", "jwks_url": f"{better_auth.url}/api/auth/jwks"}
    try:
        with Sidegate(home, "none", **own) as gate:
            until(lambda: better_auth.requests("GET /api/auth/jwks") > 0, "no key was there at first")
            ada = better_auth.sign_in()
            assert gate.ask(ada.all_cookies).get("x-auth-user-email") == ada.email
            assert verdict(gate, ada.cookie) == NO_SESSION
        with Sidegate(home, "none", **(own | {"jwks_url": "http://127.0.0.1:1/jwks"})) as gate:
            assert gate.ask(ada.all_cookies).status == 503
            assert verdict(gate, ada.cookie) == NO_SESSION
    finally:
        better_auth.stop()


def test_check_and_explain_tell_what_it_means_to_have_no_store(stacks: Callable[..., Stack], home: Path) -> None:
    stack = stacks(NoDatabase(), "stateless-told")
    ada = stack.better_auth.sign_in()
    settings = ("--store=none", "--cookie-cache=jwe")
    told = sidegate(home, "check", *settings)
    assert (told.code, told.err) == (0, "")
    assert "store     none  the session_data cookie alone tells who is signed in" in told.out
    told = sidegate(home, "explain", "-", *settings, stdin=ada.all_cookies)
    assert "better-auth.session_data holds the session" in told.out and "decision   200   allow" in told.out
    told = sidegate(home, "explain", "-", *settings, stdin=ada.cookie)
    assert "there is no session_data cookie" in told.out and "decision   401   no_session" in told.out
