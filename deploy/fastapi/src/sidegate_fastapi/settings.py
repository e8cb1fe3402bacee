"""What an app set, in code or by the environment, checked once: everything that is wrong is wrong at the start."""

import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from .assertion import BINDINGS, Expected
from .errors import ConfigurationError
from .fetch import from_file, from_url
from .jwks import ALGORITHMS, InvalidJwks, parsed
from .keys import FetchedKeys, GivenKeys, KeySource

log = logging.getLogger("sidegate_fastapi")

PREFIX = "SIDEGATE_APP_"
"""Not SIDEGATE_: there, JWKS_URL is sidegate's own, and names the keys of Better Auth's tokens."""

ISSUER = "sidegate"
JWKS_URL = "http://127.0.0.1:4181/.well-known/jwks.json"
LEEWAY = 5.0
LEEWAY_MAX = 60.0
"""As long as an assertion lasts: more would be no leeway."""


@dataclass(frozen=True)
class Given:
    """What the code said. None is left to the environment, and then to the default."""

    audience: str | None = None
    issuer: str | None = None
    jwks_url: str | None = None
    jwks_file: str | Path | None = None
    jwks: str | None = None
    algorithms: Collection[str] | None = None
    bind: Collection[str] | None = None
    leeway: float | None = None
    trust_headers: bool | None = None


@dataclass(frozen=True)
class Assertions:
    """Only assertions count."""

    expected: Expected
    keys: KeySource


@dataclass(frozen=True)
class TrustedHeaders:
    """The proxy is believed, and whoever else reaches the app."""


Settings = Assertions | TrustedHeaders


def settings(given: Given, environment: Mapping[str, str] = os.environ) -> Settings:
    said = said_in(environment)
    audience = given.audience if given.audience is not None else said.get("AUDIENCE")
    if switch(given.trust_headers, said.get("TRUST_HEADERS")):
        if audience is not None:
            raise ConfigurationError(
                "an audience and trust_headers are set: with trust_headers no assertion is looked at, so set one of the two"
            )
        return TrustedHeaders()
    if not audience:
        raise ConfigurationError(
            f"no audience is set: SidegateAuth(audience=…) or {PREFIX}AUDIENCE is what sidegate's assertion_audience is"
        )
    issuer = given.issuer if given.issuer is not None else said.get("ISSUER", ISSUER)
    if not issuer:
        raise ConfigurationError("the issuer is empty: it is what sidegate's assertion_issuer is")
    expected = Expected(
        audience=audience,
        issuer=issuer,
        algorithms=some_of("algorithms", ALGORITHMS, given.algorithms, said.get("ALGORITHMS"), default=ALGORITHMS),
        leeway=leeway(given.leeway, said.get("LEEWAY")),
        bind=some_of("bind", BINDINGS, given.bind, said.get("BIND"), default=()),
    )
    if not expected.algorithms:
        raise ConfigurationError(f"no algorithm is allowed: name some of {', '.join(ALGORITHMS)}")
    return Assertions(expected, keys(given, said))


def said_in(environment: Mapping[str, str]) -> dict[str, str]:
    """By name, without the prefix. One that is empty says nothing."""
    said = {
        name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX) and value
    }
    known = {field.name.upper() for field in fields(Given)}
    for name in sorted(said.keys() - known):
        if not name.startswith(("PORT", "SERVICE_")):  # Kubernetes makes these where a Service is named sidegate-app
            raise ConfigurationError(f"{PREFIX}{name} is no setting: there are {', '.join(sorted(known))}")
    return said


def keys(given: Given, said: Mapping[str, str]) -> KeySource:
    """Where the code names keys, the environment's are not asked."""
    coded = {"jwks_url": given.jwks_url, "jwks_file": given.jwks_file, "jwks": given.jwks}
    named = {name: said.get(name.upper()) for name in coded}
    sources = {name: value for name, value in coded.items() if value is not None}
    sources = sources or {name: value for name, value in named.items() if value is not None}
    if len(sources) > 1:
        raise ConfigurationError(f"{' and '.join(sources)} are set: keys come from one place")
    match next(iter(sources.items()), ("jwks_url", JWKS_URL)):
        case "jwks", value:
            try:
                return GivenKeys(parsed(str(value)))
            except InvalidJwks as error:
                raise ConfigurationError(f"jwks is no JWK Set to verify assertions by: {error}") from error
        case "jwks_file", value:
            return FetchedKeys(from_file(Path(value)))
        case _, value:
            return FetchedKeys(from_url(checked_url(str(value))))


def checked_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError as error:
        raise ConfigurationError(f"jwks_url is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not host or url.username is not None:
        raise ConfigurationError("jwks_url has to be http://… or https://…, without a user in it")
    if url.scheme == "http" and host not in ("127.0.0.1", "::1", "localhost"):
        log.warning("jwks_url leads to %s by plain http: whoever can answer in its place can make assertions", host)
    return text


def some_of(
    setting: str, known: Collection[str], coded: Collection[str] | None, said: str | None, *, default: Collection[str]
) -> frozenset[str]:
    if isinstance(coded, str):
        raise ConfigurationError(f"{setting} is a text: write ({coded!r},)")
    words = coded if coded is not None else said.split(",") if said is not None else default
    wanted = {word.strip() for word in words}
    if strangers := sorted(wanted - set(known)):
        raise ConfigurationError(f"{setting} has {strangers[0]!r}: there are {', '.join(known)}")
    return frozenset(wanted)


def switch(coded: object, said: str | None) -> bool:
    """In so many words: a text that is not empty, such as "false", is none."""
    word = said if coded is None else {True: "true", False: "false"}.get(coded) if isinstance(coded, bool) else "?"
    if word not in (None, "true", "false"):
        raise ConfigurationError(f"trust_headers, or {PREFIX}TRUST_HEADERS, is neither true nor false")
    return word == "true"


def leeway(coded: float | None, said: str | None) -> float:
    try:
        seconds = coded if coded is not None else float(said) if said is not None else LEEWAY
    except ValueError:
        raise ConfigurationError(f"{PREFIX}LEEWAY is no number of seconds") from None
    if not 0 <= seconds <= LEEWAY_MAX:
        raise ConfigurationError(f"leeway is {seconds}: it may be 0 to {LEEWAY_MAX:.0f} seconds")
    return seconds
