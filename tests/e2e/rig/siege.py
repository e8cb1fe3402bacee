"""A deployment under attack: proxies before witnesses, somebody without a session, somebody with one, their victim."""

import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import httpx

from .attacks import ADA, CASE, COOKIE, TOKEN, Attack, Fill
from .better_auth import SignedIn
from .callers import proxy_for
from .identity import identity_of
from .judge import Seen, Sender, breaches, identity_in, leads_astray, mark_of
from .ports import free_port
from .process import until
from .proxy import Edit, Neighbours, Proxy
from .stack import Stack
from .volley import fire
from .witness import Witness

PARSERS = ("h11", "httptools")
"""Both of uvicorn's: plain uvicorn has the one, `uvicorn[standard]` the other."""
VICTIMS = 4
"""Her requests after each volley. They go through connections that the attack may have left in disorder."""


class Siege:
    """One deployment, and those who are there. What Better Auth says of them is the truth."""

    def __init__(self, stack: Stack, mallory: SignedIn, victim: SignedIn) -> None:
        self._stack, self._victim = stack, victim
        self._witnesses: dict[str, tuple[Witness, Witness]] = {}
        self._proxies: dict[tuple[str, str], Proxy] = {}
        self.nobody = Sender("nobody", None, [])
        self.mallory, self.ada = self._known("mallory", mallory), self._known("ada", victim)
        self._ada_id = dict(self.ada.identity)["x-auth-user-id"]

    def proxy(self, caller: str, parser: str) -> Proxy:
        """That caller with its shipped file, before the witnesses with that parser."""
        key = (caller, parser)
        if key not in self._proxies:
            self._proxies[key] = self.further(caller, parser, f"{caller}-{parser}").start()
        return self._proxies[key]

    def further(self, caller: str, parser: str, name: str, *edits: Edit, sidegate: str | None = None) -> Proxy:
        """One more, not started, with edits to its files, or another in sidegate's place."""
        app, better_auth = self._witnesses_with(parser)
        place = sidegate or f"127.0.0.1:{self._stack.sidegate_port}"
        neighbours = Neighbours(better_auth.echo.port, app.echo.port, place)
        return proxy_for(caller)(self._stack.home / name, free_port(), neighbours, edits)

    def app_address(self, parser: str) -> str:
        return f"127.0.0.1:{self._witnesses_with(parser)[0].echo.port}"

    def reached_app(self, parser: str) -> list[Seen]:
        """All that reached the app since the last attack, or since this was asked last."""
        return self._witnesses_with(parser)[0].reached()

    def stop(self) -> None:
        for proxy in self._proxies.values():
            proxy.stop()
        for pair in self._witnesses.values():
            for witness in pair:
                witness.stop()

    def attack(self, proxy: Proxy, parser: str, attacks: Sequence[Attack], *, preflights: bool = False) -> list[str]:
        """Everything that went wrong when all of them were sent at once, by nobody and by Mallory.

        `preflights`: sidegate lets them by.
        """
        app, better_auth = self._witnesses_with(parser)
        app.reached(), better_auth.reached()  # what was there before is nobody's
        names, volley = [], []
        for attack in attacks:
            for sender in (self.nobody, self.mallory):
                names.append(f"{sender.name}/{attack.name}")
                volley.append(attack.filled(self._fill(sender, names[-1])))
        replies = fire(proxy.address, volley)
        found = [
            f"{name}: {what}"
            for name, sent, reply in zip(names, volley, replies, strict=True)
            for what in leads_astray(sent[0], reply)
        ]
        places, unlike = self._ask_as_victim(proxy)
        senders = (self.mallory, self.ada)
        for seen in app.reached():
            wrong = breaches(seen, senders, preflights=preflights)
            if mark_of(seen) == self.ada.name and seen["path"] not in places:
                wrong.append("a request of Ada's that she did not send")
            found += [f"{told(seen)}: {what}" for what in wrong]
        found += [
            f"Better Auth, {told(seen)}: {identity}"
            for seen in better_auth.reached()
            if (identity := identity_in(seen))
        ]
        return found + unlike

    def _known(self, name: str, person: SignedIn) -> Sender:
        verdict = self._stack.better_auth.session_of(person.cookie)
        assert verdict
        return Sender(name, person.cookie, sorted(identity_of(verdict).items()))

    def _ask_as_victim(self, proxy: Proxy) -> tuple[set[str], list[str]]:
        """The paths that she asked for, which no attacker can know, and whatever she got but her own answers."""
        places, unlike = set(), []
        for _ in range(VICTIMS):
            place = f"/api/{secrets.token_hex(8)}"
            places.add(place)
            # An attack may overload what it does not open: a 5xx is no answer of somebody else's.
            answer = until(partial(self._answer_to_victim, proxy, place), "Ada is answered")
            if answer.status_code != 200:
                unlike.append(f"Ada got {answer.status_code} for {place}: {answer.text[:200]}")
            elif (seen := answer.json())["path"] != place or identity_in(seen) != self.ada.identity:
                unlike.append(f"Ada asked for {place} and got the answer to {seen}")
        return places, unlike

    def _answer_to_victim(self, proxy: Proxy, place: str) -> httpx.Response | None:
        answer = proxy.ask(place, self._victim.cookie, headers=[("X-Case", self.ada.name)])
        return answer if answer.status_code < 500 else None

    def _witnesses_with(self, parser: str) -> tuple[Witness, Witness]:
        """One in the app's place, one in Better Auth's."""
        if parser not in self._witnesses:
            self._witnesses[parser] = (Witness(self._stack.home, parser), Witness(self._stack.home, parser))
        return self._witnesses[parser]

    def _fill(self, sender: Sender, mark: str) -> Fill:
        victim = self._victim
        # Her token, which a leak may have told, with a signature of nobody's making.
        forged = f"{victim.name}={victim.token}.{'A' * 43}%3D"
        gaps = {COOKIE: sender.cookie or forged, CASE: mark, ADA: self._ada_id, TOKEN: victim.token}

        def fill(text: bytes) -> bytes:
            if not sender.cookie:
                text = text.replace(b"Cookie: " + COOKIE + b"\r\n", b"")
            for gap, value in gaps.items():
                text = text.replace(gap, value.encode("latin-1"))
            return text

        return fill


def told(seen: Seen) -> str:
    """A request as it stands in a test's report."""
    case = [value for name, value in seen["headers"] if name == "x-case"]
    return f"{case or 'unmarked'}, {seen['method']} {seen['path']!r} {seen['query'][:80]!r}"


def listed(found: Iterable[Any]) -> str:
    lines = [str(one)[:600] for one in found]
    return "\n".join([f"{len(lines)} breaches", *lines[:25]])
