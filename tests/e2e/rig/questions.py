"""Generated requests of the differential suite: one seed, the same bytes.

A text here is a header as it goes over the wire, each character one byte (Latin-1). What is right or wrong about a
request is not known here: Better Auth says.
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar
from urllib.parse import quote, unquote

T = TypeVar("T")

LOOSE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# What cookie parsers, percent-decoders and base64 readers each treat apart.
PIECES = (*'"%;,= \t.+/_-', "\u00a0", "\u00e9", *"0123456789abcdefABCDEF", "%3D", "%2E", "; ", "__Secure-")


@dataclass(frozen=True)
class Signed:
    """A value and its genuine signature, or one that somebody else made."""

    what: str
    """Whose session it names, or what is the matter with that, in a few words."""
    token: str
    signature: str

    @property
    def plain(self) -> str:
        return f"{self.token}.{self.signature}"

    @property
    def wire(self) -> str:
        """As Better Auth writes it."""
        return quote(self.plain, safe="!'()*-._~")

    @classmethod
    def of(cls, what: str, wire: str, token: str | None = None) -> "Signed":
        found, _, signature = unquote(wire).rpartition(".")
        return cls(what, token or found, signature)


@dataclass(frozen=True)
class Snapshot:
    """What the cookie cache says of a session."""

    what: str
    session: Signed
    parts: tuple[tuple[str, str], ...]
    """The cookies with their values: one, or the chunks of one."""


def signed(what: str, token: str, secret: str) -> Signed:
    """Signed here: for what Better Auth would not sign."""
    digest = hmac.digest(secret.encode(), token.encode(), "sha256")
    return Signed(what, token, base64.b64encode(digest).decode())


@dataclass(frozen=True)
class Question:
    """The headers of one request, beside those that every client sends."""

    labels: tuple[str, ...]
    """How it was made, for people and for the list of documented differences."""
    headers: tuple[tuple[str, str], ...]
    credential: str = "cookie"
    """Which one it is about."""

    def concerns(self, *what: str) -> bool:
        """Whether it has to do with one of these."""
        return any(label.removeprefix("beside ").rpartition(": ")[2] in what for label in self.labels)

    def has_another_beside_it(self) -> bool:
        return any(label.startswith("beside ") for label in self.labels)

    def without(self, cookie: str) -> "Question":
        """The same without the Cookie lines that begin with that cookie."""
        kept = (header for header in self.headers if not header[1].startswith(f"{cookie}="))
        return replace(self, labels=(*self.labels, f"without {cookie}"), headers=tuple(kept))

    def __str__(self) -> str:
        lines = (f"{name}: {value!r}" for name, value in self.headers)
        return f"[{', '.join(self.labels)}] " + " | ".join(lines)


@dataclass(frozen=True)
class Material:
    """What a configuration offers to make requests of."""

    cookie: str
    """The name of the session cookie."""
    data_cookie: str
    """The name of the cookie cache's cookie."""
    lasting: Sequence[Signed]
    """What stays as it is however often it is asked about."""
    perishable: list[Signed]
    """What Better Auth deletes when it is asked about it: each is good for one question."""
    bearer: str | None
    """Who listens to the Authorization header: nobody, a "plain" reader of it or one that takes it in "any" form."""
    snapshots: Sequence[Snapshot]
    """What the cookie cache can be asked with, where there is one."""
    keys: Sequence[tuple[str, str]]
    """API keys, where they count, each with what is the matter with it."""
    remembered: str
    """A genuine dont_remember cookie's value, in its wire form."""


Spelling = Callable[[Random, Signed], str]
Spread = Callable[[Random, str, str, str], list[str]]


def latin1(text: str) -> str:
    """A text unencoded on the wire: one byte a character if it can be, UTF-8 if not. No NUL: no header holds it."""
    text = text.replace("\0", "%00")
    try:
        return text.encode("latin-1").decode("latin-1")
    except UnicodeEncodeError:
        return text.encode().decode("latin-1")


def with_signature(change: Callable[[str], str]) -> Spelling:
    return lambda _, value: quote(f"{value.token}.{change(value.signature)}", safe="/+=!'()*-._~")


def other_bits(random: Random, value: Signed) -> str:
    """The last character before the padding has two bits too many; a third changes the signature itself."""
    digit = LOOSE.index(value.signature[42]) ^ random.choice((1, 2, 3, 4))
    return quote(f"{value.token}.{value.signature[:42]}{LOOSE[digit]}=", safe="!'()*-._~")


