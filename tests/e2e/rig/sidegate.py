"""sidegate itself: started with settings, asked as nginx asks it, its log and metrics read."""

import json
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from .better_auth import SECRET
from .places import SIDEGATE
from .process import Process, until
from .wire import Address, Headers, Reply, Wire, exchange, request

running: list["Sidegate"] = []
"""All that a test started, for looking at what they wrote."""

LONG = "60s"
"""A time longer than any test waits: what ends sooner did not wait for this."""

ORIGINAL = (("X-Original-URL", "http://app.example/page"), ("X-Original-Method", "GET"))


class Sidegate:
    """`sidegate serve` on free ports, with JSON logs unless settings say otherwise."""

    def __init__(
        self,
        home: Path,
        store: str,
        *,
        secret: str | None = SECRET,
        env: Mapping[str, str] | None = None,
        launcher: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
        **settings: str,
    ) -> None:
        chosen = {
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "log_format": "json",
            "store": store,
        } | settings
        environment = ({"BETTER_AUTH_SECRET": secret} if secret else {}) | dict(env or {})
        self.process = Process(
            "sidegate", [*launcher, SIDEGATE, "serve", *flags(chosen)], home, env=environment, pass_fds=pass_fds
        )
        running.append(self)
        # JSON has `"listen":"…"`, text has `listen=…`.
        told = self.process.wait_for(r'\blisten(?:":"|=)([^\s"]+).*\badmin_listen(?:":"|=)([^\s"]+)')
        self.address, self.admin_address = address_of(told[1]), address_of(told[2])
        self._client = httpx.Client(timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self._client.close()
        return self.process.stop(number)

    def connect(self, patience: float = 10) -> Wire:
        return Wire(self.address, patience)

    def ask(self, cookie: str | bytes | None = None, headers: Headers = ()) -> Reply:
        """nginx's question about a GET, on a connection of its own."""
        return exchange(self.address, question(cookie, headers))

    def admin(self, path: str) -> httpx.Response:
        assert not isinstance(self.admin_address, Path)
        return self._client.get(f"http://127.0.0.1:{self.admin_address[1]}{path}")

    def wait_until_it_hears(self, channel: str, times: int = 1) -> None:
        """Revocations are heard of on this channel, for the first or a further time."""

        def heard() -> bool:
            told = [event for event in self.log() if event["message"] == "revocations are heard of"]
            return sum(event["channel"] == channel for event in told) >= times

        until(heard, f"{channel} is heard for the time {times}")

    def wait_until_out(self, cookie: str) -> None:
        """What passed is refused, and stays so."""
        until(lambda: self.ask(cookie).status == 401, "it is refused")
        assert {self.ask(cookie).status for _ in range(3)} == {401}

    def revoke(self, secret: str, **named: Any) -> httpx.Response:
        """`POST /revoke`"""
        assert not isinstance(self.admin_address, Path)
        url = f"http://127.0.0.1:{self.admin_address[1]}/revoke"
        return self._client.post(url, json=named, headers={"Authorization": f"Bearer {secret}"})

    def is_ready(self) -> bool:
        return self.admin("/readyz").status_code == 200

    def wait_until_ready(self) -> None:
        until(self.is_ready, "sidegate is ready")

    def wait_until_unready(self) -> None:
        until(lambda: not self.is_ready(), "sidegate is no longer ready")

    def metrics(self) -> dict[str, float]:
        """Every series, by its name with labels."""
        samples = re.findall(r"^(\w[^ ]*(?:\{[^}]*\})?) (\S+)$", self.admin("/metrics").text, re.MULTILINE)
        return {series: float(value) for series, value in samples}

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for series, value in self.metrics().items()
            if re.match(rf"{name}(\{{|$)", series) and all(label in series for label in wanted)
        )

    def lookups(self) -> int:
        """How often it asked the store."""
        return int(self.total("sidegate_store_lookup_seconds_count"))

    def log(self) -> list[dict[str, Any]]:
        """Every event so far. A line that is no JSON is an error."""
        return [json.loads(line) for line in self.process.text().splitlines(keepends=True) if line.endswith("\n")]

    def events(self, message: str, at_least: int = 0) -> list[dict[str, Any]]:
        """The events of one kind. They are written after the answer, so a test says how many it waits for."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.log() if event["message"] == message]

        until(lambda: len(found()) >= at_least, f"{at_least} events {message!r}")
        return found()

    def denials(self, at_least: int = 0) -> list[dict[str, Any]]:
        return self.events("denied", at_least)


def question(cookie: str | bytes | None = None, headers: Headers = (), original: Headers = ORIGINAL) -> bytes:
    """What nginx sends for `location = /_sidegate`."""
    cookies: Headers = [("Cookie", cookie)] if cookie is not None else []
    return request("GET", "/auth/nginx", [("Host", "sidegate"), *original, *cookies, *headers])


def flags(settings: Mapping[str, str]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


def address_of(told: str) -> Address:
    """An address as sidegate tells it."""
    if told.startswith("unix:"):
        return Path(told.removeprefix("unix:"))
    host, _, port = told.rpartition(":")
    return host, int(port)
