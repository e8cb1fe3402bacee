"""A raw HTTP/1.1 client, for what a proper one would not send: odd bytes, duplicate lines, half a request."""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

Address = tuple[str, int] | Path

Headers = Iterable[tuple[str, str | bytes]]


class Closed(Exception):
    """The other side ended the connection."""


@dataclass
class Reply:
    """An answer as it came."""

    status: int
    version: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """A header's value; an error if it stands there twice."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} stands there {len(values)} times: {values}"
        return values[0] if values else None


class Wire:
    """One connection."""

    def __init__(self, address: Address, patience: float = 10, source: str | None = None) -> None:
        """`source` is the address of this machine that it comes from."""
        family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.settimeout(patience)
        if source:
            self._socket.bind((source, 0))
        self._socket.connect(str(address) if isinstance(address, Path) else address)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Ends it as a crashing program would: with RST, unsent and unread bytes dropped."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, *, head: bool = False) -> Reply:
        """The next answer. `head` says that it answers a HEAD and so has no body."""
        start, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = start.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        reply = Reply(int(status), version, headers)
        if not head and reply.status >= 200:
            reply.body = self._body(reply)
        return reply

    def ask(self, data: bytes) -> Reply:
        self.send(data)
        return self.read(head=data.startswith(b"HEAD "))

    def wait_for_end(self) -> bytes:
        """All that still comes until the other side ends the connection. TimeoutError if it does not."""
        rest, self._unread = self._unread, b""
        try:
            while chunk := self._socket.recv(65536):
                rest += chunk
        except ConnectionResetError:
            pass
        return rest

    def _body(self, reply: Reply) -> bytes:
        if length := reply.get("content-length"):
            return self.exactly(int(length))
        if reply.get("transfer-encoding") == "chunked":
            return self._chunks()
        return self.wait_for_end() if reply.get("connection") == "close" else b""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self.exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._more()
        found, self._unread = self._unread.split(mark, 1)
        return found

    def exactly(self, count: int) -> bytes:
        """So many bytes, whatever they are."""
        while len(self._unread) < count:
            self._more()
        found, self._unread = self._unread[:count], self._unread[count:]
        return found

    def _more(self) -> None:
        try:
            chunk = self._socket.recv(65536)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            raise Closed(f"after {self._unread[:200]!r}")
        self._unread += chunk


def request(method: str, target: str, headers: Headers = (), body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    """A request's bytes, with nothing added: no Host, no Content-Length."""
    lines = [f"{method} {target} {version}".encode("latin-1")]
    for name, value in headers:
        lines.append(name.encode("latin-1") + b": " + (value if isinstance(value, bytes) else value.encode("latin-1")))
    return b"\r\n".join([*lines, b"", body])


def exchange(address: Address, data: bytes) -> Reply:
    """One request on a connection of its own."""
    with Wire(address) as wire:
        return wire.ask(data)
