"""What stands behind the proxies of the conformance matrix: the app of deploy/fastapi for its own paths, the echo app
for all others, and a list of what reached either of them.

That list is what no answer can tell: whether the app was asked though its client was refused, and what it was given by
a HEAD or before FastAPI read it. `GET /reached`, asked without a proxy, answers it and begins a new one.

    SIDEGATE_APP_TRUST_HEADERS=true PYTHONPATH=../../../deploy/fastapi/src \\
        uvicorn app:app --host 127.0.0.1 --port 8000 --no-proxy-headers --log-level warning
"""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

UPSTREAM = Path(__file__).resolve().parents[1]
FASTAPI = UPSTREAM.parents[1] / "deploy/fastapi/example"


def module(name: str, directory: Path) -> ModuleType:
    """`app.py` of that directory, under a name of its own: both are called the same."""
    spec = importlib.util.spec_from_file_location(name, directory / "app.py")
    assert spec and spec.loader
    sys.modules[name] = found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


echo = module("echo", UPSTREAM)
fastapi = module("fastapi_app", FASTAPI)

FASTAPI_PATHS = ("/api/me", "/api/hello", "/api/notes")

reached: list[dict[str, Any]] = []


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] not in ("http", "websocket"):
        return
    if scope["path"] == "/reached":
        await tell(send)
        return
    seen = echo.seen_in(scope) | {"method": scope.get("method", "websocket")}
    reached.append(seen)
    chosen = fastapi.app if scope["path"] in FASTAPI_PATHS else echo.app
    await chosen(scope, watched(scope, seen, receive), send)


def watched(scope: Message, seen: dict[str, Any], receive: Receive) -> Receive:
    """The same, with the body's length and digest noted as it comes."""
    digest = hashlib.sha256()
    seen |= {"body_length": 0, "body_sha256": digest.hexdigest()}

    async def received() -> Message:
        message = await receive()
        seen.update(echo.seen_in(scope))  # by now, trailers may be among the headers: with httptools they are
        body = message.get("body", b"")
        digest.update(body)
        seen["body_length"] += len(body)
        seen["body_sha256"] = digest.hexdigest()
        return message

    return received


async def tell(send: Send) -> None:
    body = json.dumps(reached).encode()
    reached.clear()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
