"""Which Cookie headers pass: exactly those that Better Auth itself takes, asked with the same bytes."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from rig.better_auth import SignedIn
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import exchange, request

Lines = list[str | bytes]
"""The values of the Cookie lines."""

NAME = "better-auth.session_token"


def flipped(text: str, at: int) -> str:
    """The text with another letter in one place."""
    old = text[at]
    return f"{text[:at]}{'B' if old == 'A' else 'A'}{text[at:][1:]}"


def signed(token: str, secret: str) -> str:
    """As Better Auth signs, for cookies that it would not make: `secret` is not its own."""
    return quote(
        f"{token}.{base64.b64encode(hmac.digest(secret.encode(), token.encode(), 'sha256')).decode()}", safe=""
    )


BAD = "nobody.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"

REFUSED: dict[str, Callable[[SignedIn], Lines]] = {
    "no cookie of that name": lambda s: [f"other={s.value}"],
    "an empty value": lambda s: [f"{NAME}="],
    "a token with another letter": lambda s: [f"{NAME}={flipped(s.value, 3)}"],
    "a signature with another letter": lambda s: [f"{NAME}={flipped(s.value, 36)}"],
    "a truncated signature": lambda s: [f"{NAME}={s.value[:-8]}"],
    "a signature without padding": lambda s: [f"{NAME}={s.value.removesuffix('%3D')}"],
    "a token without a signature": lambda s: [f"{NAME}={s.token}"],
    "a token with a dot and no signature": lambda s: [f"{NAME}={s.token}."],
    "a signature without a token": lambda s: [f"{NAME}=.{quote(s.signature, safe='')}"],
    "another secret's signature": lambda s: [f"{NAME}={signed(s.token, 'some other secret of 32 characters')}"],
    "an empty secret's signature": lambda s: [f"{NAME}={signed(s.token, '')}"],
    "a value encoded twice": lambda s: [f"{NAME}={quote(s.value, safe='')}"],
    "the signed dont_remember cookie": lambda s: [f"{NAME}={s.cookies['better-auth.dont_remember']}"],
    "a name in other case": lambda s: [f"Better-Auth.session_token={s.value}"],
    "a name with a dash": lambda s: [f"better-auth-session_token={s.value}"],
    "a secure name where none is": lambda s: [f"__Secure-{NAME}={s.value}"],
    "a name as part of another": lambda s: [f"x{NAME}={s.value}"],
    "bad first": lambda s: [f"{NAME}={BAD}; {s.cookie}"],
    "bad first, on two lines": lambda s: [f"{NAME}={BAD}", s.cookie],
    "empty first": lambda s: [f"{NAME}=; {s.cookie}"],
    "empty first, on two lines": lambda s: [f"{NAME}=", s.cookie],
    "after a comma": lambda s: [f"a=b, {s.cookie}"],
    "bytes that are no text": lambda s: [NAME.encode() + b"=\xff\xfe.\x80"],
}

PASSED: dict[str, Callable[[SignedIn], Lines]] = {
    "as it was set": lambda s: [s.cookie],
    "among others": lambda s: [f"a=b; {s.cookie}; c=d"],
    "on the second of two lines": lambda s: ["a=b", s.cookie],
    "good first": lambda s: [f"{s.cookie}; {NAME}={BAD}"],
    "good first, on two lines": lambda s: [s.cookie, f"{NAME}={BAD}"],
    "without percent-encoding": lambda s: [f"{NAME}={unquote(s.value)}"],
    "percent-encoded in lower case": lambda s: [f"{NAME}={s.value.replace('%2F', '%2f').replace('%3D', '%3d')}"],
    "in quotes": lambda s: [f'{NAME}="{s.value}"'],
    "with spaces around": lambda s: [f"  {NAME} =  {s.value}  "],
    "without spaces between": lambda s: [f"a=b;{s.cookie};c=d"],
    "after one without a value": lambda s: [f"valueless; {s.cookie}"],
    "beside bytes that are no text": lambda s: [b"\xff=\xfe; " + s.cookie.encode()],
}


@pytest.fixture(scope="module")
def person(stack: Stack) -> SignedIn:
    """Signed in without being remembered, so that there is another signed cookie."""
    return stack.better_auth.sign_in(remember_me=False)


@pytest.mark.parametrize("case", REFUSED)
def test_what_better_auth_refuses_is_refused(stack: Stack, gate: Sidegate, person: SignedIn, case: str) -> None:
    lines = REFUSED[case](person)
    assert better_auth_says(stack, lines) is None
    assert status_for(stack, lines) == 401


@pytest.mark.parametrize("case", PASSED)
def test_what_better_auth_takes_is_taken(stack: Stack, gate: Sidegate, person: SignedIn, case: str) -> None:
    lines = PASSED[case](person)
    assert better_auth_says(stack, lines) is not None
    assert status_for(stack, lines) == 200


@pytest.mark.parametrize("count", [2, 200])
def test_a_cookie_behind_many_others_is_found(stack: Stack, gate: Sidegate, person: SignedIn, count: int) -> None:
    many = "; ".join(f"cookie{number}=value" for number in range(count))
    assert status_for(stack, [f"{many}; {person.cookie}"]) == 200


NAMES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "secure": ({"useSecureCookies": True}, {"secure_cookies": "true"}, "__Secure-better-auth.session_token"),
    "prefix": ({"cookiePrefix": "shop"}, {"cookie_prefix": "shop"}, "shop.session_token"),
    "name": ({"cookies": {"session_token": {"name": "sid"}}}, {"cookie_name": "sid"}, "sid"),
    "secure-name": (
        {"useSecureCookies": True, "cookies": {"session_token": {"name": "sid"}}},
        {"secure_cookies": "true", "cookie_name": "sid"},
        "__Secure-sid",
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_cookie_of_the_configured_name_counts_and_no_other(
    on_sqlite: Stack, stacks: Callable[..., Stack], case: str
) -> None:
    advanced, settings, name = NAMES[case]
    stack = stacks(on_sqlite.database, f"cookies-{case}", {"advanced": advanced})
    with stack.sidegate(**settings):
        person = stack.better_auth.sign_in()
        assert person.name == name
        for other in (name, NAME, f"__Secure-{NAME}", "shop.session_token", "sid", "__Secure-sid"):
            lines: Lines = [f"{other}={person.value}"]
            assert status_for(stack, lines) == (200 if other == name else 401), other
            assert (better_auth_says(stack, lines) is not None) == (other == name), other


def status_for(stack: Stack, lines: Lines) -> int:
    """What nginx says with sidegate's answer."""
    return exchange(stack.echo.address, asking("/api/x", lines)).status


def better_auth_says(stack: Stack, lines: Lines) -> dict[str, Any] | None:
    """Better Auth's verdict on the very same bytes."""
    reply = exchange(("127.0.0.1", stack.better_auth.port), asking("/api/auth/get-session", lines))
    assert reply.status == 200, reply
    verdict: dict[str, Any] | None = json.loads(reply.body)
    return verdict


def asking(path: str, lines: Lines) -> bytes:
    return request("GET", path, [("Host", "127.0.0.1"), *(("Cookie", line) for line in lines)])
