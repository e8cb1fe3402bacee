"""Traefik with the files of deploy/traefik."""

from collections.abc import Iterable
from pathlib import Path

from .places import DEPLOY, beside_python
from .proxy import Edit, Neighbours, Proxy, edited_files, version_told_by

TRAEFIK = beside_python("traefik")


class Traefik(Proxy):
    """deploy/traefik, running. sidegate is a host and a port."""

    name = "traefik"

    def __init__(self, home: Path, port: int, neighbours: Neighbours, edits: Iterable[Edit] = ()) -> None:
        super().__init__(home, port)
        shipped = {path.name: path.read_text() for path in (DEPLOY / "traefik").glob("*.yml")}
        addresses = [
            ("url: http://127.0.0.1:3000", f"url: http://127.0.0.1:{neighbours.better_auth}"),
            ("url: http://127.0.0.1:8000", f"url: http://127.0.0.1:{neighbours.app}"),
            ("address: 127.0.0.1:8080", f"address: 127.0.0.1:{port}"),
            ("http://127.0.0.1:4180/", f"http://{neighbours.sidegate}/"),
            ("/etc/traefik/dynamic.yml", f"{home}/dynamic.yml"),
        ]
        for name, text in edited_files(shipped, [*addresses, *edits]).items():
            (home / name).write_text(text)

    def command(self) -> list[str]:
        return [str(TRAEFIK), f"--configFile={self.home}/traefik.yml"]

    def is_ready(self) -> bool:
        # It listens before it has read dynamic.yml, and has no other way to tell.
        return super().is_ready() and self.ask("/").text != "404 page not found\n"

    def stop(self) -> None:
        # Asked to end, it takes 2 s.
        if self._process:
            self._process.discard()
            self._process = None

    def errors(self) -> str:
        # The file's log level leaves nothing but warnings, one of which every start has, whatever is set.
        lines = self.output().splitlines(keepends=True)
        return "".join(line for line in lines if "Traefik can reject some encoded characters" not in line)

    @classmethod
    def version(cls) -> str:
        return version_told_by(TRAEFIK, "version")
