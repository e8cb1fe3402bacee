"""Certificates for one test run, made by openssl."""

import os
import shutil
from pathlib import Path

from .process import run


class Certificates:
    """An authority, a server's certificate for 127.0.0.1 signed by it, and an authority that signed nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.authority = home / "authority.pem"
        self.stranger = home / "stranger.pem"
        self.server_certificate = home / "server.pem"
        self.server_key = home / "server.key"
        home.mkdir()
        home.chmod(0o711)
        self._authority("authority")
        self._authority("stranger")
        self._server()

    def _authority(self, name: str) -> None:
        key, certificate = self.home / f"{name}.key", self.home / f"{name}.pem"
        run(["openssl", "req", "-x509", *NEW_KEY, "-keyout", key, "-out", certificate, "-days", "2",
             "-subj", f"/CN=sidegate test {name}"], self.home)  # fmt: skip

    def _server(self) -> None:
        asked, extensions = self.home / "server.csr", self.home / "server.ext"
        extensions.write_text("basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n")
        run(["openssl", "req", *NEW_KEY, "-keyout", self.server_key, "-out", asked, "-subj", "/CN=127.0.0.1"],
            self.home)  # fmt: skip
        run(["openssl", "x509", "-req", "-in", asked, "-CA", self.authority, "-CAkey", self.home / "authority.key",
             "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", self.server_certificate],
            self.home)  # fmt: skip
        self.server_certificate.chmod(0o644)
        self.server_key.chmod(0o600)
        self.give_to_server(self.server_key)

    def give_to_server(self, path: Path) -> None:
        """To the user as which databases run; see `process.launcher`."""
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
