"""MariaDB, in a directory of its own."""

import os
import shutil
import signal
from pathlib import Path

from .ports import free_port
from .process import Process, run


class MariaDb:
    name = "mariadb"
    quote = "`"
    past = "'2020-01-01 00:00:00'"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._process: Process | None = None
        home.mkdir()
        # mariadb-install-db makes the directory itself, as whoever runs it.
        if os.geteuid() == 0:
            shutil.chown(home, "nobody", "nogroup")
        run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={home / 'data'}",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            home,
            unprivileged=True,
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        command = [
            "mariadbd", "--no-defaults", f"--datadir={self.home / 'data'}", f"--socket={self.home / 's'}",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.home / 'pid'}",
            # What was answered with success outlives the process, if not the machine.
            "--innodb-flush-log-at-trx-commit=2", "--default-time-zone=+00:00",
        ]  # fmt: skip
        self._process = Process("mariadbd", command, self.home, unprivileged=True)
        self._process.wait_for(f"ready for connections.*\n.*port: {self.port}")

    def stop(self) -> None:
        """Ends it and cuts off whoever is connected."""
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Ends it as a crash would."""
        assert self._process
        self._process.stop(signal.SIGKILL)
        self._process = None

    def pause(self) -> None:
        """Makes it answer nobody new, as a host that hangs: connections open and nothing comes."""
        assert self._process
        self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send(signal.SIGCONT)

    def create(self, database: str) -> None:
        # As anybody would today; its collation, utf8mb4_general_ci, does not tell a from A.
        self.run(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4", "mysql")

    def url(self, database: str, user: str = "root") -> str:
        return f"mysql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str) -> str:
        return run([*self.shell(database), "-e", statement], self.home).strip()

    def shell(self, database: str) -> list[str]:
        return ["mariadb", "--no-defaults", "--batch", "--unbuffered", "--skip-column-names", "--protocol=tcp",
                "--host=127.0.0.1", f"--port={self.port}", "--user=root", database]  # fmt: skip
