"""PostgreSQL tells by triggers: whatever ends or changes a session takes effect at once, though it would be remembered
for longer than any of these tests waits. sidegate's own role may read and nothing else."""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import World
from rig.better_auth import PASSWORD, BetterAuth, SignedIn
from rig.process import until
from rig.revocation import heard, hearing, let_watch, remembered, wait_until_refused
from rig.sidegate import Sidegate
from rig.sql import literal
from rig.stack import Stack
from rig.traffic import Traffic
from test_commands import sidegate

OPTIONS: dict[str, Any] = {
    "user": {
        "changeEmail": {"enabled": True, "updateEmailWithoutVerification": True},
        "deleteUser": {"enabled": True},
    }
}
PLUGINS: dict[str, Any] = {"admin": {}, "organization": {}}


@pytest.fixture(scope="module")
def telling(world: World) -> Stack:
    """A deployment whose database tells."""
    stack = world.new_stack(world.postgres, "telling", OPTIONS, PLUGINS)
    ended = sidegate(stack.home, "revocation", "install", f"--store={stack.store}")
    assert ended.code == 0, ended.out + ended.err
    return stack


@pytest.fixture(scope="module")
def gate(telling: Stack) -> Iterator[Sidegate]:
    store = let_watch(telling, "session", '"user"', "member")
    with hearing(telling.home, store) as gate:
        yield gate


@pytest.fixture(scope="module")
def admin(telling: Stack) -> SignedIn:
    person = telling.better_auth.sign_in()
    telling.run(f"UPDATE \"user\" SET role = 'admin' WHERE email = {literal(person.email)}")
    return person


@pytest.fixture
def person(telling: Stack) -> SignedIn:
    return telling.better_auth.sign_in()


def user_id(telling: Stack, person: SignedIn) -> str:
    return telling.run(f'SELECT id FROM "user" WHERE email = {literal(person.email)}')


Ending = Callable[[BetterAuth, SignedIn, str, SignedIn], object]

