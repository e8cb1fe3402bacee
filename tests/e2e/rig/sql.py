"""What the tests need of any of the three databases."""

from typing import Protocol


class Database(Protocol):
    """A running database server, or a directory of SQLite files."""

    name: str
    quote: str
    """The character around names."""
    past: str
    """An instant long ago, in this dialect and as Better Auth would store it."""

    def create(self, database: str) -> None:
        """Makes an empty database."""

    def url(self, database: str) -> str:
        """How Better Auth and sidegate reach it, with all rights."""

    def run(self, statement: str, database: str) -> str:
        """Runs SQL; the rows as text, columns with tabs between them."""


def named(database: Database, name: str) -> str:
    """The name between this dialect's quotes."""
    return f"{database.quote}{name}{database.quote}"


def literal(text: str) -> str:
    """A text as SQL; only for values that the tests made, which hold no backslash."""
    return "'" + text.replace("'", "''") + "'"