def partly_encoded(random: Random, value: Signed) -> str:
    return "".join(
        quote(c, safe="") if random.random() < 0.5 else f"%{ord(c):02x}" for c in value.plain if ord(c) < 128
    )


def truncated(random: Random, value: Signed) -> str:
    return value.wire[: random.randrange(len(value.wire))]


def padded(random: Random, value: Signed) -> str:
    fill = (" ", "\t", "\u00a0", "\u0085", "%20", "%C2%A0", "+")
    return random.choice(fill) + value.wire + random.choice(("", *fill))


def quoted(random: Random, value: Signed) -> str:
    quotes = (('"', '"'), ('"', "x"), ('"', " "), ('"', ""), ('""', '""'), ("'", "'"), (' "', '" '))
    first, last = random.choice(quotes)
    text = random.choice((value.wire, latin1(value.plain), f" {value.wire} "))
    return first + text + last


def trailed(random: Random, value: Signed) -> str:
    return value.wire + random.choice(("%", "%zz", ".", "=", "%3D", ",", " x", "\u00e9", "%FF", "%00", "."))


SPELLINGS: dict[str, tuple[int, Spelling]] = {
    "as written": (24, lambda _, value: value.wire),
    "unencoded": (4, lambda _, value: latin1(value.plain)),
    "lower-case escapes": (1, lambda _, value: value.wire.replace("%2F", "%2f").replace("%3D", "%3d")),
    "all encoded": (1, lambda _, value: "".join(f"%{byte:02x}" for byte in value.plain.encode())),
    "partly encoded": (2, partly_encoded),
    "encoded twice": (1, lambda _, value: quote(value.wire, safe="")),
    "spaces for plus": (1, lambda _, value: latin1(value.plain).replace("+", " ")),
    "url-safe": (2, with_signature(lambda text: text.replace("+", "-").replace("/", "_"))),
    "no padding": (2, with_signature(lambda text: text.rstrip("="))),
    "double padding": (1, with_signature(lambda text: text + "=")),
    "other bits": (4, other_bits),
    "no signature": (1, lambda _, value: quote(value.token, safe="")),
    "two signatures": (1, lambda _, value: f"{value.wire}.{quote(value.signature, safe='')}"),
    "truncated": (2, truncated),
    "padded": (3, padded),
    "quoted": (4, quoted),
    "trailed": (2, trailed),
}

NAMES: dict[str, tuple[int, Callable[[str], str]]] = {
    "the name": (40, lambda name: name),
    "other prefix": (
        2,
        lambda name: name.removeprefix("__Secure-") if name.startswith("__Secure-") else f"__Secure-{name}",
    ),
    "host prefix": (1, lambda name: f"__Host-{name}"),
    "dash name": (1, lambda name: name.replace(".session_token", "-session_token")),
    "other case": (1, str.swapcase),
    "encoded name": (1, lambda name: name.replace("_", "%5F")),
    "quoted name": (1, lambda name: f'"{name}"'),
    "spaced name": (2, lambda name: f" \t{name}\t "),
    "no-break name": (1, lambda name: f"\u00a0{name}\u00a0"),
    "suffixed name": (1, lambda name: f"{name}.0"),
    "prefixed name": (1, lambda name: f"x{name}"),
    "default name": (1, lambda _: "better-auth.session_token"),
}

# Of a pair that is meant to count, a value that is beside it under the same name, and that name.
SPREADS: dict[str, tuple[int, Spread]] = {
    "alone": (20, lambda _, pair, other, name: [pair]),
    "among others": (4, lambda _, pair, other, name: [f"theme=dark; {pair}; lang=en"]),
    "no spaces": (1, lambda _, pair, other, name: [f"theme=dark;{pair};lang=en"]),
    "many others": (1, lambda random, pair, other, name: [f"{many(random)}; {pair}"]),
    "valueless before": (2, lambda _, pair, other, name: [f"theme; lang; {pair}"]),
    "its name valueless before": (1, lambda _, pair, other, name: [f"{name}; {pair}"]),
    "empty segments": (1, lambda _, pair, other, name: [f";; ; {pair};;"]),
    "nameless before": (1, lambda _, pair, other, name: [f"=x; {pair}"]),
    "attributes": (1, lambda _, pair, other, name: [f"$Version=1; {pair}; $Path=/"]),
    "prototype names": (1, lambda _, pair, other, name: [f"__proto__=x; constructor=y; {pair}"]),
    "twice, last": (3, lambda _, pair, other, name: [f"{name}={other}; {pair}"]),
    "twice, first": (3, lambda _, pair, other, name: [f"{pair}; {name}={other}"]),
    "empty before": (1, lambda _, pair, other, name: [f"{name}=; {pair}"]),
    "two lines": (2, lambda _, pair, other, name: ["theme=dark", pair]),
    "two lines, last": (2, lambda _, pair, other, name: [f"{name}={other}", pair]),
    "two lines, first": (2, lambda _, pair, other, name: [pair, f"{name}={other}"]),
    "two lines, one empty": (1, lambda _, pair, other, name: ["", pair]),
    "two lines, cut": (1, lambda random, pair, other, name: cut(random, pair)),
    "after a comma": (1, lambda _, pair, other, name: [f"theme=dark,{pair}"]),
    "before a comma": (1, lambda _, pair, other, name: [f"{pair}, theme=dark"]),
    "nowhere": (1, lambda _, pair, other, name: ["theme=dark"]),
    "no cookies": (1, lambda _, pair, other, name: []),
}