ENDINGS: dict[str, Ending] = {
    "sign-out": lambda auth, person, _, __: auth.sign_out(person),
    "revoke-session": lambda auth, person, _, __: auth.call(
        "/api/auth/revoke-session", {"token": person.token}, auth.sign_in(person.email)
    ),
    "revoke-sessions": lambda auth, person, _, __: auth.call("/api/auth/revoke-sessions", {}, person),
    "revoke-other-sessions": lambda auth, person, _, __: auth.call(
        "/api/auth/revoke-other-sessions", {}, auth.sign_in(person.email)
    ),
    "change-password": lambda auth, person, _, __: auth.call(
        "/api/auth/change-password",
        {"currentPassword": PASSWORD, "newPassword": PASSWORD + "!", "revokeOtherSessions": True},
        auth.sign_in(person.email),
    ),
    "delete-user": lambda auth, person, _, __: auth.call("/api/auth/delete-user", {"password": PASSWORD}, person),
    "ban": lambda auth, _, user, admin: auth.call("/api/auth/admin/ban-user", {"userId": user}, admin),
    "revoke-by-admin": lambda auth, _, user, admin: auth.call(
        "/api/auth/admin/revoke-user-sessions", {"userId": user}, admin
    ),
    "remove-by-admin": lambda auth, _, user, admin: auth.call("/api/auth/admin/remove-user", {"userId": user}, admin),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_session_in_better_auth_ends_it_here(
    telling: Stack, gate: Sidegate, person: SignedIn, admin: SignedIn, ending: str
) -> None:
    remembered(gate, person.cookie)
    ENDINGS[ending](telling.better_auth, person, user_id(telling, person), admin)
    # A ban is two writes: until the sessions are gone as well, the user is known as banned.
    wait_until_refused(gate, person.cookie, 401, 403)


Change = Callable[[BetterAuth, SignedIn, str, SignedIn], object]

CHANGES: dict[str, tuple[Change, str, str]] = {
    "set-role": (
        lambda auth, _, user, admin: auth.call(
            "/api/auth/admin/set-role", {"userId": user, "role": "admin"}, admin
        ),
        "x-auth-user-role",
        "admin",
    ),
    "change-email": (
        lambda auth, person, _, __: auth.call(
            "/api/auth/change-email", {"newEmail": f"new-{person.email}"}, person
        ),
        "x-auth-user-email",
        "new-",
    ),
    "update-user": (
        lambda auth, person, _, __: auth.call("/api/auth/update-user", {"name": "Grace"}, person),
        "x-auth-user-name",
        "Grace",
    ),
    "create-organization": (
        lambda auth, person, _, __: auth.call(
            "/api/auth/organization/create", {"name": "A", "slug": person.email.replace("@", "-")}, person
        ),
        "x-auth-organization-role",
        "owner",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_user_in_better_auth_changes_the_headers(
    telling: Stack, gate: Sidegate, person: SignedIn, admin: SignedIn, change: str
) -> None:
    act, header, value = CHANGES[change]
    assert value not in (remembered(gate, person.cookie).get(header) or "")
    act(telling.better_auth, person, user_id(telling, person), admin)
    until(lambda: value in (gate.ask(person.cookie).get(header) or ""), f"{header} is {value}")


BY_SQL = {
    "ban": ("UPDATE \"user\" SET banned = true WHERE id = '{user}'", 403),
    "user gone, sessions by cascade": ("DELETE FROM \"user\" WHERE id = '{user}'", 401),
    "end brought forward": ("UPDATE session SET \"expiresAt\" = now() - interval '1 s' WHERE token = '{token}'", 401),
    "another token": ("UPDATE session SET token = 'x' || token WHERE token = '{token}'", 401),
    "as a replica applies it": (
        "SET session_replication_role = replica; DELETE FROM session WHERE token = '{token}'",
        401,
    ),
}


@pytest.mark.parametrize("what", BY_SQL)
def test_what_ends_a_session_by_sql_ends_it_here(telling: Stack, gate: Sidegate, person: SignedIn, what: str) -> None:
    statement, status = BY_SQL[what]
    remembered(gate, person.cookie)
    telling.run(statement.format(user=user_id(telling, person), token=person.token))
    wait_until_refused(gate, person.cookie, status)


MEMBERSHIP = {
    "role": ("UPDATE member SET role = 'member' WHERE \"userId\" = '{user}'", "member"),
    "gone": ("DELETE FROM member WHERE \"userId\" = '{user}'", None),
}


@pytest.mark.parametrize("what", MEMBERSHIP)
def test_a_membership_that_changes_is_told(telling: Stack, gate: Sidegate, person: SignedIn, what: str) -> None:
    statement, role = MEMBERSHIP[what]
    organization = {"name": "B", "slug": person.email.replace("@", "-")}
    telling.better_auth.call("/api/auth/organization/create", organization, person)
    until(lambda: gate.ask(person.cookie).get("x-auth-organization-role") == "owner", "the owner is one")
    remembered(gate, person.cookie)
    telling.run(statement.format(user=user_id(telling, person)))
    until(lambda: gate.ask(person.cookie).get("x-auth-organization-role") == role, f"the role is {role}")


HARMLESS = {
    "a sign-in": lambda telling, person: telling.better_auth.sign_in(person.email),
    "somebody else's sign-up": lambda telling, _: telling.better_auth.sign_in(),
    "a refresh": lambda telling, person: telling.run(
        "UPDATE session SET \"expiresAt\" = \"expiresAt\" + interval '1 day', \"updatedAt\" = now() "
        f"WHERE token = {literal(person.token)}"
    ),
    "a touch of the user": lambda telling, person: telling.run(
        f"UPDATE \"user\" SET \"updatedAt\" = now() WHERE email = {literal(person.email)}"
    ),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_ends_nothing_has_nothing_looked_up_anew(
    telling: Stack, gate: Sidegate, person: SignedIn, what: str
) -> None:
    other = telling.better_auth.sign_in()
    remembered(gate, person.cookie)
    remembered(gate, other.cookie)
    HARMLESS[what](telling, person)
    # What is told in order is heard in order: once this one is refused, whatever was told before was heard.
    telling.better_auth.sign_out(other)
    wait_until_refused(gate, other.cookie)
    asked = gate.lookups()
    assert (gate.ask(person.cookie).status, gate.lookups()) == (200, asked)


def sign_up_many(telling: Stack, count: int) -> None:
    """Sessions of one user that nobody holds a cookie of."""
    user = user_id(telling, telling.better_auth.sign_in())
    telling.run(
        'INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress") '
        f"SELECT gen_random_uuid(), gen_random_uuid(), '{user}', now() + interval '1 day', now(), now(), 'bulk' "
        f"FROM generate_series(1, {count})"
    )


@pytest.mark.parametrize(("count", "everything"), [(9_990, 0), (10_100, 1)])
def test_ten_thousand_sessions_deleted_at_once_are_all_refused(
    telling: Stack, gate: Sidegate, count: int, everything: int
) -> None:
    """Beyond a number, everything is told of instead of each."""
    sign_up_many(telling, count)
    people = [telling.better_auth.sign_in() for _ in range(3)]
    staying = telling.better_auth.sign_in()
    for person in (*people, staying):
        remembered(gate, person.cookie)
    before = heard(gate, "everything")
    tokens = ", ".join(literal(person.token) for person in people)
    # Those without a cookie first: those with one are told of at the end, one by one or with everything.
    telling.run(
        "BEGIN; DELETE FROM session WHERE \"ipAddress\" = 'bulk'; "
        f"DELETE FROM session WHERE token IN ({tokens}); COMMIT"
    )
    for person in people:
        wait_until_refused(gate, person.cookie)
    assert heard(gate, "everything") == before + everything
    assert gate.ask(staying.cookie).status == 200


def test_a_table_that_is_emptied_is_told(telling: Stack, gate: Sidegate, person: SignedIn) -> None:
    remembered(gate, person.cookie)
    saved = telling.run("CREATE TABLE saved AS SELECT * FROM session; TRUNCATE session; SELECT count(*) FROM session")
    assert saved == "0"
    wait_until_refused(gate, person.cookie)
    # The administrator of the other tests is still to be one.
    telling.run("INSERT INTO session SELECT * FROM saved; DROP TABLE saved")


def test_what_is_rolled_back_is_not_told(telling: Stack, gate: Sidegate, person: SignedIn) -> None:
    other = telling.better_auth.sign_in()
    remembered(gate, person.cookie)
    remembered(gate, other.cookie)
    telling.run(f"BEGIN; DELETE FROM session WHERE token = {literal(person.token)}; ROLLBACK")
    telling.better_auth.sign_out(other)
    wait_until_refused(gate, other.cookie)
    asked = gate.lookups()
    assert (gate.ask(person.cookie).status, gate.lookups()) == (200, asked)


def test_signed_out_stays_out_under_load(telling: Stack, gate: Sidegate) -> None:
    for _ in range(5):
        person = telling.better_auth.sign_in()
        refused_once: list[bool] = []
        came_back: list[bool] = []

        def ask(cookie: str = person.cookie, out: list[bool] = refused_once, back: list[bool] = came_back) -> int:
            was_out = bool(out)
            status = gate.ask(cookie).status
            if status == 401:
                out.append(True)
            elif was_out:
                back.append(True)
            return status

        with Traffic(ask, clients=4) as traffic:
            traffic.go_on(200)
            telling.better_auth.sign_out(person)
            traffic.go_on(401)
        assert traffic.statuses() == {200, 401}
        assert not came_back


def test_how_long_it_took_is_measured(telling: Stack, gate: Sidegate, person: SignedIn) -> None:
    def measured() -> tuple[float, float]:
        lag = "sidegate_revocation_lag_seconds"
        return gate.total(f"{lag}_count", channel="listen"), gate.total(f"{lag}_sum", channel="listen")

    remembered(gate, person.cookie)
    count, total = measured()
    telling.better_auth.sign_out(person)
    wait_until_refused(gate, person.cookie)
    assert measured()[0] == count + 1
    # Far less; the machine may be busy.
    assert measured()[1] - total < 5


def test_what_is_told_holds_a_digest_and_no_token(telling: Stack, person: SignedIn) -> None:
    channel = telling.run("SELECT 'sidegate_' || 'session'::regclass::oid")
    told = telling.run(f"LISTEN {channel}; DELETE FROM session WHERE token = {literal(person.token)}")
    payload = re.search(r'with payload "([^"]*)"', told)
    assert payload, told
    kind, digest, millis = payload[1].split(" ")
    assert (kind, digest) == ("token", hashlib.sha256(person.token.encode()).hexdigest())
    assert re.fullmatch(r"\d{13}", millis)


def test_what_is_told_and_cannot_be_read_counts_as_everything(
    telling: Stack, gate: Sidegate, person: SignedIn
) -> None:
    """Whoever may connect to the database may notify."""
    remembered(gate, person.cookie)
    asked, before = gate.lookups(), heard(gate, "everything")
    for number, payload in enumerate(("", "token", "token 12 3", "nonsense", "user " + "z" * 64 + " 1"), 1):
        telling.run(f"SELECT pg_notify('sidegate_' || 'session'::regclass::oid, '{payload}')")
        until(lambda number=number: heard(gate, "everything") == before + number, f"{payload!r} is heard")
    assert (gate.ask(person.cookie).status, gate.lookups()) == (200, asked + 1)


def test_a_write_does_not_fail_because_a_column_has_another_name_now(world: World) -> None:
    stack = world.new_stack(world.postgres, "renamed-later", None, {})
    assert sidegate(stack.home, "revocation", "install", f"--store={stack.store}").code == 0
    person = stack.better_auth.sign_in()
    channel = stack.run("SELECT 'sidegate_' || 'session'::regclass::oid")
    stack.run("ALTER TABLE session RENAME token TO secret")
    told = stack.run(f"LISTEN {channel}; DELETE FROM session WHERE secret = {literal(person.token)}")
    assert 'with payload "everything ' in told
    assert stack.run(f"SELECT count(*) FROM session WHERE secret = {literal(person.token)}") == "0"
