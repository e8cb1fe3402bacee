"""A program that a test started: its output, its end."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds until a condition that should come about at once is given up. Generous: two busy cores are slow."""

started: list["Process"] = []
"""Everything that was started and not yet reported on, for showing the output of what a failed test used."""


class Process:
    """A running program, whose output goes to a file.

    It dies with the test run however that ends: the kernel sends `at_our_death` to it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        home: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        unprivileged: bool = False,
        at_our_death: str = "KILL",
    ) -> None:
        # The kernel means the thread that started it, not the whole process, when it says parent.
        assert threading.current_thread() is threading.main_thread(), "programs are started by the main thread"
        self.name = name
        self.output = numbered(home / f"{name}.log")
        with self.output.open("wb") as output:
            self._popen = subprocess.Popen(
                [*launcher(at_our_death, unprivileged), *command],
                cwd=cwd or home,
                env=environment(home) | dict(env or {}),
                pass_fds=pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._popen.pid
        started.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def text(self) -> str:
        """All that it has written so far."""
        return self.output.read_text(errors="replace")

    def resident(self) -> int:
        """Bytes of its memory that are in use."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, status
        return int(found[1]) * 1024

    def wait_for(self, pattern: str, within: float = PATIENCE) -> re.Match[str]:
        """The first place in its output that matches. It is an error if the program ends before."""

        def found() -> re.Match[str] | None:
            ended = self.exit_code is not None  # asked first: what it wrote at the very end counts
            match = re.search(pattern, self.text(), re.MULTILINE)
            assert match or not ended, f"{self.name} ended with {self.exit_code}:\n{self.text()[-3000:]}"
            return match

        return until(found, f"{self.name} has written {pattern!r}", within)

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self, within: float = PATIENCE) -> int:
        """Its exit code, once it has ended by itself."""
        return self._popen.wait(within)

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = PATIENCE) -> int:
        """Ends it, by force if it does not listen. The exit code, negative if a signal ended it."""
        if self.exit_code is None:
            self.send(number)
        try:
            return self._popen.wait(within)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise AssertionError(f"{self.name} did not end within {within} s of {number.name}") from None

    def discard(self) -> None:
        """Ends it at once, without asking how."""
        if self.exit_code is None:
            self._popen.kill()
            self._popen.wait()


def until(condition: Callable[[], T | None], what: str, within: float = PATIENCE) -> T:
    """The condition's value, once it is a true one."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)
    return value


def run(
    command: Sequence[str | Path],
    home: Path,
    *,
    text: str | None = None,
    unprivileged: bool = False,
    errors_too: bool = False,
) -> str:
    """Runs a program to its end and returns what it wrote to stdout. Anything but success is an error.

    `errors_too` adds what it wrote to stderr.
    """
    done = subprocess.run(
        [*launcher("KILL", unprivileged), *command],
        cwd=home,
        env=environment(home),
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    )
    return done.stdout + (done.stderr if errors_too else "")


def environment(home: Path) -> dict[str, str]:
    """What every program is started with: nothing of the caller's own settings, and UTC."""
    return {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}


def launcher(at_our_death: str, unprivileged: bool) -> list[str]:
    """setpriv (util-linux) becomes the program itself, so the process id stays."""
    identity = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if unprivileged and os.geteuid() == 0 else []
    return ["setpriv", f"--pdeathsig={at_our_death}", *identity, "--"]


def numbered(path: Path) -> Path:
    """The path itself, or with the first number that is free: a program started again does not lose its old log."""
    count, candidate = 1, path
    while candidate.exists():
        count += 1
        candidate = path.with_stem(f"{path.stem}-{count}")
    return candidate
