"""The app that a proxy leads to, and what reached it: tests/upstream/witness."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx

from .places import WITNESS_APP
from .stack import Apps
from .uvicorn import Uvicorn, fastapi_environment


class Witness(Apps):
    """Stands behind all proxies of a stack instead of the echo app."""

    def __init__(self, home: Path, parser: str = "h11") -> None:
        super().__init__(home)
        self._parser = parser

    @cached_property
    def echo(self) -> Uvicorn:
        environment = fastapi_environment(trust_headers="true")
        return Uvicorn("witness", WITNESS_APP, self.home, environment, self._parser)

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.echo.port}", timeout=20, trust_env=False)

    def reached(self) -> list[dict[str, Any]]:
        """All that reached the app since this was asked last."""
        seen: list[dict[str, Any]] = self._client.get("/reached").json()
        return seen

    def stop(self) -> None:
        self._client.close()
        super().stop()


def identity_seen(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and decoded value of all that some app could take for an identity header: those that make variables of names
    write `_` for whatever is no letter or digit."""
    named = [(re.sub(r"[^a-z0-9]", "-", name), value) for name, value in seen["headers"]]
    return sorted((name, decoded(value)) for name, value in named if name.startswith("x-auth"))


def decoded(value: str) -> str:
    """As the README tells apps to decode."""
    return unquote_to_bytes(value.encode("latin-1")).decode()
