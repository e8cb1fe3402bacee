"""PgBouncer in transaction mode: every transaction of a client may be on another connection to PostgreSQL."""

from pathlib import Path

from .ports import free_port
from .postgres import Postgres
from .process import Process


class PgBouncer:
    def __init__(self, home: Path, postgres: Postgres) -> None:
        self.port = free_port()
        (home / "users.txt").write_text('"postgres" ""\n')
        (home / "pgbouncer.ini").write_text(
            f"""
            [databases]
            * = host=127.0.0.1 port={postgres.port} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {self.port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {home / "users.txt"}
            pool_mode = transaction
            """.replace("\n            ", "\n")
        )
        home.chmod(0o755)
        self.process = Process("pgbouncer", ["pgbouncer", home / "pgbouncer.ini"], home, unprivileged=True)
        self.process.wait_for("process up")

    def __enter__(self) -> "PgBouncer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.discard()

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"
