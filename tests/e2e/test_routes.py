"""Routes, shown end to end: who comes to which place, through nginx and through Envoy by gRPC, by what Better Auth itself
made of people."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.browser import identity_in
from rig.identity import identity_of
from rig.people import PLUGINS, REQUIREMENTS, STEP_UP, People, setting
from rig.ports import free_port
from rig.postgres import Lock
from rig.process import until
from rig.proxy import Proxy
from rig.sidegate import LONG, Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.wire import exchange
from rig.wire import request as raw
from test_proxying import NAVIGATIONS

REQUIRED = "\n".join(f'[[route]]\npath = "/api/{name}/{{*rest}}"\n{setting(name)}' for name in REQUIREMENTS)

ROUTES = f"""
[[route]]
path = "/api/public/{{*rest}}"
access = "public"

[[route]]
path = ["/api/optional/{{*rest}}", "/api/only-deletable/{{id:int}}"]
access = "optional"

[[route]]
path = "/api/denied/{{*rest}}"
access = "deny"

{REQUIRED}

[[route]]
path = "/dashboard/account"
max_session_age = "5m"

[[route]]
path = ["/api/vault", "/api/drawer/"]
any_role = "admin"

[[route]]
methods = ["DELETE"]
path = "/api/only-deletable/{{id:int}}"
any_role = "admin"

[[route]]
host = "closed.example"
path = "/api/public/{{*rest}}"
access = "deny"

[[route]]
host = "*.closed.example"
access = "deny"

[[route]]
path = "/api/strict/{{*rest}}"
max_staleness = "0s"

