"""PostgreSQL, in a directory of its own, with TLS on offer."""

import os
import shutil
import signal
import socket
import struct
from pathlib import Path
from typing import Self

from .ports import free_port
from .process import PATIENCE, Process, run, until
from .tls import Certificates


READY = "database system is ready to accept connections"
READ_ONLY = "database system is ready to accept read-only connections"
SHUT = "consistent recovery state reached"
"""What a standby writes that may take no connections (`hot_standby = off`) and never will say that it is ready."""


class Postgres:
    name = "postgres"
    quote = '"'
    past = "timestamptz '2020-01-01 00:00:00Z'"

    def __init__(self, home: Path, certificates: Certificates) -> None:
        self.home = home
        self.port = free_port()
        self.certificates = certificates
        self._process: Process | None = None
        home.mkdir()
        self._owned("data")
        run(
            [program("initdb"), "-D", home / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
             "--locale=C.UTF-8"],
            home,
            unprivileged=True,
        )  # fmt: skip
        self.start()

    def start(self, ready: str = READY, **more: str) -> None:
        """Returns once it has written that it is `ready`. `more` are settings of its own."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self.certificates.server_certificate,
            "ssl_key_file": self.certificates.server_key,
        } | more
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(program("postgres")), "-D", str(self.home / "data"), *options]
        self._process = Process("postgres", command, self.home, unprivileged=True, at_our_death="QUIT")
        self._process.wait_for(ready)

    def make_standby(self) -> None:
        """From its next start until it is promoted it applies what another server wrote, and writes nothing itself."""
        (self.home / "data/standby.signal").touch()
        self.certificates.give_to_server(self.home / "data/standby.signal")

    def stop(self) -> None:
        """Ends it and cuts off whoever is connected."""
        if self._process:
            self._process.stop(signal.SIGINT)
            self._process = None

    def kill(self) -> None:
        """Ends every process of it as a crash would."""
        assert self._process
        self._send_all(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Makes it answer nobody new, as a host that hangs: connections open and nothing comes."""
        assert self._process
        self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send(signal.SIGCONT)

    def pause_all(self) -> None:
        """Makes it answer nobody, old or new: every process of it stands still."""
        assert self._process
        self._send_all(signal.SIGSTOP)

    def resume_all(self) -> None:
        self._send_all(signal.SIGCONT)

    def _send_all(self, number: signal.Signals) -> None:
        assert self._process
        # The server stops first, so that it starts nobody new meanwhile.
        self._process.send(signal.SIGSTOP)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        for pid in children.split():
            os.kill(int(pid), number)
        self._process.send(number)

    def create(self, database: str) -> None:
        self.run(f'CREATE DATABASE "{database}"', "postgres")

    def url(self, database: str, user: str = "postgres", query: str = "") -> str:
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}{query}"

    def run(self, statement: str, database: str) -> str:
        return run([*self.shell(database), "-c", statement], self.home).strip()

    def shell(self, database: str) -> list[str]:
        return ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.url(database)]

    def _owned(self, directory: str) -> None:
        """A directory of whoever runs the server, which refuses to be root."""
        path = self.home / directory
        path.mkdir(mode=0o700)
        self.certificates.give_to_server(path)


class Lock:
    """A session table that nobody can read until the lock is given back: a store that thinks for as long as needed."""

    def __init__(self, postgres: Postgres, database: str, table: str = "session") -> None:
        self._postgres, self._database = postgres, database
        # pg_sleep keeps the transaction, and with it the lock, open; PostgreSQL ends it with the connection.
        statement = f'BEGIN; LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)'
        command = [*postgres.shell(database), "-c", statement]
        self._holder = Process("psql-lock", command, postgres.home)
        until(self._is_held, "the table is locked")

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def waiting(self) -> int:
        """How many of sidegate's lookups wait for the lock."""
        return int(
            self._postgres.run(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE application_name = 'sidegate' AND wait_event_type = 'Lock'",
                "postgres",
            )
        )

    def release(self) -> None:
        """Gives the table back. The end of the holder's connection alone would be noticed only after its sleep."""
        if self._holder.exit_code is None:
            self._postgres.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                "AND pid <> pg_backend_pid()",
                "postgres",
            )
            self._holder.wait()

    def _is_held(self) -> bool:
        return "t" in self._postgres.run(
            "SELECT true FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' "
            "AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'",
            "postgres",
        )


class Crowd:
    """Connections of others, as many as the server takes from who is no administrator."""

    ROLE = "crowd"

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._postgres, self._database = postgres, database
        # The message by which a connection begins (PostgreSQL's "Message Formats", StartupMessage); nobody is asked for
        # a password here.
        words = b"".join(word.encode() + b"\0" for word in ("user", self.ROLE, "database", database, ""))
        self._hello = struct.pack("!II", len(words) + 8, 3 << 16) + words
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._postgres.run(f"CREATE ROLE {self.ROLE} LOGIN", self._database)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            one.close()
        self._postgres.run(f"DROP ROLE {self.ROLE}", self._database)

    def fill(self, most: int = 1000) -> int:
        """Takes the connections that there are left; how many those were."""
        before = len(self._open)
        while len(self._open) < before + most and (one := self._connect()):
            self._open.append(one)
        return len(self._open) - before

    def _connect(self) -> socket.socket | None:
        one = socket.create_connection(("127.0.0.1", self._postgres.port), timeout=PATIENCE)
        one.sendall(self._hello)
        with one.makefile("rb") as messages:
            # Whoever is let in is told that all is ready; the places of administrators are refused after that much talk.
            while (kind := messages.read(1)) != b"Z":
                if kind in (b"E", b""):
                    one.close()
                    return None
                (length,) = struct.unpack("!I", messages.read(4))
                messages.read(length - 4)
        return one


def program(name: str) -> Path:
    """One of the server's programs, which Debian keeps out of PATH."""
    if found := shutil.which(name):
        return Path(found)
    found_all = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found_all, f"{name} is not installed: apt-get install postgresql"
    return found_all[-1]
