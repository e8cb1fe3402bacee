"""Texts that must be told to nobody: every one that the tests made, and where to look for them."""

import base64
from urllib.parse import quote, unquote

_secret: dict[str, str] = {}


def remember(what: str, text: str) -> None:
    """From now on, `text` must appear in no output."""
    assert len(text) >= 12, f"{what} is too short to be looked for"
    for form in (text, quote(text, safe=""), unquote(text), base64.b64encode(text.encode()).decode()):
        _secret[form] = what


def remember_cookie(value: str) -> None:
    """The value of a cookie, in its wire form: as a whole, and if it is a signed one, its token and its signature."""
    remember("a cookie's value", value)
    token, _, signature = unquote(value).rpartition(".")
    if not token:
        return
    remember("a token", token)
    # Without its padding: a part of it would be as bad.
    remember("a signature", signature.rstrip("="))


def found_in(text: str) -> list[str]:
    """What of all that stands in `text`, in words that do not tell it."""
    return sorted({what for form, what in _secret.items() if form in text})
