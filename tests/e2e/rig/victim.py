"""Somebody who goes on using the site while it is attacked. Nobody else knows the paths that she asks for."""

import json
import secrets
from functools import partial

import httpx

from .judge import Seen, Sender, identity_in
from .process import until
from .proxy import Proxy
from .wire import request

AFTERWARDS = 4
"""Requests after each volley. They go through connections that the attack may have left in disorder."""


class Victim:
    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._places: set[str] = set()

    def asked_for(self, seen: Seen) -> bool:
        """Whether that was a request of hers."""
        return seen["path"] in self._places

    def place(self) -> str:
        place = f"/api/{secrets.token_hex(8)}"
        self._places.add(place)
        return place

    def request(self, place: str) -> bytes:
        headers = [("Host", "app.example"), ("X-Case", self.sender.name), ("Cookie", self.sender.cookie or "")]
        return request("GET", place, [*headers, ("Connection", "close")])

    def wrong_in(self, place: str, reply: bytes) -> list[str]:
        """What is wrong with the answer to that request.

        None at all, or a 5xx, may be the overload of an attack: it is not somebody else's answer.
        """
        head, _, body = reply.partition(b"\r\n\r\n")
        version, _, rest = head.partition(b" ")
        if not reply or rest.startswith(b"5"):
            return []
        if version != b"HTTP/1.1":
            return [f"the victim asked for {place} and got {reply[:200]!r}"]
        return self._wrong(place, int(rest[:3]), body.decode("latin-1"))

    def asks(self, proxy: Proxy) -> list[str]:
        """What is wrong with her answers, one by one."""
        found = []
        for place in [self.place() for _ in range(AFTERWARDS)]:
            answer = until(partial(self._answer, proxy, place), "the victim is answered")
            found += self._wrong(place, answer.status_code, answer.text)
        return found

    def _answer(self, proxy: Proxy, place: str) -> httpx.Response | None:
        answer = proxy.ask(place, self.sender.cookie, headers=[("X-Case", self.sender.name)])
        return answer if answer.status_code < 500 else None

    def _wrong(self, place: str, status: int, body: str) -> list[str]:
        if status != 200:
            return [f"the victim asked for {place} and got {status}: {body[:200]}"]
        seen = json.loads(body)
        if seen["path"] != place or identity_in(seen) != self.sender.identity:
            return [f"the victim asked for {place} and got the answer to {seen}"]
        return []
