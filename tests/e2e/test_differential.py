"""sidegate and Better Auth are asked the same question about the same rows at the same time, thousands of times over.

Every difference fails that is not on the list of documented ones. The requests are generated anew in each run; to
repeat one, set SIDEGATE_DIFFERENTIAL_SEED to the seed that it printed.
"""

import json
import os
import secrets as randomness
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

import pytest

from conftest import World
from rig.differential import Answers, Instance, Library, Witnesses
from rig.generator import questions
from rig.matrix import Configuration, configurations
from rig.places import ROOT
from rig.population import IN_REDIS, Population
from rig.questions import Question
from rig.redis import Redis
from rig.sidegate import Sidegate

QUESTIONS = 120
"""For each configuration."""

MATRIX = {configuration.name: configuration for configuration in configurations()}


@dataclass(frozen=True)
class Documented:
    """A difference that is meant."""

    why: str
    file: str
    words: str
    """Where people are told."""
    covers: Callable[[Configuration, Answers], bool]
    instead: Callable[[Instance, Question], Question] | None = None
    """What Better Auth is asked in its place, for sidegate's answer to be the right one."""


ABOUT_THE_REQUEST = ("createdAt", "updatedAt", "ipAddress", "userAgent")
REVOKED = tuple(state.name for state in IN_REDIS if state.marker)


READ_BEFORE_1_7 = (
    "of another",
    "twice",
    "in chunks with zeros",
    "in chunks of odd names",
    "milliseconds",
    "milliseconds as real",
)


def differ_only_in_order(answers: Answers) -> bool:
    if not (answers.theirs.body and answers.ours.body):
        return False
    theirs, ours = json.loads(answers.theirs.body), json.loads(answers.ours.body)
    return bool(theirs == ours)


def differ_only_in(answers: Answers, *fields: str) -> bool:
    """Whether both let the same session pass, and tell the same of it but for these."""
    if not (answers.theirs.body and answers.ours.body):
        return False
    theirs, ours = json.loads(answers.theirs.body), json.loads(answers.ours.body)
    for told in (theirs["session"], ours["session"]):
        told.update(dict.fromkeys(fields))
    return json.dumps(theirs) == json.dumps(ours)


