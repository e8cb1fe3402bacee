"""What all proxies have in common: started with the files that sidegate ships, asked as a client asks, ended."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from .ports import is_open
from .process import Process, run, until

Edit = tuple[str, str]
"""A text that stands there exactly once, and what takes its place."""


@dataclass(frozen=True)
class Neighbours:
    """Where the programs beside a proxy listen: ports of 127.0.0.1, and for sidegate what that proxy's file takes."""

    better_auth: int
    app: int
    sidegate: str


class Proxy(ABC):
    """A shipped configuration, running in the real program, changed in nothing but addresses and a test's own edits."""

    name: ClassVar[str]

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.origin = f"http://127.0.0.1:{port}"
        self.address = ("127.0.0.1", port)
        self._client = httpx.Client(base_url=self.origin, timeout=20, trust_env=False)
        self.socket_url = f"ws://127.0.0.1:{port}/ws"
        self._process: Process | None = None
        home.mkdir()

    @abstractmethod
    def command(self) -> list[str]:
        """What runs it in the foreground."""

    @abstractmethod
    def errors(self) -> str:
        """All that it complained of so far, warnings included."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """The program's own, such as 1.22.1."""

    def start(self) -> Self:
        self._process = self.launched()
        until(self.is_ready, f"{self.name} listens")
        return self

    def launched(self) -> Process:
        return Process(self.name, self.command(), self.home)

    def is_ready(self) -> bool:
        assert self._process and self._process.exit_code is None, self.output() + self.errors()
        return is_open(self.port)

    def output(self) -> str:
        """All that it has written to its standard output and error since it was started."""
        return self._process.text() if self._process else ""

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def ask(self, path: str, cookie: str | None = None, method: str = "GET", **options: Any) -> httpx.Response:
        """One request of a client that keeps no cookies of its own."""
        headers = [*options.pop("headers", ()), *([("Cookie", cookie)] if cookie else [])]
        answer = self._client.request(method, path, headers=headers, **options)
        self._client.cookies.clear()
        return answer


MakeProxy = Callable[..., Proxy]
"""Makes one more proxy, with what `Stack.further_proxy` takes."""


def edited(text: str, edits: Iterable[Edit]) -> str:
    return edited_files({"": text}, edits)[""]


def edited_files(files: Mapping[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """The files with each edit made in the one place where its text stands."""
    files = dict(files)
    for old, new in edits:
        counts = {name: text.count(old) for name, text in files.items()}
        assert sum(counts.values()) == 1, f"{old!r} stands there {sum(counts.values())} times, not once"
        [name] = [name for name, count in counts.items() if count]
        files[name] = files[name].replace(old, new)
    return files


def version_told_by(*command: str | Path) -> str:
    told = run(command, Path.cwd(), errors_too=True)
    match = re.search(r"\d+\.\d+\.\d+", told)
    assert match, told
    return match[0]
