"""Sets of paths with parameters, and requests that are almost of one of them, from a seed."""

import re
import uuid
from dataclasses import dataclass
from random import Random

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

WORDS = ("a", "b", "users", "me", "v1", "12", "1.5", "x.json", "größe", "100%", "a b", "new-york", "A")
"""Few, so that many patterns meet on one path."""

PARAMETERS = ("", "", "", ":str", ":int", ":float", ":uuid")

AFFIXED = ("v{}", "{}.json", "v{}.json", "{}-{}", "{}.{}", "{}px", "a{}", "{}a", "{}/", "@{}", "{}:{}", "({})", "{}+")
"""What can stand around parameters. The braces are theirs."""

TEXTS = (
    *WORDS, "", "0", "007", "1.", ".5", "1.5.2", "+1", "-1", "1e5", "0x1", "1_000", "v", "v12", "v1.json", "vv.json.json",
    ".json", "x-y", "x-", "-y", "a-b-c", "aa", "ba", "ab", "12px", "1.5px", "px", "@", "@me", "a:b", "(x)", "x+",
    # Digits and letters to some, not to these.
    "١٢", "１２", "½", "Größe", "gro\u0308ße", "µ", "\u00a0", "\u2028", "\ufffd", "😀", "...", ".a", "~", "*", "{a}", "$", "^", "%", "%%", "100%2", "%4",
)  # fmt: skip
"""What stands in the place of a segment."""

AMBIGUOUS = ("..", ".", "a;b", "a\\b", "a#b", "%41", "%2e%2e", "a\nb", "a\x00", "a\x7f")
"""What sidegate refuses: seldom, for most requests are to be judged."""


@dataclass(frozen=True)
class Pattern:
    """One route of an app."""

    path: str
    methods: tuple[str, ...]
    """None: whatever there is."""

    def __str__(self) -> str:
        """As `sidegate routes` prints it."""
        return f"{','.join(self.methods) or '*'} {self.path}"


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    """As it stands in the request line."""


class Patterns:
    """What can come of a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def some(self) -> list[Pattern]:
        """A set in no order, some of which may conflict."""
        stems: list[list[str]] = [[]]
        patterns = []
        for _ in range(self.random.randint(4, 20)):
            segments = list(self.random.choice(stems))
            for _ in range(self.random.randint(0 if segments else 1, 2)):
                segments.append(self._segment())
            stems.append(segments)
            ending = self.random.random()
            if ending < 0.15:
                segments = [*segments, self.random.choice(("{:path}", "v{:path}", "a-{:path}", "{}-{:path}"))]
            elif ending < 0.3:
                segments = [*segments, ""]
            elif ending < 0.33:
                segments = [""]
            patterns.append(Pattern(named("/" + "/".join(segments)), self._methods()))
        return list(dict.fromkeys(patterns))

    def request(self, patterns: list[Pattern]) -> Request:
        """One that is of some pattern, or would be but for a little."""
        pattern = self.random.choice(patterns)
        segments = [self._filled(segment) for segment in pattern.path[1:].split("/")]
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):
            self._changed(segments)
        path = "/" + "/".join(segments)
        query = self.random.choice(("", "", "", "?", "?a=/users/me", "?/a", "?a?b"))
        method = self.random.choice((*METHODS, *pattern.methods, *pattern.methods))
        return Request(method, self._encoded(path) + query)

    def _segment(self) -> str:
        kind = self.random.random()
        if kind < 0.45:
            return self.random.choice(WORDS)
        if kind < 0.75:
            return f"{{{self.random.choice(PARAMETERS)}}}"
        affixed = self.random.choice(AFFIXED).strip("/")
        return re.sub(r"\{\}", lambda _: f"{{{self.random.choice(PARAMETERS)}}}", affixed)

    def _methods(self) -> tuple[str, ...]:
        if self.random.random() < 0.6:
            return ()
        return tuple(self.random.sample(METHODS, self.random.choice((1, 1, 2, 3))))

    def _filled(self, segment: str) -> str:
        return re.sub(r"\{\w+(:\w+)?\}", lambda found: self._value(found[1]), segment)

    def _value(self, kind: str | None) -> str:
        if self.random.random() < 0.25:
            return self.random.choice(TEXTS)
        match kind:
            case ":int":
                return self.random.choice(("0", "12", "007", "9" * 30))
            case ":float":
                return self.random.choice(("0", "1.5", "12.0", "3.14159"))
            case ":uuid":
                text = str(uuid.UUID(int=self.random.getrandbits(128)))
                return self.random.choice((text, text.upper(), text.replace("-", ""), text.replace("-", "", 1), text[:-1]))
            case ":path":
                return "/".join(self.random.choices(TEXTS, k=self.random.randint(0, 3)))
            case _:
                return self.random.choice(TEXTS)

    def _changed(self, segments: list[str]) -> None:
        at = self.random.randrange(len(segments))
        match self.random.randrange(7):
            case 0:
                segments.append("")
            case 1 if len(segments) > 1:
                segments.pop()
            case 2:
                segments.insert(at, self.random.choice(TEXTS))
            case 3:
                segments[at] = self.random.choice(TEXTS)
            case 4:
                segments[at] = segments[at].swapcase()
            case 5:
                segments[at] += self.random.choice(TEXTS)
            case _ if self.random.random() < 0.3:
                segments[at] = self.random.choice(AMBIGUOUS)

    def _encoded(self, path: str) -> str:
        """Each character that may be left as it is mostly is, and not always."""
        encoded = []
        for character in path:
            is_plain = character.isascii() and (character.isalnum() or character in "-._~!$&'()*+,=:@/")
            if is_plain and (character == "/" or self.random.random() < 0.95):
                encoded.append(character)
            else:
                case = self.random.choice(("%{:02X}", "%{:02x}"))
                encoded += [case.format(byte) for byte in character.encode()]
        return "".join(encoded)


def named(path: str) -> str:
    """With names for all parameters, in no order of theirs."""
    count = iter(range(100))
    return re.sub(r"\{(:\w+)?\}", lambda found: f"{{p{next(count)}{found[1] or ''}}}", path)
