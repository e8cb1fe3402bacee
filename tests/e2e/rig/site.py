"""The deployment that the conformance matrix is about: on a database of its own, before an app that can be asked what
reached it, with people of every kind."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from .better_auth import SignedIn
from .identity import identity_of
from .postgres import Postgres
from .sidegate import Sidegate
from .sql import literal
from .stack import Stack
from .tls import Certificates
from .witness import Witness


@dataclass(frozen=True)
class Person:
    """Somebody with a session, and what Better Auth says of them: identity headers, decoded."""

    who: SignedIn
    identity: dict[str, str]


class Site:
    def __init__(self, home: Path, certificates: Certificates) -> None:
        home.mkdir()
        self.database = Postgres(home / "postgres", certificates)
        self.witness = Witness(home)
        plugins = {"admin": {}, "bearer": {"requireSignature": True}}
        self.stack = Stack(home / "stack", self.witness, self.database, "matrix", None, plugins)

    def stop(self) -> None:
        self.stack.stop()
        self.witness.stop()
        self.database.stop()

    @cached_property
    def ada(self) -> Person:
        return self.person()

    @cached_property
    def grace(self) -> Person:
        return self.person("Grace Hopper")

    @cached_property
    def signed_out(self) -> SignedIn:
        left = self.person().who
        self.stack.better_auth.sign_out(left)
        return left

    @cached_property
    def expired(self) -> SignedIn:
        late = self.person().who
        self.ends(late, datetime.now(UTC) - timedelta(seconds=1))
        return late

    @cached_property
    def banned(self) -> SignedIn:
        """By an administrator, with the session still there."""
        return self.person(banned="true").who

    @cached_property
    def zoe(self) -> Person:
        return self.person("Zoë 山田 🚀 100%")

    @cached_property
    def nameless(self) -> Person:
        return self.person(name="''")

    @cached_property
    def long_named(self) -> Person:
        """Of more than the 1,024 bytes that are told."""
        return self.person("é" * 600)

    def sidegate(self, **settings: str) -> Sidegate:
        """The one that the proxies ask. It asks its store each time, so that a test sees what it did itself."""
        return self.stack.sidegate(**{"login_url": "/login", "cache_ttl": "0s", "negative_ttl": "0s"} | settings)

    def person(self, full_name: str = "Ada Lovelace", **columns: str) -> Person:
        """Somebody new, whose row of users then has these values."""
        who = self.stack.better_auth.sign_in(self.stack.better_auth.sign_up(full_name))
        for column, value in columns.items():
            self.stack.run(f"""UPDATE "user" SET "{column}" = {value} WHERE email = {literal(who.email)}""")
        return self.known(who)

    def known(self, who: SignedIn) -> Person:
        verdict = self.stack.better_auth.session_of(who.cookie)
        assert verdict
        return Person(who, identity_of(verdict))

    def ends(self, who: SignedIn, when: datetime) -> None:
        """Has that session end then."""
        until, token = literal(when.isoformat()), literal(who.token)
        self.stack.run(f"""UPDATE session SET "expiresAt" = {until} WHERE token = {token}""")
