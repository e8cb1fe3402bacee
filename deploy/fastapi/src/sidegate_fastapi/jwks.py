"""The keys of a JWK Set (RFC 7517) that may sign assertions. Pure: text in, keys out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

BYTES_MAX = 64 * 1024
"""sidegate publishes one or two keys, of about 150 bytes each."""
KEYS_MAX = 64
KEY_ID_MAX = 256

KINDS = {("OKP", "Ed25519"): ("EdDSA", ("x",)), ("EC", "P-256"): ("ES256", ("x", "y"))}
"""By `kty` and `crv`: the one algorithm of such a key, and what makes up its public part.

A key says by what it is how it signs, and no token has a say in that. RFC 8725, section 3.1."""

ALGORITHMS = tuple(algorithm for algorithm, _ in KINDS.values())


@dataclass(frozen=True)
class Key:
    """A public key and the one algorithm that it is for."""

    algorithm: str
    public: jwt.PyJWK


KeySet = Mapping[str, Key]
"""By `kid`."""


class InvalidJwks(ValueError):
    """Not a set of keys that assertions could be verified by."""


def parsed(text: str | bytes) -> KeySet:
    """The keys that are of use. Others are passed over, as RFC 7517, section 5, wants it; none at all is an error."""
    if len(text) > BYTES_MAX:
        raise InvalidJwks(f"longer than {BYTES_MAX} bytes")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidJwks("no JSON") from error
    members = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(members, list) or len(members) > KEYS_MAX:
        raise InvalidJwks(f'no object with a list of at most {KEYS_MAX} "keys"')
    keys: dict[str, Key] = {}
    for member in members:
        if not isinstance(member, dict) or (key := key_of(member)) is None:
            continue
        if member["kid"] in keys:  # which of the two signed would be a guess
            raise InvalidJwks("two keys of one kid")
        keys[member["kid"]] = key
    if not keys:
        raise InvalidJwks(f"no key with a kid for {' or '.join(ALGORITHMS)}")
    return keys


def key_of(member: Mapping[str, object]) -> Key | None:
    """None for a key of another kind, for another use, or that is none."""
    kty, crv, kid = member.get("kty"), member.get("crv"), member.get("kid")
    if not (isinstance(kty, str) and isinstance(crv, str) and isinstance(kid, str)):
        return None
    if (kty, crv) not in KINDS or not 0 < len(kid) <= KEY_ID_MAX:
        return None
    algorithm, coordinates = KINDS[kty, crv]
    operations = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or member.get("alg", algorithm) != algorithm:
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    # The public part alone. Should somebody have published the private one, it is not read here.
    public = {"kty": kty, "crv": crv} | {name: member.get(name) for name in coordinates}
    try:
        return Key(algorithm, jwt.PyJWK(public, algorithm))
    except jwt.PyJWTError:
        return None
