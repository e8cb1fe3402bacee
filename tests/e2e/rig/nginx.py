"""nginx with the files of nginx/."""

import os
from collections.abc import Iterable
from pathlib import Path

from .places import NGINX_FILES
from .process import Process, run
from .proxy import Edit, Neighbours, Proxy, edited, version_told_by


class Nginx(Proxy):
    """nginx/example.conf, running."""

    name = "nginx"

    def __init__(self, home: Path, port: int, neighbours: Neighbours, edits: Iterable[Edit] = ()) -> None:
        """sidegate is what a `server` line takes: 127.0.0.1:4180 or unix:/path. Further edits are to nginx.conf."""
        super().__init__(home, port)
        copy_files(home, neighbours.sidegate)
        addresses = [
            ("server 127.0.0.1:3000;", f"server 127.0.0.1:{neighbours.better_auth};"),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{neighbours.app};"),
            ("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};"),
            ("http {", f"http {{ access_log off; {temporary(home)}"),
        ]
        text = (NGINX_FILES / "example.conf").read_text()
        (home / "nginx.conf").write_text(edited(text, [*addresses, *edits]))

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

    def test(self) -> None:
        """`nginx -t`. An error if it is not content."""
        run([*self.command(), "-t"], self.home)

    def launched(self) -> Process:
        # TERM, so that it takes its worker along.
        return Process(self.name, self.command(), self.home, at_our_death="TERM")

    def errors(self) -> str:
        log = self.home / "error.log"
        return log.read_text() if log.exists() else ""

    @classmethod
    def version(cls) -> str:
        return version_told_by("nginx", "-v")


def copy_files(home: Path, sidegate: str) -> None:
    (home / "sidegate").mkdir()
    for path in NGINX_FILES.glob("*.conf"):
        (home / "sidegate" / path.name).write_text(path.read_text())
    own = home / "sidegate/sidegate.conf"
    own.write_text(edited(own.read_text(), [("server 127.0.0.1:4180;", f"server {sidegate};")]))


def temporary(home: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
