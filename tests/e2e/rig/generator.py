"""Generated requests of the differential suite, with whatever credential a configuration listens to."""

import base64
import json
from collections.abc import Callable
from random import Random
from urllib.parse import quote

from .questions import (
    SPELLINGS,
    Material,
    Question,
    Spelling,
    chosen,
    cookie_question,
    latin1,
    mutated,
    taken,
)

Pair = tuple[str, str]
Damage = Callable[[Random, list[Pair], Material], list[Pair]]

BEARER_SPELLINGS: dict[str, tuple[int, Spelling]] = SPELLINGS | {
    "unencoded": (16, lambda _, value: latin1(value.plain)),
    "no signature": (24, lambda _, value: latin1(value.token)),
    "encoded, no signature": (2, lambda _, value: quote(value.token, safe="")),
    "a JSON Web Token": (2, lambda _, value: f"eyJhbGciOiJFZERTQSJ9.{latin1(value.token)}.{value.signature[:43]}"),
    "an opaque token": (2, lambda random, value: f"sk_{random.randrange(10**9)}"),
    "nothing": (1, lambda _, value: ""),
    "dots": (1, lambda _, value: ".."),
}

SCHEMES: dict[str, tuple[int, str]] = {
    "bearer": (20, "Bearer "),
    "lower-case bearer": (2, "bearer "),
    "upper-case bearer": (1, "BEARER "),
    "bearer and spaces": (1, "Bearer  \t "),
    "bearer and a tab": (1, "Bearer\t"),
    "bearer and a no-break space": (1, "Bearer \u00a0"),
    "bearer alone": (1, "Bearer"),
    "basic": (1, "Basic "),
    "no scheme": (1, ""),
}


def plain_bearer_question(random: Random, material: Material) -> Question:
    """A token as Better Auth gave it away, or the session's token alone, and no cookies."""
    subject = taken(random, material)
    form = random.choice(("as written", "no signature"))
    value = f"Bearer {SPELLINGS[form][1](random, subject)}"
    return Question((subject.what, form, "bearer"), (("Authorization", value),), "bearer")


def bearer_question(random: Random, material: Material) -> Question:
    """A token in the Authorization header, for half of the time beside cookies."""
    cookies = cookie_question(random, material) if random.random() < 0.5 else Question((), ())
    subject = taken(random, material)
    scheming, scheme = chosen(random, SCHEMES)
    spelling, spell = chosen(random, BEARER_SPELLINGS)
    labels = [subject.what, spelling, scheming]
    value = scheme + spell(random, subject)
    if random.random() < 0.1:
        labels.append("mutated")
        value = mutated(random, value)
    return Question((*labels, *cookies.labels), (("Authorization", value), *cookies.headers), "bearer")


