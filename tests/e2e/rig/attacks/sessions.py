"""Credentials: two of them, hidden ones, broken ones, somebody else's in part; and heads too long for somebody."""

from collections.abc import Iterator

from .form import ADA, CASE, COOKIE, TOKEN, Attack, attack, get, lines, raw, spoofs
from .identity import FEW, FULL

NAME = b"better-auth.session_token"
FORGED = NAME + b"=" + TOKEN + b".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"
UNSIGNED = NAME + b"=" + TOKEN
WITH_ID = NAME + b"=" + ADA

COOKIES: dict[str, list[bytes]] = {
    "a forged one": [FORGED],
    "an unsigned one": [UNSIGNED],
    "a user id": [WITH_ID],
    "an empty one": [NAME + b"="],
    "no value": [NAME],
    "only a signature": [NAME + b"=.AAAA"],
    "two signatures": [FORGED + b".AAAA"],
    "good first": [COOKIE + b"; " + FORGED],
    "bad first": [FORGED + b"; " + COOKIE],
    "good first, two lines": [COOKIE, FORGED],
    "bad first, two lines": [FORGED, COOKIE],
    "good first, a comma": [COOKIE + b", " + FORGED],
    "bad first, a comma": [FORGED + b", " + COOKIE],
    "good first, a comma without a space": [COOKIE + b"," + FORGED],
    "unsigned first": [UNSIGNED + b"; " + COOKIE],
    "empty first": [NAME + b"=; " + COOKIE],
    "a tab between": [FORGED + b";\t" + COOKIE],
    "nothing between": [FORGED + b";" + COOKIE],
    "a space between": [FORGED + b" " + COOKIE],
    "NUL between": [FORGED + b"\0" + COOKIE],
    "a line between": [b"a=b\n" + FORGED],
    "CR between": [b"a=b\r" + COOKIE],
    "semicolons": [b";;; ;" + COOKIE + b";;;"],
    "equals signs": [b"===; =; " + COOKIE],
    "its secure twin": [b"__Secure-" + FORGED + b"; " + COOKIE],
    "its secure twin alone": [b"__Secure-" + COOKIE],
    "its host twin": [b"__Host-" + COOKIE],
    "its name in capitals": [COOKIE.replace(b"better", b"BETTER")],
    "its name encoded": [b"better%2dauth.session_token=" + TOKEN + b".AAAA"],
    "its name with a space": [b" " + NAME + b" =" + TOKEN + b".AAAA"],
    "a name that ends like it": [b"x" + COOKIE],
    "a name that begins like it": [NAME + b"2=" + TOKEN],
    "quoted": [b'a="' + COOKIE + b'"'],
    "in a quoted one": [b'a="; ' + FORGED + b'; "'],
    "a version": [b"$Version=1; " + COOKIE + b"; $Path=/"],
    "control bytes": [b"a=\x01\x02\x7f; " + COOKIE],
    "other bytes": [b"a=\xff\xfe\xc3; " + COOKIE],
    "many": [b"; ".join(b"a%d=b" % i for i in range(200)) + b"; " + COOKIE],
    "8 KiB before": [b"a=" + b"x" * 8192 + b"; " + COOKIE],
    "8 KiB after": [COOKIE + b"; a=" + b"x" * 8192],
    "16 KiB before": [b"a=" + b"x" * 16384 + b"; " + COOKIE],
    "folded": [b"a=b", b" ; " + COOKIE],
    "other cookies of Better Auth": [b"better-auth.session_data=" + ADA + b"; better-auth.dont_remember=true"],
    "a signed name": [b"better-auth.admin_session=" + TOKEN + b".AAAA; " + FORGED],
    "sidegate's own": [b"sidegate-redirects=" + ADA + b".1; " + COOKIE],
    "an injected header": [b"a=b%0d%0aX-Auth-User-Id: " + ADA],
}

