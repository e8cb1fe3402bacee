"""Proxies that were left open on purpose, and no proxy at all: what a client writes reaches the app, and the app of
deploy/fastapi refuses all of it. The same app that trusts headers is fooled each time: so it did reach it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from conftest import World
from rig.better_auth import SignedIn
from rig.forger import FORGERIES, HEADER, PLAIN, Forger, Target
from rig.ports import free_port
from rig.process import run
from rig.proxy import Edit, Proxy
from rig.sidegate import Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.uvicorn import Uvicorn, fastapi_app
from test_sign_in import set_expiry

AUDIENCE = "https://app.example"
HOLE = "/api/me"
"""The path that is open. The others of the app are protected as shipped."""


def nginx_hole(lines: str) -> list[Edit]:
    """One more location, written by somebody who forgot `include sidegate/protect.conf`; and the same for the socket's."""
    socket = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
    return [
        (
            "        location /api/ {",
            f"        location = {HOLE} {{ {lines} proxy_pass http://fastapi; }}\n        location /api/ {{",
        ),
        ("location = /ws {\n            include sidegate/protect.conf;", f"location = /ws {{ {lines} {socket}"),
    ]


# Fails open, and hands on what clients send: the filter that removes it works on answers.
FAILING_OPEN: list[Edit] = [
    ("failure_mode_allow: false", "failure_mode_allow: true"),
    ("request_mutations:", "response_mutations:"),
]


@dataclass(frozen=True)
class Mistake:
    caller: str
    edits: list[Edit]
    host: str | None = None
    """What the app is told that it is called, if not what the client asked for."""
    asks: bool = False
    """Whether sidegate is asked, so that whoever gets by is signed in as somebody."""


MISTAKES = {
    "nginx without auth_request": Mistake("nginx", nginx_hole(""), host="fastapi"),
    "nginx without proxy_set_header": Mistake(
        "nginx", nginx_hole("auth_request /_sidegate;"), host="fastapi", asks=True
    ),
    "Envoy failing open, HTTP": Mistake("envoy", FAILING_OPEN),
    "Envoy failing open, gRPC": Mistake("envoy-grpc", FAILING_OPEN),
}


@dataclass
class Door:
    """A way to the app that is open: the address, and the rest of what a client needs."""

    port: int
    host: str
    """What the app is told that it is called."""
    cookie: str | None = None

    def ask(self, path: str, headers: dict[str, str]) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, headers=headers | self._cookies, timeout=20, trust_env=False)

    def open_socket(self, headers: dict[str, str]) -> str:
        url = f"ws://127.0.0.1:{self.port}/ws"
        with connect(url, additional_headers=headers | self._cookies, proxy=None) as socket:
            socket.send("hello")
            return str(socket.recv())

    @property
    def _cookies(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}


@pytest.fixture(scope="module")
def place(world: World) -> Path:
    home = world.home / "open-proxies"
    home.mkdir()
    return home