def recoded(change: Callable[[dict[str, object]], object]) -> Damage:
    """Of JSON in base64, the same with a change to it and whatever signature there was."""

    def damage(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
        text = "".join(value for _, value in pairs)
        try:
            payload = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            return pairs  # not of that strategy
        changed = change(payload)
        whole = changed if isinstance(changed, str) else json.dumps(changed, separators=(",", ":"), ensure_ascii=False)
        return [(material.data_cookie, base64.urlsafe_b64encode(whole.encode()).decode().rstrip("="))]

    return damage


def in_chunks(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    """Cut at random places, under the names that Better Auth gives to chunks."""
    text = "".join(value for _, value in pairs)
    cuts = sorted(random.randrange(len(text)) for _ in range(random.randint(1, 11)))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return [(f"{material.data_cookie}.{number}", part) for number, part in enumerate(parts)]


def renamed_chunks(rename: Callable[[str, int], str]) -> Damage:
    def damage(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
        chunks = in_chunks(random, pairs, material)
        return [(rename(material.data_cookie, number), value) for number, (_, value) in enumerate(chunks)]

    return damage


def shuffled(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    chunks = in_chunks(random, pairs, material)
    random.shuffle(chunks)
    return chunks


def one_less(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    chunks = in_chunks(random, pairs, material)
    del chunks[random.randrange(len(chunks))]
    return chunks


def one_twice(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    chunks = in_chunks(random, pairs, material)
    name, value = random.choice(chunks)
    chunks.insert(random.randrange(len(chunks) + 1), (name, random.choice((value, "x", ""))))
    return chunks


def altered(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    """A character or two of the text is another one."""
    name, value = pairs[at := random.randrange(len(pairs))]
    for _ in range(random.randint(1, 2)):
        place = random.randrange(len(value))
        value = value[:place] + random.choice("ABCXYZabcxyz0129-_.+/=") + value[place + 1 :]
    return [*pairs[:at], (name, value), *pairs[at + 1 :]]


def around(change: Callable[[str], str]) -> Damage:
    return lambda _, pairs, __: [(name, change(value)) for name, value in pairs]


def of_another(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    return list(random.choice(material.snapshots).parts)


def twice(random: Random, pairs: list[Pair], material: Material) -> list[Pair]:
    other = (material.data_cookie, random.choice(("garbage", "e30", "", random.choice(material.snapshots).parts[0][1])))
    return [other, *pairs] if random.random() < 0.5 else [*pairs, other]


def without_signature(_: Random, pairs: list[Pair], __: Material) -> list[Pair]:
    return [(name, value.rpartition(".")[0] + "." if "." in value else value) for name, value in pairs]


def other_algorithm(random: Random, pairs: list[Pair], _: Material) -> list[Pair]:
    header = base64.urlsafe_b64encode(json.dumps({"alg": random.choice(("none", "HS512", "dir"))}).encode()).decode()
    return [(name, ".".join([header.rstrip("="), *value.split(".")[1:]])) for name, value in pairs]


DAMAGES: dict[str, tuple[int, Damage]] = {
    "as it was set": (20, lambda _, pairs, __: pairs),
    "of another": (4, of_another),
    "altered": (5, altered),
    "truncated": (2, lambda random, pairs, _: [(name, value[: random.randrange(len(value))]) for name, value in pairs]),
    "in quotes": (2, around(lambda value: f'"{value}"')),
    "in spaces": (1, around(lambda value: f" \t{value} ")),
    "in escapes": (1, around(lambda value: "".join(f"%{ord(c):02x}" for c in value))),
    "with padding": (2, around(lambda value: value + "=" * (-len(value) % 4))),
    "with more padding": (1, around(lambda value: value + "==")),
    "with more after padding": (1, around(lambda value: value + "=" * (-len(value) % 4 or 4) + "x")),
    "with a dot": (1, around(lambda value: value + ".")),
    "in the standard alphabet": (1, around(lambda value: value.replace("-", "+").replace("_", "/"))),
    "with spaces in its JSON": (1, recoded(lambda payload: json.dumps(payload, indent=1))),
    "with escapes in its JSON": (1, recoded(json.dumps)),
    "with another expiry": (1, recoded(lambda payload: payload | {"expiresAt": 4_102_444_800_000})),
    "with more in it": (1, recoded(lambda payload: payload | {"more": 1})),
    "with less in it": (1, recoded(lambda payload: {"session": payload.get("session")})),
    "of no JSON": (1, recoded(lambda _: "{")),
    "of null": (1, recoded(lambda _: "null")),
    "without its signature": (2, without_signature),
    "of another algorithm": (2, other_algorithm),
    "in chunks": (6, in_chunks),
    "in chunks in disorder": (3, shuffled),
    "in chunks, one missing": (1, one_less),
    "in chunks, one twice": (2, one_twice),
    "in chunks with gaps": (1, renamed_chunks(lambda name, number: f"{name}.{2 * number + 1}")),
    "in chunks with zeros": (1, renamed_chunks(lambda name, number: f"{name}.{number:02}")),
    "in chunks of odd names": (1, renamed_chunks(lambda name, number: f"{name}.{'0x' if number else ''}{number}")),
    "twice": (3, twice),
    "of another name": (
        1,
        lambda _, pairs, __: [(name.replace("session_data", "session_date"), v) for name, v in pairs],
    ),
    "none": (1, lambda _, __, ___: []),
}


def snapshot_question(random: Random, material: Material) -> Question:
    """The cookie cache's cookie, or what became of it, beside a session cookie."""
    snapshot = random.choice(material.snapshots)
    damaging, damage = chosen(random, DAMAGES)
    pairs = damage(random, list(snapshot.parts), material)
    whose = snapshot.session if random.random() < 0.9 else random.choice(material.lasting)
    labels = [snapshot.what, damaging]
    if whose.token != snapshot.session.token:
        labels.append(f"beside {whose.what}")
    session = f"{material.cookie}={whose.wire}"
    cookies = [f"{name}={value}" for name, value in pairs]
    cookies.insert(random.randrange(len(cookies) + 1), session)
    if random.random() < 0.1:
        labels.append("mutated")
        at = random.randrange(len(cookies))
        cookies[at] = mutated(random, cookies[at])
    lines = cookies if random.random() < 0.2 else ["; ".join(cookies)]
    return Question(tuple(labels), tuple(("Cookie", line) for line in lines), "snapshot")


def key_question(random: Random, material: Material) -> Question:
    """An API key, for half of the time beside cookies."""
    cookies = cookie_question(random, material) if random.random() < 0.5 else Question((), ())
    what, key = random.choice(material.keys)
    labels = [what]
    if random.random() < 0.3:
        labels.append("mutated")
        key = mutated(random, key)
    return Question((*labels, *cookies.labels), (("X-API-Key", key), *cookies.headers), "key")


def questions(random: Random, material: Material, count: int) -> list[Question]:
    """Requests in all kinds of order and disorder, more or less as many with each credential that counts."""
    makers = [cookie_question]
    if material.bearer:
        makers.append(bearer_question if material.bearer == "any" else plain_bearer_question)
    if material.snapshots:
        makers += [snapshot_question] * 3
    if material.keys:
        makers.append(key_question)
    return [random.choice(makers)(random, material) for _ in range(count)]
