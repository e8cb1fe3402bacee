"""What sessions are kept in, and how they end there: by the real Better Auth, or behind its back."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from .better_auth import BetterAuth, SignedIn
from .ledger import NEVER, Asker
from .mariadb import MariaDb
from .postgres import Postgres
from .redis import Redis
from .revocation import WATCHER, let_watch
from .sql import literal, named
from .stack import Stack

PLUGINS: dict[str, Any] = {"admin": {}, "anonymous": {}}


class Ground:
    """A store with people in it, who live through all that is done to it."""

    channel: str
    """How it tells of revocations."""

    def __init__(self, server: Postgres | MariaDb | Redis, better_auth: BetterAuth) -> None:
        self.server, self.better_auth = server, better_auth
        self._people: dict[Asker, SignedIn] = {}
        email = better_auth.sign_up()
        better_auth.make_administrator(email)
        self._administrator = better_auth.sign_in(email)
        self.remembered = self.sign_in("remembered", 6)
        self.unseen = self.sign_in("unseen", 6)
        self.gone = self.sign_in("gone", 3)
        self.delete(self.gone)
        for asker in self.gone:
            asker.ending = asker.ended = -NEVER
        self.forged = [Asker("forged", cookie, ending=-NEVER, ended=-NEVER) for cookie in self._forgeries()]

    def store(self, port: int) -> str:
        """How sidegate reaches it by that port."""
        raise NotImplementedError

    def end_rows(self, tokens: Sequence[str]) -> None:
        """Deletes sessions behind everybody's back."""
        raise NotImplementedError

    def set_end(self, token: str, end: float) -> None:
        """Has a session end at that instant, in whole milliseconds."""
        raise NotImplementedError

    def drop_connections(self) -> None:
        """Has the server end every connection of sidegate's."""
        raise NotImplementedError

    def sign_in(self, group: str, count: int) -> list[Asker]:
        """So many people, through the real Better Auth."""
        askers = []
        for _ in range(count):
            person = self.better_auth.sign_in_anonymously()
            session = self.better_auth.session_of(person.cookie)
            assert session
            askers.append(Asker(group, person.cookie, session["user"]["id"], person.token))
            self._people[askers[-1]] = person
        return askers

    def sign_out(self, asker: Asker) -> None:
        """They sign out themselves."""
        with_ending([asker], lambda: self.better_auth.sign_out(self._people[asker]))

    def ban(self, asker: Asker) -> None:
        """An administrator bans them."""
        body = {"userId": asker.user}
        with_ending([asker], lambda: self.better_auth.call("/api/auth/admin/ban-user", body, self._administrator))

    def delete(self, askers: Sequence[Asker]) -> None:
        """Their sessions are deleted by hand, whoever else cannot reach the store."""
        with_ending(askers, lambda: self.end_rows([str(one.token) for one in askers]))

    def expire(self, asker: Asker, end: float) -> None:
        """Their session ends by itself at that instant. Nobody may remember it yet."""
        asker.ending = asker.ended = int(end * 1000) / 1000
        self.set_end(str(asker.token), asker.ended)

    def _forgeries(self) -> Iterable[str]:
        """Cookies with the token of somebody who is signed in, and with a signature that is not its own."""
        one, other = (self._people[asker] for asker in self.remembered[:2])
        token, wrong = one.value.rpartition(".")[0], other.value.rpartition(".")[2]
        return [f"{one.name}={value}" for value in (f"{token}.{wrong}", token, f"{token}.{'A' * 43}%3D", "x.y")]


class SqlGround(Ground):
    """In a database, that sidegate reads with a role of its own."""

    def __init__(self, stack: Stack, channel: str) -> None:
        assert isinstance(stack.database, Postgres | MariaDb)
        self.stack, self.database, self.channel = stack, stack.database, channel
        self._session = named(stack.database, "session")
        if isinstance(stack.database, Postgres):
            let_watch(stack, "session", '"user"')
        else:
            stack.run(f"CREATE USER {WATCHER}@localhost; GRANT SELECT ON {stack.schema}.* TO {WATCHER}@localhost")
        super().__init__(stack.database, stack.better_auth)

    def store(self, port: int) -> str:
        scheme = "postgres" if isinstance(self.database, Postgres) else "mysql"
        return f"{scheme}://{WATCHER}@127.0.0.1:{port}/{self.stack.schema}"

    def drop_connections(self) -> None:
        if isinstance(self.database, Postgres):
            self.stack.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{WATCHER}'")
        else:
            self.stack.run(f"KILL USER {WATCHER}")

    def end_rows(self, tokens: Sequence[str]) -> None:
        self.stack.run(f"DELETE FROM {self._session} WHERE token IN ({', '.join(map(literal, tokens))})")

    def set_end(self, token: str, end: float) -> None:
        instant = f"to_timestamp({end:.3f})" if self.database.name == "postgres" else f"FROM_UNIXTIME({end:.3f})"
        column = named(self.database, "expiresAt")
        self.stack.run(f"UPDATE {self._session} SET {column} = {instant} WHERE token = {literal(token)}")


class RedisGround(Ground):
    """In Redis alone."""

    PREFIX = "better-auth:"
    channel = "tracking"

    def __init__(self, redis: Redis, better_auth: BetterAuth) -> None:
        self.redis = redis
        super().__init__(redis, better_auth)

    def store(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}"

    def drop_connections(self) -> None:
        self.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def end_rows(self, tokens: Sequence[str]) -> None:
        self.redis.command("DEL", *(self.PREFIX + token for token in tokens))

    def set_end(self, token: str, end: float) -> None:
        value = self.redis.value(self.PREFIX + token)
        instant = datetime.fromtimestamp(end, UTC).isoformat(timespec="milliseconds")
        value["session"]["expiresAt"] = instant.replace("+00:00", "Z")
        self.redis.command("SET", self.PREFIX + token, json.dumps(value), "KEEPTTL")


def with_ending(askers: Iterable[Asker], end: Callable[[], object]) -> None:
    """Notes when it began and when it was done."""
    begun = time.time()
    for asker in askers:
        asker.ending = begun
    end()
    done = time.time()
    for asker in askers:
        asker.ended = done
