"""What a proxy does when sidegate cannot know, or is not there."""

import signal
from collections.abc import Iterator

import pytest

from rig.conformance import NAVIGATION, NOBODY, Cell
from rig.ports import free_port
from rig.postgres import Lock
from rig.process import PATIENCE
from rig.sidegate import Sidegate
from rig.site import Site
from rig.wire import Wire

from . import Scenarios
from .passing import BODY


class TestStoreGone(Scenarios):
    """The store is gone"""

    NOTE = """nginx knows 200, 401 and 403 and makes 500 of everything else; a line of `nginx/protect.conf` makes it 503. To an
Envoy that asks by HTTP, a 5xx is sidegate failing, for which it has an answer of its own.
"""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        with site.sidegate(store=f"postgres://postgres@127.0.0.1:{free_port()}/matrix") as gate:
            yield gate

    def test_whoever_may_be_signed_in_is_told_to_wait(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.ask("/api/x", site.ada).is_told_to_wait()

    def test_a_page_is_not_sent_to_sign_in(self, site: Site, cell: Cell) -> None:
        """signed in, page opened"""
        cell.ask("/dashboard/a", site.ada, headers=NAVIGATION).is_told_to_wait()

    def test_a_socket_does_not_open(self, site: Site, cell: Cell) -> None:
        """signed in, WebSocket"""
        cell.open_socket(site.ada).is_told_to_wait()

    def test_a_body_reaches_nobody(self, site: Site, cell: Cell) -> None:
        """signed in, POST of 384 KiB"""
        cell.ask("/api/x", site.ada, method="POST", body=BODY).is_told_to_wait()

    def test_whoever_has_no_cookie_is_signed_out_all_the_same(self, cell: Cell) -> None:
        """no cookie"""
        cell.ask("/api/x").is_refused(401, "no_credential")

    def test_a_public_page_is_there(self, site: Site, cell: Cell) -> None:
        """public"""
        cell.ask("/about", site.ada).reaches_the_app(NOBODY)


class TestStoreHangs(Scenarios):
    """The store thinks for longer than `store_timeout`"""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        with site.sidegate(cache_ttl="1h") as gate:
            gate.wait_until_ready()
            assert gate.ask(site.ada.who.cookie).status == 200
            assert site.grace.identity
            with Lock(site.database, site.stack.schema):
                yield gate

    def test_whoever_was_seen_before_is_let_by(self, site: Site, cell: Cell) -> None:
        """signed in, seen before"""
        cell.ask("/api/x", site.ada).reaches_the_app(site.ada.identity)

    def test_whoever_was_not_seen_before_is_told_to_wait(self, site: Site, cell: Cell) -> None:
        """signed in, not seen before"""
        cell.ask("/api/x", site.grace).is_told_to_wait()


class TestSidegateDown(Scenarios):
    """sidegate itself is down"""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        yield None

    def test_whoever_is_signed_in_is_told_of_an_error(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.ask("/api/x", site.ada).finds_no_sidegate(cell.habits.down)

    def test_whoever_is_not_is_told_the_same(self, cell: Cell) -> None:
        """no cookie"""
        cell.ask("/api/x").finds_no_sidegate(cell.habits.down)

    def test_a_page_is_not_sent_to_sign_in(self, cell: Cell) -> None:
        """page opened"""
        cell.ask("/dashboard/a", headers=NAVIGATION).finds_no_sidegate(cell.habits.down)

    def test_a_socket_does_not_open(self, site: Site, cell: Cell) -> None:
        """signed in, WebSocket"""
        cell.open_socket(site.ada).finds_no_sidegate(cell.habits.down)

    def test_a_public_page_is_there(self, site: Site, cell: Cell) -> None:
        """public"""
        cell.ask("/about", site.ada).reaches_the_app(NOBODY)


class TestSidegateHangs(Scenarios):
    """sidegate takes connections and answers nothing"""

    NOTE = """Traefik waits for 30 seconds, which no setting changes, and then answers 500. This test's client had 3.
"""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        gate = site.sidegate()
        gate.wait_until_ready()
        gate.process.send(signal.SIGSTOP)
        yield gate
        gate.stop(signal.SIGKILL)

    def test_whoever_is_signed_in_is_told_of_an_error_or_waits(self, site: Site, cell: Cell) -> None:
        """signed in"""
        with Wire(cell.proxy.address, patience=PATIENCE if cell.habits.stopped else 3) as wire:
            cell.ask("/api/x", site.ada, wire=wire).finds_no_sidegate(cell.habits.stopped)
