"""nginx with the files that sidegate ships, changed in nothing but addresses and whatever a test changes on purpose."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import httpx

from .places import NGINX_FILES
from .ports import is_open
from .process import Process, run, until

Edit = tuple[str, str]
"""A text that stands there exactly once, and what takes its place."""


class Nginx:
    """nginx/example.conf, running."""

    def __init__(
        self, home: Path, port: int, *, better_auth: int, app: int, sidegate: str, edits: Iterable[Edit] = ()
    ) -> None:
        """`sidegate` is what a `server` line takes: 127.0.0.1:4180 or unix:/path. Further edits are to nginx.conf."""
        self.home, self.port = home, port
        self.origin = f"http://127.0.0.1:{port}"
        self.address = ("127.0.0.1", port)
        self._client = httpx.Client(base_url=self.origin, timeout=20, trust_env=False)
        home.mkdir()
        copy_files(home, sidegate)
        addresses = [
            ("server 127.0.0.1:3000;", f"server 127.0.0.1:{better_auth};"),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{app};"),
            ("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};"),
            ("http {", f"http {{ access_log off; {temporary(home)}"),
        ]
        text = (NGINX_FILES / "example.conf").read_text()
        (home / "nginx.conf").write_text(edited(text, [*addresses, *edits]))
        self._process: Process | None = None

    def command(self) -> list[str]:
        # Without a user of its own, root's nginx would have its worker be one that may not enter our directories.
        user = " user root;" if os.geteuid() == 0 else ""
        main = f"pid {self.home}/nginx.pid; worker_processes 1; daemon off;{user}"
        return [
            "nginx",
            "-p",
            f"{self.home}/",
            "-c",
            f"{self.home}/nginx.conf",
            "-e",
            f"{self.home}/error.log",
            "-g",
            main,
        ]

    def test(self) -> str:
        """`nginx -t`: what it says. An error if it is not content."""
        return run([*self.command(), "-t"], self.home)

    def start(self) -> Self:
        # TERM, so that it takes its worker along.
        self._process = Process("nginx", self.command(), self.home, at_our_death="TERM")
        until(self._is_ready, "nginx listens")
        return self

    def _is_ready(self) -> bool:
        assert self._process and self._process.exit_code is None, self.errors()
        return is_open(self.port)

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def ask(self, path: str, cookie: str | None = None, method: str = "GET", **options: Any) -> httpx.Response:
        """One request of a client that keeps no cookies of its own."""
        headers = [*options.pop("headers", ()), *([("Cookie", cookie)] if cookie else [])]
        answer = self._client.request(method, path, headers=headers, **options)
        self._client.cookies.clear()
        return answer

    def errors(self) -> str:
        log = self.home / "error.log"
        return log.read_text() if log.exists() else ""


def copy_files(home: Path, sidegate: str) -> None:
    (home / "sidegate").mkdir()
    for path in NGINX_FILES.glob("*.conf"):
        (home / "sidegate" / path.name).write_text(path.read_text())
    own = home / "sidegate/sidegate.conf"
    own.write_text(edited(own.read_text(), [("server 127.0.0.1:4180;", f"server {sidegate};")]))


def temporary(home: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)


def edited(text: str, edits: Iterable[Edit]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times, not once"
        text = text.replace(old, new)
    return text
