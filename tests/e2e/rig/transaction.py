"""A transaction that stays open for as long as a test wants, in the database's own client."""

import subprocess
from typing import IO, Self

from .mariadb import MariaDb
from .postgres import Postgres
from .process import environment, launcher


class Transaction:
    """Rolled back at the end unless it was committed."""

    def __init__(self, database: MariaDb | Postgres, schema: str) -> None:
        self._client = subprocess.Popen(
            [*launcher("KILL", unprivileged=False), *database.shell(schema)],
            env=environment(database.home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.communicate()

    def run(self, statement: str) -> None:
        """Runs SQL, to its end."""
        stdin, stdout = self._pipes()
        stdin.write(f"{statement};\nSELECT 'done';\n")
        stdin.flush()
        answer = []
        for line in stdout:
            if line.strip() == "done":
                return
            answer.append(line)
        raise AssertionError(f"{statement}: {''.join(answer)}")

    def commit(self) -> None:
        self.run("COMMIT")

    def roll_back(self) -> None:
        self.run("ROLLBACK")

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._client.stdin and self._client.stdout
        return self._client.stdin, self._client.stdout
