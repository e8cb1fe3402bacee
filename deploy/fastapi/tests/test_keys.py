"""Keys that are fetched: when, how often, and what holds while they cannot be. The server is a real one."""

import asyncio
import gc
import gzip
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from minting import Signer, ed25519, jwks
from serving import KeyServer, answering, key_server
from sidegate_fastapi import Reason, Refused
from sidegate_fastapi import fetch as fetching
from sidegate_fastapi.fetch import Fetch, from_file, from_url
from sidegate_fastapi.jwks import Key
from sidegate_fastapi.keys import FetchedKeys, Lifetimes


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(eddsa: Signer) -> Iterator[KeyServer]:
    with key_server(answering(jwks(eddsa))) as server:
        yield server


@pytest.fixture
def keys(server: KeyServer, clock: Clock) -> FetchedKeys:
    return FetchedKeys(from_url(server.url), clock=clock)


LIFE = Lifetimes()


def found(keys: FetchedKeys, kid: str) -> bool:
    return asyncio.run(asked(keys, kid)) is not None


def is_unavailable(keys: FetchedKeys, kid: str) -> bool:
    with pytest.raises(Refused) as refused:
        asyncio.run(asked(keys, kid))
    return refused.value.reason is Reason.KEYS_UNAVAILABLE


async def asked(keys: FetchedKeys, kid: str) -> Key | None:
    """In an event loop of its own, as each request of an app under test has; this one lasts until fetches have ended."""
    try:
        return await keys.find(kid)
    finally:
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


def test_keys_are_fetched_when_first_asked_for_and_once(keys: FetchedKeys, server: KeyServer, eddsa: Signer) -> None:
    assert server.requests == []
    assert all(found(keys, eddsa.kid) for _ in range(5))
    assert len(server.requests) == 1
    assert server.requests[0].startswith(b"GET /.well-known/jwks.json HTTP/1.1\r\n")


def test_keys_are_fetched_again_when_they_are_old(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)
    clock.now += LIFE.fresh - 1
    assert found(keys, eddsa.kid) and len(server.requests) == 1
    clock.now += 1
    assert found(keys, eddsa.kid) and len(server.requests) == 2


def test_a_key_that_was_taken_out_counts_no_longer_than_keys_are_fresh(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)
    server.answer = answering(jwks(ed25519()))
    clock.now += LIFE.fresh
    assert not found(keys, eddsa.kid)


def test_a_new_key_counts_as_soon_as_it_signs(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)
    new = ed25519()
    server.answer = answering(jwks(new, eddsa))
    clock.now += LIFE.between
    assert found(keys, new.kid) and found(keys, eddsa.kid)
    assert len(server.requests) == 2


