"""A way to a store that may be slow, silent or broken, for whoever is sent along it: all others reach the store."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self

from .process import PATIENCE


class Lane:
    """Passes bytes on between a port of its own and that of a store, in a thread of its own."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._pumps: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.WriteTransport] = set()
        self._delay = 0.0
        self._is_cut = False
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def delay(self, seconds: float) -> None:
        """Whatever the store says from now on arrives so much later."""
        self._delay = seconds

    def cut(self) -> None:
        """Breaks all connections, and each new one, until it is mended."""
        self._is_cut = True
        self._run(self._break())

    def mend(self) -> None:
        """Lets everybody through, at once."""
        self._is_cut, self._delay = False, 0.0

    def _run(self, task: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(task, self._loop).result(PATIENCE)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer.transport)
        try:
            store_reader, store_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._ends.add(store_writer.transport)
        if self._is_cut:
            await self._break()
            return
        for pump in (self._pump(reader, store_writer), self._answers(store_reader, writer)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each piece is due so much after it came, so that a delay does not add up where many are under way."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                when, data = await due.get()
                await asyncio.sleep(when - self._loop.time())
                if not data:
                    break
                writer.write(data)
            writer.transport.abort()

        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(65536):
                due.put_nowait((self._loop.time() + self._delay, data))
        except OSError:
            pass
        due.put_nowait((self._loop.time() + self._delay, b""))
        await delivery

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except OSError:
            pass
        writer.transport.abort()

    async def _break(self) -> None:
        while self._ends:
            self._ends.pop().abort()

    async def _close(self) -> None:
        self._server.close()
        await self._break()
        for task in self._pumps:
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
