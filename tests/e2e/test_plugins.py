"""What Better Auth's plugins add to sessions and users: told, and acted on, as Better Auth itself has it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import World
from rig.better_auth import SignedIn
from rig.identity import FLAGS, identity_of
from rig.sidegate import Sidegate
from rig.sql import literal, named
from rig.stack import Stack
from rig.wire import exchange, request

MakeStack = Callable[..., Stack]

PLUGINS: dict[str, Any] = {
    "admin": {},
    "organization": {"teams": {"enabled": True}},
    "anonymous": {},
    "username": {},
    "phoneNumber": {},
    "twoFactor": {},
}

FUTURE = {
    "sqlite": "'2037-01-01T00:00:00.000Z'",
    "postgres": "timestamptz '2037-01-01 00:00:00Z'",
    "mariadb": "'2037-01-01 00:00:00'",
}


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def plugged(request: pytest.FixtureRequest, world: World) -> Stack:
    """A deployment with plugins, once on each database."""
    return world.new_stack(world.database(request.param), "plugins", None, PLUGINS)


@pytest.fixture
def gate(plugged: Stack, home: Path) -> Any:
    with Sidegate(home, plugged.store, cache_ttl="0s") as gate:
        yield gate


def test_somebody_of_whom_plugins_say_nothing_is_told_as_better_auth_tells_them(plugged: Stack, gate: Sidegate) -> None:
    assert_told(plugged, gate, plugged.better_auth.sign_in())


def test_all_that_plugins_say_of_a_user_is_told(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    number = f"+4930{abs(hash(person.email)) % 10**7}"
    change_user(
        plugged,
        person,
        role="'admin,user'",
        isAnonymous="true",
        emailVerified="true",
        username=literal(person.email.split("@")[0]),
        phoneNumber=literal(number),
        phoneNumberVerified="true",
        twoFactorEnabled="true",
    )
    told = assert_told(plugged, gate, person)
    assert told["x-auth-user-role"] == "admin,user"
    assert told["x-auth-user-phone"] == number
    assert [told[name] for name in FLAGS] == ["true"] * 4


def test_what_plugins_deny_of_a_user_is_not_told(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    change_user(plugged, person, isAnonymous="false", phoneNumberVerified="false", twoFactorEnabled="false")
    assert not set(assert_told(plugged, gate, person)) & set(FLAGS)


def test_an_administrator_who_acts_as_somebody_is_told(plugged: Stack, gate: Sidegate) -> None:
    admin, person = plugged.better_auth.sign_in(), plugged.better_auth.sign_in()
    change_user(plugged, admin, role="'admin'")
    acting = plugged.better_auth.impersonate(known(plugged, person)["user"]["id"], admin)
    told = assert_told(plugged, gate, acting)
    assert told["x-auth-impersonated-by"] == known(plugged, admin)["user"]["id"]


def test_the_active_organization_and_team_and_the_role_there_are_told(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    organization = in_organization(plugged, person)
    told = assert_told(plugged, gate, person, organization_role="owner")
    assert told["x-auth-organization-id"] == organization
    team = plugged.better_auth.call(
        "/api/auth/organization/create-team", {"name": "Engine", "organizationId": organization}, person
    )
    plugged.better_auth.call("/api/auth/organization/add-team-member", {"teamId": team["id"], "userId": told["x-auth-user-id"]}, person)
    plugged.better_auth.call("/api/auth/organization/set-active-team", {"teamId": team["id"]}, person)
    told = assert_told(plugged, gate, person, organization_role="owner")
    assert told["x-auth-team-id"] == team["id"]
    set_role(plugged, organization, "'admin,member'")
    assert_told(plugged, gate, person, organization_role="admin,member")


def test_who_left_the_active_organization_has_no_role_there(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    organization = in_organization(plugged, person)
    plugged.run(f"DELETE FROM {named(plugged.database, 'member')} WHERE {column(plugged, 'organizationId')} = {literal(organization)}")
    assert assert_told(plugged, gate, person)["x-auth-organization-id"] == organization


def test_a_role_elsewhere_or_of_somebody_else_is_none_here(plugged: Stack, gate: Sidegate) -> None:
    person, other = plugged.better_auth.sign_in(), plugged.better_auth.sign_in()
    in_organization(plugged, other)
    organization = in_organization(plugged, person)
    in_organization(plugged, person)
    set_role(plugged, organization, "'member'")
    assert_told(plugged, gate, person, organization_role="owner")


def test_of_two_memberships_the_one_with_the_first_id_counts(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    organization = in_organization(plugged, person)
    columns = ", ".join(column(plugged, name) for name in ("organizationId", "userId", "createdAt"))
    member = named(plugged.database, "member")
    where = f"FROM {member} WHERE {column(plugged, 'organizationId')} = {literal(organization)} AND role = 'owner'"
    for id_, role in (("--", "first"), ("zzz", "last")):
        plugged.run(f"INSERT INTO {member} (id, role, {columns}) SELECT {literal(id_ + organization[:20])}, '{role}', {columns} {where}")
    assert_told(plugged, gate, person, organization_role="first")


def test_a_banned_user_is_refused_where_better_auth_lets_the_session_live(
    plugged: Stack, gate: Sidegate, home: Path
) -> None:
    person = plugged.better_auth.sign_in()
    change_user(plugged, person, banned="true")
    assert known(plugged, person)["user"]["banned"] is True
    reply = gate.ask(person.cookie)
    assert (reply.status, reply.get("x-auth-reason")) == (403, "banned")
    with Sidegate(home, plugged.store, refuse_banned="false") as lenient:
        assert_told(plugged, lenient, person)


def test_a_ban_ends_with_banexpires(plugged: Stack, gate: Sidegate) -> None:
    person = plugged.better_auth.sign_in()
    change_user(plugged, person, banned="true", banExpires=FUTURE[plugged.database.name])
    assert gate.ask(person.cookie).status == 403
    change_user(plugged, person, banExpires=plugged.database.past)
    assert_told(plugged, gate, person)


def test_a_ban_by_better_auth_ends_the_session(plugged: Stack, gate: Sidegate) -> None:
    admin, person = plugged.better_auth.sign_in(), plugged.better_auth.sign_in()
    change_user(plugged, admin, role="'admin'")
    assert gate.ask(person.cookie).status == 200
    user_id = known(plugged, person)["user"]["id"]
    plugged.better_auth.call("/api/auth/admin/ban-user", {"userId": user_id}, admin)
    assert gate.ask(person.cookie).status == 401


def test_without_the_table_of_members_there_is_no_role_and_no_error(plugged: Stack, home: Path) -> None:
    person = plugged.better_auth.sign_in()
    in_organization(plugged, person)
    with Sidegate(home, plugged.store, member_table="nobody") as gate:
        assert_told(plugged, gate, person)


@pytest.mark.parametrize(
    ("database", "kind"), [("postgres", "uuid"), ("postgres", "serial"), ("mariadb", "serial"), ("sqlite", "serial")]
)
def test_roles_are_found_by_ids_of_any_type(
    world: World, stacks: MakeStack, home: Path, database: str, kind: str
) -> None:
    """Better Auth keeps the active organization as text, whatever its id is."""
    options = {"advanced": {"database": {"generateId": kind}}}
    stack = stacks(world.database(database), f"roles-{kind}", options, PLUGINS)
    person = stack.better_auth.sign_in()
    in_organization(stack, person)
    with Sidegate(home, stack.store) as gate:
        assert_told(stack, gate, person, organization_role="owner")


@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
def test_a_plugin_that_goes_or_comes_is_no_outage(
    world: World, stacks: MakeStack, home: Path, database: str
) -> None:
    stack = stacks(world.database(database), "leaving", None, PLUGINS)
    person = stack.better_auth.sign_in()
    in_organization(stack, person)
    user, session = named(stack.database, "user"), named(stack.database, "session")
    impersonated = column(stack, "impersonatedBy")
    stack.run(f"ALTER TABLE {session} DROP COLUMN {impersonated}")
    with Sidegate(home, stack.store, cache_ttl="0s") as gate:
        assert gate.ask(person.cookie).get("x-auth-user-role") == "user"
        stack.run(f"ALTER TABLE {session} ADD COLUMN {impersonated} varchar(255)")
        stack.run(f"UPDATE {session} SET {impersonated} = 'somebody'")
        stack.run(f"ALTER TABLE {user} DROP COLUMN role")
        reply = gate.ask(person.cookie)
        assert (reply.status, reply.get("x-auth-user-role")) == (200, None)
        assert reply.get("x-auth-impersonated-by") == "somebody", "what came is seen with what went"
        assert reply.get("x-auth-organization-role") == "owner"
        stack.run(f"DROP TABLE {named(stack.database, 'member')}")
        reply = gate.ask(person.cookie)
        assert (reply.status, reply.get("x-auth-organization-role")) == (200, None)
        assert gate.is_ready()


def test_postgres_tells_of_plugins_what_the_role_may_read(world: World, stacks: MakeStack, home: Path) -> None:
    stack = stacks(world.postgres, "granted", None, PLUGINS)
    person = stack.better_auth.sign_in()
    in_organization(stack, person)
    stack.run(
        'CREATE ROLE partly LOGIN; GRANT SELECT (id, token, "userId", "expiresAt", "activeOrganizationId") '
        'ON session TO partly; GRANT SELECT (id, email, name, role) ON "user" TO partly'
    )
    with Sidegate(home, world.postgres.url("granted", "partly"), cache_ttl="0s") as gate:
        gate.wait_until_ready()
        reply = gate.ask(person.cookie)
        assert (reply.status, reply.get("x-auth-user-role")) == (200, "user")
        assert reply.get("x-auth-organization-id")
        assert reply.get("x-auth-organization-role") is None
        # Who acts in the session cannot be seen: that is not nobody.
        assert not_impersonated(gate, person) == 403
        # A right that is taken back is a column that is gone.
        stack.run('REVOKE SELECT (role) ON "user" FROM partly')
        reply = gate.ask(person.cookie)
        assert (reply.status, reply.get("x-auth-user-role")) == (200, None)
        stack.run('REVOKE SELECT (email) ON "user" FROM partly')
        assert gate.ask(person.cookie).status == 503


def known(stack: Stack, person: SignedIn) -> dict[str, Any]:
    verdict = stack.better_auth.session_of(person.cookie)
    assert verdict
    return verdict


def assert_told(
    stack: Stack, gate: Sidegate, person: SignedIn, organization_role: str | None = None
) -> dict[str, str]:
    """sidegate tells of a session what Better Auth tells of it, in headers."""
    verdict = known(stack, person)
    expected = identity_of(verdict)
    if organization_role:
        expected["x-auth-organization-role"] = organization_role
    reply = gate.ask(person.cookie)
    assert reply.status == 200
    told = {name: value for name, value in reply.headers if name.startswith("x-auth-")}
    assert told == expected
    return told


def test_where_the_column_may_be_read_it_is_known_that_nobody_acts_as_somebody(plugged: Stack, gate: Sidegate) -> None:
    assert not_impersonated(gate, plugged.better_auth.sign_in()) == 200


def not_impersonated(gate: Sidegate, person: SignedIn) -> int:
    told = [("X-Original-URL", "https://app.example/"), ("X-Original-Method", "GET"), ("Cookie", person.cookie)]
    headers = [("Host", "x"), ("Connection", "close"), *told]
    return exchange(gate.address, request("GET", "/auth/nginx?policy=not_impersonated", headers)).status


def in_organization(stack: Stack, person: SignedIn) -> str:
    """A new organization, in which its maker is active from now on."""
    count = stack.run(f"SELECT count(*) FROM {named(stack.database, 'organization')}")
    slug = f"org-{count}"
    made = stack.better_auth.call("/api/auth/organization/create", {"name": slug, "slug": slug}, person)
    organization: str = made["id"]
    assert known(stack, person)["session"]["activeOrganizationId"] == organization
    return organization


def set_role(stack: Stack, organization: str, role: str) -> None:
    where = f"{column(stack, 'organizationId')} = {literal(organization)}"
    stack.run(f"UPDATE {named(stack.database, 'member')} SET role = {role} WHERE {where}")


def change_user(stack: Stack, person: SignedIn, **values: str) -> None:
    changes = ", ".join(f"{column(stack, name)} = {value}" for name, value in values.items())
    stack.run(f"UPDATE {named(stack.database, 'user')} SET {changes} WHERE email = {literal(person.email)}")


def column(stack: Stack, name: str) -> str:
    return named(stack.database, name)
