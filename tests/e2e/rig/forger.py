"""Whatever an attacker can write into a request to be somebody else: plain headers, and assertions that sidegate did not
make, or not for this app, this request or this moment.

An assertion is tied to host and path here, so each is made for where it goes: it is refused for its own fault alone.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .better_auth import SignedIn
from .process import until
from .sidegate import Sidegate, question
from .wire import exchange

HEADER = "X-Auth-Assertion"
ROOT = {"sub": "root", "sid": "s", "roles": ["admin"], "email": "root@example.com"}

PLAIN = {
    "X-Auth-Status": "user",
    "X-Auth-User-Id": "root",
    "X-Auth-User-Email": "root@example.com",
    "X-Auth-User-Role": "admin",
    "X-Auth-User-Email-Verified": "true",
    "X-Auth-User-Two-Factor": "true",
    "X-Auth-Session-Id": "s",
    "X-Auth-Session-Expires": "2099-01-01T00:00:00.000Z",
}
"""All that sidegate says of somebody without an assertion."""


@dataclass(frozen=True)
class Target:
    """The request that an assertion is to go with, as the app sees it."""

    host: str
    path: str
    method: str = "GET"

    @property
    def bound(self) -> dict[str, str]:
        digest = hashlib.sha256(f"{self.method}\n{self.path}".encode()).digest()
        return {"host": self.host, "req": base64url(digest)}


@dataclass(frozen=True)
class Forger:
    """Knows what is public: audience, issuer, keys. `gate` and `elsewhere` sign with one key, for two audiences."""

    audience: str
    gate: Sidegate
    elsewhere: Sidegate
    jwks: Path
    victim: SignedIn
    """Somebody whose assertions were captured."""
    soon_out: Callable[[], SignedIn]
    """Signs in somebody whose session is over in a moment."""

    @property
    def kid(self) -> str:
        kid: str = self._published["kid"]
        return kid

    @property
    def _published(self) -> dict[str, str]:
        key: dict[str, str] = json.loads(self.jwks.read_text())["keys"][0]
        return key

    def claims(self, target: Target, **changed: object) -> dict[str, object]:
        now = int(time.time())
        said: dict[str, object] = {
            "iss": "sidegate",
            "aud": self.audience,
            "iat": now,
            "exp": now + 60,
            "auth_time": now,
        }
        return said | ROOT | target.bound | changed

    def captured(self, gate: Sidegate, who: SignedIn, target: Target) -> str:
        """One that sidegate made."""
        asked = (("X-Original-URL", f"http://{target.host}{target.path}"), ("X-Original-Method", target.method))
        answer = exchange(gate.address, question(who.cookie, original=asked))
        told = answer.get(HEADER.lower())
        assert answer.status == 200 and told, answer
        return told

    # --- forgeries: each makes the headers of a request

    def plain(self, target: Target) -> Mapping[str, str]:
        return PLAIN

    def self_signed(self, target: Target) -> Mapping[str, str]:
        return self._signed(Ed25519PrivateKey.generate(), {"kid": "mine"}, target)

    def self_signed_under_sidegates_name(self, target: Target) -> Mapping[str, str]:
        return self._signed(Ed25519PrivateKey.generate(), {"kid": self.kid}, target)

    def with_a_key_of_its_own(self, target: Target) -> Mapping[str, str]:
        key = Ed25519PrivateKey.generate()
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key()))
        return self._signed(key, {"kid": self.kid, "jwk": public, "jku": "http://127.0.0.1:9/"}, target)

    def not_signed(self, target: Target) -> Mapping[str, str]:
        return {HEADER: f"{self._unsigned('none', target)}."}

    def signed_with_the_public_key(self, target: Target) -> Mapping[str, str]:
        key = jwt.PyJWK(self._published).key
        assert hasattr(key, "public_bytes")
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        text = self._unsigned("HS256", target)
        return {HEADER: f"{text}.{base64url(hmac.digest(pem, text.encode(), 'sha256'))}"}

    def captured_for_another_audience(self, target: Target) -> Mapping[str, str]:
        return {HEADER: self.captured(self.elsewhere, self.victim, target)}

    def captured_at_another_host(self, target: Target) -> Mapping[str, str]:
        return {HEADER: self.captured(self.gate, self.victim, Target("other.example", target.path))}

    def captured_on_another_path(self, target: Target) -> Mapping[str, str]:
        return {HEADER: self.captured(self.gate, self.victim, Target(target.host, "/api/hello"))}

    def captured_and_changed(self, target: Target) -> Mapping[str, str]:
        head, _, signature = self.captured(self.gate, self.victim, target).split(".")
        return {HEADER: ".".join([head, base64url(json.dumps(self.claims(target)).encode()), signature])}

    def captured_and_expired(self, target: Target) -> Mapping[str, str]:
        """sidegate's own, of a session that was over soon."""
        told = self.captured(self.gate, self.soon_out(), target)
        ends = jwt.decode(told, options={"verify_signature": False})["exp"]
        until(lambda: time.time() >= ends, "the assertion is over")
        return {HEADER: told}

    def plain_with_a_forgery(self, target: Target) -> Mapping[str, str]:
        return PLAIN | dict(self.self_signed_under_sidegates_name(target))

    def _signed(self, key: Any, header: dict[str, Any], target: Target) -> Mapping[str, str]:
        return {HEADER: jwt.encode(self.claims(target), key, "EdDSA", header)}

    def _unsigned(self, algorithm: str, target: Target) -> str:
        header = {"alg": algorithm, "typ": "JWT", "kid": self.kid}
        return ".".join(base64url(json.dumps(part).encode()) for part in (header, self.claims(target)))


Forgery = Callable[[Forger, Target], Mapping[str, str]]

FORGERIES: dict[str, tuple[Forgery, str]] = {
    "plain headers": (Forger.plain, "no_assertion"),
    "self-signed": (Forger.self_signed, "unknown_key"),
    "self-signed, named as sidegate's key": (Forger.self_signed_under_sidegates_name, "bad_signature"),
    "self-signed, with its key inside": (Forger.with_a_key_of_its_own, "bad_signature"),
    "alg none": (Forger.not_signed, "algorithm_not_allowed"),
    "HS256 with the public key": (Forger.signed_with_the_public_key, "algorithm_not_allowed"),
    "captured for another audience": (Forger.captured_for_another_audience, "wrong_audience"),
    "captured at another host": (Forger.captured_at_another_host, "wrong_host"),
    "captured on another path": (Forger.captured_on_another_path, "wrong_request"),
    "captured, with other claims": (Forger.captured_and_changed, "bad_signature"),
    "captured and expired": (Forger.captured_and_expired, "expired"),
    "plain headers with a forgery": (Forger.plain_with_a_forgery, "bad_signature"),
}
"""With the reason for which the app refuses it."""


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
