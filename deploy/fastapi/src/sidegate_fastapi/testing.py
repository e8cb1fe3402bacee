"""Assertions for the tests of apps: made with a key that is thrown away, believed by the app under test alone.

    assertions = Assertions()
    assertions.install(app)
    answer = TestClient(app).get("/me", headers=assertions.headers(roles=["admin"]))
"""

import json
import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from .auth import SidegateAuth
from .openapi import HEADER
from .settings import ISSUER

LASTS = 60
"""Seconds, as sidegate's do."""


class Assertions:
    """Makes what sidegate would make for `audience`."""

    def __init__(self, audience: str = "https://app.test", issuer: str = ISSUER) -> None:
        self.audience, self.issuer = audience, issuer
        self._key = Ed25519PrivateKey.generate()
        self._kid = "a key for tests"

    @property
    def jwks(self) -> str:
        """For `SidegateAuth(jwks=…)`."""
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [public | {"kid": self._kid, "alg": "EdDSA", "use": "sig"}]})

    def install(self, app: FastAPI) -> None:
        """Has the app believe these and no others."""
        SidegateAuth(audience=self.audience, issuer=self.issuer, jwks=self.jwks).install(app)

    def token(self, **claims: object) -> str:
        """An assertion about somebody who has just signed in. `claims` are said besides, or instead: `sub="usr_2"`,
        `roles=["admin"]`, `exp=0`; one that is None is left out.
        """
        now = int(time.time())
        said: Mapping[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "usr_1",
            "sid": "ses_1",
            "iat": now,
            "exp": now + LASTS,
            "auth_time": now,
        }
        payload = {name: value for name, value in {**said, **claims}.items() if value is not None}
        return jwt.encode(payload, self._key, algorithm="EdDSA", headers={"kid": self._kid})

    def headers(self, **claims: object) -> dict[str, str]:
        """The same as the headers of a request."""
        return {HEADER: self.token(**claims)}
