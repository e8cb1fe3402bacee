"""What a proxy itself asks for at one place: each requirement at nginx and at Envoy by gRPC, the way to write it at all of
them, and that it only tightens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import World
from rig.people import PLUGINS, REQUIREMENTS, STEP_UP, People, word
from rig.proxy import Edit, Proxy
from rig.sidegate import Sidegate
from rig.stack import Stack
from test_routes import assert_refused

ROUTES = """
[[route]]
path = "/api/{*rest}"
access = "public"

[[route]]
path = "/api/denied/{*rest}"
access = "deny"
"""

POLICIES = {name: word(name) for name in REQUIREMENTS} | {
    "session": "session",
    "nobody": "deny",
    "several": "any_role:admin|editor,email_verified",
    "denied": "session",
    "loose": "public",
    "unknown": "administrators",
}
"""By the segment of the path behind /api/ where they are asked for."""

NGINX_PLACE = "        # A WebSocket is checked once"
ENVOY_PLACE = "                        # Protected. No prefix_rewrite"


def at_nginx(name: str, policy: str) -> str:
    lines = (f"set $sidegate_policy {policy};", "include sidegate/protect.conf;", "proxy_pass http://fastapi;")
    return f"        location /api/{name}/ {{ {' '.join(lines)} }}\n"


def at_envoy(name: str, policy: str) -> str:
    """As README has it."""
    return f"""\
                        - match: {{ prefix: /api/{name}/ }}
                          route: {{ cluster: fastapi, timeout: 60s }}
                          typed_per_filter_config:
                            envoy.filters.http.ext_authz:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                              check_settings:
                                context_extensions: {{ policy: "{policy}" }}