def test_made_up_kids_do_not_have_keys_fetched_over_and_over(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    """Where none are fetched for it, it may be that of a key that was made meanwhile."""
    assert found(keys, eddsa.kid)
    for number in range(100):
        clock.now += LIFE.between / 10
        if number % 10 == 9:
            assert not found(keys, f"made-up-{number}")
        else:
            assert is_unavailable(keys, f"made-up-{number}")
    assert len(server.requests) == 1 + 10


def test_a_thousand_at_once_cost_one_fetch(server: KeyServer, clock: Clock, eddsa: Signer) -> None:
    keys = FetchedKeys(from_url(server.url), clock=clock)

    async def ask() -> list[bool]:
        kids = [eddsa.kid if number % 2 else f"made-up-{number}" for number in range(1000)]
        answers = await asyncio.gather(*(keys.find(kid) for kid in kids))
        return [answer is not None for answer in answers]

    assert asyncio.run(ask()) == [False, True] * 500
    assert len(server.requests) == 1


def test_without_keys_nothing_is_known(server: KeyServer, clock: Clock, eddsa: Signer) -> None:
    """Nobody is refused for good, and nobody let by."""
    server.answer = answering("", "500 Internal Server Error")
    keys = FetchedKeys(from_url(server.url), clock=clock)
    assert is_unavailable(keys, eddsa.kid)
    assert is_unavailable(keys, eddsa.kid) and len(server.requests) == 1
    server.answer = answering(jwks(eddsa))
    clock.now += LIFE.retry
    assert found(keys, eddsa.kid) and len(server.requests) == 2


def fail_once(keys: FetchedKeys, server: KeyServer, clock: Clock, kid: str) -> None:
    """The keys were fetched, grew old, and could not be fetched again."""
    assert found(keys, kid)
    server.answer = answering("", "503 Service Unavailable")
    clock.now += LIFE.fresh
    assert found(keys, kid) and len(server.requests) == 2


def test_old_keys_hold_while_they_cannot_be_fetched_and_no_longer_than_is_stated(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    fail_once(keys, server, clock, eddsa.kid)
    clock.now += LIFE.kept - LIFE.fresh - 1
    assert found(keys, eddsa.kid)
    clock.now += 1
    assert is_unavailable(keys, eddsa.kid)


def test_nobody_waits_for_a_fetch_of_what_is_known_while_fetches_fail(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    """A firewall that swallows packets has each fetch last until its patience is over."""
    fail_once(keys, server, clock, eddsa.kid)
    server.answer = answering(jwks(eddsa))
    let_go = held_back(server)

    async def ask() -> None:
        for _ in range(3):
            clock.now += LIFE.retry
            assert await asyncio.wait_for(keys.find(eddsa.kid), 5) is not None
        while len(server.requests) < 3:
            await asyncio.sleep(0)
        clock.now += LIFE.retry
        # It is the one that is under way that tells of a key which is not known.
        asking = asyncio.create_task(keys.find("new"))
        await asyncio.sleep(0)
        assert not asking.done()
        let_go.set()
        with pytest.raises(Refused):
            await asking

    asyncio.run(ask())
    assert len(server.requests) == 3
    assert found(keys, eddsa.kid) and len(server.requests) == 3


def test_a_failure_that_is_long_ago_is_no_reason_to_believe_a_key_that_was_taken_out(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    """Nobody asked since, so nothing was fetched since: it may well work again."""
    fail_once(keys, server, clock, eddsa.kid)
    server.answer = answering(jwks(ed25519()))
    clock.now += LIFE.fresh
    assert not found(keys, eddsa.kid)


def test_after_a_fetch_that_failed_there_is_a_pause_from_its_end(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)

    def late() -> Iterator[bytes]:
        clock.now += 2 * LIFE.retry
        yield b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    server.answer = late
    clock.now += LIFE.fresh
    assert found(keys, eddsa.kid) and is_unavailable(keys, "new") and len(server.requests) == 2
    clock.now += LIFE.retry
    assert is_unavailable(keys, "new") and len(server.requests) == 3


def test_a_key_that_was_made_since_the_last_fetch_is_no_reason_for_a_401(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    """sidegate started anew with a key of its own a second after the app had fetched the old one."""
    assert found(keys, eddsa.kid)
    new = ed25519()
    server.answer = answering(jwks(new))
    clock.now += 1
    assert is_unavailable(keys, new.kid) and len(server.requests) == 1
    clock.now += LIFE.between
    assert found(keys, new.kid)


def test_a_kid_that_may_be_new_is_not_known_while_keys_cannot_be_fetched(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)
    server.answer = answering("", "503 Service Unavailable")
    clock.now += LIFE.between
    assert is_unavailable(keys, "new")
    assert is_unavailable(keys, "new") and len(server.requests) == 2
    assert found(keys, eddsa.kid)


def test_keys_that_are_none_do_not_take_the_place_of_good_ones(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    assert found(keys, eddsa.kid)
    for nonsense in ("<html>", '{"keys": []}', "", "[" * 10_000):
        server.answer = answering(nonsense)
        clock.now += LIFE.fresh / 2
        assert found(keys, eddsa.kid)


def held_back(server: KeyServer) -> threading.Event:
    """Whose answers come once this is set."""
    let_go = threading.Event()
    whole = server.answer

    def late() -> Iterator[bytes]:
        assert let_go.wait(10)
        yield from whole()

    server.answer = late
    return let_go


def test_whoever_hangs_up_takes_the_keys_from_nobody_else(server: KeyServer, eddsa: Signer) -> None:
    let_go = held_back(server)
    keys = FetchedKeys(from_url(server.url))

    async def ask() -> bool:
        first, second = (asyncio.create_task(keys.find(eddsa.kid)) for _ in range(2))
        while not server.requests:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        let_go.set()
        return await second is not None

    assert asyncio.run(ask())
    assert len(server.requests) == 1


def test_event_loops_side_by_side_do_not_have_keys_fetched_over_and_over(
    keys: FetchedKeys, server: KeyServer, clock: Clock, eddsa: Signer
) -> None:
    """As in a process that serves in several threads: none of them can wait for what another fetches."""
    assert found(keys, eddsa.kid)
    clock.now += LIFE.between
    let_go = held_back(server)

    async def begun() -> asyncio.Task[Key | None]:
        asking = asyncio.create_task(keys.find("made-up"))
        while len(server.requests) < 2:
            await asyncio.sleep(0)
        return asking

    async def joined(first: asyncio.Task[Key | None]) -> None:
        clock.now += 0.1
        second = asyncio.create_task(keys.find("made-up"))
        await asyncio.sleep(0)
        let_go.set()
        assert await first is None
        with pytest.raises(Refused):  # what was asked for before it came cannot know
            await second

    with asyncio.Runner() as one, asyncio.Runner() as other:
        first = one.run(begun())
        for _ in range(3):
            with pytest.raises(Refused):
                other.run(asyncio.wait_for(keys.find("made-up"), 5))
        one.run(joined(first))
    assert len(server.requests) == 2


def test_a_fetch_that_nobody_waits_for_is_not_forgotten(clock: Clock, eddsa: Signer) -> None:
    """Event loops refer to their tasks weakly: what nothing else refers to is collected before it is done."""
    answers: list[bytes | OSError] = [jwks(eddsa).encode(), OSError("away")]
    fetches: list[weakref.ref[asyncio.Future[bytes]]] = []

    async def fetch() -> bytes:
        if not answers:
            never = asyncio.get_running_loop().create_future()
            fetches.append(weakref.ref(never))
            await never
        match answers.pop(0):
            case bytes(keys):
                return keys
            case error:
                raise error

    keys = FetchedKeys(fetch, clock=clock)
    assert found(keys, eddsa.kid)
    clock.now += LIFE.fresh
    assert found(keys, eddsa.kid) and not answers
    with asyncio.Runner() as one, asyncio.Runner() as other:
        for loop in (one, other):
            clock.now += LIFE.retry
            assert loop.run(keys.find(eddsa.kid)) is not None
            loop.run(asyncio.sleep(0))
        gc.collect()
        assert [alive() is not None for alive in fetches] == [True, True]


def test_the_event_loop_goes_on_while_keys_are_fetched(server: KeyServer, eddsa: Signer) -> None:
    let_go = held_back(server)
    keys = FetchedKeys(from_url(server.url))

    async def ask() -> bool:
        asking = asyncio.create_task(keys.find(eddsa.kid))
        while not server.requests:
            await asyncio.sleep(0)
        let_go.set()  # by the loop that would stand still if it waited for the server
        return await asking is not None

    assert asyncio.run(ask())


def failing(fetch: Fetch) -> str:
    """What went wrong."""
    with pytest.raises(Exception) as failed:
        asyncio.run(fetch())
    return f"{type(failed.value).__name__}: {failed.value}"


def test_an_answer_that_is_none_is_not_believed(server: KeyServer, eddsa: Signer) -> None:
    good = jwks(eddsa)
    fetch = from_url(server.url)
    for status in ("500 Oops", "404 Not Found", "204 No Content", "401 Unauthorized", "206 Partial Content"):
        server.answer = answering("" if status.startswith("204") else good, status)
        assert failing(fetch) == f"ValueError: status {status[:3]}"


def test_a_redirect_is_not_followed(server: KeyServer, eddsa: Signer) -> None:
    with key_server(answering(jwks(ed25519()))) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            server.answer = answering("", status, f"Location: {elsewhere.url}")
            assert failing(from_url(server.url)) == f"ValueError: status {status[:3]}"
        assert elsewhere.requests == []


def test_a_long_answer_is_given_up(server: KeyServer) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        while True:
            yield b" " * 16384
            sent += 16384

    server.answer = endless
    assert failing(from_url(server.url)) == "ValueError: longer than 65536 bytes"
    assert sent < 16 * 1024 * 1024  # what fits into the buffers of two sockets, and not more


def test_a_small_answer_cannot_unpack_to_a_large_one(server: KeyServer) -> None:
    packed = gzip.compress(b" " * 50_000_000)
    server.answer = answering(packed, "200 OK", "Content-Encoding: gzip")
    fetch = from_url(server.url)
    assert len(packed) < 65536 and asyncio.run(fetch()) == packed
    assert b"accept-encoding: identity\r\n" in server.requests[0].lower()


def test_an_answer_that_drips_is_given_up(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and all of them would not."""
    monkeypatch.setattr(fetching, "PATIENCE", 0.3)
    ended = threading.Event()

    def dripping() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        while not ended.wait(0.05):
            yield b" "

    server.answer = dripping
    try:
        assert "Timeout" in failing(from_url(server.url))
    finally:
        ended.set()


def test_an_answer_that_never_comes_is_given_up(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.2)
    ended = threading.Event()

    def silent() -> Iterator[bytes]:
        ended.wait(10)
        yield b""

    server.answer = silent
    try:
        assert "Timeout" in failing(from_url(server.url))
    finally:
        ended.set()


def test_nobody_listening_and_no_http_are_failures(server: KeyServer) -> None:
    server.answer = lambda: iter([b"SSH-2.0-x\r\n"])
    assert "ProtocolError" in failing(from_url(server.url))
    with key_server(answering("")) as gone:
        url = gone.url
    assert "ConnectError" in failing(from_url(url))


def test_proxies_of_the_environment_are_not_asked(
    server: KeyServer, eddsa: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with key_server(answering(jwks(ed25519()))) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert asyncio.run(from_url(server.url)()) == jwks(eddsa).encode()
        assert proxy.requests == []


def test_a_file_is_read_anew_and_may_come_later(tmp_path: Path, clock: Clock, eddsa: Signer) -> None:
    path = tmp_path / "jwks.json"
    keys = FetchedKeys(from_file(path), clock=clock)
    assert is_unavailable(keys, eddsa.kid)
    path.write_text(jwks(eddsa))
    clock.now += LIFE.retry
    assert found(keys, eddsa.kid)
    new = ed25519()
    path.write_text(jwks(new))
    clock.now += LIFE.between
    assert found(keys, new.kid) and not found(keys, eddsa.kid)


def test_a_file_that_is_too_long_is_no_set_of_keys(tmp_path: Path, eddsa: Signer) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(jwks(eddsa) + " " * 65536)
    assert is_unavailable(FetchedKeys(from_file(path)), eddsa.kid)


def test_what_went_wrong_is_logged(server: KeyServer, eddsa: Signer, caplog: pytest.LogCaptureFixture) -> None:
    server.answer = answering("", "500 Oops")
    assert is_unavailable(FetchedKeys(from_url(server.url)), eddsa.kid)
    server.answer = answering("{}")
    assert is_unavailable(FetchedKeys(from_url(server.url)), eddsa.kid)
    assert [record.getMessage() for record in caplog.records if record.name == "sidegate_fastapi"] == [
        "the keys that assertions are verified by cannot be fetched: ValueError: status 500",
        'what was fetched are no keys to verify assertions by: no object with a list of at most 64 "keys"',
    ]
