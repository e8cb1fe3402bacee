"""What routes ask for.

    @app.get("/me")
    async def me(user: CurrentUser) -> User: ...                       # 401 for whoever is not signed in

    @app.get("/hello")
    async def hello(user: OptionalUser) -> str: ...                    # None for whoever is not signed in

    @app.delete("/posts/{id}", dependencies=[require_role("admin")])   # 403 for everybody else
    @app.delete("/posts/{id}")
    async def remove(id: int, admin: Annotated[User, require_role("admin")]) -> None: ...
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.requests import HTTPConnection

from .auth import auth_of
from .errors import NotFresh, Reason, Refused, answer
from .openapi import AssertionScheme
from .user import User

SCHEME = AssertionScheme()

Check = Callable[[User], Refused | None]


async def optional_user(connection: HTTPConnection, _: Annotated[None, Security(SCHEME)] = None) -> User | None:
    """Who is signed in, or None. An assertion that does not count is a 401, never None: none is sent by accident."""
    try:
        return await auth_of(connection).user(connection)
    except Refused as refused:
        raise answer(refused, connection) from refused


async def current_user(connection: HTTPConnection, user: Annotated[User | None, Depends(optional_user)]) -> User:
    """Who is signed in; whoever is not gets 401. Tests may put another in its place by `app.dependency_overrides`."""
    if user is None:
        raise answer(auth_of(connection).nobody, connection)
    return user


CurrentUser = Annotated[User, Depends(current_user)]
OptionalUser = Annotated[User | None, Depends(optional_user)]


def require_role(role: str) -> Any:
    wanted = named((role,))
    refused = Refused(Reason.MISSING_ROLE, f"this role is needed: {listed(wanted)}")
    return required(lambda user: None if user.roles >= wanted else refused)


def require_any_role(*roles: str) -> Any:
    """At least one of them."""
    wanted = named(roles)
    refused = Refused(Reason.MISSING_ROLE, f"one of these roles is needed: {listed(wanted)}")
    return required(lambda user: None if user.roles & wanted else refused)


def require_all_roles(*roles: str) -> Any:
    wanted = named(roles)
    refused = Refused(Reason.MISSING_ROLE, f"all of these roles are needed: {listed(wanted)}")
    return required(lambda user: None if user.roles >= wanted else refused)


def require_org_role(*roles: str) -> Any:
    """At least one of them, in the organization that is active."""
    wanted = named(roles)
    refused = Refused(Reason.MISSING_ORG_ROLE, f"one of these roles in the organization is needed: {listed(wanted)}")
    return required(lambda user: None if user.organization and user.organization.roles & wanted else refused)


def require_org_member() -> Any:
    """A role, whichever it is, in the organization that is active. Its id alone is no membership: see `Organization`."""
    refused = Refused(Reason.NOT_MEMBER, "only members of the organization may do this")
    return required(lambda user: None if user.organization and user.organization.roles else refused)


def require_verified_email() -> Any:
    refused = Refused(Reason.EMAIL_UNVERIFIED, "a verified e-mail address is needed")
    return required(lambda user: None if user.email_verified else refused)


def require_two_factor() -> Any:
    refused = Refused(Reason.NO_TWO_FACTOR, "two-factor authentication has to be on")
    return required(lambda user: None if user.two_factor else refused)


def require_not_impersonated() -> Any:
    """Nobody of whom it is told that an administrator acts in their name. Where sidegate cannot see that, as with tokens of
    the jwt plugin, nothing is told: a route of sidegate's own with `not_impersonated` lets nobody by then."""
    refused = Refused(Reason.IMPERSONATED, "an administrator may not do this in somebody's name")
    return required(lambda user: refused if user.impersonated_by else None)


def require_fresh(max_age: timedelta) -> Any:
    """A sign-in no longer ago than that; else, or where its time is not known, 401 as RFC 9470 has it."""
    if max_age <= timedelta(0):
        raise ValueError("max_age has to be longer than nothing")
    refused = NotFresh(int(max_age.total_seconds()))
    return required(lambda user: None if user.signed_in_within(max_age) else refused)


def required(check: Check) -> Any:
    """What FastAPI takes in `dependencies=[…]` and in `Annotated[User, …]`."""

    async def dependency(connection: HTTPConnection, user: CurrentUser) -> User:
        if refused := check(user):
            raise answer(refused, connection)
        return user

    return Depends(dependency)


def named(roles: tuple[str, ...]) -> frozenset[str]:
    if not roles or not all(roles):
        raise ValueError("no role is named")
    return frozenset(roles)


def listed(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles))
