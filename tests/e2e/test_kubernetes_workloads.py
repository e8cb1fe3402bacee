"""The pods of deploy/kubernetes without a cluster: the real sidegate and the real nginx, as the manifests have them.

Their settings, variables and files are changed in nothing but addresses, paths and secrets.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from conftest import World
from rig.better_auth import SECRET, SignedIn
from rig.browser import identity_in
from rig.kubernetes import Manifest, at, one
from rig.places import SIDEGATE
from rig.ports import free_port, is_open
from rig.process import Process, environment, run, until
from rig.proxy import edited
from rig.sidegate import address_of, question
from rig.stack import Stack
from rig.wire import Address, exchange

SPOOFED = {"X-Auth-User-Id": "evil", "X-Auth-User-Role": "admin", "X-Auth-Status": "user"}


@dataclass
class Pod:
    """What runs of sidecar.yaml."""

    home: Path
    port: int
    sidegate: Process
    nginx: Process

    def ask(self, path: str, cookie: str | None = None, **headers: str) -> httpx.Response:
        headers |= {"Cookie": cookie} if cookie else {}
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=SPOOFED | headers, timeout=20, trust_env=False)


@pytest.fixture(scope="module")
def pod(world: World, on_sqlite: Stack) -> Iterator[Pod]:
    home = world.home / "pod"
    for directory in ("run", "tmp", "nginx/sidegate"):
        (home / directory).mkdir(parents=True)
    port = free_port()
    write_nginx_files(home, on_sqlite, port)
    run(nginx_of(home) + ["-t"], home)
    with start_sidegate(home, on_sqlite) as sidegate:
        until(lambda: (home / "run/sidegate.sock").is_socket(), "sidegate has its socket")
        with Process("nginx", nginx_of(home), home, at_our_death="TERM") as nginx:
            until(lambda: is_open(port), "nginx listens")
            yield Pod(home, port, sidegate, nginx)


def write_nginx_files(home: Path, stack: Stack, port: int) -> None:
    """The ConfigMaps, where the volumes of the nginx container have them."""
    conf = edited(
        one("sidecar.yaml", "ConfigMap", "app-nginx")["data"]["nginx.conf"],
        [
            ("server better-auth:3000;", f"server 127.0.0.1:{stack.better_auth.port};"),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{stack.apps.echo.port};"),
            ("listen 8080;", f"listen 127.0.0.1:{port};"),
            ("set_real_ip_from 10.244.0.0/16;", "set_real_ip_from 127.0.0.1;"),
        ],
    )
    (home / "nginx/nginx.conf").write_text(conf.replace("/tmp/", f"{home}/tmp/"))
    for name, text in one("sidecar-nginx.yaml", "ConfigMap")["data"].items():
        (home / "nginx/sidegate" / name).write_text(text.replace("unix:/run/sidegate/", f"unix:{home}/run/"))


def nginx_of(home: Path) -> list[str]:
    # As the image starts it, and root's worker as root, for it has to get into our directories.
    main = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    return ["nginx", "-p", f"{home}/", "-c", f"{home}/nginx/nginx.conf", "-e", f"{home}/error.log", "-g", main]


def start_sidegate(home: Path, stack: Stack) -> Process:
    [container] = one("sidecar.yaml", "Deployment")["spec"]["template"]["spec"]["initContainers"]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    secrets = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": stack.store}
    assert secrets.keys() == {name for name, value in variables.items() if value is None}
    assert variables["SIDEGATE_LISTEN"] == "unix:/run/sidegate/sidegate.sock"
    assert variables["SIDEGATE_ADMIN_LISTEN"] == "0.0.0.0:4181"
    places = {"SIDEGATE_LISTEN": f"unix:{home}/run/sidegate.sock", "SIDEGATE_ADMIN_LISTEN": "127.0.0.1:0"}
    return Process("sidegate", [SIDEGATE, *container["args"]], home, env=variables | secrets | places)


def secure(person: SignedIn) -> str:
    """The cookie under the name that it has where the site is https; the signature is of the value alone."""
    return f"__Secure-{person.name}={person.value}"


def test_whoever_is_signed_in_reaches_the_app_through_the_socket(on_sqlite: Stack, pod: Pod) -> None:
    answer = pod.ask("/dashboard", secure(on_sqlite.ada))
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    assert known and answer.status_code == 200, pod.nginx.text()
    told = dict(identity_in(answer.json()))
    assert (told["x-auth-status"], told["x-auth-user-id"]) == ("user", known["user"]["id"])
    assert "x-auth-user-role" not in told


def test_the_pod_lets_nobody_else_in(on_sqlite: Stack, pod: Pod) -> None:
    assert pod.ask("/dashboard").status_code == 401
    # The site is https by its settings, so the plain name does not count.
    assert pod.ask("/dashboard", on_sqlite.ada.cookie).status_code == 401
    opened = pod.ask("/dashboard?a=b", **{"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})
    assert (opened.status_code, opened.headers["location"]) == (302, "/login?return_to=%2Fdashboard%3Fa%3Db")


def test_what_is_public_in_the_pod_is_told_of_nobody(on_sqlite: Stack, pod: Pod) -> None:
    for cookie in (None, secure(on_sqlite.ada)):
        answer = pod.ask("/login", cookie)
        assert answer.status_code == 200
        assert identity_in(answer.json()) == []
    assert pod.ask("/api/auth/ok").json() == {"ok": True}


def test_the_app_in_the_pod_learns_the_clients_address_from_the_ingress(on_sqlite: Stack, pod: Pod) -> None:
    answer = pod.ask("/x", secure(on_sqlite.ada), **{"X-Forwarded-For": "192.0.2.7"})
    assert ["x-real-ip", "192.0.2.7"] in answer.json()["headers"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the users of the containers")
def test_the_users_of_the_containers_meet_at_the_socket(home: Path, on_sqlite: Stack) -> None:
    """As the kubelet makes the volume for `fsGroup`: the group's own, and so is whatever is made in it."""
    pod = one("sidecar.yaml", "Deployment")["spec"]["template"]["spec"]
    group = at(pod, "securityContext.fsGroup")
    sidegate = at(pod, "initContainers.0.securityContext")
    nginx = at(pod, "containers.0.securityContext.runAsUser")
    assert nginx != sidegate["runAsUser"], "or this would prove nothing"
    home.chmod(0o711)
    volume = home / "run"
    volume.mkdir()
    os.chown(volume, 0, group)
    volume.chmod(0o2775)
    path = volume / "s"
    identity = ["setpriv", f"--reuid={sidegate['runAsUser']}", f"--regid={sidegate['runAsGroup']}", "--clear-groups"]
    binary = home / "sidegate"
    shutil.copy(SIDEGATE, binary)  # where it was built, others may not go
    command = [*identity, "--", binary, "serve", f"--listen=unix:{path}", "--admin-listen=127.0.0.1:0"]
    env = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": "sqlite:/nowhere/to/be/found.db"}
    with Process("sidegate", command, home, env=env):
        until(path.is_socket, "sidegate has its socket")
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (sidegate["runAsUser"], group, 0o660)
        assert connects_as(nginx, [group], path, home)
        assert not connects_as(nginx, [nginx], path, home)


