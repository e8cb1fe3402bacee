"""SQLite: files."""

import sqlite3
from contextlib import closing
from pathlib import Path


class Sqlite:
    name = "sqlite"
    quote = '"'
    past = "'2020-01-01T00:00:00.000Z'"

    def __init__(self, home: Path) -> None:
        self.home = home

    def path(self, database: str) -> Path:
        return self.home / f"{database}.db"

    def create(self, database: str) -> None:
        """Nothing to do: Better Auth makes the file."""

    def url(self, database: str) -> str:
        return f"sqlite:{self.path(database)}"

    def run(self, statement: str, database: str) -> str:
        with closing(sqlite3.connect(self.path(database), timeout=10)) as connection, connection:
            rows = connection.execute(statement).fetchall()
        return "\n".join("\t".join(str(value) for value in row) for row in rows)

    def stop(self) -> None:
        """Nothing runs."""
