"""A whole deployment on one database: Better Auth, the apps and the proxies, waiting for a sidegate."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .better_auth import BetterAuth, SignedIn
from .callers import ALL, proxy_for
from .nginx import Nginx
from .places import ECHO_APP
from .ports import free_port
from .proxy import Edit, Neighbours, Proxy
from .sidegate import Sidegate
from .sql import Database
from .uvicorn import Uvicorn, fastapi_app


@dataclass
class Apps:
    """What stands behind the proxies. Stateless, so one of each serves all deployments."""

    home: Path

    @cached_property
    def echo(self) -> Uvicorn:
        """tests/upstream: answers with what reached it."""
        return Uvicorn("echo", ECHO_APP, self.home)

    @cached_property
    def fastapi(self) -> Uvicorn:
        """deploy/fastapi: the app as users would write it. It goes by the plain headers, as apps without assertions do."""
        return fastapi_app("fastapi", self.home, trust_headers="true")

    def stop(self) -> None:
        for name in ("echo", "fastapi"):
            if name in self.__dict__:
                getattr(self, name).stop()


class Stack:
    """One deployment. Its proxies expect sidegate on a port that is kept for it."""

    def __init__(
        self,
        home: Path,
        apps: Apps,
        database: Database,
        schema: str,
        options: dict[str, Any] | None = None,
        plugins: dict[str, Any] | None = None,
        time_zone: str = "UTC",
    ) -> None:
        home.mkdir()
        self.home, self.apps, self.database, self.schema = home, apps, database, schema
        self.sidegate_port, self._fastapi_port = free_port(), free_port()
        self._ports = {caller: free_port() for caller in ALL}
        self._proxies: dict[str, Proxy] = {}
        # Known before Better Auth starts: it answers none but these, as baseURL the first.
        origins = [f"http://127.0.0.1:{port}" for port in (self._fastapi_port, *self._ports.values())]
        self.store = database.url(schema)
        database.create(schema)
        self._stops: list[Callable[[], None]] = []
        self.better_auth = BetterAuth(
            home, self.store, origins=origins, options=options, plugins=plugins, env={"TZ": time_zone}
        )
        self._stops.append(self.better_auth.stop)

    @cached_property
    def ada(self) -> SignedIn:
        """Somebody signed in, for tests that leave it so."""
        return self.better_auth.sign_in()

    def proxy(self, caller: str) -> Proxy:
        """That caller with its shipped file, before the app that answers with what reached it."""
        if caller not in self._proxies:
            proxy = self._proxy(caller, caller, self._ports[caller], self.apps.echo)
            self._proxies[caller] = proxy.start()
        return self._proxies[caller]

    def further_proxy(
        self,
        caller: str,
        name: str,
        *edits: Edit,
        sidegate: str | None = None,
        better_auth: int | None = None,
        app: Uvicorn | None = None,
    ) -> Proxy:
        """One more of that caller before the echo app or another, not started, with edits to its files."""
        return self._proxy(caller, name, free_port(), app or self.apps.echo, edits, sidegate, better_auth)

    @property
    def echo(self) -> Nginx:
        """nginx before the app that answers with what reached it."""
        return as_nginx(self.proxy("nginx"))

    @cached_property
    def fastapi(self) -> Nginx:
        """nginx before the FastAPI app."""
        return as_nginx(self._proxy("nginx", "nginx-fastapi", self._fastapi_port, self.apps.fastapi).start())

    def nginx(self, name: str, *edits: Edit, sidegate: str | None = None) -> Nginx:
        """A further nginx before the echo app, not started, with edits to nginx.conf."""
        return as_nginx(self.further_proxy("nginx", name, *edits, sidegate=sidegate))

    def sidegate(self, store: str | None = None, **settings: Any) -> Sidegate:
        """The sidegate that the proxies expect."""
        return Sidegate(self.home, store or self.store, listen=f"127.0.0.1:{self.sidegate_port}", **settings)

    def run(self, statement: str) -> str:
        """SQL on Better Auth's own database."""
        return self.database.run(statement, self.schema)

    def stop(self) -> None:
        for stop in reversed(self._stops):
            stop()

    def _proxy(
        self,
        caller: str,
        name: str,
        port: int,
        app: Uvicorn,
        edits: Iterable[Edit] = (),
        sidegate: str | None = None,
        better_auth: int | None = None,
    ) -> Proxy:
        neighbours = Neighbours(
            better_auth or self.better_auth.port, app.port, sidegate or f"127.0.0.1:{self.sidegate_port}"
        )
        proxy = proxy_for(caller)(self.home / name, port, neighbours, edits)
        self._stops.append(proxy.stop)
        return proxy


def as_nginx(proxy: Proxy) -> Nginx:
    assert isinstance(proxy, Nginx)
    return proxy
