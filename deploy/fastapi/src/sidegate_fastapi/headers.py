"""Plain `X-Auth-*` headers as a user, for apps that said that they trust them.

No signature is checked. That is sound only while the proxy, which removes what clients send under these names, is the
one way to reach the app. What sidegate would never send is refused: then something else wrote it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi.datastructures import Headers
from pydantic import ValidationError

from .errors import Reason, Refused
from .user import User

STATUS = "X-Auth-Status"
FRESHNESS = "X-Auth-Freshness"
EXPIRES = "X-Auth-Session-Expires"
ORGANIZATION = "X-Auth-Organization-Id"
FIELDS = {
    "id": "X-Auth-User-Id",
    "email": "X-Auth-User-Email",
    "email_verified": "X-Auth-User-Email-Verified",
    "name": "X-Auth-User-Name",
    "two_factor": "X-Auth-User-Two-Factor",
    "anonymous": "X-Auth-User-Anonymous",
    "session_id": "X-Auth-Session-Id",
    "team_id": "X-Auth-Team-Id",
    "impersonated_by": "X-Auth-Impersonated-By",
}
"""Those whose value is the field's."""


def user_in(headers: Headers) -> User | None:
    """None for whoever is not stated to be signed in, whatever the other headers say."""
    # A statement, not a guess from what is missing: sidegate says one of the two each time it lets a request by.
    match told(headers, STATUS):
        case "user":
            pass
        case None | "anonymous":
            return None
        case _:
            raise malformed(STATUS)
    ends = told(headers, EXPIRES)
    fields: dict[str, Any] = {field: told(headers, header) for field, header in FIELDS.items()}
    fields |= {"expires_at": ends, "session_expires": ends, "checked_at": checked_at(headers)}
    fields["roles"] = roles_in(headers, "X-Auth-User-Role")
    if organization := told(headers, ORGANIZATION):
        fields["organization"] = {"id": organization, "roles": roles_in(headers, "X-Auth-Organization-Role")}
    absent_may_be = {"session_id": None}
    try:
        return User.model_validate(absent_may_be | {name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0])
        raise malformed(FIELDS.get(field, EXPIRES)) from error


def told(headers: Headers, name: str) -> str | None:
    """The value as Better Auth has it: sidegate percent-encodes what is not printable ASCII, and `%` itself."""
    values = headers.getlist(name)
    if len(values) > 1:  # a proxy that adds instead of replacing; `headers[name]` would be the client's own line
        raise malformed(name)
    if not values or not values[0]:  # some proxies send a header without a value instead of leaving it out
        return None
    try:
        return unquote_to_bytes(values[0]).decode()
    except UnicodeDecodeError as error:
        raise malformed(name) from error


def roles_in(headers: Headers, name: str) -> list[str]:
    """Each by itself. Better Auth writes several as `admin,editor`, and takes no blanks away where it splits them."""
    return [role for role in (told(headers, name) or "").split(",") if role]


def checked_at(headers: Headers) -> datetime | None:
    text = told(headers, FRESHNESS)
    if text is None:
        return None
    match = re.fullmatch(r"stale; age=(\d{1,9})", text)
    if match is None:
        raise malformed(FRESHNESS)
    return datetime.now(UTC) - timedelta(seconds=int(match[1]))


def malformed(name: str) -> Refused:
    return Refused(Reason.MALFORMED_HEADER, f"{name} is not what sidegate sends")
