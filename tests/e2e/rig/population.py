"""Sessions in every state that they can be in, and what can be made of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from .differential import Instance
from .matrix import OTHER_SECRET, Configuration
from .questions import Material, Signed, Snapshot, signed
from .sql import literal, named

HOUR = 3_600_000
DAY = 24 * HOUR
COPIES = 8
"""Rows of each kind that is good for one question only."""

Entry = dict[str, Any]
"""What Redis has of a session: `session` and `user`."""


@dataclass(frozen=True)
class State:
    """What can be the matter with a session."""

    name: str
    token: str | None = None
    """Where it is not one of the usual tokens."""
    expires_in: int = 7 * DAY
    user: Mapping[str, Any] | None = None
    """What is special about its user, who then has no other session."""
    user_dates: Mapping[str, int] = field(default_factory=dict)
    """Dates of that user, in milliseconds from now."""
    stored: Mapping[str, str] | None = None
    """The expiry as SQL, by database: a state that other databases do not have."""
    entry: Callable[[Entry], Any] | None = None
    """What becomes of its entry in Redis, a text or something for JSON; None takes it away."""
    marker: Callable[[int], str] | None = None
    """The user's revocation marker in Redis, from the instant at which the session began."""
    row: bool = True
    """Whether the table has it too, where sessions are in both."""
    perishable: bool = False
    """Whether asking Better Auth about it changes it."""


def session_with(**changes: Any) -> Callable[[Entry], Entry]:
    return lambda entry: entry | {"session": entry["session"] | changes}


def user_with(**changes: Any) -> Callable[[Entry], Entry]:
    return lambda entry: entry | {"user": entry["user"] | changes}


def without_session(entry: Entry) -> Entry:
    return {"user": entry["user"]}


STATES = (
    State("live"),
    State("of somebody else", user={}),
    State("an hour left", expires_in=HOUR),
    State("two years left", expires_in=2 * 365 * DAY),
    State("dots", token="one.two.three"),
    State("a dot first", token=".token"),
    State("a dot last", token="token."),
    State("spaces", token=" one two"),
    State("quotes", token='"quoted"'),
    State("separators", token="one;two=three,four"),
    State("percent", token="100%25"),
    State("a bad escape", token="100%zz"),
    State("latin", token="caf\u00e9"),
    State("unicode", token="Größe-秘密-🔑"),
    State("markup", token="' or '1'='1"),
    State("one letter", token="x"),
    State("long", token="Qx7." * 60),
    State("of a user with a long name", user={"name": 'Ü"\\</>&\u2028🔑 ' * 20}),
    State("of a user with nothing more", user={"name": "", "image": None}),
    State("of a user with a picture", user={"image": "https://example.com/ü.png?a=b&c=d", "emailVerified": True}),
)

IN_TABLES = (
    State("ended an hour ago", expires_in=-HOUR, perishable=True),
    State("ended a year ago", expires_in=-365 * DAY, perishable=True),
    State("without its user", user={}),
    State("no date", stored={"sqlite": "'soon'", "mariadb": "0"}),
    State("milliseconds", stored={"sqlite": "4102444800000"}),
    State("milliseconds as real", stored={"sqlite": "4102444800000.5"}),
    State("seconds", stored={"sqlite": "4102444800"}, perishable=True),
    State("a day", stored={"sqlite": "'2099-12-31'"}),
    State("a past day", stored={"sqlite": "'2020-12-31'"}, perishable=True),
    State("a date with a space", stored={"sqlite": "'2099-12-31 12:00:00'"}),
    State("a date with an offset", stored={"sqlite": "'2099-12-31T12:00:00+02:00'"}),
    State("a date without milliseconds", stored={"sqlite": "'2099-12-31T12:00:00Z'"}),
    State("infinity", stored={"postgres": "'infinity'"}),
    State("minus infinity", stored={"postgres": "'-infinity'"}, perishable=True),
    State("microseconds", stored={"postgres": "'2099-12-31 12:00:00.123456'"}),
    State("the year 20000", stored={"postgres": "'20000-01-01 00:00:00'"}),
)