def connects_as(user: int, groups: list[int], path: Path, home: Path) -> bool:
    identity = [f"--reuid={user}", f"--regid={user}", f"--groups={','.join(map(str, groups))}"]
    script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
    done = subprocess.run(
        ["setpriv", *identity, "--", "/usr/bin/python3", "-c", script],
        cwd="/",
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture
def gateway(home: Path, on_sqlite: Stack) -> Iterator[Address]:
    """Where the sidegate of gateway.yaml listens."""
    [container] = one("gateway.yaml", "Deployment")["spec"]["template"]["spec"]["containers"]
    settings = edited(
        one("gateway.yaml", "ConfigMap")["data"]["sidegate.toml"],
        [
            ('"0.0.0.0:4180"', '"127.0.0.1:0"'),
            ('"0.0.0.0:4181"', '"127.0.0.1:0"'),
            ('"10.244.0.0/16"', '"127.0.0.0/8"'),
            ("/run/secrets/better-auth/secret", f"{home}/secret"),
        ],
    )
    assert mounted(container, "config") == "/etc/sidegate"
    assert mounted(container, "secret") == "/run/secrets/better-auth"
    (home / "sidegate.toml").write_text(settings)
    (home / "secret").write_text(f"{SECRET}\n")
    assert [variable["name"] for variable in container["env"]] == ["DATABASE_URL"]
    arguments = [argument.replace("/etc/sidegate/", f"{home}/") for argument in container["args"]]
    assert arguments != container["args"]
    with Process("sidegate", [SIDEGATE, *arguments], home, env={"DATABASE_URL": on_sqlite.store}) as process:
        told = process.wait_for(r'"listen":"([^"]+)"')
        yield address_of(told[1])


def mounted(container: Manifest, volume: str) -> str:
    [path] = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == volume]
    return str(path)


def test_the_gateway_starts_with_its_settings_and_answers(on_sqlite: Stack, gateway: Address) -> None:
    assert exchange(gateway, question(secure(on_sqlite.ada))).status == 200
    assert exchange(gateway, question(on_sqlite.ada.cookie)).status == 401
    assert exchange(gateway, question()).get("x-auth-login") == "/login?return_to=%2Fpage"


def test_a_setting_that_is_none_would_keep_the_gateway_from_starting(home: Path) -> None:
    """So that the test above can fail."""
    text = one("gateway.yaml", "ConfigMap")["data"]["sidegate.toml"]
    (home / "sidegate.toml").write_text(f"{text}\ncache_capasity = 1\n")
    done = Process("sidegate", [SIDEGATE, "serve", "--config", home / "sidegate.toml"], home)
    assert done.wait() == 78
    assert "cache_capasity" in done.text()
