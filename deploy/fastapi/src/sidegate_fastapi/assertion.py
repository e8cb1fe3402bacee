"""Whether a text is an assertion that sidegate made, for this app and for now. Pure but for the wall clock.

The signature, base64url and the times are PyJWT's affair; what it is lenient about is refused here: RFC 8725.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from pydantic import ValidationError

from .claims import Claims
from .errors import Reason, Refused
from .jwks import KEY_ID_MAX, Key

BYTES_MAX = 8192
"""Longer than any: nginx, as shipped, takes no more than 8 KiB of headers from sidegate."""

REQUIRED = ["exp", "iat", "aud", "iss", "sub"]
"""Not `sid`: a JSON Web Token that was presented as a credential has no session."""

BINDINGS = ("host", "request")


@dataclass(frozen=True)
class Expected:
    """What an assertion has to say to count here."""

    audience: str
    issuer: str
    algorithms: frozenset[str]
    leeway: float
    """Seconds by which this machine's clock and sidegate's may differ."""
    bind: frozenset[str]
    """Of BINDINGS: what it must be bound to. What it is bound to besides is checked as well."""


@dataclass(frozen=True)
class Asked:
    """The request that an assertion came with."""

    method: str
    host: str | None
    path: bytes | None
    """As it was sent, without the query. None where the server does not tell."""

    @property
    def digest(self) -> str | None:
        """The `req` of an assertion for this request."""
        if self.path is None:
            return None
        hashed = hashlib.sha256(self.method.encode() + b"\n" + self.path).digest()
        return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def key_id(token: str, algorithms: frozenset[str]) -> str:
    """Of the key that it claims to be signed by. Everything else in its header that names a key, or brings one, such as
    `jku`, `x5u` and `jwk`, is never looked at.
    """
    if len(token) > BYTES_MAX:
        raise malformed(f"it is longer than {BYTES_MAX} bytes")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise malformed("it is no JSON Web Token") from error
    if "crit" in header:  # sidegate sends none, so whatever it says is not understood: RFC 7515, section 4.1.11
        raise malformed("it has a critical extension")
    if header.get("typ") != "JWT":
        raise malformed("its typ is not JWT")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Refused(Reason.ALGORITHM, "the assertion is signed by an algorithm that is not allowed")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= KEY_ID_MAX:
        raise malformed("it names no key")
    return kid


def verified(token: str, key: Key, expected: Expected, asked: Asked) -> tuple[Claims, Mapping[str, object]]:
    """What it claims, in our types and as it stands there."""
    if key.algorithm not in expected.algorithms:
        raise Refused(Reason.ALGORITHM, "the assertion's key is for an algorithm that is not allowed")
    try:
        payload = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],  # the key's, never the token's
            audience=expected.audience,
            issuer=expected.issuer,
            leeway=expected.leeway,
            options={"require": REQUIRED, "strict_aud": True},
        )
        claims = Claims.model_validate(payload)
    except (jwt.PyJWTError, ValidationError) as error:
        raise refusal_for(error) from error
    check_binding(claims, expected.bind, asked)
    return claims, payload


def check_binding(claims: Claims, bind: frozenset[str], asked: Asked) -> None:
    if claims.host is None and "host" in bind:
        raise missing("host")
    if claims.host is not None and (asked.host is None or claims.host != asked.host.lower()):
        raise Refused(Reason.WRONG_HOST, "the assertion is for another host")
    if claims.req is None and "request" in bind:
        raise missing("req")
    if claims.req is not None and claims.req != asked.digest:
        raise Refused(Reason.WRONG_REQUEST, "the assertion is for another method or path")


def refusal_for(error: jwt.PyJWTError | ValidationError) -> Refused:
    match error:
        case ValidationError():
            name = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            return Refused(Reason.CLAIM_MALFORMED, f"the assertion's claim {name} is not what sidegate writes")
        case jwt.InvalidSignatureError():
            return Refused(Reason.BAD_SIGNATURE, "the assertion's signature is not of the key that it names")
        case jwt.InvalidAlgorithmError():
            return Refused(Reason.ALGORITHM, "the assertion is signed by another algorithm than its key is for")
        case jwt.ExpiredSignatureError():
            return Refused(Reason.EXPIRED, "the assertion is over")
        case jwt.ImmatureSignatureError():
            return Refused(Reason.NOT_YET, "the assertion does not count yet")
        case jwt.InvalidAudienceError():
            return Refused(Reason.WRONG_AUDIENCE, "the assertion is for another audience")
        case jwt.InvalidIssuerError():
            return Refused(Reason.WRONG_ISSUER, "the assertion is of another issuer")
        case jwt.MissingRequiredClaimError():
            return missing(error.claim)
        case _:
            return malformed("it is none that sidegate would make")


def missing(claim: str) -> Refused:
    return Refused(Reason.CLAIM_MISSING, f"the assertion has no claim {claim}")


def malformed(why: str) -> Refused:
    return Refused(Reason.MALFORMED, f"the assertion does not count: {why}")
