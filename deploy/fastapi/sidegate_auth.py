"""Who is signed in, as told by sidegate.

The proxy asks sidegate about each request, removes every `X-Auth-*` header that the client sent, and writes sidegate's
own. This module believes those headers; it checks no signature. That is sound only while the proxy is the one way to
reach the app: listen on 127.0.0.1 or a UNIX socket, never on 0.0.0.0.

    @app.get("/api/me")
    async def me(user: CurrentUser) -> User: ...            # 401 for whoever is not signed in

    @app.get("/api/hello")
    async def hello(user: OptionalUser) -> str: ...         # None for whoever is not signed in
"""

from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends, HTTPException, Security, status
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyCookie
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError


class User(BaseModel):
    """Who sent this request. A field that Better Auth has no value for is None; what is not said to be so is False."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: str | None = None
    name: str | None = None
    role: str | None = None
    username: str | None = None
    phone: str | None = None
    email_verified: bool = False
    phone_verified: bool = False
    two_factor: bool = False
    anonymous: bool = False
    session_id: str | None = None
    """None for a JSON Web Token, which names no session."""
    session_expires: AwareDatetime
    organization_id: str | None = None
    organization_role: str | None = None
    team_id: str | None = None
    impersonated_by: str | None = None

    @property
    def roles(self) -> frozenset[str]:
        """Each role by itself. Better Auth writes several as `admin,editor`, which `role == "admin"` would miss."""
        return frozenset(role.strip() for role in (self.role or "").split(",") if role.strip())


class Problem(BaseModel):
    """The body of a refusal."""

    detail: str


UNAUTHENTICATED: dict[int | str, dict[str, Any]] = {
    status.HTTP_401_UNAUTHORIZED: {"model": Problem, "description": "Not signed in"}
}
"""For the `responses=` of routes and routers that take a CurrentUser: shows the 401 in the API documentation."""

HEADERS = {
    "id": "X-Auth-User-Id",
    "email": "X-Auth-User-Email",
    "name": "X-Auth-User-Name",
    "role": "X-Auth-User-Role",
    "username": "X-Auth-User-Username",
    "phone": "X-Auth-User-Phone",
    "email_verified": "X-Auth-User-Email-Verified",
    "phone_verified": "X-Auth-User-Phone-Verified",
    "two_factor": "X-Auth-User-Two-Factor",
    "anonymous": "X-Auth-User-Anonymous",
    "session_id": "X-Auth-Session-Id",
    "session_expires": "X-Auth-Session-Expires",
    "organization_id": "X-Auth-Organization-Id",
    "organization_role": "X-Auth-Organization-Role",
    "team_id": "X-Auth-Team-Id",
    "impersonated_by": "X-Auth-Impersonated-By",
}

# Documentation only: what a client presents is Better Auth's cookie, and sidegate has read it before the app is asked.
session_cookie = APIKeyCookie(
    name="better-auth.session_token",
    scheme_name="Better Auth session",
    description="Set by signing in; the browser sends it by itself.",
    auto_error=False,
)


async def get_optional_user(
    connection: HTTPConnection,  # a Request or a WebSocket
    _: Annotated[str | None, Security(session_cookie)],
) -> User | None:
    """The signed-in user, or None.

    Headers that sidegate would never send are a 400, not an anonymous visitor: then something else wrote them.
    """
    # A statement, not a guess from what is missing: sidegate says `user` or `anonymous` each time it lets a request by.
    if identity_header(connection, "X-Auth-Status") != "user":
        return None
    try:
        told = {field: identity_header(connection, header) for field, header in HEADERS.items()}
        return User.model_validate({field: value for field, value in told.items() if value is not None})
    except ValidationError as error:
        raise malformed(HEADERS[str(error.errors()[0]["loc"][0])]) from error


async def get_current_user(user: Annotated[User | None, Depends(get_optional_user)]) -> User:
    """The signed-in user; everyone else gets 401."""
    if user is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Not signed in")
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]
OptionalUser = Annotated[User | None, Depends(get_optional_user)]


def identity_header(connection: HTTPConnection, name: str) -> str | None:
    """The value as Better Auth has it: sidegate percent-encodes what is not printable ASCII, and `%` itself."""
    values = connection.headers.getlist(name)
    if len(values) > 1:  # a proxy that adds instead of replacing; `headers[name]` would be the client's own line
        raise malformed(name)
    if not values or not values[0]:  # some proxies send a header without a value instead of leaving it out
        return None
    try:
        return unquote_to_bytes(values[0]).decode()
    except UnicodeDecodeError as error:
        raise malformed(name) from error


def malformed(name: str) -> HTTPException:
    return HTTPException(status.HTTP_400_BAD_REQUEST, f"{name} is not what sidegate sends")