def many(random: Random) -> str:
    return "; ".join(f"c{number}={number}" for number in range(random.choice((20, 150))))


def cut(random: Random, pair: str) -> list[str]:
    at = random.randrange(len(pair))
    return [pair[:at], pair[at:]]


def chosen(random: Random, table: dict[str, tuple[int, T]]) -> tuple[str, T]:
    """One of a table, as often as its weight says."""
    names = list(table)
    name = random.choices(names, [table[name][0] for name in names])[0]
    return name, table[name][1]


def cookie_question(random: Random, material: Material) -> Question:
    subject = taken(random, material)
    beside_it = random.choice([nobody(random), random.choice(material.lasting)])
    spelling, spell = chosen(random, SPELLINGS)
    naming, name = chosen(random, NAMES)
    spreading, spread = chosen(random, SPREADS)
    lines = spread(random, f"{name(material.cookie)}={spell(random, subject)}", beside_it.wire, material.cookie)
    labels = [subject.what, spelling, naming, spreading]
    if "twice" in spreading or "two lines, " in spreading:
        labels.append(f"beside {beside_it.what}")
    if random.random() < 0.15 and lines:
        at = random.randrange(len(lines))
        lines[at] = mutated(random, lines[at])
        labels.append("mutated")
    headers = [("Cookie", line) for line in lines]
    headers += beside(random, material, labels)
    return Question(tuple(labels), tuple(headers))


def taken(random: Random, material: Material) -> Signed:
    """Somebody to ask about. Mostly who lasts, for there are only so many others."""
    if material.perishable and random.random() < 0.15:
        return material.perishable.pop(random.randrange(len(material.perishable)))
    return random.choice(material.lasting)


def nobody(random: Random) -> Signed:
    token, signature = random.choice((("x", "y"), ("", ""), ("a" * 32, "A" * 43 + "="), ('"', "")))
    return Signed("nobody", token, signature)


def mutated(random: Random, line: str) -> str:
    """One to three edits somewhere in a line."""
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(line) + 1)
        piece = random.choice(PIECES)
        line = random.choice((
            line[:at] + piece + line[at:],
            line[:at] + line[at + 1 :],
            line[:at] + piece + line[at + 1 :],
            line[:at] + line[at : at + 2][::-1] + line[at + 2 :],
        ))  # fmt: skip
    return line


def beside(random: Random, material: Material, labels: list[str]) -> list[tuple[str, str]]:
    """Headers that have no say, for nobody is configured to listen to them."""
    headers = []
    if random.random() < 0.1 and not material.snapshots:
        labels.append("session data")
        data = random.choice(("garbage", "e30", "eyJzZXNzaW9uIjp7fX0", "."))
        headers.append(("Cookie", f"{material.data_cookie}={data}"))
    if random.random() < 0.1:
        labels.append("not remembered")
        prefix = material.data_cookie.removesuffix("session_data")
        headers.append(("Cookie", f"{prefix}dont_remember={material.remembered}"))
    if random.random() < 0.1 and not material.bearer:
        labels.append("authorization")
        token = random.choice(material.lasting)
        scheme = random.choice(("Bearer ", "bearer ", "Bearer\t", "Basic ", ""))
        headers.append(("Authorization", scheme + random.choice((token.wire, token.wire.split(".")[0]))))
    if random.random() < 0.05 and not material.keys:
        labels.append("an API key")
        headers.append(("X-API-Key", "k" * random.choice((5, 64))))
    return headers


def as_headers(question: Question) -> list[tuple[str, str | bytes]]:
    return [(name, value.encode("latin-1")) for name, value in question.headers]
