"""Identity headers in every spelling that some server reads as one, on every kind of path."""

from collections.abc import Iterator

from .form import ADA, CASE, COOKIE, Attack, asks, attack, get, lines, post, raw, spoofs

NAMES = (
    "Status",
    "User-Id",
    "User-Email",
    "User-Name",
    "User-Role",
    "User-Username",
    "User-Phone",
    "User-Email-Verified",
    "User-Phone-Verified",
    "User-Two-Factor",
    "User-Anonymous",
    "Session-Id",
    "Session-Expires",
    "Organization-Id",
    "Organization-Role",
    "Team-Id",
    "Impersonated-By",
    "Assertion",
    "Freshness",
    "Login",
    "Reason",
)

FULL = [f"X-Auth-{name}" for name in NAMES]
FEW = ["X-Auth-Status", "X-Auth-User-Id", "X-Auth-User-Role", "X-Auth-Impersonated-By", "X-Auth-Assertion"]
"""Among them one that sidegate always sends, one that it sends of the attacker, and one that it never does here."""

PATHS = {
    "protected": "/api/x",
    "page": "/dashboard/x",
    "public": "/about",
    "doubtful": "/about;x",
    "better-auth": "/api/auth/get-session",
}

# RFC 9110 §5.6.2, tchar, but for letters, digits and the hyphen.
ODD = "!#$%&'*+.^_`|~"

BODY = b"5\r\nhello\r\n"


def spellings() -> Iterator[tuple[str, list[bytes]]]:
    """Header lines, without those around them."""
    yield "as they are", spoofs(FULL)
    yield "lower case", spoofs([name.lower() for name in FULL])
    yield "upper case", spoofs([name.upper() for name in FULL])
    yield "odd case", spoofs([name.swapcase() for name in FULL])
    yield "twice", spoofs(name for name in FULL for _ in range(2))
    yield "empty and full", [line for name in FULL for line in (raw(f"{name}:"), raw(f"{name}: ") + ADA)]
    yield "full and empty", [line for name in FULL for line in (raw(f"{name}: ") + ADA, raw(f"{name}:"))]
    yield "empty", [raw(f"{name}:") for name in FULL]
    yield "only spaces", [raw(f"{name}: \t ") for name in FULL]
    yield "lists", spoofs(FULL, ADA + b", user, " + ADA)
    yield "no space after the colon", [raw(f"{name}:") + ADA for name in FULL]
    yield "a hundred times", spoofs(["X-Auth-User-Role"] * 60)
    for letter in ODD:
        yield f"{letter} for all hyphens", spoofs([name.replace("-", letter) for name in FULL])
    for letter in "._~!":
        yield f"{letter} for the first hyphen", spoofs([name.replace("-", letter, 1) for name in FULL])
        yield f"{letter} for the last hyphen", spoofs([letter.join(name.rsplit("-", 1)) for name in FULL])
        yield f"{letter} behind", spoofs([name + letter for name in FULL])
        yield f"{letter} before", spoofs([letter + name for name in FULL])
    yield "beside each other", spoofs(["x-auth-user-id", "X_AUTH_USER_ID", "X-Auth-User-Id", "X.Auth.User.Id"])
    for what, between in BEFORE_COLON.items():
        for name in FEW:
            yield f"{what} before the colon of {name}", [raw(name) + between + b": " + ADA]
    for what, mark in INSIDE.items():
        yield f"{what} in the name", [b"X-Auth" + mark + b"User-Id: " + ADA]
        yield f"{what} at the name's end", [b"X-Auth-User-Id" + mark + b": " + ADA]
        yield f"{what} in the value", [b"X-Auth-User-Id: " + mark + ADA]
        yield f"{what} and a line in the value", [b"X-Ignored: a" + mark + b"X-Auth-User-Id: " + ADA]
    for name in FEW:
        yield f"{name} folded into the line before", [b"X-Ignored: a", b" " + raw(name) + b": " + ADA]
        yield f"{name} with its value folded", [raw(name) + b":", b" " + ADA]
        yield f"{name} with its value folded by a tab", [raw(name) + b": a", b"\t" + ADA]
        yield f"{name} with its name folded", [raw(name[:8]), b" " + raw(name[8:]) + b": " + ADA]
    yield (
        "letters that upper() makes ASCII",
        ["X-Auth-U\u017fer-Id: ".encode() + ADA, "X-Auth-User-\u0131d: ".encode() + ADA],
    )
    yield "another hyphen", ["X\u2010Auth\u2010User\u2010Id: ".encode() + ADA]
    yield "a soft hyphen", ["X-Auth\u00ad-User-Id: ".encode() + ADA, b"X-Auth-User-Id\xad: " + ADA]
    yield "quoted", [b'"X-Auth-User-Id": ' + ADA]
    yield "as a variable", [b"HTTP_X_AUTH_USER_ID: " + ADA, b"HTTP-X-Auth-User-Id: " + ADA]
    yield "a long value", [b"X-Auth-User-Id: " + ADA * 100]
    yield "no colon", [b"X-Auth-User-Id " + ADA]
    yield "two colons", [b"X-Auth-User-Id:: " + ADA, b":X-Auth-User-Id: " + ADA]