@pytest.fixture(scope="module")
def forger(place: Path, on_sqlite: Stack) -> Iterator[Forger]:
    """Two sidegates with one key. Neither is what the open proxies ask, so they may be down."""
    key, jwks = place / "key.pem", place / "jwks.json"
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], place)
    key.chmod(0o600)

    def soon_out() -> SignedIn:
        person = on_sqlite.better_auth.sign_in()
        ends = (datetime.now(UTC) + timedelta(seconds=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        set_expiry(on_sqlite, person.token, literal(ends))
        return person

    settings = {"assertion_key_file": str(key), "assertion_bind": "host,request"}
    with (
        Sidegate(
            place, on_sqlite.store, assertion_audience=AUDIENCE, assertion_jwks_file=str(jwks), **settings
        ) as gate,
        Sidegate(place, on_sqlite.store, assertion_audience="https://other.example", **settings) as elsewhere,
    ):
        yield Forger(AUDIENCE, gate, elsewhere, jwks, on_sqlite.ada, soon_out)


@pytest.fixture(scope="module")
def believing(place: Path, forger: Forger) -> Iterator[Uvicorn]:
    """The app as it should be."""
    with_keys = {"jwks_file": str(forger.jwks), "bind": "host,request", "leeway": "0"}
    app = fastapi_app("believing", place, audience=AUDIENCE, **with_keys)
    yield app
    app.stop()


@pytest.fixture(scope="module")
def trusting(place: Path) -> Iterator[Uvicorn]:
    """The app that goes by plain headers."""
    app = fastapi_app("trusting", place, trust_headers="true")
    yield app
    app.stop()


MakeGate = Callable[[], Sidegate]


@dataclass
class Opened:
    """The same mistake before each of the two apps."""

    believing: Door
    trusting: Door
    proxies: list[Proxy]
    gate: MakeGate
    """Starts the sidegate that they ask."""


@pytest.fixture(scope="module", params=MISTAKES)
def opened(
    request: pytest.FixtureRequest,
    on_sqlite: Stack,
    place: Path,
    forger: Forger,
    believing: Uvicorn,
    trusting: Uvicorn,
) -> Iterator[Opened]:
    mistake = MISTAKES[request.param]
    port = free_port()

    def gate() -> Sidegate:
        key = {"assertion_key_file": str(place / "key.pem"), "assertion_bind": "host,request"}
        return Sidegate(place, on_sqlite.store, listen=f"127.0.0.1:{port}", assertion_audience=AUDIENCE, **key)

    doors, proxies = [], []
    for app in (believing, trusting):
        name = f"{request.param}-{app.process.name}".replace(" ", "-").replace(",", "")
        proxy = on_sqlite.further_proxy(
            mistake.caller, name, *mistake.edits, sidegate=f"127.0.0.1:{port}", app=app
        ).start()
        proxies.append(proxy)
        cookie = on_sqlite.ada.cookie if mistake.asks else None
        doors.append(Door(proxy.port, mistake.host or f"127.0.0.1:{proxy.port}", cookie))
    running = gate() if mistake.asks else None
    yield Opened(*doors, proxies, gate)
    for program in [*proxies, *([running] if running else [])]:
        program.stop()


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_app_refuses_what_an_open_proxy_lets_by(opened: Opened, forger: Forger, forgery: str) -> None:
    is_refused(opened.believing, forger, forgery)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_app_opens_no_socket_for_what_an_open_proxy_lets_by(opened: Opened, forger: Forger, forgery: str) -> None:
    opens_no_socket(opened.believing, forger, forgery)


def test_an_app_that_trusts_headers_is_fooled(opened: Opened) -> None:
    told = opened.trusting.ask(HOLE, PLAIN)
    assert (told.status_code, told.json()["id"], told.json()["roles"]) == (200, "root", ["admin"])
    assert opened.trusting.open_socket(PLAIN) == "root: hello"


def test_a_genuine_assertion_gets_by_and_spoofs_beside_it_say_nothing(opened: Opened, forger: Forger) -> None:
    """Whoever is let by the open proxy with it: it did reach the app, and it is the app that refuses all else."""
    door = opened.believing
    told = door.ask(HOLE, PLAIN | {HEADER: forger.captured(forger.gate, forger.victim, Target(door.host, HOLE))})
    assert (told.status_code, told.json()["email"], told.json()["roles"]) == (200, forger.victim.email, [])


@pytest.fixture
def answering(opened: Opened, request: pytest.FixtureRequest) -> Iterator[None]:
    """The sidegate that the proxies ask runs, if only for this test."""
    mistake = MISTAKES[request.node.callspec.params["opened"]]
    if mistake.asks:
        yield
        return
    with opened.gate():
        yield


@pytest.mark.usefixtures("answering")
def test_whoever_is_signed_in_gets_by_the_same_proxy_where_it_asks(opened: Opened, on_sqlite: Stack) -> None:
    for proxy in opened.proxies:
        answer = proxy.ask("/api/hello", on_sqlite.ada.cookie)
        assert (answer.status_code, answer.json()) == (200, {"message": "Hello, Ada Lovelace"})
        assert proxy.ask("/api/hello").status_code == 401
    # Before the app that trusts headers, what the proxy itself writes counts as well: no mistake is made there.
    note = opened.proxies[0].ask(
        "/api/notes", on_sqlite.ada.cookie, "POST", headers=list(PLAIN.items()), json={"text": "x"}
    )
    known = on_sqlite.better_auth.session_of(on_sqlite.ada.cookie)
    assert known and (note.status_code, note.json()["author"]) == (201, known["user"]["id"])


@pytest.mark.parametrize("caller", ["envoy", "envoy-grpc"])
def test_an_envoy_that_only_fails_open_lets_everybody_be_nobody(
    on_sqlite: Stack, place: Path, believing: Uvicorn, forger: Forger, caller: str
) -> None:
    """As shipped otherwise: it removes what clients send before it asks."""
    nobody, edit = f"127.0.0.1:{free_port()}", FAILING_OPEN[0]
    proxy = on_sqlite.further_proxy(caller, f"only-{caller}", edit, sidegate=nobody, app=believing).start()
    try:
        door = Door(proxy.port, f"127.0.0.1:{proxy.port}", on_sqlite.ada.cookie)
        genuine = {HEADER: forger.captured(forger.gate, forger.victim, Target(door.host, HOLE))}
        for headers in ({}, PLAIN, genuine):
            answer = door.ask(HOLE, headers)
            assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "no_assertion")
            assert door.ask("/api/hello", headers).json() == {"message": "Hello, whoever you are"}
    finally:
        proxy.stop()


# --- without a proxy


@pytest.fixture(scope="module")
def direct(believing: Uvicorn) -> Door:
    return Door(believing.port, f"127.0.0.1:{believing.port}")


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_app_refuses_whoever_goes_round_the_proxy(direct: Door, forger: Forger, forgery: str) -> None:
    is_refused(direct, forger, forgery)
    opens_no_socket(direct, forger, forgery)


def test_an_app_that_trusts_headers_is_fooled_by_whoever_goes_round_the_proxy(trusting: Uvicorn) -> None:
    told = Door(trusting.port, "").ask(HOLE, PLAIN)
    assert (told.status_code, told.json()["id"]) == (200, "root")


def test_a_forgery_beside_a_genuine_assertion_spoils_it(direct: Door, forger: Forger) -> None:
    good = forger.captured(forger.gate, forger.victim, Target(direct.host, HOLE))
    forged = forger.self_signed(Target(direct.host, HOLE))[HEADER]
    url = f"http://127.0.0.1:{direct.port}{HOLE}"
    assert direct.ask(HOLE, {HEADER: good}).status_code == 200
    for lines in ([good, forged], [forged, good]):
        answer = httpx.get(url, headers=[(HEADER, line) for line in lines], trust_env=False)
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "two_assertions")


