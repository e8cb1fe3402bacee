"""A Python app under uvicorn."""

from collections.abc import Mapping
from pathlib import Path

from .places import FASTAPI_APP, FASTAPI_PACKAGE, uvicorn
from .ports import free_port, is_open
from .process import Process, until


class Uvicorn:
    """`app:app` of a directory."""

    def __init__(
        self, name: str, app: Path, home: Path, env: Mapping[str, str] | None = None, parser: str = "h11"
    ) -> None:
        """`parser` reads HTTP: h11, which plain uvicorn brings, or httptools, which `uvicorn[standard]` brings."""
        self.port = free_port()
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--no-proxy-headers", "--log-level", "warning"]
        command = [*uvicorn(), "app:app", "--app-dir", str(app), "--http", parser, *arguments]
        # No __pycache__ beside sources that are not ours.
        environment = {"PYTHONDONTWRITEBYTECODE": "1"} | dict(env or {})
        self.process = Process(name, command, home, env=environment)
        until(self._is_ready, f"{name} listens")

    def _is_ready(self) -> bool:
        assert self.process.exit_code is None, self.process.text()
        return is_open(self.port)

    def stop(self) -> None:
        # Its own way out waits for connections that nginx keeps.
        self.process.discard()


def fastapi_app(name: str, home: Path, **settings: str) -> Uvicorn:
    """The example of deploy/fastapi, with these settings of its package."""
    return Uvicorn(name, FASTAPI_APP, home, fastapi_environment(**settings))


def fastapi_environment(**settings: str) -> dict[str, str]:
    said = {f"SIDEGATE_APP_{setting.upper()}": value for setting, value in settings.items()}
    return {"PYTHONPATH": str(FASTAPI_PACKAGE)} | said
