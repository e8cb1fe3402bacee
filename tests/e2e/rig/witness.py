"""The echo app with a log of its own: all that reached it, whether or not anybody got an answer."""

import json
from pathlib import Path
from typing import Any

from .places import ECHO_APP
from .uvicorn import Uvicorn

Seen = dict[str, Any]


class Witness:
    """One app, reading HTTP with that parser."""

    def __init__(self, home: Path, name: str, parser: str) -> None:
        self._log = home / f"{name}.seen"
        self._read = 0
        self.app = Uvicorn(name, ECHO_APP, home, {"SEEN_LOG": str(self._log)}, parser)

    def new(self) -> list[Seen]:
        """What it saw since it was last asked."""
        if not self._log.exists():
            return []
        with self._log.open() as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def stop(self) -> None:
        self.app.stop()