OF_ADMIN = (
    State("banned", user={"banned": True, "banReason": "spam", "role": "user"}),
    State("banned for a while", user={"banned": True}, user_dates={"banExpires": HOUR}),
    State("banned once", user={"banned": True}, user_dates={"banExpires": -HOUR}),
    State("an administrator", user={"role": "admin,user"}),
)

# With the plugin, nobody can sign in who is banned.
OF_ADMIN_IN_REDIS = (
    State("banned", entry=user_with(banned=True, banReason="spam")),
    State("banned for a while", entry=user_with(banned=True, banExpires="2099-01-01T00:00:00.000Z")),
    State("banned once", entry=user_with(banned=True, banExpires="2020-01-01T00:00:00.000Z")),
    State("an administrator", entry=user_with(role="admin,user")),
)

IN_REDIS = (
    State("no entry", entry=lambda _: None, row=False),
    State("no entry, but a row", entry=lambda _: None),
    State("an entry, but no row", row=False),
    State("an entry that ended", entry=session_with(expiresAt="2020-01-01T00:00:00.000Z"), perishable=True),
    State("an entry that is no JSON", entry=lambda _: "{"),
    State("an empty entry", entry=lambda _: ""),
    State("an entry of null", entry=lambda _: "null"),
    State("an entry of a number", entry=lambda _: "7"),
    State("an entry of a list", entry=lambda _: []),
    State("an entry without a session", entry=without_session),
    State("an entry without a user", entry=lambda entry: {"session": entry["session"]}),
    State("an entry with a user of null", entry=lambda entry: entry | {"user": None}),
    State("an entry with spaces", entry=lambda entry: f"  {json.dumps(entry, indent=2)}\n"),
    State("an entry with more in it", entry=lambda entry: {"more": 1} | entry),
    State("an entry of another user", entry=lambda entry: entry | {"user": entry["user"] | {"id": "nobody"}}),
    State("an entry of another token", entry=session_with(token="x" * 32)),
    State("an entry with an expiry in milliseconds", entry=session_with(expiresAt=4_102_444_800_000)),
    State("an entry with a date of one digit", entry=session_with(expiresAt="2099-01-01T00:00:00.1Z")),
    State("no date", entry=session_with(expiresAt="soon")),
    State("no expiry", entry=lambda entry: entry | {"session": without(entry["session"], "expiresAt")}),
    State("revoked", user={}, marker=lambda began: str(began + 1)),
    State("not revoked", user={}, marker=lambda began: str(began)),
    State("revoked at no time", user={}, marker=lambda _: "soon"),
    State("revoked at an empty time", user={}, marker=lambda _: ""),
    State("revoked at a fraction", user={}, marker=lambda began: f"{began}.5"),
    State("revoked in spaces", user={}, marker=lambda began: f" {began + 1} "),
    State("revoked in hexadecimal", user={}, marker=lambda began: hex(began + 1)),
)


def without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


