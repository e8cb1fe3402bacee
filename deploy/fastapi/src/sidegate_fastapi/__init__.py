"""Who is signed in, proven by sidegate's assertion, as FastAPI dependencies.

    from sidegate_fastapi import CurrentUser, SidegateAuth, User

    app = FastAPI()
    SidegateAuth(audience="https://app.example").install(app)

    @app.get("/me")
    async def me(user: CurrentUser) -> User:
        return user
"""

from .auth import SidegateAuth
from .dependencies import (
    CurrentUser,
    OptionalUser,
    current_user,
    optional_user,
    require_all_roles,
    require_any_role,
    require_fresh,
    require_not_impersonated,
    require_org_member,
    require_org_role,
    require_role,
    require_two_factor,
    require_verified_email,
)
from .errors import ConfigurationError, Reason, Refused
from .openapi import RESPONSES
from .user import Organization, User

__all__ = [
    "RESPONSES",
    "ConfigurationError",
    "CurrentUser",
    "OptionalUser",
    "Organization",
    "Reason",
    "Refused",
    "SidegateAuth",
    "User",
    "current_user",
    "optional_user",
    "require_all_roles",
    "require_any_role",
    "require_fresh",
    "require_not_impersonated",
    "require_org_member",
    "require_org_role",
    "require_role",
    "require_two_factor",
    "require_verified_email",
]
