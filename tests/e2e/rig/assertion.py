"""X-Auth-Assertion as an app checks it: by PyJWT, with the keys that sidegate publishes."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jwt

from . import secrets
from .process import run
from .sidegate import Sidegate

AUDIENCE = "my-api"
ALGORITHMS = ["EdDSA", "ES256"]
REQUIRED = ["iss", "aud", "sub", "sid", "iat", "exp"]


def new_key(home: Path, name: str, *algorithm: str) -> Path:
    """A key as people make one, which nobody else may read."""
    path = home / name
    run(["openssl", "genpkey", "-algorithm", *(algorithm or ("ed25519",)), "-out", path], home)
    path.chmod(0o600)
    return path


P256 = ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def key_set(gate: Sidegate) -> jwt.PyJWKSet:
    answer = gate.admin("/.well-known/jwks.json")
    assert answer.status_code == 200
    return jwt.PyJWKSet.from_dict(answer.json())


def claims(assertion: str, keys: jwt.PyJWKSet, issuer: str = "sidegate", audience: str = AUDIENCE) -> dict[str, Any]:
    """What it says, if one of the keys signed it and it counts now."""
    secrets.remember("an assertion's signature", assertion.rpartition(".")[2])
    header = jwt.get_unverified_header(assertion)
    assert set(header) == {"alg", "typ", "kid"}
    assert header["typ"] == "JWT"
    key = keys[header["kid"]]
    assert key.algorithm_name == header["alg"]
    said: dict[str, Any] = jwt.decode(
        assertion, key, algorithms=ALGORITHMS, issuer=issuer, audience=audience, options={"require": REQUIRED}
    )
    assert said["exp"] - said["iat"] <= 60
    return said


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, section 3: of the required members alone, in the order of their names, without white space."""
    required = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in required}, sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def request_digest(method: str, path: str) -> str:
    """`req` for a request as an app received it."""
    return base64url(hashlib.sha256(f"{method}\n{path}".encode("latin-1")).digest())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
