"""The claims of an assertion, with the types that sidegate gives them and no others.

Nothing is converted: an `exp` that is a text, or `roles` that are one, were not written by sidegate.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def unicode(text: str) -> str:
    """JSON can spell half a character, "\\ud800", which nothing can write again."""
    text.encode()
    return text


AnyText = Annotated[str, AfterValidator(unicode)]
Text = Annotated[AnyText, Field(min_length=1)]
Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Since 1970, up to the end of the year 9999, which is as far as Python's calendar goes."""


# What does not fit is not shown: errors end up in logs.
SILENT = ConfigDict(strict=True, hide_input_in_errors=True)


class Actor(BaseModel, frozen=True):
    """RFC 8693, section 4.1: who acts as the subject."""

    model_config = SILENT

    sub: Text


class Claims(BaseModel, frozen=True):
    model_config = SILENT

    iss: Text
    aud: Text
    sub: Text
    sid: Text | None = None
    iat: Seconds
    exp: Seconds
    nbf: Seconds = 0
    auth_time: Seconds | None = None
    email: AnyText | None = None
    email_verified: bool = False
    name: AnyText | None = None
    roles: list[Text] = []
    org_id: Text | None = None
    org_roles: list[Text] = []
    team_id: Text | None = None
    act: Actor | None = None
    two_factor: bool = False
    anonymous: bool = False
    session_expiry: Seconds | None = None
    checked_at: Seconds | None = None
    host: Text | None = None
    req: Text | None = None
