"""What `sidegate config` prints, run in the real proxies: with other header names, an app that knows those is told who is
asking, and nobody else's word for it arrives."""

import shutil
from pathlib import Path

import pytest

import rig.caddy
import rig.envoy
import rig.haproxy
import rig.nginx
import rig.traefik
from rig.callers import CALLERS
from rig.places import NGINX_FILES, SIDEGATE, envoy
from rig.process import run
from rig.proxy import Proxy
from rig.sidegate import flags
from rig.stack import Stack

PRESETS: dict[str, dict[str, str]] = {
    "authelia": {"remote-user": "id", "remote-email": "email", "remote-name": "name"},
    "oauth2-proxy": {"x-auth-request-user": "id", "x-auth-request-email": "email"},
}

# What a client would like to be: sidegate says none of these of Ada, who has no role.
CLAIMS = ("Remote-Groups", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("caller", CALLERS)
def test_an_app_that_knows_other_names_is_told_by_them(
    on_sqlite: Stack, home: Path, monkeypatch: pytest.MonkeyPatch, caller: str, preset: str
) -> None:
    settings = {"header_preset": preset}
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    assert known
    expected = {name: known["user"][field] for name, field in PRESETS[preset].items()}
    names = {*expected, *(claim.lower() for claim in CLAIMS if belongs_to(claim, preset))}
    spoofs = [(name.title(), "evil") for name in names]
    with on_sqlite.sidegate(**settings):
        proxy = proxy_of_printed_files(on_sqlite, home, monkeypatch, caller, settings)
        try:
            seen = proxy.ask("/api/x", on_sqlite.ada.cookie, headers=spoofs).json()
            public = proxy.ask("/about", on_sqlite.ada.cookie, headers=spoofs).json()
            denied = proxy.ask("/api/x", None, headers=spoofs)
        finally:
            proxy.stop()
    assert told(seen, names) == sorted(expected.items())
    assert told(public, names) == []
    assert denied.status_code == 401


# As `tests/it/caller_config.rs` finds them in what is printed.
SOCKETS = {"nginx": "unix:{}", "caddy": "unix/{}", "haproxy": "unix@{}"}


@pytest.mark.parametrize("caller", SOCKETS)
def test_a_unix_socket_is_asked_as_it_is_printed(on_sqlite: Stack, home: Path, caller: str) -> None:
    socket = home / "s.sock"
    with rig.sidegate.Sidegate(home, on_sqlite.store, listen=f"unix:{socket}"):
        proxy = on_sqlite.further_proxy(caller, f"unix-{caller}", sidegate=SOCKETS[caller].format(socket)).start()
        try:
            assert proxy.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
            assert proxy.ask("/api/x").status_code == 401
        finally:
            proxy.stop()


@pytest.mark.parametrize("listen", ["unix:/run/sidegate/s.sock", "[::1]:4180", "0.0.0.0:4999"])
@pytest.mark.parametrize("caller", ["envoy", "envoy-grpc"])
def test_envoy_takes_any_address_as_it_is_printed(home: Path, caller: str, listen: str) -> None:
    (home / "envoy.yaml").write_text(run([SIDEGATE, "config", caller, f"--listen={listen}"], home))
    run([envoy(), "--mode", "validate", "-c", home / "envoy.yaml", "--log-level", "error"], home)


def belongs_to(claim: str, preset: str) -> bool:
    return claim.startswith("Remote-") == (preset == "authelia")


def told(seen: dict[str, list[list[str]]], names: set[str]) -> list[tuple[str, str]]:
    """What reached the app under these names, or under what some servers take for them."""
    return sorted((name, value) for name, value in seen["headers"] if name.lower().replace("_", "-") in names)


def proxy_of_printed_files(
    stack: Stack, home: Path, monkeypatch: pytest.MonkeyPatch, caller: str, settings: dict[str, str]
) -> Proxy:
    """That caller, run by what `sidegate config` writes in the place of the shipped files."""
    directory = home / ("nginx" if caller == "nginx" else caller.removesuffix("-grpc"))
    directory.mkdir()
    run([SIDEGATE, "config", caller, "--output", directory, *flags(settings)], home)
    if caller == "nginx":
        shutil.copy(NGINX_FILES / "example.conf", directory)
    for module in (rig.caddy, rig.envoy, rig.haproxy, rig.traefik):
        monkeypatch.setattr(module, "DEPLOY", home)
    monkeypatch.setattr(rig.nginx, "NGINX_FILES", home / "nginx")
    return stack.further_proxy(caller, f"printed-{caller}-{home.name}").start()
