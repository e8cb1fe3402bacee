"""The files that `check --caller` is tested with are such as the real programs load, the mistakes in them included."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from rig.caddy import Caddy, NewCaddy
from rig.nginx import temporary
from rig.places import ROOT, envoy
from rig.ports import free_port
from rig.process import Process, run, until
from rig.proxy import edited
from rig.traefik import TRAEFIK

FILES = ROOT / "tests/it/callers"
STATIC = "traefik-static.yml"


@dataclass(frozen=True)
class Planted:
    """A file with a mistake in it, or without one."""

    code: str
    file: str
    changes: tuple[tuple[str, str], ...] = ()
    beside: str | None = None

    @property
    def text(self) -> str:
        return edited((FILES / self.file).read_text(), self.changes)


def planted() -> list[Planted]:
    right = [Planted("nothing", path.name) for path in sorted(FILES.iterdir()) if path.name != "mistakes.toml"]
    table = tomllib.loads((FILES / "mistakes.toml").read_text())["mistake"]
    wrong = [
        Planted(row["code"], row["file"], tuple((old, new) for old, new in row["changes"]), row.get("beside"))
        for row in table
    ]
    return right + wrong


def nginx(file: Planted, home: Path) -> None:
    text = edited(file.text, [("events {}", f"events {{}} pid {home}/pid;"), ("http {", f"http {{ {temporary(home)}")])
    (home / "nginx.conf").write_text(text)
    run(["nginx", "-t", "-p", f"{home}/", "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log"], home)


def by_envoy(file: Planted, home: Path) -> None:
    (home / "envoy.yaml").write_text(file.text)
    run([envoy(), "--mode", "validate", "-c", f"{home}/envoy.yaml"], home)


def by_caddy(file: Planted, home: Path) -> None:
    (home / "Caddyfile").write_text(file.text)
    for program in (Caddy.program, NewCaddy.program):
        run([program, "validate", "--config", f"{home}/Caddyfile", "--adapter", "caddyfile"], home)


def haproxy(file: Planted, home: Path) -> None:
    """With a stand-in for haproxy-auth-request's action, whose own file needs libraries."""
    (home / "auth-request.lua").write_text(
        'core.register_action("auth-request", { "http-req" }, function(txn, backend, path) end, 2)\n'
    )
    (home / "haproxy.cfg").write_text(file.text)
    run(["haproxy", "-c", "-f", f"{home}/haproxy.cfg"], home)


def by_traefik(file: Planted, home: Path) -> None:
    """Traefik has no other check than to start: it says what it dislikes, and its API what it has read."""
    is_static = file.file == STATIC
    dynamic = Planted("nothing", "traefik.yml") if is_static else file
    (home / dynamic.file).write_text(dynamic.text)
    web, api = free_port(), free_port()
    static = edited(
        file.text if is_static else (FILES / STATIC).read_text(),
        [
            ("127.0.0.1:8080", f"127.0.0.1:{web}"),
            ("entryPoints:\n", f"api: {{ insecure: true }}\nentryPoints:\n  traefik: {{ address: 127.0.0.1:{api} }}\n"),
            ("filename: traefik.yml", f"filename: {home}/{dynamic.file}"),
        ],
    )
    (home / "static.yml").write_text(static)
    process = Process("traefik", [TRAEFIK, f"--configFile={home}/static.yml"], home)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{api}/api/http", trust_env=False) as client:

            def middlewares() -> Mapping[str, str] | None:
                assert process.exit_code is None, process.text()
                try:
                    answer = client.get("/middlewares")
                except httpx.TransportError:
                    return None
                read = {one["name"]: one["status"] for one in answer.json()} if answer.is_success else {}
                return read if "sidegate@file" in read else None

            assert set(until(middlewares, "Traefik has read its file").values()) == {"enabled"}
            routers = client.get("/routers").json()
        assert {one["status"] for one in routers if one["name"].endswith("@file")} == {"enabled"}
        assert " ERR " not in process.text()
    finally:
        process.stop()


BY: dict[str, Callable[[Planted, Path], None]] = {
    "nginx.conf": nginx,
    "envoy-http.yaml": by_envoy,
    "envoy-grpc.yaml": by_envoy,
    "Caddyfile": by_caddy,
    "written-out.Caddyfile": by_caddy,
    "haproxy.cfg": haproxy,
    "traefik.yml": by_traefik,
    "traefik.toml": by_traefik,
    STATIC: by_traefik,
}


@pytest.mark.parametrize("file", planted(), ids=lambda file: f"{file.code}-{file.file}")
def test_the_program_itself_loads_the_file(file: Planted, tmp_path: Path) -> None:
    BY[file.file](file, tmp_path)