DOCUMENTED = (
    Documented(
        "the previous secret counts while it is told to",
        "deploy/sidegate.toml",
        "whose signatures count too until that instant",
        lambda configuration, answers: (
            configuration.previous_secret is not None
            and answers.theirs.kind == "deny"
            and answers.ours.kind == "allow"
            and answers.question.concerns("another secret's")
        ),
    ),
    Documented(
        "session_data is not read, broken or not",
        "README.md",
        "Up to 1.6, a `session_data` cookie that does not decode",
        lambda configuration, answers: (
            not configuration.has("version", "1.7") and answers.question.concerns("session data")
        ),
        lambda instance, question: question.without(instance.data_cookie),
    ),
    Documented(
        "tokens are compared byte for byte",
        "README.md",
        "a token is compared byte for byte where MySQL's default collation would call other spellings equal",
        lambda configuration, answers: (
            configuration.has("store", "mariadb")
            and answers.theirs.kind == "allow"
            and answers.ours.reason == "no_session"
            and answers.question.concerns("other letters' case", "a space more")
        ),
    ),
    Documented(
        "session_data is read as 1.7 reads it",
        "README.md",
        "let pass beside another session's token, in chunks of other names and with numbers for dates",
        lambda configuration, answers: (
            answers.question.credential == "snapshot"
            and not configuration.has("version", "1.7")
            and answers.theirs.kind == "allow"
            and answers.ours.kind == "deny"
            and (answers.question.has_another_beside_it() or answers.question.concerns(*READ_BEFORE_1_7))
        ),
    ),
    Documented(
        "what session_data says is told in the order of 1.7",
        "README.md",
        "and told its fields in another order",
        lambda configuration, answers: (
            answers.question.credential == "snapshot"
            and not configuration.has("version", "1.7")
            and differ_only_in_order(answers)
        ),
    ),
    Documented(
        "what an API key's session tells of its own request",
        "deploy/sidegate.toml",
        "Requests that carry it are judged by Better Auth itself",
        lambda _, answers: (
            answers.question.credential == "key" and differ_only_in(answers, *ABOUT_THE_REQUEST, "expiresAt")
        ),
    ),
    Documented(
        "an expiry is told as a date up to the year 9999",
        "README.md",
        "here as a text and as the end of that year",
        lambda _, answers: (
            answers.question.concerns("milliseconds", "milliseconds as real", "the year 20000", "infinity")
            and differ_only_in(answers, "expiresAt")
        ),
    ),
    Documented(
        "a revocation marker counts, whoever wrote it",
        "README.md",
        "`revoked-sessions-before-…`, which counts here whoever wrote it",
        lambda configuration, answers: (
            configuration.has_redis
            and not configuration.has("version", "1.7")
            and answers.theirs.kind == "allow"
            and answers.ours.kind != "allow"
            and answers.question.concerns(*REVOKED)
        ),
    ),
    Documented(
        "an entry that names another token is doubt",
        "README.md",
        "or with another session's token is a 503",
        lambda configuration, answers: (
            configuration.has_redis
            and answers.ours.kind == "error"
            and answers.question.concerns("an entry of another token")
        ),
    ),
    Documented(
        "a marker that is no whole number is doubt",
        "README.md",
        "and so is a marker of revoked sessions that is no whole number",
        lambda configuration, answers: (
            configuration.has_redis and answers.ours.kind == "error" and answers.question.concerns(*REVOKED)
        ),
    ),
    Documented(
        "preserved rows are for the record",
        "README.md",
        "Up to 1.4, rows that `preserveSessionInDatabase` left behind pass there",
        lambda configuration, answers: (
            configuration.has("store", "redis-and-old-rows")
            and configuration.has("version", "1.3", "1.4")
            and answers.theirs.kind == "allow"
            and answers.ours.reason == "no_session"
        ),
    ),
    Documented(
        "an entry without an expiry is over",
        "README.md",
        "an entry without `expiresAt` is over",
        lambda configuration, answers: (
            configuration.has_redis and answers.ours.reason == "expired" and answers.question.concerns("no expiry")
        ),
    ),
    Documented(
        "who is banned does not pass",
        "deploy/sidegate.toml",
        "Whether users whom an administrator banned (admin plugin) get 403, even while a session of theirs lives.",
        lambda configuration, answers: (
            configuration.settings.get("refuse_banned") != "false"
            and answers.theirs.kind == "allow"
            and answers.ours.reason == "banned"
            and answers.question.concerns("banned", "banned for a while")
        ),
    ),
    Documented(
        "an expiry that is no date is doubt, not eternity",
        "README.md",
        'an expiry that is no date is a 503 where Better Auth takes it as "never"',
        lambda _, answers: (
            answers.theirs.kind == "allow"
            and answers.ours.kind == "error"
            and answers.question.concerns("no date")
        ),
    ),
    Documented(
        "MySQL's zero date is long ago, not never",
        "README.md",
        "MySQL's zero date",
        lambda configuration, answers: (
            configuration.has("store", "mariadb")
            and answers.theirs.kind == "allow"
            and answers.ours.reason == "expired"
            and answers.question.concerns("no date")
        ),
    ),
)


@pytest.fixture(scope="module")
def seed(request: pytest.FixtureRequest) -> str:
    """What the generator starts from, told to whoever runs the tests, whether they fail or not."""
    seed = os.environ.get("SIDEGATE_DIFFERENTIAL_SEED") or str(randomness.randbelow(10**9))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture
    with capture.global_and_fixture_disabled():
        print(f"\nSIDEGATE_DIFFERENTIAL_SEED={seed}")
    return seed


