"""PostgreSQL, in a directory of its own, with TLS on offer."""

import os
import shutil
import signal
from pathlib import Path

from .ports import free_port
from .process import Process, run, until
from .tls import Certificates


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

    def start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self.certificates.server_certificate,
            "ssl_key_file": self.certificates.server_key,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(program("postgres")), "-D", str(self.home / "data"), *options]
        self._process = Process("postgres", command, self.home, unprivileged=True, at_our_death="QUIT")
        self._process.wait_for("database system is ready to accept connections")

    def stop(self) -> None:
        """Ends it and cuts off whoever is connected."""
        if self._process:
            self._process.stop(signal.SIGINT)
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
        # The server first when it stops, so that it starts nobody new.
        self._process.send(number)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        for pid in children.split():
            os.kill(int(pid), number)

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


def program(name: str) -> Path:
    """One of the server's programs, which Debian keeps out of PATH."""
    if found := shutil.which(name):
        return Path(found)
    found_all = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found_all, f"{name} is not installed: apt-get install postgresql"
    return found_all[-1]