AUTHORIZATIONS: dict[str, list[bytes]] = {
    "a token": [b"Authorization: Bearer " + TOKEN],
    "a forged token": [b"Authorization: Bearer " + TOKEN + b".AAAA"],
    "a token twice": [b"Authorization: Bearer " + TOKEN] * 2,
    "basic": [b"Authorization: Basic YWRtaW46YWRtaW4="],
    "an unsigned JSON Web Token": [b"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."],
    "a folded token": [b"Authorization: Bearer", b" " + TOKEN],
    "an API key": [b"X-Api-Key: " + TOKEN],
    "two API keys": [b"X-Api-Key: " + TOKEN, b"X-Api-Key: x"],
    "a cookie by another name": [b"X-Cookie: " + FORGED, b"Cookie2: " + FORGED, b"Set-Cookie: " + FORGED],
    "underscores": [b"HTTP_COOKIE: " + FORGED, b"Cookie_: " + FORGED],
    "a space before the colon": [b"Cookie : " + FORGED],
    "for a proxy": [b"Proxy-Authorization: Bearer " + TOKEN],
}


def cookies() -> Iterator[Attack]:
    for name, cookie in COOKIES.items():
        head, *rest = cookie
        written = [b"Cookie: " + head]
        written += [line if line.startswith(b" ") else b"Cookie: " + line for line in rest]
        for path in ("/api/x", "/about"):
            opened = lines(
                f"GET {path} HTTP/1.1", "Host: app.example", b"X-Case: " + CASE, *written, "Connection: close", ""
            )
            yield attack(f"cookies: {name} at {path}", opened)
    for name, authorization in AUTHORIZATIONS.items():
        yield attack(f"credentials: {name}", get("/api/x", *authorization))


def sizes() -> Iterator[Attack]:
    """A proxy may have room for the client's headers and then none for sidegate's."""
    for path in ("/api/x", "/about"):
        spoof = spoofs(FEW)
        for count in (50, 70, 76, 80, *range(82, 102), 110, 128, 150, 200, 1000):
            many = [f"X-Filler-{i}: x" for i in range(count)]
            yield attack(f"{count} headers at {path}", get(path, *many))
            yield attack(f"{count} headers before identity at {path}", get(path, *many, *spoof))
        for size in (
            4000,
            7600,
            8000,
            15800,
            16200,
            20000,
            *range(22000, 25000, 200),
            30000,
            31000,
            32000,
            32600,
            49000,
            60000,
            64000,
            65000,
            70000,
            102400,
            300000,
        ):
            for each in (7000, size):
                whole, rest = divmod(size, each)
                filler = [f"X-Filler-{i}: {'x' * (each - 16)}" for i in range(whole)] + [f"X-Rest: {'x' * rest}"]
                yield attack(f"a head of {size} bytes, {each} a line, at {path}", get(path, *filler))
        yield attack(f"a long path at {path}", get(path + "/" + "x" * 7000))
        yield attack(f"a longer path at {path}", get(path + "/" + "x" * 30000))
        yield attack(f"a long query at {path}", get(path + "?" + "x" * 7500))
        yield attack(f"a long name at {path}", get(path, "X-" + "x" * 20000 + ": y"))
        for size in (1000, 8000, 16000, 30000, 60000):
            yield attack(f"identity of {size} bytes at {path}", get(path, b"X-Auth-User-Role: " + b"a" * size, *spoof))
        yield attack(f"all identity headers twenty times at {path}", get(path, *spoofs(FULL * 20)))
        yield attack(f"a slow head at {path}", *[piece for piece in halves(get(path, *spoof))])


def halves(request: bytes) -> Iterator[bytes]:
    """Cut inside a name, where a parser goes on with what it had."""
    at = request.index(raw("X-Auth-User-Id")) + 7
    yield request[:at]
    yield request[at:]


COOKIE_ATTACKS, SIZES = [*cookies()], [*sizes()]