def test_a_socket_ends_with_the_session_that_opened_it(direct: Door, forger: Forger) -> None:
    """The assertion is over before that, or with it: it says when the session is."""
    told = forger.captured(forger.gate, forger.soon_out(), Target(direct.host, "/ws"))
    with connect(f"ws://{direct.host}/ws", additional_headers={HEADER: told}, proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
    assert closed.value.rcvd and (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "session expired")


def test_while_the_keys_are_out_of_reach_forgeries_are_no_more_believed(place: Path, forger: Forger) -> None:
    """sidegate is down, and the app has never seen its keys: that is no time to let anybody by."""
    nowhere = f"http://127.0.0.1:{free_port()}/.well-known/jwks.json"
    app = fastapi_app("keyless", place, audience=AUDIENCE, jwks_url=nowhere)
    try:
        door = Door(app.port, f"127.0.0.1:{app.port}")
        for forgery, _ in FORGERIES.values():
            answer = door.ask(HOLE, dict(forgery(forger, Target(door.host, HOLE))))
            reason = answer.json()["detail"]["reason"]
            assert (answer.status_code, reason) in (
                (503, "keys_unavailable"),
                (401, "no_assertion"),
                (401, "algorithm_not_allowed"),
            )
    finally:
        app.stop()


def test_the_keys_are_fetched_from_sidegate_itself(place: Path, forger: Forger) -> None:
    address = forger.gate.admin_address
    assert isinstance(address, tuple)
    url = f"http://127.0.0.1:{address[1]}/.well-known/jwks.json"
    app = fastapi_app("fetching", place, audience=AUDIENCE, jwks_url=url)
    try:
        door = Door(app.port, f"127.0.0.1:{app.port}")
        told = door.ask(HOLE, {HEADER: forger.captured(forger.gate, forger.victim, Target(door.host, HOLE))})
        assert (told.status_code, told.json()["email"]) == (200, forger.victim.email)
        is_refused(door, forger, "self-signed")
    finally:
        app.stop()


def is_refused(door: Door, forger: Forger, name: str) -> None:
    forgery, reason = FORGERIES[name]
    answer = door.ask(HOLE, dict(forgery(forger, Target(door.host, HOLE))))
    assert (answer.status_code, answer.json()["detail"]["reason"]) in refusals(reason), answer.text
    header, value = ("retry-after", "1") if answer.status_code == 503 else ("www-authenticate", 'Bearer realm="sidegate"')
    assert answer.headers[header].startswith(value)


def opens_no_socket(door: Door, forger: Forger, name: str) -> None:
    forgery, reason = FORGERIES[name]
    with pytest.raises(InvalidStatus) as refused:
        door.open_socket(dict(forgery(forger, Target(door.host, "/ws"))))
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body)["detail"]["reason"]) in refusals(reason)


def refusals(reason: str) -> set[tuple[int, str]]:
    """A key that the app does not know may have been made since it fetched them, where it may not fetch them again yet."""
    return {(401, reason)} | ({(503, "keys_unavailable")} if reason == "unknown_key" else set())
