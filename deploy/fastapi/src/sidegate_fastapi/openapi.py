"""What the API documentation shows: the lock, and the refusals."""

from typing import Any

from fastapi import status
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from pydantic import BaseModel

HEADER = "X-Auth-Assertion"


class Refusal(BaseModel):
    reason: str
    """A stable code: see Reason."""
    message: str


class Problem(BaseModel):
    """The body of a refusal."""

    detail: Refusal


RESPONSES: dict[int | str, dict[str, Any]] = {
    status.HTTP_401_UNAUTHORIZED: {"model": Problem, "description": "Not signed in, or not by sidegate's word"},
    status.HTTP_403_FORBIDDEN: {"model": Problem, "description": "Signed in, and not allowed"},
    status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Problem, "description": "It cannot be told now: try again"},
}
"""For the `responses=` of apps, routers and routes whose users have to be somebody."""


class AssertionScheme(SecurityBase):
    """Documentation only: the assertion is read, and judged, by SidegateAuth."""

    def __init__(self) -> None:
        self.scheme_name = "sidegate"
        description = "Made by sidegate and added by the proxy. A browser needs nothing but to be signed in."
        self.model = APIKey.model_validate({"in": APIKeyIn.header, "name": HEADER, "description": description})

    async def __call__(self) -> None:
        return None