class Population:
    """The sessions of an instance, and all that can be made of them."""

    def __init__(self, instance: Instance, random: Random) -> None:
        self._instance, self._random = instance, random
        self._configuration = configuration = instance.configuration
        [ordinary] = self._stored("user", [self._user({}, {})])
        rows = [
            (state, state.token or new_token(random))
            for state in states_for(configuration)
            for _ in range(COPIES if state.perishable else 1)
        ]
        owners = iter(
            self._stored(
                "user", [self._user(state.user, state.user_dates) for state, _ in rows if state.user is not None]
            )
        )
        owned = [(state, token, ordinary if state.user is None else next(owners)) for state, token in rows]
        self._stored("session", [self._session(*one) for one in owned])
        for state, token, owner in owned:
            self._damage(state, token, owner["id"])
        wires = instance.library.sign([token for _, token in rows], configuration.secret)
        values = [(state, Signed.of(state.name, wire, token)) for (state, token), wire in zip(rows, wires, strict=True)]
        self.live = values[0][1]
        self.perishable = [value for state, value in values if state.perishable]
        self.lasting = [value for state, value in values if not state.perishable] + self._others(ordinary["id"])
        # Half of all questions are about somebody who is signed in.
        self.lasting += [self.live] * (len(self.lasting) - 1)
        self._snapshots = self._cached() if configuration.has("store", "none") else []
        self._keys = self._api_keys(ordinary["id"]) if configuration.has("api_key_header", "api-key") else []

    def material(self) -> Material:
        instance = self._instance
        [remembered] = instance.library.sign(["true"], self._configuration.secret)
        return Material(
            cookie=instance.cookie,
            data_cookie=instance.data_cookie,
            lasting=self.lasting,
            perishable=self.perishable,
            bearer=bearer_reader(self._configuration),
            snapshots=self._snapshots,
            keys=self._keys,
            remembered=remembered,
        )

    def secrets(self) -> set[str]:
        """What nobody may be told."""
        return {value.token for value in (*self.lasting, *self.perishable) if len(value.token) == 32} | {
            key for _, key in self._keys if len(key) > 32
        }

    def _others(self, user_id: str) -> list[Signed]:
        """What no row is there for, or what somebody else signed."""
        instance, secret, token = self._instance, self._configuration.secret, self.live.token
        fresh = Signed.of("as signed up", instance.sign_up("signed-up@example.com", "Zoë"))
        left = instance.sign_up("left@example.com", "Bob")
        instance.run("signOut", cookie=f"{instance.cookie}={left}")
        return [
            fresh,
            Signed.of("signed out", left),
            signed("unknown", new_token(self._random), secret),
            signed("other letters' case", token.swapcase(), secret),
            signed("a space more", f"{token} ", secret),
            signed("a NUL more", f"{token}\0", secret),
            signed("a pattern", "%", secret),
            signed("too long", "Jk3" * 2000, secret),
            signed("dont_remember", "true", secret),
            signed("an administrator's", f"{token}:", secret),
            signed("another key of Redis", f"active-sessions-{user_id}", secret),
            signed("another secret's", token, OTHER_SECRET),
            signed("no secret's", token, ""),
            Signed("a signature of its own length", token, "A" * 43 + "="),
        ]

    def _cached(self) -> list[Snapshot]:
        """What the cookie cache says of sessions, before all of them are deleted."""
        made = [
            *self._cached_at(0, "cached", self.lasting[:40]),
            *self._cached_at(-31 * DAY, "cached a month ago", self.lasting[:6]),
            # So long before its end that it was not yet to be prolonged.
            *self._cached_at(
                -6 * DAY - 2 * HOUR,
                "cached and ended since",
                [value for value in self.perishable if "an hour" in value.what][:2],
            ),
        ]
        self._instance.sql(f"DELETE FROM {self._names('session', 'token')[0]}")
        return made

    def _cached_at(self, ahead: int, what: str, values: Sequence[Signed]) -> list[Snapshot]:
        instance = self._instance
        cookies = [f"{instance.cookie}={value.wire}" for value in values]
        found = []
        answers = instance.run("cachedSessions", cookies=cookies, ahead=ahead)["lines"]
        for value, lines in zip(values, answers, strict=True):
            pairs = [line.split(";", 1)[0].split("=", 1) for line in lines]
            parts = tuple((name, data) for name, data in pairs if name.startswith(instance.data_cookie) and data)
            if parts:
                found.append(Snapshot(f"{what}: {value.what}", value, parts))
        return found

    def _api_keys(self, user_id: str) -> list[tuple[str, str]]:
        [other] = self._stored("user", [self._user({}, {})])
        made = [
            ("a key", user_id, {}, {}),
            ("a key", user_id, {}, {}),
            ("somebody else's key", other["id"], {}, {}),
            ("a key that ends", user_id, {}, {"expiresAt": HOUR}),
            ("a key that ended", user_id, {}, {"expiresAt": -HOUR}),
            ("a key turned off", user_id, {"enabled": False}, {}),
            ("a key used up", user_id, {"remaining": 0}, {}),
        ]
        run = self._instance.run
        return [
            *(
                (what, run("createKey", userId=user, changes=changes, dates=dates)["key"])
                for what, user, changes, dates in made
            ),
            ("an unknown key", new_token(self._random) * 2),
            ("a short key", "k" * 5),
            ("a long key", "k" * 3000),
            ("the token for a key", self.live.token),
        ]

    def _stored(self, model: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = self._instance.run("store", model=model, rows=rows)["rows"]
        return made

    def _user(self, changes: Mapping[str, Any], dates: Mapping[str, int]) -> dict[str, Any]:
        email = f"{new_token(self._random).lower()}@example.com"
        data = {"email": email, "name": "Ada Lovelace", "emailVerified": False} | dict(changes)
        if self._configuration.has("schema", "additional"):
            data |= {"age": 41, "hidden": "not for everybody"}
            dates = {"since": -DAY} | dict(dates)
        return {"data": data, "dates": dates}

    def _session(self, state: State, token: str, owner: Mapping[str, Any]) -> dict[str, Any]:
        data = {"token": token, "userId": owner["id"], "ipAddress": "203.0.113.7", "userAgent": 'curl/8 "Ü" \\'}
        if self._configuration.has("schema", "additional"):
            data["theme"] = "dark"
        return {"data": data, "dates": {"expiresAt": state.expires_in}}

    def _damage(self, state: State, token: str, owner: str) -> None:
        if state.stored:
            self._set_expiry(token, state.stored[self._configuration.database])
        if state.name == "without its user":
            self._delete_user(owner)
        if self._configuration.has_redis:
            self._set_entry(state, token, owner)
        if not state.row and self._configuration.has_rows:
            self._instance.sql(f"DELETE FROM {self._names('session', 'token')[0]} WHERE {self._where_token(token)}")

    def _set_entry(self, state: State, token: str, owner: str) -> None:
        entries = []
        if state.entry or state.marker:
            [text] = self._instance.run("entries", keys=[token])["values"]
            entry = json.loads(text)
            if state.entry:
                changed = state.entry(entry)
                entries.append((token, changed if isinstance(changed, str | None) else json.dumps(changed)))
            if state.marker:
                began = milliseconds(entry["session"]["createdAt"])
                entries.append((f"revoked-sessions-before-{owner}", state.marker(began)))
            self._instance.run("setEntries", entries=entries)

    def _set_expiry(self, token: str, expiry: str) -> None:
        table, column = self._names("session", "expiresAt")
        relaxed = "SET sql_mode = ''; " if self._configuration.database == "mariadb" else ""
        self._instance.sql(f"{relaxed}UPDATE {table} SET {column} = {expiry} WHERE {self._where_token(token)}")

    def _delete_user(self, user_id: str) -> None:
        """Takes a user away and leaves the session, as a database without foreign keys would."""
        unbound = {
            "sqlite": "",  # the rig's connections do not mind
            "postgres": "SET session_replication_role = replica; ",
            "mariadb": "SET foreign_key_checks = 0; ",
        }[self._configuration.database]
        table, column = self._names("user", "id")
        self._instance.sql(f"{unbound}DELETE FROM {table} WHERE {column} = {literal(user_id)}")

    def _where_token(self, token: str) -> str:
        return f"{self._names('session', 'token')[1]} = {literal(token)}"

    def _names(self, model: str, logical: str) -> tuple[str, str]:
        """A table and one of its columns, in quotes."""
        database, configuration = self._instance.database, self._configuration
        return named(database, configuration.table(model)), named(database, configuration.column(model, logical))


def states_for(configuration: Configuration) -> list[State]:
    """Those that can be where it keeps its sessions."""
    states = [*STATES, *(IN_REDIS if configuration.has_redis else IN_TABLES)]
    if configuration.has("plugins", "admin", "lenient-admin"):
        states += OF_ADMIN_IN_REDIS if configuration.has_redis else OF_ADMIN
    return [state for state in states if state.stored is None or configuration.database in state.stored]


def bearer_reader(configuration: Configuration) -> str | None:
    """What can be asked of it with bearer tokens; up to 1.5 a session cookie beat them, and fewer forms were read."""
    if not configuration.has("bearer", "bearer", "signed-bearer"):
        return None
    return "any" if configuration.has("version", "1.6", "1.7") else "plain"


def new_token(random: Random) -> str:
    return "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=32))


def milliseconds(text: str) -> int:
    """Since 1970, of a date as Better Auth writes it."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
