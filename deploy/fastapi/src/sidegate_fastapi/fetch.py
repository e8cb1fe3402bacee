"""Where a JWK Set comes from: sidegate's admin listener, or the file that it writes. Reads bytes, believes nothing."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2

from .jwks import BYTES_MAX

Fetch = Callable[[], Coroutine[Any, Any, bytes]]
"""The bytes of a JWK Set as it is now. Raises whatever went wrong."""

PATIENCE = 2.0
"""Seconds for all of an answer: a request is waiting for it."""


def from_url(url: str) -> Fetch:
    """GETs that URL each time: without cookies, proxies or redirects, for all of these could lead elsewhere."""
    # Made once. httpx2 would make one with each client, which costs 40 ms, in which the app does nothing else.
    context = ssl.create_default_context()
    headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}

    async def fetch() -> bytes:
        client = httpx2.AsyncClient(verify=context, timeout=PATIENCE, trust_env=False, headers=headers)
        async with asyncio.timeout(PATIENCE), client, client.stream("GET", url) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise ValueError(f"status {answer.status_code}")
            body = b""
            async for chunk in answer.aiter_raw():  # raw, so that a few bytes cannot unpack to gigabytes
                body += chunk
                if len(body) > BYTES_MAX:
                    raise ValueError(f"longer than {BYTES_MAX} bytes")
            return body

    return fetch


def from_file(path: Path) -> Fetch:
    """Reads that file each time, beside the event loop."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)  # one more, so that what is too long is known to be

    async def fetch() -> bytes:
        return await asyncio.to_thread(read)

    return fetch
