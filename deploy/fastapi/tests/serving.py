"""An HTTP server for keys, whose every byte a test decides, and which counts how often it is asked."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[], Iterator[bytes]]
"""What is sent, piece by piece."""


def answering(body: bytes | str, status: str = "200 OK", *headers: str) -> Answer:
    data = body.encode() if isinstance(body, str) else body

    def answer() -> Iterator[bytes]:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close", *headers]
        yield "\r\n".join([*lines, "", ""]).encode() + data

    return answer


class KeyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/.well-known/jwks.json"


class Handler(socketserver.StreamRequestHandler):
    server: KeyServer

    def handle(self) -> None:
        lines = b""
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines += line
        self.server.requests.append(lines)
        try:
            for piece in self.server.answer():
                self.wfile.write(piece)
        except OSError:  # who asked has had enough
            pass


@contextmanager
def key_server(answer: Answer) -> Iterator[KeyServer]:
    with KeyServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
