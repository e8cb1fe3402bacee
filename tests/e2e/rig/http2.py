"""HTTP/2 by prior knowledge, frame by frame: what no proper client sends, and what each frame was answered by."""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes

from .ext_authz import CHECK
from .wire import Address

Pairs = list[tuple[str, str]]

GOAWAY = 7


@dataclass
class Stream:
    """What came on one stream so far."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    @property
    def grpc_status(self) -> int:
        """In the trailers, or in the headers where there is nothing else."""
        return int((self.trailers or self.headers)["grpc-status"])


class Http2:
    """One connection. Names of headers go out as they are, proper or not."""

    def __init__(self, address: Address, patience: float = 10) -> None:
        assert isinstance(address, tuple), "TCP alone"
        self._socket = socket.create_connection(address, patience)
        config = h2.config.H2Configuration(validate_outbound_headers=False, header_encoding="latin-1")
        self._connection = h2.connection.H2Connection(config)
        self._connection.initiate_connection()
        self._patience = patience
        self._streams: dict[int, Stream] = {}
        self._unread = b""
        self.pongs = 0
        self.going_away = False
        self.closed = False
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def streams_max(self) -> int:
        """As the other side's SETTINGS have it."""
        self.wait(lambda: SettingCodes.MAX_CONCURRENT_STREAMS in self._connection.remote_settings)
        return int(self._connection.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS])

    def begin(
        self, path: str, headers: Pairs, method: str = "POST", *, authority: str = "sidegate", ends: bool = False
    ) -> int:
        """Sends a head; the stream's number."""
        stream = int(self._connection.get_next_available_stream_id())
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", authority)]
        self._streams[stream] = Stream()
        self._connection.send_headers(stream, [*pseudo, *headers], end_stream=ends)
        self._flush()
        return stream

    def break_off(self, count: int) -> None:
        """Begins so many calls and resets each at once, all of it in one piece."""
        for _ in range(count):
            stream = int(self._connection.get_next_available_stream_id())
            pseudo = [(":method", "POST"), (":scheme", "http"), (":path", CHECK), (":authority", "sidegate")]
            self._streams[stream] = Stream()
            self._connection.send_headers(stream, [*pseudo, ("content-type", "application/grpc"), ("te", "trailers")])
            self._connection.reset_stream(stream)
        self._flush()

    def data(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        """Sends it in frames as large as they may be, waiting for room where there is none."""
        while data:
            self.wait(lambda: self._connection.local_flow_control_window(stream) > 0 or self._streams[stream].ended)
            if self._streams[stream].ended:
                return
            room = min(self._connection.local_flow_control_window(stream), self._connection.max_outbound_frame_size)
            self._connection.send_data(stream, data[:room])
            data = data[room:]
            self._flush()
        if ends:
            self._connection.end_stream(stream)
            self._flush()

    def ping(self) -> None:
        self._connection.ping(b"sidegate")
        self._flush()

    def raw(self, data: bytes) -> None:
        """Bytes that are no frame, or an odd one."""
        self._socket.sendall(data)

    def answer(self, stream: int) -> Stream:
        """All of it."""
        self.wait(lambda: self._streams[stream].ended)
        return self._streams[stream]

    def data_of(self, stream: int) -> bytes:
        """What has come so far."""
        return self._streams[stream].data

    def call(self, data: bytes, path: str = CHECK, kind: str = "application/grpc") -> Stream:
        """A whole call with these bytes, which need not be a message in its frame."""
        stream = self.begin(path, [("content-type", kind), ("te", "trailers")])
        self.data(stream, data, ends=True)
        return self.answer(stream)

    def get(self, path: str, headers: Pairs) -> Stream:
        return self.answer(self.begin(path, headers, "GET", ends=True))

    def wait_for_end(self) -> None:
        self.wait(lambda: self.closed)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._patience
        while not condition():
            assert not self.closed, "the other side ended the connection"
            left = deadline - time.monotonic()
            assert left > 0, "not in time"
            self.read(left)

    def listen(self, seconds: float) -> None:
        """Takes in what comes, for as long as that: answers pings, says nothing else."""
        until = time.monotonic() + seconds
        while not self.closed and (left := until - time.monotonic()) > 0:
            self.read(left)

    def read(self, within: float) -> None:
        """Takes in what comes within that time, if anything does."""
        if not select.select([self._socket], [], [], within)[0]:
            return
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self._unread += data
        while (frame := self._frame()) is not None:
            # A graceful end goes on after this; the library takes it for the end itself.
            if frame[3] == GOAWAY:
                self.going_away = True
                continue
            for event in self._connection.receive_data(frame):
                self._take(event)
        self._flush()

    def _frame(self) -> bytes | None:
        """The next whole frame, if it is there."""
        length = 9 + int.from_bytes(self._unread[:3], "big")
        if len(self._unread) < length:
            return None
        frame, self._unread = self._unread[:length], self._unread[length:]
        return frame

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._streams[event.stream_id].headers = dict(event.headers)
            case h2.events.DataReceived():
                self._streams[event.stream_id].data += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                self._streams[event.stream_id].trailers = dict(event.headers)
            case h2.events.StreamEnded():
                self._streams[event.stream_id].ended = True
            case h2.events.StreamReset():
                stream = self._streams[event.stream_id]
                stream.reset, stream.ended = event.error_code, True
            case h2.events.PingAckReceived():
                self.pongs += 1

    def _flush(self) -> None:
        try:
            self._socket.sendall(self._connection.data_to_send())
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True


def framed(message: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC puts it on a stream."""
    return bytes([flag]) + (len(message) if length is None else length).to_bytes(4, "big") + message