@pytest.fixture(scope="module")
def library(world: World) -> Iterator[Callable[[Configuration], Library]]:
    """Each version of Better Auth in each environment, started once."""
    started: list[Library] = []

    @cache
    def start(version: str, environment: tuple[tuple[str, str], ...]) -> Library:
        started.append(Library(world.home, version, dict(environment)))
        return started[-1]

    yield lambda configuration: start(configuration.version, tuple(configuration.environment.items()))
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def redis(world: World) -> Iterator[Callable[[], Redis]]:
    """One for all, if anybody asks."""
    started = cache(lambda: Redis(world.home / "differential-redis", world.certificates))
    yield started
    if started.cache_info().currsize:
        started().stop()


@pytest.mark.parametrize("name", MATRIX, ids=list(MATRIX))
def test_sidegate_says_what_better_auth_says(
    world: World,
    library: Callable[[Configuration], Library],
    redis: Callable[[], Redis],
    home: Path,
    seed: str,
    name: str,
) -> None:
    configuration, random = MATRIX[name], Random(f"{seed} {name}")
    # MySQL's names have 64 characters at most.
    schema = f"differential-{list(MATRIX).index(name)}"
    secondary = {"url": redis().url, "prefix": f"{schema}:"} if configuration.has_redis else None
    instance = Instance(
        library(configuration), configuration, world.database(configuration.database), schema, secondary
    )
    population = Population(instance, random)
    asked = questions(random, population.material(), QUESTIONS)
    settings = {"cache_ttl": "0s", "negative_ttl": "0s"} | configuration.settings | instance.settings
    settings |= previous_secret(configuration, home)
    with Sidegate(home, secret=None, env=configuration.variables, **settings) as gate:
        gate.wait_until_ready()
        witnesses = Witnesses(instance, gate)
        answers = [answer for question in asked for answer in witnesses.ask(question)]
        unexplained = [found for found in answers if found.differ() and not is_documented(instance, witnesses, found)]
        witnesses.close()
        log = gate.process.text()
    instance.end()

    assert not [secret for secret in population.secrets() if secret in log], "sidegate wrote a token or a key"
    # Without a store, nobody passes without the cookie cache.
    stateless = {"cookie", "bearer"} if configuration.has("store", "none") else set()
    for credential in {question.credential for question in asked} - stateless:
        kinds = Counter(found.theirs.kind for found in answers if found.question.credential == credential)
        assert kinds["allow"] and kinds["deny"], f"seed {seed} shows little of each {credential}: {kinds}"
    assert not unexplained, f"SIDEGATE_DIFFERENTIAL_SEED={seed}, {len(unexplained)} differences:\n" + "\n".join(
        map(str, unexplained[:10])
    )


def previous_secret(configuration: Configuration, home: Path) -> dict[str, str]:
    """The settings for it, where there is one."""
    if not configuration.previous_secret:
        return {}
    path = home / "previous-secret"
    path.write_text(configuration.previous_secret)
    until = datetime.now(UTC) + timedelta(days=1)
    return {"previous_secret_file": str(path), "previous_secret_until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}


def is_documented(
    instance: Instance, witnesses: Witnesses, answers: Answers, documented: Sequence[Documented] = DOCUMENTED
) -> bool:
    for number, one in enumerate(documented, start=1):
        if one.covers(instance.configuration, answers):
            if one.instead is None:
                return True
            question = one.instead(instance, answers.question)
            again = Answers(question, witnesses.ask_better_auth(question), answers.ours)
            return not again.differ() or is_documented(instance, witnesses, again, documented[number:])
    return False


@pytest.mark.parametrize("one", DOCUMENTED, ids=lambda one: one.why)
def test_a_meant_difference_is_told_to_people(one: Documented) -> None:
    told = (ROOT / one.file).read_text().replace("\n# ", " ")
    assert one.words in " ".join(told.split())
