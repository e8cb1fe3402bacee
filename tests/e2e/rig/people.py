"""Everybody whom a requirement can tell apart, signed in by Better Auth, and made what they are by its own endpoints
where it has any. And each requirement, with who meets it and who does not."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .better_auth import BetterAuth, SignedIn
from .sql import literal, named
from .stack import Stack

PLUGINS: dict[str, Any] = {"admin": {}, "organization": {}, "twoFactor": {"skipVerificationOnEnable": True}}


class People:
    """Those of one deployment, which has PLUGINS."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def better_auth(self) -> BetterAuth:
        return self.stack.better_auth

    def __getitem__(self, name: str) -> SignedIn:
        person: SignedIn = getattr(self, name)
        return person

    @cached_property
    def plain(self) -> SignedIn:
        return self.better_auth.sign_in()

    @cached_property
    def admin(self) -> SignedIn:
        who = self.better_auth.sign_in()
        self.better_auth.make_administrator(who.email)
        return who

    @cached_property
    def editor(self) -> SignedIn:
        return self.of_roles("editor")

    @cached_property
    def admin_and_editor(self) -> SignedIn:
        return self.of_roles("editor", "admin")

    @cached_property
    def verified(self) -> SignedIn:
        who = self.better_auth.sign_in()
        body = {"userId": self.user_id(who), "data": {"emailVerified": True}}
        self.better_auth.call("/api/auth/admin/update-user", body, self.admin)
        return who

    @cached_property
    def two_factor(self) -> SignedIn:
        return self.better_auth.enable_two_factor(self.better_auth.sign_in())

    @cached_property
    def impersonated(self) -> SignedIn:
        """The administrator, who acts as somebody."""
        return self.better_auth.impersonate(self.user_id(self.better_auth.sign_in()), self.admin)

    @cached_property
    def owner(self) -> SignedIn:
        """Of an organization."""
        who = self.better_auth.sign_in()
        self.better_auth.call("/api/auth/organization/create", {"name": "Analytical Engines", "slug": "engines"}, who)
        return who

    @cached_property
    def member(self) -> SignedIn:
        """Of the same, by an invitation."""
        return self.invited()

    @cached_property
    def former_member(self) -> SignedIn:
        """In whose session it is still the active one."""
        who = self.invited()
        body = {"memberIdOrEmail": who.email, "organizationId": self.organization}
        self.better_auth.call("/api/auth/organization/remove-member", body, self.owner)
        assert self.session(who)["activeOrganizationId"] == self.organization
        return who

    @cached_property
    def long_ago(self) -> SignedIn:
        """Signed in then."""
        who = self.better_auth.sign_in()
        database = self.stack.database
        self.stack.run(
            f"UPDATE {named(database, 'session')} SET {named(database, 'createdAt')} = {database.past} "
            f"WHERE token = {literal(who.token)}"
        )
        return who

    @cached_property
    def banned(self) -> SignedIn:
        """By hand, for Better Auth would end the session."""
        who = self.better_auth.sign_in()
        self.stack.run(
            f"UPDATE {named(self.stack.database, 'user')} SET banned = true WHERE email = {literal(who.email)}"
        )
        return who

    def of_roles(self, *roles: str) -> SignedIn:
        who = self.better_auth.sign_in()
        body = {"userId": self.user_id(who), "role": list(roles)}
        self.better_auth.call("/api/auth/admin/set-role", body, self.admin)
        return who

    def invited(self) -> SignedIn:
        who = self.better_auth.sign_in()
        body = {"email": who.email, "role": "member", "organizationId": self.organization}
        invitation = self.better_auth.call("/api/auth/organization/invite-member", body, self.owner)
        self.better_auth.call("/api/auth/organization/accept-invitation", {"invitationId": invitation["id"]}, who)
        self.better_auth.call("/api/auth/organization/set-active", {"organizationId": self.organization}, who)
        return who

    @cached_property
    def organization(self) -> str:
        organization: str = self.session(self.owner)["activeOrganizationId"]
        return organization

    def user_id(self, who: SignedIn) -> str:
        user: str = self.session(who)["userId"]
        return user

    def session(self, who: SignedIn) -> dict[str, Any]:
        verdict = self.better_auth.session_of(who.cookie)
        assert verdict
        session: dict[str, Any] = verdict["session"]
        return session


@dataclass(frozen=True)
class Requirement:
    """What is asked of somebody."""

    value: bool | str | list[str]
    """Of the key in the settings."""
    met_by: tuple[str, ...]
    not_met_by: tuple[str, ...]
    reason: str
    status: int = 403


REQUIREMENTS = {
    "any_role": Requirement(
        ["admin", "editor"], ("admin", "editor", "admin_and_editor"), ("plain", "owner", "impersonated"), "missing_role"
    ),
    "all_roles": Requirement(
        ["admin", "editor"], ("admin_and_editor",), ("admin", "editor", "plain"), "missing_role"
    ),
    "email_verified": Requirement(True, ("verified",), ("plain", "admin"), "email_unverified"),
    "two_factor": Requirement(True, ("two_factor",), ("plain", "admin"), "no_two_factor"),
    "not_impersonated": Requirement(True, ("plain", "admin"), ("impersonated",), "impersonated"),
    "organization": Requirement(True, ("owner", "member"), ("plain", "admin", "former_member"), "not_member"),
    "organization_role": Requirement(
        ["owner"], ("owner",), ("member", "former_member", "admin"), "missing_organization_role"
    ),
    "max_session_age": Requirement("5m", ("plain", "admin"), ("long_ago",), "not_fresh", 401),
}
"""By the name that settings and proxies ask for them."""

STEP_UP = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="a more recent sign-in is required", max_age="300"'
)
"""RFC 9470 section 3, for `max_session_age = "5m"`."""


def setting(name: str) -> str:
    """The line of a `[[route]]`. What JSON is here, TOML is too."""
    return f"{name} = {json.dumps(REQUIREMENTS[name].value)}"


def word(name: str) -> str:
    """As a proxy asks for it."""
    match REQUIREMENTS[name].value:
        case list(roles):
            return f"{name}:{'|'.join(roles)}"
        case str(time):
            return f"{name}:{time}"
        case _:
            return name
