"""Tokens as sidegate writes them, and as nobody should: put together byte by byte, with cryptography's signatures alone,
so that what the package believes does not come from the library that it believes.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE = "https://app.example"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Signer:
    """A private key, and the public one as sidegate publishes it."""

    private: Ed25519PrivateKey | EllipticCurvePrivateKey

    @property
    def algorithm(self) -> str:
        return "EdDSA" if isinstance(self.private, Ed25519PrivateKey) else "ES256"

    @property
    def public(self) -> dict[str, str]:
        """What RFC 7638, section 3.2, takes into a thumbprint, and nothing else."""
        if isinstance(self.private, Ed25519PrivateKey):
            raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return {"crv": "Ed25519", "kty": "OKP", "x": base64url(raw)}
        numbers = self.private.public_key().public_numbers()
        x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    @property
    def kid(self) -> str:
        text = json.dumps(self.public, separators=(",", ":"), sort_keys=True)
        return base64url(hashlib.sha256(text.encode()).digest())

    @property
    def jwk(self) -> dict[str, str]:
        return self.public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def signature(self, signed: bytes) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(signed)
        r, s = decode_dss_signature(self.private.sign(signed, ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def header(self, **changed: object) -> dict[str, object]:
        return changes({"alg": self.algorithm, "typ": "JWT", "kid": self.kid}, changed)

    def token(
        self, payload: Mapping[str, object] | str | None = None, header: Mapping[str, object] | str | None = None
    ) -> str:
        """Signed by this key, whatever it says. Texts are taken as they are."""
        parts = (self.header() if header is None else header, claims() if payload is None else payload)
        signed = ".".join(base64url(text_of(part).encode()) for part in parts)
        return f"{signed}.{base64url(self.signature(signed.encode()))}"


def text_of(part: Mapping[str, object] | str) -> str:
    return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)


def claims(**changed: object) -> dict[str, object]:
    """Everything that must be there, and what is changed about it; None leaves a claim out."""
    now = int(time.time())
    whole: dict[str, object] = {
        "iss": "sidegate",
        "aud": AUDIENCE,
        "sub": "vcTE1",
        "sid": "s1",
        "iat": now,
        "exp": now + 60,
    }
    return changes(whole, changed)


def changes(whole: Mapping[str, object], changed: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


def jwks(*signers: Signer) -> str:
    return json.dumps({"keys": [signer.jwk for signer in signers]})


def ed25519() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def p256() -> Signer:
    return Signer(generate_private_key(SECP256R1()))


def header_of(token: str) -> Any:
    return json.loads(unbase64url(token.split(".")[0]))
