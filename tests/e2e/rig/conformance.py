"""One cell of the conformance matrix: a client asks a proxy, and all that can be seen of that is compared with what has
to be seen: the client's answer, and what reached the app."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .better_auth import SignedIn
from .habits import HABITS
from .proxy import Proxy
from .site import Person
from .wire import Closed, Reply, Wire, request
from .witness import Witness, identity_seen

HOST = "app.example:8080"
"""What the client calls the site. Not its address, so that nothing of this machine gets into the matrix."""

AnyPerson = Person | SignedIn
Lines = Iterable[tuple[str, str]]
Asked = tuple[str, str, bytes]
"""Method, target and body, as the app has to see them."""

NOBODY: dict[str, str] = {}
ANONYMOUS = {"x-auth-status": "anonymous"}

PAGE = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
NAVIGATION = [*PAGE, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
FRAME = [*PAGE, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]
FORM = [*NAVIGATION, ("Content-Type", "application/x-www-form-urlencoded")]
FETCH = [("Accept", "*/*"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")]
PREFLIGHT = [*FETCH, ("Origin", "https://elsewhere.example"), ("Access-Control-Request-Method", "PUT")]
"""What a browser sends: opening a page, in a frame, by a form's POST; a script; before another site's script."""


@dataclass(frozen=True)
class Told:
    """What the client was told, of all that sidegate or the proxy may say."""

    status: int
    reason: str | None = None
    body: Any = None
    """sidegate's own, JSON decoded. A page of the proxy's counts as none."""
    location: str | None = None
    cookies: tuple[str, ...] = ()
    """Names of those that it was given."""
    retry_after: str | None = None
    no_store: bool = False
    leaked: tuple[str, ...] = ()
    """Headers that are between sidegate and its proxy, or between the proxy and the app."""


class Cell:
    """A scenario at a caller. `word` is what the matrix says of it, once it was compared."""

    def __init__(self, caller: str, proxy: Proxy, witness: Witness) -> None:
        self.caller, self.proxy, self.habits = caller, proxy, HABITS[caller]
        self.word = ""
        self._witness = witness
        self._reply: Reply | None = None
        self._asked = ("", "", b"")

    def ask(
        self,
        target: str = "/api/x",
        person: AnyPerson | None = None,
        *,
        method: str = "GET",
        headers: Lines = (),
        body: bytes = b"",
        wire: Wire | None = None,
    ) -> "Cell":
        """One request on a connection of its own, or on `wire`."""
        length = [("Content-Length", str(len(body)))] if body else []
        sent = request(method, target, [("Host", HOST), *cookie_of(person), *headers, *length])
        return self.send((method, target, body), sent, body, wire)

    def send(self, asked: Asked, head: bytes, body: bytes, wire: Wire | None = None) -> "Cell":
        """The same in the bytes that are given. The body waits for 100 where the head expects it."""
        self._begin(asked)
        own = wire or Wire(self.proxy.address)
        try:
            waits = b"100-continue" in head
            # Whoever refuses may answer, and end the connection, before all of a body was sent.
            with suppress(ConnectionError):
                own.send(head if waits else head + body)
            self._reply = own.read(head=asked[0] == "HEAD")
            if waits and self._reply.status == 100:
                own.send(body)
            while self._reply.status == 100:  # of each program on the way, maybe
                self._reply = own.read()
        except (Closed, ConnectionError, TimeoutError):
            self._reply = None
        finally:
            if wire is None:
                own.close()
        return self

    def open_socket(self, person: AnyPerson | None = None, headers: Lines = ()) -> "Cell":
        """Opens one at /ws, and if that succeeds has a word echoed."""
        self._begin(("websocket", "/ws", b""))
        try:
            sent = [*cookie_of(person), *headers]
            with connect(f"ws://127.0.0.1:{self.proxy.port}/ws", additional_headers=sent) as socket:
                json.loads(socket.recv())
                socket.send("hello")
                assert socket.recv() == "hello"
                self._reply = Reply(101, "HTTP/1.1")
        except InvalidStatus as refused:
            answer = refused.response
            headers = list(answer.headers.raw_items())
            self._reply = Reply(answer.status_code, "HTTP/1.1", headers, bytes(answer.body or b""))
        return self

    @property
    def reply(self) -> Reply:
        assert self._reply, "there was no answer"
        return self._reply

    def reaches_the_app(
        self, identity: Mapping[str, str], status: int = 200, *, cookie: str | None = None, no_store: bool = False
    ) -> dict[str, Any]:
        """The app was asked, once, as the client asked, by who these headers say and nobody else; its answer came back,
        with that cookie of sidegate's. All that it saw."""
        assert (all_seen := self._witness.reached()), f"the app was not asked: {told_by(self.reply)}"
        [seen] = all_seen
        method, asked, body = self._asked
        path, _, query = asked.partition("?")
        assert (seen["method"], seen["path"], seen["query"]) == (method, path, query)
        digest = hashlib.sha256(body).hexdigest()
        length = seen["body_length"]
        assert (length, seen["body_sha256"]) == (len(body), digest), f"{length} of {len(body)}"
        assert (told := identity_seen(seen)) == sorted(identity.items()), f"{told}, not {identity}"
        expected = Told(status, cookies=(cookie,) if cookie else (), no_store=no_store)
        assert (answer := told_by(self.reply)) == expected, f"{answer}, not {expected}"
        assert bool(self.reply.body) == (method not in ("HEAD", "websocket")), "the app's own answer"
        self.word = f"{status}{whose(identity)}{' + cookie' if cookie else ''}"
        return dict(seen)

    def is_refused(self, status: int, reason: str) -> None:
        """The client got that status, and as much of the reason as its proxy hands on. The app was not asked."""
        body = {"error": {401: "unauthenticated", 403: "forbidden"}[status], "reason": reason}
        tells = self.habits.body and self._asked[0] != "HEAD"
        hands_on = self.habits.reason
        # nginx's login-redirect.conf says so of its own 401 too.
        no_store = hands_on or (status == 401 and self._asked[1].startswith("/dashboard/"))
        self._is_told(Told(status, reason if hands_on else None, body if tells else None, no_store=no_store))

    def is_told_to_wait(self) -> None:
        """sidegate cannot know: neither signed out nor let by."""
        explains = self.habits.explains
        reason = "store_unavailable" if explains else None
        body = {"error": "unavailable", "reason": reason} if explains and self.habits.body else None
        again = "1" if self.habits.retry_after[0] else None
        self._is_told(Told(self.habits.unavailable, reason, body, retry_after=again, no_store=explains))

    def is_sent_to(self, place: str, status: int = 302, reason: str = "no_credential") -> None:
        """To sign in, at that path of the site or whole URL. By whomever it is that sends people there."""
        own = self.habits.redirect == "proxy"
        whole = self.habits.redirect == "absolute" and place.startswith("/")
        location = f"http://{HOST}{place}" if whole else place
        counted = ("sidegate-redirects",)
        self._is_told(Told(status, None if own else reason, None, location, counted, no_store=True))
        self.word = f"{status} → {location.split('?')[0]}"

    def has_it_explained(self) -> None:
        """A page for people, instead of one more redirect."""
        page = self._page()
        assert page and "For whoever runs this site" in page
        own = self.habits.redirect == "proxy"
        self._is_told(Told(401, None if own else "login_loop", page, no_store=True))
        self.word = "401, explained"

    def fails(self, status: int) -> None:
        """The proxy's own answer to what it does not take."""
        self._is_told(Told(status, body=self._page()))

    def finds_no_sidegate(self, status: int | None) -> None:
        """The proxy's own answer where it got none, or None where the client does not get one in time either."""
        if status is None:
            assert self._reply is None and self._witness.reached() == []
            self.word = "none in time"
            return
        again = "1" if self.habits.retry_after[1] else None
        self._is_told(Told(status, body=self._page(), retry_after=again))

    def _page(self) -> str | None:
        """A text for people, the proxy's own or ours."""
        page = told_by(self.reply).body
        assert not isinstance(page, dict), f"sidegate said {page}"
        return page

    def _begin(self, asked: Asked) -> None:
        self._witness.reached()
        self._asked, self._reply, self.word = asked, None, ""

    def _is_told(self, expected: Told) -> None:
        told = told_by(self.reply)
        assert (seen := self._witness.reached()) == [], f"the app was asked: {seen}"
        assert told == expected, f"{told}, not {expected}"
        self.word = f"{told.status} {told.reason}" if told.reason else str(told.status)


