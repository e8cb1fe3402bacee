"""Better Auth in five versions, its sessions in every state, and the question that it and sidegate are asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from .better_auth import PASSWORD
from .matrix import Configuration
from .places import BETTER_AUTH, node
from .process import Process
from .questions import Question, as_headers
from .sidegate import ORIGINAL, Sidegate
from .sql import Database
from .wire import Address, Closed, Reply, Wire, request


class Library:
    """One version of Better Auth in a process of its own, with one environment."""

    def __init__(self, home: Path, version: str, environment: Mapping[str, str]) -> None:
        command: list[str | Path] = [node(), BETTER_AUTH / "differential/serve.mjs", version]
        self.process = Process(f"better-auth-{version}", command, home, env=environment)
        port = self.process.wait_for(r'^\{"port":(\d+)')[1]
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)

    def run(self, command: str, **arguments: Any) -> Any:
        answer = self._client.post(command, json=arguments)
        assert answer.status_code == 200, f"{command}: {answer.text}"
        return answer.json()

    def sign(self, tokens: Sequence[str], secret: str) -> list[str]:
        """The signed values in their wire form."""
        found: list[str] = self.run("/sign", values=[{"value": token, "secret": secret} for token in tokens])["signed"]
        return found

    def stop(self) -> None:
        self._client.close()
        self.process.discard()


class Instance:
    """Better Auth under one configuration, on a database of its own."""

    def __init__(
        self,
        library: Library,
        configuration: Configuration,
        database: Database,
        schema: str,
        secondary: dict[str, str] | None,
    ) -> None:
        """`secondary` is the URL and the key prefix of a Redis."""
        self.library, self.configuration, self.database, self.schema = library, configuration, database, schema
        database.create(schema)
        self.rows, self._secondary = database.url(schema), secondary
        told = library.run(
            "/open",
            database=self.rows,
            secondary=secondary,
            options=configuration.options,
            plugins=configuration.plugins,
            environment=configuration.variables,
        )
        self._id = told["id"]
        self.address = ("127.0.0.1", told["port"])
        self.cookie: str = told["cookieNames"]["session"]
        self.data_cookie: str = told["cookieNames"]["data"]

    @property
    def settings(self) -> dict[str, str]:
        """Those of sidegate that lead to where the sessions are."""
        own = f"http://127.0.0.1:{self.address[1]}"
        asked = {"auth_url": own} if "api_key_header" in self.configuration.settings else {}
        match self.configuration.store:
            case "http":
                return asked | {"store": own}
            case "none":
                return asked | {"store": "none"}
            case "redis" | "redis-and-old-rows":
                return asked | self._redis_settings()
            case "redis-and-rows":
                return asked | self._redis_settings() | {"fallback_store": self.rows}
            case _:
                return asked | {"store": self.rows}

    def _redis_settings(self) -> dict[str, str]:
        assert self._secondary
        return {"store": self._secondary["url"], "redis_key_prefix": self._secondary["prefix"]}

    def run(self, command: str, **arguments: Any) -> Any:
        return self.library.run(f"/{self._id}/{command}", **arguments)

    def sql(self, statement: str) -> None:
        self.database.run(statement, self.schema)

    def sign_up(self, email: str, name: str) -> str:
        """Makes a user; the signed value of the session that comes with it."""
        lines: list[str] = self.run("signUp", email=email, name=name, password=PASSWORD)["setCookie"]
        pairs = (line.split(";", 1)[0].split("=", 1) for line in lines)
        return next(value for name, value in pairs if name == self.cookie)

    def end(self) -> None:
        self.run("end")


@dataclass(frozen=True)
class Verdict:
    """What was answered, as far as it has to be the same."""

    kind: str
    """allow, deny or error."""
    user: str | None = None
    session: str | None = None
    body: bytes | None = None
    """The JSON of get-session, from who gives it."""
    status: int = 200
    reason: str = ""
    """sidegate's code for a denial."""

    def agrees_with(self, ours: "Verdict") -> bool:
        """Whether sidegate may say that where Better Auth says this."""
        if self.kind == "error":
            return ours.kind != "allow"
        if ours.kind == "allow" and ours.body is not None and ours.body != self.body:
            return False
        return (self.kind, self.user, self.session) == (ours.kind, ours.user, ours.session)

    def __str__(self) -> str:
        words = (self.kind, self.user, self.session, str(self.status), self.reason, (self.body or b"").decode())
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Answers:
    """A question and what the two said."""

    question: Question
    theirs: Verdict
    ours: Verdict

    def differ(self) -> bool:
        return not self.theirs.agrees_with(self.ours)

    def __str__(self) -> str:
        return f"Better Auth: {self.theirs}\n  sidegate:    {self.ours}\n  {self.question}"


