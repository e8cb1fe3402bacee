"""Tells who sent a request, as an app has set it up."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.requests import HTTPConnection

from .assertion import Asked, Expected, key_id, verified
from .errors import ConfigurationError, Reason, Refused
from .headers import user_in
from .keys import KeySource
from .openapi import HEADER
from .settings import Assertions, Given, TrustedHeaders, settings
from .user import User, user_of

STATE = "sidegate_auth"


class SidegateAuth:
    """Believes sidegate's assertions for one audience.

        app = FastAPI()
        SidegateAuth(audience="https://app.example").install(app)

    Each setting may be left to the environment: `SIDEGATE_APP_AUDIENCE`, `SIDEGATE_APP_JWKS_URL` and so on, lists with
    commas. What cannot work is a ConfigurationError here, before the app serves anybody.
    """

    def __init__(
        self,
        *,
        audience: str | None = None,
        issuer: str | None = None,
        jwks_url: str | None = None,
        jwks_file: str | Path | None = None,
        jwks: str | Mapping[str, object] | None = None,
        algorithms: Collection[str] | None = None,
        bind: Collection[str] | None = None,
        leeway: float | None = None,
        trust_headers: bool | None = None,
    ) -> None:
        """
        `audience`: sidegate's `assertion_audience`. An assertion for any other is refused.
        `issuer`: sidegate's `assertion_issuer`; "sidegate" if nothing is said.
        `jwks_url`, `jwks_file`, `jwks`: one of them is where the keys are. If none is named,
            http://127.0.0.1:4181/.well-known/jwks.json, sidegate's admin listener. Files are read again as URLs are.
        `algorithms`: of "EdDSA" and "ES256"; both if nothing is said.
        `bind`: of "host" and "request": what each assertion must be bound to, as by sidegate's `assertion_bind`. A
            binding that is there is checked in any case.
        `leeway`: seconds by which clocks may differ, 5 if nothing is said.
        `trust_headers`: True believes plain X-Auth-* headers of whoever reaches the app, and looks at no assertion.
        """
        text = jwks if jwks is None or isinstance(jwks, str) else json.dumps(jwks)
        self._settings = settings(
            Given(audience, issuer, jwks_url, jwks_file, text, algorithms, bind, leeway, trust_headers)
        )

    def install(self, app: FastAPI) -> None:
        """Has CurrentUser and all the rest go by this one. An app that is mounted in another needs its own."""
        setattr(app.state, STATE, self)

    async def user(self, connection: HTTPConnection) -> User | None:
        """Who sent this request, a WebSocket's included; None if nobody is said to have.

        Whatever is said and cannot be believed is `Refused`, not None.
        """
        match self._settings:
            case TrustedHeaders():
                return user_in(connection.headers)
            case Assertions(expected, keys):
                values = [value for value in connection.headers.getlist(HEADER) if value]
                return await believed(values, expected, keys, connection) if values else None

    @property
    def nobody(self) -> Refused:
        """What to tell whoever is nobody where somebody is wanted."""
        match self._settings:
            case TrustedHeaders():
                return Refused(Reason.NOT_SIGNED_IN, "not signed in")
            case Assertions():
                return Refused(Reason.NO_ASSERTION, "not signed in: there is no assertion of sidegate's")


async def believed(values: list[str], expected: Expected, keys: KeySource, connection: HTTPConnection) -> User:
    if len(values) > 1:  # one of them is not sidegate's, and which one cannot be told by its place
        raise Refused(Reason.TWO_ASSERTIONS, "there is more than one assertion")
    [token] = values
    kid = key_id(token, expected.algorithms)
    key = await keys.find(kid)
    if key is None:
        raise Refused(Reason.UNKNOWN_KEY, "the assertion's key is none of sidegate's")
    return user_of(*verified(token, key, expected, asked_in(connection)))


def asked_in(connection: HTTPConnection) -> Asked:
    scope: Mapping[str, Any] = connection.scope
    hosts = connection.headers.getlist("host")
    return Asked(
        method=scope["method"] if scope["type"] == "http" else "GET",  # RFC 6455, section 4.1
        host=hosts[0] if len(hosts) == 1 else None,
        path=scope.get("raw_path"),
    )


def auth_of(connection: HTTPConnection) -> SidegateAuth:
    found = getattr(connection.app.state, STATE, None)
    if not isinstance(found, SidegateAuth):
        raise ConfigurationError("this app has no SidegateAuth: SidegateAuth(audience=…).install(app)")
    return found
