"""When a store says itself that a session ended: as sharp a word on the commit as there is, and never one that is too late.

Databases have a trigger of the tests' own write it down, which sidegate knows nothing of: PostgreSQL while it commits (the
trigger is deferred to that), MariaDB and SQLite in the statement that is the transaction. Redis has each command written
down as it runs it (MONITOR).
"""

import re
from collections.abc import Iterable
from typing import Protocol

from .better_auth import Person
from .process import Process
from .redis import Redis
from .stack import Stack


class Instants(Protocol):
    def earliest(self, person: Person, since: float) -> float:
        """When a session that was alive at `since` was ended, in seconds since 1970: its user banned or itself gone,
        whichever came first."""


TRIGGERS = {
    "sqlite": [
        "CREATE TABLE ended (name TEXT NOT NULL, at REAL NOT NULL)",
        "CREATE TRIGGER ended_session AFTER DELETE ON session BEGIN "
        "INSERT INTO ended VALUES (OLD.token, (julianday('now') - 2440587.5) * 86400); END",
        "CREATE TRIGGER ended_user AFTER UPDATE ON user WHEN OLD.banned IS NOT NEW.banned BEGIN "
        "INSERT INTO ended VALUES (OLD.id, (julianday('now') - 2440587.5) * 86400); END",
    ],
    "mariadb": [
        "CREATE TABLE ended (name VARCHAR(255) NOT NULL, at DOUBLE NOT NULL)",
        "CREATE TRIGGER ended_session AFTER DELETE ON session FOR EACH ROW "
        "INSERT INTO ended VALUES (OLD.token, UNIX_TIMESTAMP(SYSDATE(6)))",
        "CREATE TRIGGER ended_user AFTER UPDATE ON user FOR EACH ROW "
        "INSERT INTO ended SELECT OLD.id, UNIX_TIMESTAMP(SYSDATE(6)) FROM DUAL WHERE NOT (OLD.banned <=> NEW.banned)",
    ],
    "postgres": [
        "CREATE TABLE ended (name text NOT NULL, at float8 NOT NULL)",
        "CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO ended VALUES (to_jsonb(OLD) ->> TG_ARGV[0], extract(epoch FROM clock_timestamp())); "
        "RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER ended_session AFTER DELETE ON session DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION ended('token')",
        'CREATE CONSTRAINT TRIGGER ended_user AFTER UPDATE ON "user" DEFERRABLE INITIALLY DEFERRED '
        "FOR EACH ROW WHEN (OLD.banned IS DISTINCT FROM NEW.banned) EXECUTE FUNCTION ended('id')",
    ],
}


class Written:
    """By triggers, from now on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        for statement in TRIGGERS[stack.database.name]:
            stack.run(statement)
        self._read: dict[str, float] = {}

    def earliest(self, person: Person, since: float) -> float:
        if not self._read:
            rows = (row.split("\t") for row in self._stack.run("SELECT name, at FROM ended").splitlines())
            self._read = {name: float(at) for name, at in rows}
        return first((self._read[name] for name in (person.token, person.id) if name in self._read), since)


class Monitored:
    """By Redis, from now on until it is asked for the first time."""

    def __init__(self, redis: Redis) -> None:
        self._process = Process("monitor", ["redis-cli", "-p", str(redis.port), "MONITOR"], redis.home)
        self._process.wait_for("^OK")
        self._read: dict[str, list[float]] = {}

    def earliest(self, person: Person, since: float) -> float:
        if not self._read:
            self._process.stop()
            for at, command, key in re.findall(r'^([\d.]+) \[.*?\] "(\w+)" "([^"]*)"', self._process.text(), re.MULTILINE):
                if command.lower() not in ("get", "mget"):
                    name = key.removeprefix("better-auth:").removeprefix("revoked-sessions-before-")
                    self._read.setdefault(name, []).append(float(at))
        return first((at for name in (person.token, person.id) for at in self._read.get(name, [])), since)


def first(instants: Iterable[float], since: float) -> float:
    # SQLite counts in milliseconds.
    later = [at for at in instants if at >= since - 0.001]
    assert later, "the store says nothing of a session that was ended"
    return min(later)