def cookie_of(person: AnyPerson | None) -> list[tuple[str, str]]:
    who = person.who if isinstance(person, Person) else person
    return [("Cookie", who.cookie)] if who else []


def whose(identity: Mapping[str, str]) -> str:
    return {"user": "", "anonymous": " anonymous"}[identity["x-auth-status"]] if identity else " nobody"


def told_by(reply: Reply) -> Told:
    def values(wanted: str) -> list[str]:
        return [value for name, value in reply.headers if name.lower() == wanted]

    names = [name.lower() for name, _ in reply.headers]
    return Told(
        reply.status,
        reply.get("x-auth-reason"),
        refusal_in(reply),
        reply.get("location"),
        tuple(value.partition("=")[0] for value in values("set-cookie")),
        reply.get("retry-after"),
        "no-store" in values("cache-control"),
        tuple(name for name in names if name.startswith(("x-auth-", "x-envoy-auth")) and name != "x-auth-reason"),
    )


def refusal_in(reply: Reply) -> Any:
    """The body, if it is of the kind that sidegate writes: JSON with an `error`, or plain text."""
    kind = (reply.get("content-type") or "").split(";")[0]
    if reply.body and kind == "text/plain":
        return reply.body.decode()
    if reply.body and kind == "application/json":
        body = json.loads(reply.body)
        return body if "error" in body else None
    return None
