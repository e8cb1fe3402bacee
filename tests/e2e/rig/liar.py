"""nginx in the place of Better Auth, or before it: answers of its own, or Better Auth's over TLS."""

from pathlib import Path
from typing import Self

from .nginx import temporary
from .ports import free_port, is_open
from .process import Process, until
from .tls import Certificates


class Liar:
    """nginx with one location."""

    def __init__(self, home: Path, location: str, certificates: Certificates | None = None) -> None:
        """`location` is what nginx does with every request."""
        self.port = free_port()
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self.port}"
        home.mkdir()
        tls = ""
        if certificates:
            key, certificate = certificates.server_key, certificates.server_certificate
            tls = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        listen = f"listen 127.0.0.1:{self.port}{' ssl' if certificates else ''};"
        (home / "nginx.conf").write_text(
            f"events {{}} pid {home}/nginx.pid; daemon off; worker_processes 1;\n"
            f"http {{ access_log off; {temporary(home)}\n"
            f"server {{ {listen} {tls} location / {{ {location} }} }} }}\n"
        )
        command = ["nginx", "-p", f"{home}/", "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log"]
        self._process = Process("nginx", command, home, at_our_death="TERM")
        until(lambda: is_open(self.port), "nginx listens")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
