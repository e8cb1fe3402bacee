"""Envoy with the files of deploy/envoy: sidegate asked by HTTP, and by gRPC."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from .places import DEPLOY, envoy
from .proxy import Edit, Neighbours, Proxy, edited, version_told_by


class Envoy(Proxy):
    """deploy/envoy/envoy-http.yaml, running. sidegate is a host and a port."""

    name = "envoy"
    file: ClassVar[str] = "envoy-http.yaml"

    def __init__(self, home: Path, port: int, neighbours: Neighbours, edits: Iterable[Edit] = ()) -> None:
        super().__init__(home, port)
        host, _, sidegate = neighbours.sidegate.rpartition(":")
        addresses = [
            at("127.0.0.1", 3000, "127.0.0.1", neighbours.better_auth),
            at("127.0.0.1", 8000, "127.0.0.1", neighbours.app),
            at("127.0.0.1", 8080, "127.0.0.1", port),
            at("127.0.0.1", 4180, host, int(sidegate)),
        ]
        text = (DEPLOY / "envoy" / self.file).read_text()
        (home / self.file).write_text(edited(text, [*addresses, *edits]))

    def command(self) -> list[str]:
        # Several run at once on one machine: no shared memory for a successor, and not a thread for each core.
        alone = ["--disable-hot-restart", "--concurrency", "1"]
        return [str(envoy()), "-c", f"{self.home}/{self.file}", "--log-level", "warning", *alone]

    def errors(self) -> str:
        return self.output()  # the log level leaves nothing else

    @classmethod
    def version(cls) -> str:
        return version_told_by(envoy(), "--version")


class EnvoyGrpc(Envoy):
    """deploy/envoy/envoy-grpc.yaml, running."""

    name = "envoy-grpc"
    file = "envoy-grpc.yaml"


def at(host: str, port: int, new_host: str, new_port: int) -> Edit:
    return f"{{ address: {host}, port_value: {port} }}", f"{{ address: {new_host}, port_value: {new_port} }}"
