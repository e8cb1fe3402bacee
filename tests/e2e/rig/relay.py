"""A listener between a proxy and sidegate that keeps what the proxy says, or answers in sidegate's place."""

import selectors
import socket
import threading
from typing import Self


class Relay:
    """Passes everything on, both ways, and remembers one of them."""

    def __init__(self, to: int) -> None:
        """`to` is a port of 127.0.0.1."""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._said = bytearray()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def said(self) -> bytes:
        """All that the proxy said so far."""
        return bytes(self._said)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # A shutdown wakes those that wait, which a close does not.
        for one in (self._listener, *self._open):
            shut(one)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                proxy, _ = self._listener.accept()
            except OSError:
                return
            sidegate = socket.create_connection(("127.0.0.1", self._to))
            self._open += [proxy, sidegate]
            thread = threading.Thread(target=self._pass_on, args=(proxy, sidegate))
            self._threads.append(thread)
            thread.start()

    def _pass_on(self, proxy: socket.socket, sidegate: socket.socket) -> None:
        with proxy, sidegate, selectors.DefaultSelector() as ready:
            ready.register(proxy, selectors.EVENT_READ, sidegate)
            ready.register(sidegate, selectors.EVENT_READ, proxy)
            while True:
                for key, _ in ready.select():
                    source, sink = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    try:
                        data = source.recv(65536)
                        if source is proxy:
                            self._said += data  # before it is passed on: whoever has the answer finds it here
                        sink.sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        return


class Mute:
    """Takes connections, and then answers nothing, or ends them at once."""

    def __init__(self, *, hangs_up: bool) -> None:
        self._hangs_up = hangs_up
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        shut(self._listener)
        self._thread.join()
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                proxy, _ = self._listener.accept()
            except OSError:
                return
            if self._hangs_up:
                proxy.close()
            else:
                self._open.append(proxy)


def shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself
