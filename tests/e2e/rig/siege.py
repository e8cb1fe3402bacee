"""A deployment under attack: proxies before witnesses, somebody without a session, somebody with one, their victim."""

from collections.abc import Iterable, Sequence
from typing import Any

from .attacks import ADA, CASE, COOKIE, TOKEN, Attack, Fill
from .better_auth import SignedIn
from .callers import proxy_for
from .identity import identity_of
from .judge import Seen, Sender, breaches, identity_in, leads_astray, mark_of
from .ports import free_port
from .proxy import Edit, Neighbours, Proxy
from .stack import Stack
from .victim import Victim
from .volley import fire
from .witness import Witness

EACH = 20
"""Requests of attackers for one of the victim's, all at once."""


class Siege:
    """One deployment, and those who are there. What Better Auth says of them is the truth."""

    def __init__(self, stack: Stack, mallory: SignedIn, victim: SignedIn) -> None:
        self._stack, self._victim = stack, victim
        self._witnesses: dict[str, tuple[Witness, Witness]] = {}
        self._proxies: dict[tuple[str, str], Proxy] = {}
        self.nobody = Sender("nobody", None, [])
        self.mallory, self.ada = self._known("mallory", mallory), self._known("ada", victim)
        self._ada = Victim(self.ada)
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
        names, volley = self._volley(attacks)
        found = []
        for name, sent, reply in zip(names, volley, fire(proxy.address, volley), strict=True):
            wrong = self._ada.wrong_in(name, reply) if name.startswith("/") else leads_astray(sent[0], reply)
            found += [f"{name}: {what}" for what in wrong]
        found += self._ada.asks(proxy)
        for seen in app.reached():
            wrong = breaches(seen, (self.mallory, self.ada), preflights=preflights)
            if mark_of(seen) == self.ada.name and not self._ada.asked_for(seen):
                wrong.append("a request of the victim's that she did not send")
            found += [f"{told(seen)}: {what}" for what in wrong]
        for seen in better_auth.reached():
            if identity := identity_in(seen):
                found.append(f"Better Auth, {told(seen)}: {identity}")
        return found

    def _volley(self, attacks: Sequence[Attack]) -> tuple[list[str], list[list[bytes]]]:
        """What is sent, by connection, and what it is called: the victim's own, one among `EACH`, by their paths."""
        names: list[str] = []
        volley: list[list[bytes]] = []
        for attack in attacks:
            for sender in (self.nobody, self.mallory):
                names.append(f"{sender.name}/{attack.name}")
                volley.append(attack.filled(self._fill(sender, names[-1])))
            if len(volley) % EACH < 2:
                names.append(self._ada.place())
                volley.append([self._ada.request(names[-1])])
        return names, volley

    def _known(self, name: str, person: SignedIn) -> Sender:
        verdict = self._stack.better_auth.session_of(person.cookie)
        assert verdict
        return Sender(name, person.cookie, sorted(identity_of(verdict).items()))

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
