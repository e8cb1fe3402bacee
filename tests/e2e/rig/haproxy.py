"""HAProxy with the files of deploy/haproxy."""

from collections.abc import Iterable
from pathlib import Path

from .places import DEPLOY
from .ports import free_port
from .proxy import Edit, Neighbours, Proxy, edited_files, version_told_by


class Haproxy(Proxy):
    """deploy/haproxy, running. sidegate is what a `server` line takes: a host and a port, or unix@/path."""

    name = "haproxy"

    def __init__(self, home: Path, port: int, neighbours: Neighbours, edits: Iterable[Edit] = ()) -> None:
        super().__init__(home, port)
        names = ("haproxy.cfg", "sidegate.lua")
        shipped = {name: (DEPLOY / "haproxy" / name).read_text() for name in names}
        between = free_port()
        addresses = [
            ("server better_auth 127.0.0.1:3000", f"server better_auth 127.0.0.1:{neighbours.better_auth}"),
            ("server protected 127.0.0.1:8000", f"server protected 127.0.0.1:{neighbours.app}"),
            ("server public 127.0.0.1:8000", f"server public 127.0.0.1:{neighbours.app}"),
            ("server sidegate 127.0.0.1:4180", f"server sidegate {neighbours.sidegate}"),
            ("bind 127.0.0.1:8080", f"bind 127.0.0.1:{port}"),
            ("bind 127.0.0.1:4182", f"bind 127.0.0.1:{between}"),
            ("http://127.0.0.1:4182/", f"http://127.0.0.1:{between}/"),
            ("/etc/haproxy/sidegate.lua", f"{home}/sidegate.lua"),
        ]
        for name, text in edited_files(shipped, [*addresses, *edits]).items():
            (home / name).write_text(text)

    def command(self) -> list[str]:
        return ["haproxy", "-db", "-f", f"{self.home}/haproxy.cfg"]

    def errors(self) -> str:
        # It begins with a line or two on itself.
        lines = self.output().splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("[NOTICE]"))

    @classmethod
    def version(cls) -> str:
        return version_told_by("haproxy", "-v")
