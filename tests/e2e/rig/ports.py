"""Ports for programs that cannot tell which one they were given."""

import random
import socket

# Below Linux's range for outgoing connections (32768 and up): while a stopped database is away, nobody else is given
# its port.
CANDIDATES = range(20_000, 32_000)

_taken: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, never the same one twice."""
    while True:
        port = random.choice(CANDIDATES)
        if port not in _taken and is_free(port):
            _taken.add(port)
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