class Line:
    """A connection that is made again when the other side has ended it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._wire: Wire | None = None

    def ask(self, data: bytes) -> Reply:
        if self._wire is not None:
            try:
                return self._finished(self._wire.ask(data))
            except (Closed, ConnectionError):
                self.close()
        self._wire = Wire(self._address, patience=20)
        return self._finished(self._wire.ask(data))

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _finished(self, reply: Reply) -> Reply:
        if reply.get("connection") == "close":
            self.close()
        return reply


GET_SESSION = "/api/auth/get-session"


class Witnesses:
    """Better Auth and sidegate, who are asked the same."""

    def __init__(self, instance: Instance, gate: Sidegate) -> None:
        self._better_auth, self._gate = Line(instance.address), Line(gate.address)
        # No baseURL is known to be right; the port is.
        self._host = f"127.0.0.1:{instance.address[1]}"
        self._has_endpoint = "get_session" in instance.configuration.settings

    def ask(self, question: Question) -> list["Answers"]:
        """Better Auth's answer beside each of sidegate's: the one to nginx, and get-session where it has that.

        sidegate goes first: a GET of Better Auth's may delete what it finds.
        """
        headers = self._headers(question)
        ours = [told_to_nginx(self._gate.ask(request("GET", "/auth/nginx", [*headers, *ORIGINAL])))]
        if self._has_endpoint:
            ours.append(from_get_session(self._gate.ask(request("GET", GET_SESSION, headers))))
        theirs = self.ask_better_auth(question)
        return [Answers(question, theirs, one) for one in ours]

    def ask_better_auth(self, question: Question) -> Verdict:
        # Without disableRefresh a GET may prolong a session.
        data = request("GET", f"{GET_SESSION}?disableRefresh=true", self._headers(question))
        return from_get_session(self._better_auth.ask(data))

    def close(self) -> None:
        self._better_auth.close()
        self._gate.close()

    def _headers(self, question: Question) -> list[tuple[str, str | bytes]]:
        return [("Host", self._host), *as_headers(question)]


def from_get_session(reply: Reply) -> Verdict:
    """What get-session means, whoever answers it."""
    reason = reply.get("x-auth-reason") or ""
    match reply.status:
        case 200:
            found = json.loads(reply.body)
            if found is None:
                return Verdict("deny", reason=reason)
            return Verdict("allow", found["user"].get("id"), found["session"].get("id"), reply.body)
        # API keys that do not count.
        case 401 | 403 | 429:
            return Verdict("deny", status=reply.status, reason=reason)
        case 500 | 503:
            return Verdict("error", status=reply.status, reason=reason)
        case status:
            raise AssertionError(f"get-session was answered with {status}: {reply.body[:500]!r}")


def told_to_nginx(reply: Reply) -> Verdict:
    reason = reply.get("x-auth-reason") or ""
    match reply.status:
        case 200:
            return Verdict("allow", decoded(reply, "x-auth-user-id"), decoded(reply, "x-auth-session-id"))
        case 401 | 403:
            return Verdict("deny", status=reply.status, reason=reason)
        case 503:
            return Verdict("error", status=reply.status, reason=reason)
        case status:
            raise AssertionError(f"sidegate answered {status}: {reply.body[:500]!r}")


def decoded(reply: Reply, name: str) -> str | None:
    value = reply.get(name)
    return None if value is None else unquote(value)
