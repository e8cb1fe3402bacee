"""Why nobody is let by, and how that is told.

Texts name claims and headers, never what stood in them: an assertion is a credential for as long as it lasts.
"""

from enum import StrEnum
from http import HTTPStatus

from fastapi import HTTPException, WebSocketException, status
from fastapi.requests import HTTPConnection


class ConfigurationError(Exception):
    """What was set cannot work. Raised while the app starts, with what to do about it."""


class Reason(StrEnum):
    """Stable codes: alerts and clients may rely on them. Those that sidegate has too are spelled as there."""

    NO_ASSERTION = "no_assertion"
    TWO_ASSERTIONS = "two_assertions"
    MALFORMED = "malformed_assertion"
    ALGORITHM = "algorithm_not_allowed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    CLAIM_MISSING = "claim_missing"
    CLAIM_MALFORMED = "claim_malformed"
    WRONG_HOST = "wrong_host"
    WRONG_REQUEST = "wrong_request"
    NOT_SIGNED_IN = "not_signed_in"
    MALFORMED_HEADER = "malformed_header"
    NOT_FRESH = "not_fresh"
    MISSING_ROLE = "missing_role"
    MISSING_ORG_ROLE = "missing_organization_role"
    NOT_MEMBER = "not_member"
    EMAIL_UNVERIFIED = "email_unverified"
    NO_TWO_FACTOR = "no_two_factor"
    IMPERSONATED = "impersonated"
    KEYS_UNAVAILABLE = "keys_unavailable"


NOBODY = frozenset({Reason.NO_ASSERTION, Reason.NOT_SIGNED_IN})
"""Nothing was presented, so by RFC 6750, section 3, the challenge names no error."""

FORBIDDEN = frozenset(
    {
        Reason.MISSING_ROLE,
        Reason.MISSING_ORG_ROLE,
        Reason.NOT_MEMBER,
        Reason.EMAIL_UNVERIFIED,
        Reason.NO_TWO_FACTOR,
        Reason.IMPERSONATED,
    }
)


class Refused(Exception):
    """Nobody is let by: a code, and a sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message

    @property
    def status(self) -> HTTPStatus:
        """Doubt is 503, "may not" is 403, and everything else 401."""
        if self.reason is Reason.KEYS_UNAVAILABLE:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.FORBIDDEN if self.reason in FORBIDDEN else HTTPStatus.UNAUTHORIZED

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Cache-Control": "no-store"}
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = "1"
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = ", ".join(f'{name}="{value}"' for name, value in self.challenge.items())
        return headers

    @property
    def challenge(self) -> dict[str, str]:
        """What the `WWW-Authenticate` of a 401 says: RFC 6750, section 3."""
        challenge = {"Bearer realm": "sidegate"}
        if self.reason not in NOBODY:
            challenge |= {"error": "invalid_token", "error_description": self.message}
        return challenge


class NotFresh(Refused):
    """Signed in, and too long ago: RFC 9470, section 3. The client is to have its user sign in again."""

    def __init__(self, max_age: int) -> None:
        super().__init__(Reason.NOT_FRESH, "a more recent sign-in is needed")
        self.max_age = max_age

    @property
    def challenge(self) -> dict[str, str]:
        stepping_up = {"error": "insufficient_user_authentication", "max_age": str(self.max_age)}
        return super().challenge | stepping_up


def answer(refused: Refused, connection: HTTPConnection) -> HTTPException | WebSocketException:
    """What to raise in a dependency, so that the client is told.

    A WebSocket is refused before it opens: with this same answer where the server can give one, as uvicorn can, else
    by closing it, which servers make a 403.
    """
    if connection.scope["type"] == "websocket" and "websocket.http.response" not in connection.scope.get(
        "extensions", {}
    ):
        return WebSocketException(status.WS_1008_POLICY_VIOLATION, refused.reason)
    detail = {"reason": str(refused.reason), "message": refused.message}
    return HTTPException(refused.status, detail, refused.headers)