[[route]]
path = "/api/prudent/{{*rest}}"
stale_if_error = "0s"
"""


@pytest.fixture(scope="module")
def stack(world: World) -> Stack:
    return world.new_stack(world.postgres, "routes", None, PLUGINS)


@pytest.fixture(scope="module")
def people(stack: Stack) -> People:
    return People(stack)


@pytest.fixture(scope="module", params=["nginx", "envoy-grpc"])
def proxy(request: pytest.FixtureRequest, stack: Stack) -> Proxy:
    return stack.proxy(request.param)


@pytest.fixture(scope="module")
def routes(world: World) -> Path:
    path = world.home / "routes.toml"
    path.write_text(ROUTES)
    return path


@pytest.fixture
def gate(stack: Stack, routes: Path) -> Iterator[Sidegate]:
    # With patience, for a busy machine's store is slow.
    with stack.sidegate(config=str(routes), store_timeout="20s", login_url="/login") as gate:
        yield gate


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_whoever_meets_a_requirement_comes_as_themselves(
    people: People, gate: Sidegate, proxy: Proxy, name: str
) -> None:
    for person in REQUIREMENTS[name].met_by:
        assert_known(people, proxy.ask(f"/api/{name}/x", people[person].cookie), people[person])


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_whoever_does_not_is_refused_and_told_why(people: People, gate: Sidegate, proxy: Proxy, name: str) -> None:
    required = REQUIREMENTS[name]
    for count, person in enumerate(required.not_met_by, 1):
        assert_refused(proxy, proxy.ask(f"/api/{name}/x", people[person].cookie), required.status, required.reason)
        event = gate.denials(count)[-1]
        assert (event["reason"], event["route"]) == (required.reason, f"* /api/{name}/{{*rest}}")
        # Elsewhere they are somebody.
        assert proxy.ask("/api/else", people[person].cookie).status_code == 200


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_nobody_meets_no_requirement(people: People, gate: Sidegate, proxy: Proxy, name: str) -> None:
    assert_refused(proxy, proxy.ask(f"/api/{name}/x"), 401, "no_credential")
    forged = f"{people.admin.name}={people.admin.token}.{'A' * 43}%3D"
    assert_refused(proxy, proxy.ask(f"/api/{name}/x", forged), 401, "bad_signature")
    assert_refused(proxy, proxy.ask(f"/api/{name}/x", people.banned.cookie), 403, "banned")


def test_what_a_new_sign_in_would_mend_is_told_as_rfc_9470_has_it(people: People, gate: Sidegate, proxy: Proxy) -> None:
    answer = proxy.ask("/api/max_session_age/x", people.long_ago.cookie)
    assert (answer.status_code, answer.headers.get_list("www-authenticate")) == (401, [STEP_UP])
    for cookie, path in ((None, "/api/max_session_age/x"), (None, "/api/else"), (people.plain.cookie, "/api/denied/x")):
        assert "www-authenticate" not in proxy.ask(path, cookie).headers
    again = people.better_auth.sign_in(people.long_ago.email)
    assert_known(people, proxy.ask("/api/max_session_age/x", again.cookie), again)


def test_a_page_leads_to_the_sign_in_page_where_that_would_mend_it(
    people: People, gate: Sidegate, proxy: Proxy
) -> None:
    page = NAVIGATIONS["a browser"]
    answer = proxy.ask("/dashboard/account", people.long_ago.cookie, headers=page)
    assert (answer.status_code, answer.headers["location"]) == (302, "/login?return_to=%2Fdashboard%2Faccount")
    assert proxy.ask("/dashboard/account", people.plain.cookie, headers=page).status_code == 200


def test_a_public_place_is_there_for_everybody_and_nobody_is_told_who_it_is(
    people: People, gate: Sidegate, proxy: Proxy
) -> None:
    for cookie in (None, people.admin.cookie, people.banned.cookie, f"{people.admin.name}=forged"):
        assert_nobody(proxy.ask("/api/public/x", cookie))
    assert gate.lookups() == 0


def test_where_a_session_is_optional_whoever_has_none_is_nobody(people: People, gate: Sidegate, proxy: Proxy) -> None:
    left = people.better_auth.sign_in()
    people.better_auth.sign_out(left)
    for cookie in (None, f"{people.admin.name}=forged", left.cookie):
        assert_nobody(proxy.ask("/api/optional/x", cookie))
    assert_known(people, proxy.ask("/api/optional/x", people.plain.cookie), people.plain)
    assert_refused(proxy, proxy.ask("/api/optional/x", people.banned.cookie), 403, "banned")


def test_nobody_comes_where_nobody_may(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for cookie in (None, people.admin.cookie, people.banned.cookie):
        assert_refused(proxy, proxy.ask("/api/denied/x", cookie), 403, "route_denied")


def test_what_no_route_names_needs_a_session(people: People, gate: Sidegate, proxy: Proxy) -> None:
    assert_refused(proxy, proxy.ask("/api/else"), 401, "no_credential")
    assert_known(people, proxy.ask("/api/else", people.plain.cookie), people.plain)


def test_a_route_is_of_its_methods(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for method in ("GET", "POST", "HEAD", "PATCH"):
        assert proxy.ask("/api/only-deletable/7", None, method).status_code == 200
    assert proxy.ask("/api/only-deletable/7", None, "DELETE").status_code == 401
    assert proxy.ask("/api/only-deletable/7", people.plain.cookie, "DELETE").status_code == 403
    assert proxy.ask("/api/only-deletable/7", people.admin.cookie, "DELETE").status_code == 200
    # `{id:int}` is no word: what no route names needs a session, whatever the method.
    assert proxy.ask("/api/only-deletable/x").status_code == 401


def test_a_route_is_of_its_host(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for host, status in (
        ("closed.example", 403),
        ("CLOSED.example:8080", 403),
        ("open.example", 200),
        ("closed.example.net", 200),
    ):
        answer = proxy.ask("/api/public/x", people.admin.cookie, headers=[("Host", host)])
        assert answer.status_code == status, host


AMBIGUOUS = {
    # nginx hands on what came, and resolves it for its own locations alone.
    "nginx": [
        "/api/public/..;/vault",
        "/api/public/x;y=z",
        "/api/public/x%3By",
        "/api/public/%2e%2e/vault",
        "/api/public/../vault",
        "/api/./public/x",
        "/api//public/x",
        "/api/public%2Fx",
        "/api/public/%252e%252e/vault",
        "/api/public/x%5Cy",
        "/api/public/x\\y",
        "/api/public/%C0%AE",
        "/api/public/%FF",
        "/api/public/x%0Ay",
    ],
    # Envoy has resolved dots (`..;` too) and slashes, and refused what is encoded of them, before it asks.
    "envoy-grpc": [
        "/api/public/x;y=z",
        "/api/public/x%3By",
        "/api/public/%252e%252e/vault",
        "/api/public/%C0%AE",
        "/api/public/%FF",
        "/api/public/x%0Ay",
    ],
}


def test_a_path_with_two_readings_is_refused_whoever_asks(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for path in AMBIGUOUS[proxy.name]:
        for cookie in ([], [("Cookie", people.admin.cookie)]):
            answer = exchange(proxy.address, raw("GET", path, [("Host", "x"), ("Connection", "close"), *cookie]))
            assert answer.status == (403 if proxy.name == "nginx" else 400), path
    refused = gate.total("sidegate_decisions_total", outcome="refused", reason="ambiguous_path")
    assert refused == 2 * len(AMBIGUOUS[proxy.name])


UNCLEAR = (
    "[closed.example]",
    "[closed.example]:443",
    *(f"x{character}.closed.example" for character in "!$&'()*+,;=~"),
    ".closed.example",
    "x..closed.example",
    "closed.example..",
    "closed%2eexample",
    "",
)
"""Hosts that no route is for, and that some proxy takes, one of them for another."""


@pytest.mark.parametrize("caller", ["nginx", "traefik", "caddy", "haproxy", "envoy", "envoy-grpc"])
def test_a_host_or_a_method_with_two_readings_is_no_way_around(
    people: People, gate: Sidegate, stack: Stack, caller: str
) -> None:
    proxy = stack.proxy(caller)

    def asked(host: str, method: str = "GET", path: str = "/api/public/x") -> int:
        headers = [("Host", host), ("Connection", "close"), ("Cookie", people.plain.cookie)]
        return exchange(proxy.address, raw(method, path, headers)).status

    assert [asked(host) for host in ("open.example", "closed.example", "x.closed.example:80", "CLOSED.example.")] == [
        200,
        403,
        403,
        403,
    ]
    for host in UNCLEAR:
        assert 400 <= asked(host) < 500, host
    place = "/api/only-deletable/7"
    assert [asked("open.example", method, place) for method in ("GET", "DELETE")] == [200, 403]
    for method in ("delete", "Delete"):
        assert 400 <= asked("open.example", method, place) < 500, method


def test_a_spelling_with_one_reading_is_the_same_place(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for path in ("/api/v%61ult", "/api/%76ault", "/api/vault?x=/api/public/"):
        assert proxy.ask(path, people.plain.cookie).status_code == 403
        assert proxy.ask(path, people.admin.cookie).status_code == 200


def test_the_same_path_with_or_without_a_slash_at_its_end_is_no_way_around(
    people: People, gate: Sidegate, proxy: Proxy
) -> None:
    for path in ("/api/vault", "/api/vault/", "/api/drawer/", "/api/drawer"):
        assert_refused(proxy, proxy.ask(path, people.plain.cookie), 403, "missing_role")
        assert_known(people, proxy.ask(path, people.admin.cookie), people.admin)


def test_where_nothing_may_be_remembered_a_session_ends_at_once(
    people: People, stack: Stack, routes: Path, proxy: Proxy
) -> None:
    who = people.better_auth.sign_in()
    settings = {"cache_ttl": LONG, "revocation": "off", "store_timeout": "20s"}
    with stack.sidegate(config=str(routes), **settings):
        for path in ("/api/else", "/api/strict/x"):
            assert_known(people, proxy.ask(path, who.cookie), who)
        stack.run(f"DELETE FROM session WHERE token = {literal(who.token)}")
        assert proxy.ask("/api/else", who.cookie).status_code == 200
        assert_refused(proxy, proxy.ask("/api/strict/x", who.cookie), 401, "no_session")
        # What was learnt there counts everywhere.
        assert_refused(proxy, proxy.ask("/api/else", who.cookie), 401, "no_session")


def test_in_an_outage_a_place_may_believe_nothing_that_was_known_before(
    people: People, stack: Stack, routes: Path, proxy: Proxy
) -> None:
    who = people.better_auth.sign_in()
    with stack.sidegate(config=str(routes), cache_ttl="100ms", stale_if_error=LONG) as gate:
        gate.wait_until_ready()
        until(lambda: proxy.ask("/api/prudent/x", who.cookie).status_code == 200, "the store answers in time")
        with Lock(stack.database, stack.schema):
            until(lambda: is_stale(proxy.ask("/api/else", who.cookie)), "what is known is old")
            for path in ("/api/prudent/x", "/api/strict/x"):
                assert_told_to_wait(proxy, proxy.ask(path, who.cookie))
            assert is_stale(proxy.ask("/api/else", who.cookie))


def test_with_the_store_gone_what_needs_nobody_is_there(people: People, stack: Stack, routes: Path, proxy: Proxy) -> None:
    nowhere = f"postgres://postgres@127.0.0.1:{free_port()}/routes"
    with stack.sidegate(store=nowhere, config=str(routes)):
        for cookie in (None, people.plain.cookie):
            assert_nobody(proxy.ask("/api/public/x", cookie))
            assert_refused(proxy, proxy.ask("/api/denied/x", cookie), 403, "route_denied")
        assert_nobody(proxy.ask("/api/optional/x"))
        # Whether that is somebody cannot be known, so it is not nobody either.
        for path in ("/api/optional/x", "/api/any_role/x", "/api/else"):
            assert_told_to_wait(proxy, proxy.ask(path, people.plain.cookie))


def assert_known(people: People, answer: httpx.Response, who: SignedIn) -> None:
    """The app was told what Better Auth says of them."""
    verdict = people.better_auth.session_of(who.cookie)
    assert answer.status_code == 200 and verdict
    told = dict(identity_in(answer.json()))
    told.pop("x-auth-organization-role", None)  # which get-session does not tell
    assert told == identity_of(verdict)


def assert_nobody(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert identity_in(answer.json()) == [("x-auth-status", "anonymous")]


def assert_refused(proxy: Proxy, answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status
    if proxy.name != "nginx":  # whose auth_request keeps nothing of an answer but its status
        assert answer.headers["x-auth-reason"] == reason


def assert_told_to_wait(proxy: Proxy, answer: httpx.Response) -> None:
    assert answer.status_code == (500 if proxy.name == "nginx" else 503)


def is_stale(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and "x-auth-freshness" in dict(identity_in(answer.json()))
