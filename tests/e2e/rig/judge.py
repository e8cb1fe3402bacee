"""What must hold of everything that reaches an app, whatever was sent, and of every redirect.

1. What the app takes for a protected path is there only with the true identity of whoever sent it.
2. Whatever some server could take for an identity header is sidegate's: all of it, as it said it, or nothing at all.
3. No upgrade but a WebSocket's is asked of the app: behind another, nothing more would be checked.
4. Nobody is sent to another host to sign in, or from there.

The app's path is what uvicorn decodes, which Starlette compares as it is (`scope["path"]`, no `..` resolved). Others
go further, so it is also that with dot segments and doubled slashes resolved, with `\\` for a slash, and without `;…`.
It is not decoded twice, and letters keep their case: an app that does either has other paths than its proxy knows of.

No identity at all would be enough for an app that refuses whoever lacks X-Auth-Status. It is accepted beside public
paths alone: beside a protected one, an identity that a client can shed is one that it can hide.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .attacks import NAMES

Seen = dict[str, Any]
"""A request as the witness tells it."""
Identity = list[tuple[str, str]]

IDENTITY = {f"x-auth-{name.lower()}" for name in NAMES}
ANONYMOUS: Identity = [("x-auth-status", "anonymous")]


@dataclass(frozen=True)
class Sender:
    """Who sends a request: as the app may know them, and the mark that their requests carry."""

    name: str
    cookie: str | None
    identity: Identity
    """Sorted; empty for somebody without a session."""


def breaches(seen: Seen, senders: Iterable[Sender], *, preflights: bool = False) -> list[str]:
    """What is wrong with a request that reached the app, in words. `preflights`: they may pass as nobody's."""
    sender = next((sender for sender in senders if mark_of(seen) == sender.name), None)
    own = sender.identity if sender else []
    told, headers = identity_in(seen), seen["headers"]
    found = []
    if told and told != own and not (preflights and told == ANONYMOUS and is_preflight(seen)):
        found.append(f"the identity {told} is not that of {sender.name if sender else 'nobody'}")
    if is_protected(seen) and not told:
        found.append("a protected path, and nobody known")
    upgrades = [value for name, value in headers if name == "upgrade" and value.strip().lower() != "websocket"]
    if upgrades:
        found.append(f"an upgrade to {upgrades}")
    return found


def mark_of(seen: Seen) -> str:
    marks = [value for name, value in seen["headers"] if name == "x-case"]
    return marks[0].partition("/")[0] if marks else ""


def identity_in(seen: Seen) -> Identity:
    """All whose names some server reads as those of identity headers, sorted.

    Servers that make variables of names write `_` for every character but letters and digits. What stands around a
    name counts too: some strip it.
    """
    pairs = [(name, value) for name, value in seen["headers"]]
    return sorted(
        (name, value) for name, value in pairs if re.sub("[^a-z0-9]", "-", name.lower()).strip("-") in IDENTITY
    )


def is_preflight(seen: Seen) -> bool:
    """Fetch §3.3.2."""
    named = [name for name, value in seen["headers"] if value]
    return seen["method"] == "OPTIONS" and {"origin", "access-control-request-method"} <= set(named)


def is_protected(seen: Seen) -> bool:
    """Whether some app takes the path for one that the shipped files protect."""
    return any(is_among_protected(form) for reading in readings(seen["path"]) for form in (reading, resolved(reading)))


def readings(target: str) -> set[str]:
    """As it came, and without a host before it; decoded; without parameters, and with `\\` for a slash."""
    came = {target, re.sub(r"^[A-Za-z]+://[^/]*", "", target)}
    decoded = came | {unquote(path) for path in came}
    return decoded | {re.sub(r";[^/]*", "", path.replace("\\", "/")) for path in decoded}


def is_among_protected(path: str) -> bool:
    # In the shipped files, what is below /api/auth/ goes to Better Auth: an app has nothing there.
    is_api = path.startswith("/api/") and not path.startswith("/api/auth/")
    return is_api or path == "/ws" or path.startswith("/dashboard/")


def resolved(path: str) -> str:
    """Without dot segments (RFC 3986 §5.2.4) and empty ones, as proxies and file systems do it."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if segments and segments[-1] in ("", ".", "..") and kept else ""
    return "/" + "/".join(kept) + end


def leads_astray(sent: bytes, reply: bytes) -> list[str]:
    """What is wrong with the redirects in a reply.

    A client that made up its own host may be sent there: nobody else is.
    """
    asked = {host.strip().decode("latin-1") for host in re.findall(rb"(?im)^host:([^\r\n]*)", sent)}
    asked |= {host.decode("latin-1") for host in re.findall(rb"^\w+ https?://(?:[^/\s]*@)?([^/\s]*)", sent)}
    found = []
    for location in re.findall(rb"(?im)^location:[ \t]*([^\r\n]*)", reply):
        text = location.decode("latin-1")
        url = urlsplit(text)
        if not re.match(r"https?://[\w.-]+(:\d+)?(/|$)|/($|[^/\\])", text) or url.hostname not in {
            None,
            *map(without_port, asked),
        }:
            found.append(f"to another host: {text}")
        for place in parse_qs(url.query).get("return_to", []):
            if not re.match(r"/($|[^/\\])", re.sub(r"[\t\r\n]", "", place)):
                found.append(f"back to another host: {text}")
    return found


def without_port(host: str) -> str:
    return re.sub(r":\d*$", "", host).lower()
