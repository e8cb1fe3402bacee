"""Who sent a request, as the app sees it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field

from .claims import Claims


class Organization(BaseModel, frozen=True):
    """The active organization of Better Auth's organization plugin.

    Better Auth leaves it on the session of somebody who was removed from it, so the id alone is no membership: without
    a role, they are no member, or sidegate's store does not tell (it does if that is a database). Whatever belongs to an
    organization is for those who have a role in it: `require_org_member()`, `require_org_role(…)`.
    """

    id: str
    roles: frozenset[str] = frozenset()
    """What the user is in it."""


class User(BaseModel, frozen=True):
    """Who sent this request. What is not known is None; what is not said to be so is False."""

    id: str
    session_id: str | None
    """None where the credential was one without a session: a JSON Web Token of Better Auth's."""
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    roles: frozenset[str] = frozenset()
    organization: Organization | None = None
    team_id: str | None = None
    impersonated_by: str | None = None
    """The administrator who acts as this user."""
    two_factor: bool = False
    """Whether two-factor authentication is on."""
    anonymous: bool = False
    """Of Better Auth's anonymous plugin: signed in, without being anybody."""
    auth_time: AwareDatetime | None = None
    """When they signed in."""
    expires_at: AwareDatetime
    """When this statement is over. The session may go on: then the next request comes with a new one."""
    session_expires: AwareDatetime | None = None
    """When the session is over, if nothing prolongs it. What outlives its request, as a WebSocket does, ends by then."""
    checked_at: AwareDatetime | None = None
    """Since when nothing newer was known of the session, for want of a store. None if it is as new as ever."""
    claims: Mapping[str, object] = Field(default_factory=dict, exclude=True, repr=False)
    """All that the assertion says; empty where plain headers are trusted."""

    @property
    def stale(self) -> bool:
        """Whether sidegate's store was out of reach, so that a sign-out may have been missed."""
        return self.checked_at is not None

    def signed_in_within(self, age: timedelta) -> bool:
        """False where the sign-in's time is not known."""
        return self.auth_time is not None and datetime.now(UTC) - self.auth_time <= age


def user_of(claims: Claims, payload: Mapping[str, object]) -> User:
    return User(
        id=claims.sub,
        session_id=claims.sid,
        email=claims.email,
        email_verified=claims.email_verified,
        name=claims.name,
        roles=frozenset(claims.roles),
        organization=Organization(id=claims.org_id, roles=frozenset(claims.org_roles)) if claims.org_id else None,
        team_id=claims.team_id,
        impersonated_by=claims.act.sub if claims.act else None,
        two_factor=claims.two_factor,
        anonymous=claims.anonymous,
        auth_time=instant(claims.auth_time),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        session_expires=instant(claims.session_expiry),
        checked_at=instant(claims.checked_at),
        claims=payload,
    )


def instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