"""


def edits(caller: str) -> list[Edit]:
    place, at = (NGINX_PLACE, at_nginx) if caller == "nginx" else (ENVOY_PLACE, at_envoy)
    return [(place, "".join(at(name, policy) for name, policy in POLICIES.items()) + place)]


@pytest.fixture(scope="module")
def stack(world: World) -> Stack:
    return world.new_stack(world.sqlite, "proxy-policies", None, PLUGINS)


@pytest.fixture(scope="module")
def people(stack: Stack) -> People:
    return People(stack)


@pytest.fixture(scope="module")
def gate(stack: Stack, world: World) -> Iterator[Sidegate]:
    path = world.home / "proxy-policies.toml"
    path.write_text(ROUTES)
    with stack.sidegate(config=str(path), store_timeout="20s") as gate:
        yield gate


@pytest.fixture(scope="module", params=["nginx", "envoy-grpc"])
def proxy(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Proxy]:
    caller = request.param
    proxy = stack.further_proxy(caller, f"{caller}-policies", *edits(caller)).start()
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_requirement_holds_where_the_proxy_asks_for_it(
    people: People, gate: Sidegate, proxy: Proxy, name: str
) -> None:
    required = REQUIREMENTS[name]
    for person in required.met_by:
        assert proxy.ask(f"/api/{name}/x", people[person].cookie).status_code == 200, person
    for person in required.not_met_by:
        assert_refused(proxy, proxy.ask(f"/api/{name}/x", people[person].cookie), required.status, required.reason)
    # Though the route is one for everybody.
    assert_refused(proxy, proxy.ask(f"/api/{name}/x"), 401, "no_credential")
    assert proxy.ask("/api/else").status_code == 200


def test_a_newer_sign_in_is_asked_for_as_rfc_9470_has_it(people: People, gate: Sidegate, proxy: Proxy) -> None:
    answer = proxy.ask("/api/max_session_age/x", people.long_ago.cookie)
    assert answer.headers.get_list("www-authenticate") == [STEP_UP]


def test_of_a_public_place_a_proxy_makes_one_for_whoever_is_signed_in(
    people: People, gate: Sidegate, proxy: Proxy
) -> None:
    assert_refused(proxy, proxy.ask("/api/session/x"), 401, "no_credential")
    assert proxy.ask("/api/session/x", people.plain.cookie).status_code == 200


def test_all_that_is_asked_for_has_to_be_met(people: People, gate: Sidegate, proxy: Proxy) -> None:
    assert_refused(proxy, proxy.ask("/api/several/x", people.admin.cookie), 403, "email_unverified")
    assert_refused(proxy, proxy.ask("/api/several/x", people.verified.cookie), 403, "missing_role")
    assert_refused(proxy, proxy.ask("/api/nobody/x", people.admin.cookie), 403, "route_denied")


def test_nothing_that_a_proxy_asks_for_loosens(people: People, gate: Sidegate, proxy: Proxy) -> None:
    for cookie in (None, people.admin.cookie):
        assert_refused(proxy, proxy.ask("/api/denied/x", cookie), 403, "route_denied")
        for name in ("loose", "unknown"):
            assert_refused(proxy, proxy.ask(f"/api/{name}/x", cookie), 403, "unknown_policy")


def test_no_client_has_a_word_in_it(people: People, gate: Sidegate, proxy: Proxy) -> None:
    headers = [("X-Original-URL", "http://x/api/else"), ("Policy", "session"), ("X-Sidegate-Policy", "session")]
    for path in ("/api/any_role/x?policy=session", "/api/any_role/x?policy=", "/api/any_role/policy=session"):
        assert_refused(proxy, proxy.ask(path, people.plain.cookie, headers=headers), 403, "missing_role")
    assert proxy.ask("/api/else?policy=deny").status_code == 200


def test_the_line_of_the_shipped_nginx_asks_for_more(people: People, stack: Stack, gate: Sidegate, home: Path) -> None:
    line = "set $sidegate_policy any_role:admin;"
    proxy = stack.nginx(f"nginx-{home.name}", (f"#{line}", line)).start()
    assert_only_administrators(people, proxy, "/api/x")
    proxy.stop()


def test_an_nginx_that_leads_a_request_on_asks_by_the_words_of_the_place_it_comes_to(
    people: People, stack: Stack, gate: Sidegate, home: Path
) -> None:
    """One that was asked for nothing more there must not be all that is asked here."""
    proxy = stack.nginx(
        f"nginx-{home.name}",
        ("include sidegate/sidegate-server.conf;", "include sidegate/sidegate-server.conf;\nset $sidegate_policy session;"),
        (
            NGINX_PLACE,
            at_nginx("admins", "any_role:admin")
            + "location = /api/index { include sidegate/protect.conf; try_files /none /api/admins/index; }\n"
            + "location = /api/loop { set $sidegate_policy any_role:admin; rewrite ^ /api/open last; }\n"
            + NGINX_PLACE,
        ),
    ).start()
    assert_only_administrators(people, proxy, "/api/admins/index")
    assert_only_administrators(people, proxy, "/api/index")
    # What was asked for on the way stays asked for.
    assert_only_administrators(people, proxy, "/api/loop")
    # The server's own word holds where no location has another.
    assert_refused(proxy, proxy.ask("/api/else"), 401, "no_credential")
    assert proxy.ask("/api/else", people.plain.cookie).status_code == 200
    proxy.stop()


TRAEFIK = [
    ("    sidegate:\n      forwardAuth:\n", "    sidegate:\n      forwardAuth: &sidegate\n"),
    (
        "    # An empty value removes the header. Traefik",
        "    administrators:\n      forwardAuth:\n        <<: *sidegate\n"
        "        address: http://{sidegate}/auth/traefik?policy=any_role:admin\n\n"
        "    # An empty value removes the header. Traefik",
    ),
    (
        "    # A WebSocket is checked once",
        "    administrators:\n      rule: PathPrefix(`/api/admin/`)\n      middlewares:\n        - administrators\n"
        "      service: fastapi\n\n    # A WebSocket is checked once",
    ),
]
CADDY = [
    (
        "(fastapi) {",
        "(administrators) {\n\treverse_proxy {sidegate} {\n\t\trewrite /auth/caddy?policy=any_role:admin\n"
        "\t\timport question\n\t}\n\timport fastapi\n}\n\n(fastapi) {",
    ),
    (
        "\t\thandle /api/* {",
        "\t\thandle /api/admin/* {\n\t\t\troute {\n\t\t\t\timport administrators\n\t\t\t}\n\t\t}\n\n\t\thandle /api/* {",
    ),
]
HAPROXY = [("#http-request set-var(txn.sidegate_policy)", "http-request set-var(txn.sidegate_policy)")]
WAYS: dict[str, list[Edit]] = {"traefik": TRAEFIK, "caddy": CADDY, "caddy-new": CADDY, "haproxy": HAPROXY}


@pytest.mark.parametrize("caller", WAYS)
def test_every_other_proxy_has_a_way_to_ask_for_more_at_one_place(
    people: People, stack: Stack, gate: Sidegate, caller: str
) -> None:
    address = f"127.0.0.1:{stack.sidegate_port}"
    edits = [(old, new.replace("{sidegate}", address)) for old, new in WAYS[caller]]
    proxy = stack.further_proxy(caller, f"{caller}-policies", *edits).start()
    assert_only_administrators(people, proxy, "/api/admin/x?policy=session")
    assert proxy.ask("/api/else?policy=deny").status_code == 200, "elsewhere the route alone counts"
    assert proxy.ask("/api/else", people.plain.cookie).status_code == 200
    proxy.stop()


def assert_only_administrators(people: People, proxy: Proxy, path: str) -> None:
    assert_refused(proxy, proxy.ask(path), 401, "no_credential")
    assert_refused(proxy, proxy.ask(path, people.plain.cookie), 403, "missing_role")
    assert proxy.ask(path, people.admin.cookie).status_code == 200
