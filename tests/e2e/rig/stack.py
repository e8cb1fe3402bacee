"""A whole deployment on one database: Better Auth, the apps and nginx, waiting for a sidegate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .better_auth import BetterAuth, SignedIn
from .nginx import Edit, Nginx
from .places import ECHO_APP, FASTAPI_APP
from .ports import free_port
from .sidegate import Sidegate
from .sql import Database
from .uvicorn import Uvicorn


@dataclass
class Apps:
    """What stands behind nginx. Stateless, so one of each serves all deployments."""

    home: Path

    @cached_property
    def echo(self) -> Uvicorn:
        """tests/upstream: answers with what reached it."""
        return Uvicorn("echo", ECHO_APP, self.home)

    @cached_property
    def fastapi(self) -> Uvicorn:
        """deploy/fastapi: the app as users would write it."""
        return Uvicorn("fastapi", FASTAPI_APP, self.home)

    def stop(self) -> None:
        for name in ("echo", "fastapi"):
            if name in self.__dict__:
                getattr(self, name).stop()


class Stack:
    """One deployment. nginx expects sidegate on a port that is kept for it."""

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
        self.sidegate_port, self._echo_port, self._fastapi_port = free_port(), free_port(), free_port()
        origins = [f"http://127.0.0.1:{port}" for port in (self._fastapi_port, self._echo_port)]
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

    @cached_property
    def echo(self) -> Nginx:
        """nginx before the app that answers with what reached it."""
        return self._nginx("nginx-echo", self._echo_port, self.apps.echo)

    @cached_property
    def fastapi(self) -> Nginx:
        """nginx before the FastAPI app."""
        return self._nginx("nginx-fastapi", self._fastapi_port, self.apps.fastapi)

    def nginx(self, name: str, *edits: Edit, sidegate: str | None = None) -> Nginx:
        """A further nginx before the echo app, not started, with edits to nginx.conf."""
        nginx = Nginx(
            self.home / name,
            free_port(),
            better_auth=self.better_auth.port,
            app=self.apps.echo.port,
            sidegate=sidegate or f"127.0.0.1:{self.sidegate_port}",
            edits=edits,
        )
        self._stops.append(nginx.stop)
        return nginx

    def sidegate(self, store: str | None = None, **settings: Any) -> Sidegate:
        """The sidegate that nginx expects."""
        return Sidegate(self.home, store or self.store, listen=f"127.0.0.1:{self.sidegate_port}", **settings)

    def run(self, statement: str) -> str:
        """SQL on Better Auth's own database."""
        return self.database.run(statement, self.schema)

    def stop(self) -> None:
        for stop in reversed(self._stops):
            stop()

    def _nginx(self, name: str, port: int, app: Uvicorn) -> Nginx:
        nginx = Nginx(
            self.home / name,
            port,
            better_auth=self.better_auth.port,
            app=app.port,
            sidegate=f"127.0.0.1:{self.sidegate_port}",
        )
        self._stops.append(nginx.stop)
        return nginx.start()