BEFORE_COLON = {"a space": b" ", "a tab": b"\t", "two spaces": b"  ", "a space and a tab": b" \t"}
INSIDE = {
    "NUL": b"\0",
    "CR": b"\r",
    "LF": b"\n",
    "CR CR LF": b"\r\r\n",
    "a vertical tab": b"\x0b",
    "a form feed": b"\x0c",
    "NEL": b"\x85",
    "DEL": b"\x7f",
    "a no-break space": b"\xa0",
    "byte 255": b"\xff",
}


def placed(path: str) -> Iterator[Attack]:
    """Each spelling behind the other lines, and those that matter most also before them."""
    for name, spelling in spellings():
        yield attack(f"{name} ({path})", get(PATHS[path], *spelling))
    first = b"GET " + raw(PATHS[path]) + b" HTTP/1.1"
    rest = (b"Host: app.example", b"X-Case: " + CASE, b"Cookie: " + COOKIE, "Connection: close", "")
    few = spoofs(FEW)
    yield attack(f"before the host ({path})", lines(first, *few, *rest))
    yield attack(f"folded into the request line ({path})", lines(first, *[b" " + line for line in few], *rest))
    yield attack(f"underscores before the host ({path})", lines(first, *[x.replace(b"-", b"_", 3) for x in few], *rest))
    yield attack(f"lines ended by LF ({path})", get(PATHS[path], *few).replace(b"\r\n", b"\n"))
    yield attack(f"lines ended by CR ({path})", get(PATHS[path], *few).replace(b"\r\n", b"\r"))
    yield attack(f"the head ended by LF LF ({path})", get(PATHS[path])[:-2] + b"\n" + lines(*few, ""))
    yield attack(f"behind the head ({path})", get(PATHS[path], stays=True) + lines(*few, ""))
    yield attack(f"HTTP/1.0 ({path})", asks(first.replace(b"1.1", b"1.0"), *spoofs(FULL)))


def trailers(path: str) -> Iterator[Attack]:
    """Headers behind a body. httptools, uvicorn's other parser, counts them among a request's headers."""
    framing = "Transfer-Encoding: chunked"
    spelled = {
        "as they are": spoofs(FULL),
        "lower case": spoofs([name.lower() for name in FULL]),
        "underscores": spoofs([name.replace("-", "_") for name in FULL]),
        "dots": spoofs([name.replace("-", ".") for name in FULL]),
        "with a space": [raw(name) + b" : " + ADA for name in FEW],
        "with a cookie": [b"Cookie: " + COOKIE, *spoofs(FEW)],
    }
    for name, spelling in spelled.items():
        for announced in ([], ["Trailer: " + ", ".join(FULL)], ["Trailer: X-Other", "TE: trailers"]):
            body = BODY + b"0\r\n" + lines(*spelling, "")
            told = (
                "announced " if "X-Auth-Status" in "".join(announced) else "announced otherwise " if announced else ""
            )
            yield attack(f"{told}trailers, {name} ({path})", post(PATHS[path], framing, *announced, body=body))
    yield attack(
        f"trailers in a GET ({path})",
        asks(
            f"GET {PATHS[path]} HTTP/1.1", framing, "Trailer: X-Auth-User-Role", body=b"0\r\n" + lines(*spoofs(FEW), "")
        ),
    )


ATTACKS = [one for path in PATHS for one in placed(path)]
TRAILERS = [one for path in PATHS for one in trailers(path)]
