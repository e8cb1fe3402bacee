"""What is asked for, and how: hosts, methods, versions, forms of the request line."""

from collections.abc import Iterator

from .form import ADA, CASE, COOKIE, Attack, asks, attack, get, lines

HOSTS: dict[str, list[bytes]] = {
    "none": [],
    "empty": [b"Host:"],
    "two": [b"Host: app.example", b"Host: other.example"],
    "the same twice": [b"Host: app.example", b"Host: app.example"],
    "two in one": [b"Host: app.example, other.example"],
    "with a port": [b"Host: app.example:8080"],
    "with a wrong port": [b"Host: app.example:99999"],
    "with a word for a port": [b"Host: app.example:about"],
    "with a path": [b"Host: app.example/about"],
    "with a path and a query": [b"Host: app.example/about?x="],
    "with a fragment": [b"Host: app.example/about#"],
    "with somebody": [b"Host: a@app.example"],
    "with somebody else": [b"Host: app.example@other.example"],
    "with a backslash": [b"Host: app.example\\about"],
    "with a space": [b"Host: app.example /about"],
    "with a tab": [b"Host: app.example\t/about"],
    "with NUL": [b"Host: app.example\0/about"],
    "with a quote": [b'Host: app.example"'],
    "with brackets": [b"Host: [::1]"],
    "with half a bracket": [b"Host: [::1"],
    "with percent": [b"Host: app%2eexample"],
    "with a name in brackets": [b"Host: [app.example]"],
    "with a name in brackets, and a port": [b"Host: [app.example]:443"],
    "with other characters of a name": [b"Host: x!$&'()*+=~.app.example"],
    "with an empty label": [b"Host: x..app.example"],
    "that begins with a dot": [b"Host: .app.example"],
    "with two last dots": [b"Host: app.example.."],
    "with an empty port": [b"Host: app.example:"],
    "with CR": [b"Host: app.example\rX-Auth-User-Id: " + ADA],
    "with a line": [b"Host: app.example\nX-Auth-User-Id: " + ADA],
    "folded": [b"Host:", b" app.example"],
    "folded after": [b"Host: app.example", b" other.example"],
    "with a space before the colon": [b"Host : app.example"],
    "with a space before the colon, and one": [b"Host : other.example", b"Host: app.example"],
    "beside an underscore": [b"Ho_st: other.example", b"Host: app.example"],
    "in capitals": [b"HOST: APP.EXAMPLE"],
    "with a last dot": [b"Host: app.example."],
    "sidegate": [b"Host: sidegate"],
    "of the upstream": [b"Host: fastapi"],
    "a variable": [b"Host: $request_uri", b"X-A: ${jndi:x}"],
    "a placeholder": [b"Host: {http.request.uri}"],
    "long": [b"Host: " + b"a" * 4000 + b".example"],
    "bytes": [b"Host: \xff\xfe.example"],
}

METHODS = [
    *(
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "TRACK",
        "CONNECT",
        "PROPFIND",
        "PURGE",
        "DEBUG",
    ),
    *(
        "PRI",
        "get",
        "Get",
        "options",
        "Options",
        "GETX",
        "G",
        "M-SEARCH",
        "$GET",
        "GET\\",
        "GET,POST",
        '"GET"',
        "\x00GET",
    ),
    *("GET\x00", "GET:", " GET", "\tGET", "GET\x0b", "\r\nGET", "\nGET", "\r\n\r\nGET", "BREW", "A" * 300),
]
"""The last but one group stands before the space: some of them are no method."""

VERSIONS = [
    *(
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/1.9",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/3",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/1",
    ),
    *(
        "http/1.1",
        "HTTP/1.1 ",
        "HTTP /1.1",
        "HTTP/1.1\t",
        "HTTP/1.1\x0b",
        "HTTP/11",
        "HTTPS/1.1",
        "ICY",
        "",
        "HTTP/1.1\0",
        "HTTP/1.1\rX-A:",
    ),
]


def hosts() -> Iterator[Attack]:
    for path in ("/api/x", "/about", "http://other.example/api/x", "http://other.example/about"):
        for name, host in HOSTS.items():
            yield attack(f"host {name} at {path}", get(path, *host, host=""))


def methods() -> Iterator[Attack]:
    for path in ("/api/x", "/about", "*", "app.example:80", "http://app.example/api/x"):
        for method in METHODS:
            yield attack(f"method {method[:20]!r} at {path}", asks(f"{method} {path} HTTP/1.1"))
    for path in ("/api/x", "/about"):
        for version in VERSIONS:
            yield attack(f"version {version!r} at {path}", asks(f"GET {path} {version}"))
        for between in ("  ", "\t", " \t ", "\x0b", "\x0c", "\r", "\0", "\xa0"):
            yield attack(f"{between!r} behind the method at {path}", asks(f"GET{between}{path} HTTP/1.1"))
            yield attack(f"{between!r} behind the path at {path}", asks(f"GET {path}{between}HTTP/1.1"))
        yield attack(f"HTTP/0.9 at {path}", lines(f"GET {path}"))
        yield attack(
            f"HTTP/0.9 with headers at {path}",
            lines(f"GET {path}", "Host: x", b"Cookie: " + COOKIE, b"X-Case: " + CASE, ""),
        )
        for name in OVERRIDES:
            for method in ("OPTIONS", "GET", "HEAD", "TRACE"):
                yield attack(
                    f"{name}: {method} at {path}",
                    asks(f"POST {path} HTTP/1.1", f"{name}: {method}", "Content-Length: 0"),
                )
        yield attack(f"_method at {path}", asks(f"POST {path}?_method=OPTIONS HTTP/1.1", "Content-Length: 0"))


OVERRIDES = (
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-Method",
    "X-Forwarded-Method",
    "_method",
)

ATTACKS = [*hosts(), *methods()]
