"""Caddy with the file of deploy/caddy: Debian's old one, for which the file has to take care of most, and a new one."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from .places import DEPLOY, beside_python
from .ports import free_port
from .proxy import Edit, Neighbours, Proxy, edited, version_told_by


class Caddy(Proxy):
    """deploy/caddy/Caddyfile, running. sidegate is a host and a port."""

    name = "caddy"
    program: ClassVar[str | Path] = "caddy"

    def __init__(self, home: Path, port: int, neighbours: Neighbours, edits: Iterable[Edit] = ()) -> None:
        super().__init__(home, port)
        addresses = [
            ("reverse_proxy 127.0.0.1:3000 {", f"reverse_proxy 127.0.0.1:{neighbours.better_auth} {{"),
            ("reverse_proxy 127.0.0.1:8000 {", f"reverse_proxy 127.0.0.1:{neighbours.app} {{"),
            ("reverse_proxy 127.0.0.1:4180 {", f"reverse_proxy {neighbours.sidegate} {{"),
            (":8080 {", f":{port} {{"),
            ("admin 127.0.0.1:2019", f"admin 127.0.0.1:{free_port()}"),
        ]
        text = (DEPLOY / "caddy/Caddyfile").read_text()
        (home / "Caddyfile").write_text(edited(text, [*addresses, *edits]))

    def command(self) -> list[str]:
        return [str(self.program), "run", "--config", f"{self.home}/Caddyfile", "--adapter", "caddyfile"]

    def errors(self) -> str:
        lines = self.output().splitlines(keepends=True)
        return "".join(line for line in lines if is_complaint(line))

    @classmethod
    def version(cls) -> str:
        return version_told_by(cls.program, "version")


class NewCaddy(Caddy):
    """The same file in the Caddy that PyPI's package brings."""

    name = "caddy-new"
    program = beside_python("caddy")


def is_complaint(line: str) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return True  # before it has its logger, or at its end
    # On HTTP/2 and HTTP/3: true of every site without TLS.
    return event["level"] in ("warn", "error", "panic", "fatal") and "requires TLS" not in event["msg"]
