"""An app that answers with exactly what reached it: the witness behind every proxy in the end-to-end tests.

HTTP: JSON of the request, with status 200. `/status/500` answers 500, and so on for 4xx and 5xx: what does the proxy do
with an app's own errors?
WebSocket: the first text frame is the same JSON, then each text frame comes back as it is.

Plain ASGI, because a framework would decode, merge and pick among what the tests want to see. Header values are
Latin-1, so that each character is one byte; duplicates and their order are kept. uvicorn lower-cases the names, nothing
else.

    uvicorn app:app --host 127.0.0.1 --port 8000 --no-proxy-headers --log-level warning
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await echo(scope, receive, send)


async def answer(scope: Message, receive: Receive, send: Send) -> None:
    digest, length = hashlib.sha256(), 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        chunk = message.get("body", b"")
        digest.update(chunk)
        length += len(chunk)
        more = message.get("more_body", False)

    seen = seen_in(scope) | {"method": scope["method"], "body_length": length, "body_sha256": digest.hexdigest()}
    wanted = re.fullmatch(r"/status/([45]\d\d)", scope["path"])
    body = json.dumps(seen).encode()
    status = int(wanted[1]) if wanted else 200
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(seen_in(scope))})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def seen_in(scope: Message) -> dict[str, Any]:
    return {
        "path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
    }
