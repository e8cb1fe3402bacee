"""How an attack is written down: bytes with gaps, to be filled in with who sends them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

COOKIE = b"<cookie>"
"""The sender's session cookie. Whoever has none sends a forged one, or no line where the line is nothing else."""
CASE = b"<case>"
"""The attack's name, which tells in the app's log where a request came from."""
ADA = b"<ada>"
"""The user id of somebody else, an administrator: what an attacker would like to be."""
TOKEN = b"<token>"
"""Her session's token, without its signature: what stands in the database."""

Fill = Callable[[bytes], bytes]
Text = str | bytes

DEFAULT_HOST = "app.example"


@dataclass(frozen=True)
class Frames:
    """A piece that is made of frames, whose lengths are known once the gaps are filled."""

    parts: tuple[tuple[bytes, ...], ...]
    write: Callable[[tuple[tuple[bytes, ...], ...]], bytes]

    def filled(self, fill: Fill) -> bytes:
        return self.write(tuple(tuple(fill(text) for text in part) for part in self.parts))


Piece = bytes | Frames


@dataclass(frozen=True)
class Attack:
    """What one client sends on one connection. Each further piece waits for an answer, or for a time without one."""

    name: str
    pieces: tuple[Piece, ...]

    def filled(self, fill: Fill) -> list[bytes]:
        return [piece.filled(fill) if isinstance(piece, Frames) else fill(piece) for piece in self.pieces]


def attack(name: str, *pieces: Piece) -> Attack:
    return Attack(name, pieces)


def raw(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def lines(*texts: Text) -> bytes:
    return b"".join(raw(text) + b"\r\n" for text in texts)


def asks(first: Text, *more: Text, host: Text = DEFAULT_HOST, body: bytes = b"", stays: bool = False) -> bytes:
    """A request with the sender's cookie, after which the connection is to end unless it `stays`."""
    end = [] if stays else ["Connection: close"]
    host_line = [b"Host: " + raw(host)] if host else []
    return lines(first, *host_line, b"X-Case: " + CASE, b"Cookie: " + COOKIE, *more, *end, "") + body


def get(target: Text, *more: Text, host: Text = DEFAULT_HOST, stays: bool = False) -> bytes:
    return asks(b"GET " + raw(target) + b" HTTP/1.1", *more, host=host, stays=stays)


def post(target: Text, *more: Text, body: bytes, stays: bool = False) -> bytes:
    """A POST whose framing is among `more`."""
    return asks(b"POST " + raw(target) + b" HTTP/1.1", *more, body=body, stays=stays)


def spoofs(names: Iterable[Text], value: Text = ADA) -> list[bytes]:
    return [raw(name) + b": " + raw(value) for name in names]


def smuggled(target: str = "/api/smuggled") -> bytes:
    """A whole request that is meant to be read by nobody but the app, with an identity of its own."""
    return lines(
        f"GET {target} HTTP/1.1",
        "Host: app.example",
        b"X-Case: " + CASE,
        b"X-Auth-Status: user",
        b"X-Auth-User-Id: " + ADA,
        "X-Auth-User-Role: admin",
        "",
    )


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
