"""What Traefik, ingress-nginx and F5's controller make of deploy/kubernetes: whom they let through, and as whom."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.assertion import AUDIENCE, claims, key_set
from rig.browser import identity_in
from rig.ingress_controllers import Controller, IngressNginx, NginxIngress, Services, Traefik
from rig.kubernetes import MANIFESTS
from rig.sidegate import Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.wire import Headers, Reply
from test_identity_headers import NAMES, SPOOFS, identity_of_ada
from test_plugins import change_user

ENTRY_POINT = "--entryPoints.websecure.http.aliasHeadersStrategy=delete"
"""What traefik.yaml asks for besides its resources."""

CONTROLLERS: dict[str, Callable[[Path, Services], Controller]] = {
    "traefik": lambda home, services: Traefik(home, services, ENTRY_POINT),
    "traefik-without-its-entry-point": Traefik,
    "ingress-nginx": IngressNginx,
    "nginx-ingress": NginxIngress,
}

DOTS = [(f"X.Auth.{name.replace('-', '.')}", "evil") for name in NAMES]
LIES: dict[str, Headers] = SPOOFS | {"dots": DOTS}

ODD = ("underscores", "one underscore", "mixed", "dots", "odd characters")
"""Those under names that are no identity header's, and that some servers take for one."""

NAVIGATION = [("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]


@pytest.fixture(scope="module", params=CONTROLLERS)
def controller(request: pytest.FixtureRequest, world: World, on_sqlite: Stack) -> Iterator[Controller]:
    services = {
        "sidegate": on_sqlite.sidegate_port,
        "app": on_sqlite.apps.echo.port,
        "better-auth": on_sqlite.better_auth.port,
    }
    controller = CONTROLLERS[request.param](world.home / f"k8s-{request.param}", services)
    yield controller
    controller.stop()


@pytest.fixture
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


def cookie(stack: Stack) -> tuple[str, str]:
    return "Cookie", stack.ada.cookie


def seen(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply
    told: dict[str, Any] = json.loads(reply.body)
    return told


@pytest.mark.parametrize("path", ["/api/x?a=b", "/dashboard"])
def test_whoever_is_signed_in_reaches_the_app_as_themselves(
    on_sqlite: Stack, gate: Sidegate, controller: Controller, path: str
) -> None:
    told = seen(controller.ask(path, [cookie(on_sqlite)]))
    assert told["path"] == path.partition("?")[0]
    assert sorted(identity_in(told)) == sorted(identity_of_ada(on_sqlite))


def test_the_app_gets_a_signed_assertion_however_long_it_is(on_sqlite: Stack, controller: Controller) -> None:
    person = on_sqlite.better_auth.sign_in()
    change_user(on_sqlite, person, name=literal("n" * 1000))
    change_user(on_sqlite, person, email=literal(f"{controller.home.name:e<980}@example.com"))
    with on_sqlite.sidegate(assertion_audience=AUDIENCE) as gate:
        for path in ("/api/x", "/dashboard"):
            headers = dict(seen(controller.ask(path, [("Cookie", person.cookie)]))["headers"])
            assert claims(headers["x-auth-assertion"], key_set(gate))["name"] == headers["x-auth-user-name"] == "n" * 1000


@pytest.mark.parametrize("path", ["/api/x", "/dashboard", "/loginx", "/login/", "/api%2Fx", "/%61pi/x", "/"])
def test_whoever_is_not_signed_in_does_not_reach_it(
    on_sqlite: Stack, gate: Sidegate, controller: Controller, path: str
) -> None:
    for headers in ([], [("Cookie", f"{on_sqlite.ada.name}=forged")], [("X-Auth-User-Id", "evil")]):
        assert controller.ask(path, headers).status in (301, 302, 401), path


def test_scripts_get_401_and_pages_the_way_to_sign_in(gate: Sidegate, controller: Controller) -> None:
    assert controller.ask("/api/x").status == 401
    opened = controller.ask("/dashboard?a=b", NAVIGATION)
    match controller:
        case Traefik():
            assert opened.status == 302
            assert opened.get("location") == "http://app.example.com/login?return_to=%2Fdashboard%3Fa%3Db"
        case IngressNginx():
            assert opened.status == 302
            assert opened.get("location") == (
                "https://app.example.com/login?return_to=http://app.example.com/dashboard?a=b"
            )
        case _:
            assert opened.status == 401


def test_signing_in_is_possible_without_being_signed_in(gate: Sidegate, controller: Controller) -> None:
    assert json.loads(controller.ask("/api/auth/ok").body) == {"ok": True}


@pytest.mark.parametrize("lie", LIES)
def test_a_protected_app_sees_no_lies(on_sqlite: Stack, gate: Sidegate, controller: Controller, lie: str) -> None:
    reply = controller.ask("/api/x", [cookie(on_sqlite), *LIES[lie]])
    if reply.status in (400, 403):
        return  # refused as a twin or a duplicate
    assert sorted(identity_or_twins(seen(reply))) == sorted(identity_of_ada(on_sqlite))


@pytest.mark.parametrize("lie", LIES)
def test_a_public_path_has_no_identity(on_sqlite: Stack, gate: Sidegate, controller: Controller, lie: str) -> None:
    told = identity_or_twins(seen(controller.ask("/login", [cookie(on_sqlite), *LIES[lie]])))
    if "without-its-entry-point" in str(controller.home) and lie in ODD:
        # Why traefik.yaml asks for the entry point's setting.
        assert told
        assert not [name for name, _ in told if re.fullmatch(r"[a-z-]+", name)]
    else:
        assert told == []


def identity_or_twins(told: dict[str, Any]) -> list[tuple[str, str]]:
    """All that some app could take for an identity header, whatever stands between its words."""
    pairs = [(name, value) for name, value in told["headers"]]
    return [pair for pair in pairs if re.sub(r"[^a-z0-9]", "-", pair[0].lower()).startswith("x-auth-")]


def test_a_client_cannot_have_its_identity_dropped_on_the_way(
    on_sqlite: Stack, gate: Sidegate, controller: Controller
) -> None:
    headers = [cookie(on_sqlite), ("Connection", "X-Auth-User-Id, X-Auth-Status")]
    told = seen(controller.ask("/api/x", headers))
    assert sorted(identity_in(told)) == sorted(identity_of_ada(on_sqlite))


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Original-Method", "X-Forwarded-Uri", "X-Forwarded-Host"])
def test_what_a_client_says_was_asked_for_does_not_count(gate: Sidegate, controller: Controller, header: str) -> None:
    reply = controller.ask("/dashboard", [*NAVIGATION, (header, "/elsewhere")])
    assert reply.status in (302, 401)
    assert "elsewhere" not in (reply.get("location") or "")


def test_a_post_reaches_the_app_with_its_body(on_sqlite: Stack, gate: Sidegate, controller: Controller) -> None:
    """nginx announces it to sidegate too, if left to itself, and sends none."""
    told = seen(controller.ask("/api/x", [cookie(on_sqlite), ("Content-Length", "5")], "POST", b"hello"))
    assert (told["method"], told["body_length"]) == ("POST", 5)


@pytest.mark.parametrize("controller", ["traefik"], indirect=True)  # the others have no resource for it
def test_traefik_opens_no_tunnel(on_sqlite: Stack, gate: Sidegate, controller: Controller) -> None:
    upgrade = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQCAAAAAA")]
    told = seen(controller.ask("/api/x", [cookie(on_sqlite), *upgrade]))
    assert not {"upgrade", "connection", "http2-settings"} & {name for name, _ in told["headers"]}


def test_nobody_passes_while_sidegate_is_down(on_sqlite: Stack, controller: Controller) -> None:
    for headers in ([], [cookie(on_sqlite)]):
        assert controller.ask("/api/x", headers).status == 500
    assert controller.ask("/login").status == 200


def test_nobody_passes_while_sidegate_cannot_know(on_sqlite: Stack, controller: Controller) -> None:
    with on_sqlite.sidegate(store="sqlite:/nowhere/to/be/found.db"):
        expected = 503 if isinstance(controller, Traefik) else 500
        assert controller.ask("/api/x", [cookie(on_sqlite)]).status == expected


def test_the_entry_points_setting_is_the_one_that_the_file_asks_for() -> None:
    name, _, value = ENTRY_POINT.removeprefix("--").partition("=")
    assert f"{name}: {value}" in (MANIFESTS / "traefik.yaml").read_text()
