"""Which keys of a JWK Set count. Keys and signatures are those of the RFCs, as far as they have some."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import jwt
from apps import client
from minting import Signer, claims, ed25519, jwks, p256, unbase64url
from sidegate_fastapi.jwks import InvalidJwks, Key, key_of, parsed

# RFC 8037, appendices A.1 to A.4
RFC_8037_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_8037_JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_8037_JWS = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
# RFC 7515, appendix A.3
RFC_7515_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
RFC_7515_JWS = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


def key(jwk: dict[str, object]) -> Key:
    found = key_of({"kid": "k"} | jwk)
    assert found
    return found


def test_the_rfcs_keys_verify_the_rfcs_signatures() -> None:
    for jwk, jws in ((RFC_8037_JWK, RFC_8037_JWS), (RFC_7515_JWK, RFC_7515_JWS)):
        found = key({**jwk})
        assert jwt.PyJWS().decode(jws, found.public, algorithms=[found.algorithm])


def test_the_keys_of_these_tests_are_named_as_rfc_7638_has_it() -> None:
    private = Ed25519PrivateKey.from_private_bytes(unbase64url(RFC_8037_D))
    signer = Signer(private)
    assert (signer.kid, signer.public) == (RFC_8037_THUMBPRINT, RFC_8037_JWK)


def test_assertions_of_the_rfcs_keys_count() -> None:
    number = int.from_bytes(unbase64url(RFC_7515_JWK["d"]), "big")
    signers = [
        Signer(Ed25519PrivateKey.from_private_bytes(unbase64url(RFC_8037_D))),
        Signer(derive_private_key(number, SECP256R1())),
    ]
    app = client(
        jwks=json.dumps({"keys": [RFC_8037_JWK | {"kid": signers[0].kid}, RFC_7515_JWK | {"kid": signers[1].kid}]})
    )
    for signer in signers:
        assert app.get(signer.token(claims(sub="joe"))).json()["id"] == "joe"


def test_both_keys_of_a_rotation_count() -> None:
    old, new, next_one = ed25519(), ed25519(), p256()
    app = client(new, old)
    assert app.get(old.token()).status_code == app.get(new.token()).status_code == 200
    app.is_refused(next_one.token(), "unknown_key")


def test_a_private_key_that_was_published_is_not_read() -> None:
    assert not hasattr(key({**RFC_7515_JWK}).public.key, "private_numbers")
    assert not hasattr(key({**RFC_8037_JWK, "d": RFC_8037_D}).public.key, "private_bytes")


OF_NO_USE: dict[str, dict[str, object]] = {
    "to encrypt": {"use": "enc"},
    "of another algorithm": {"alg": "ES256"},
    "to sign alone": {"key_ops": ["sign"]},
    "operations that are no list": {"key_ops": "verify"},
    "without a name": {"kid": None},
    "a name that is no text": {"kid": 1},
    "an empty name": {"kid": ""},
    "an endless name": {"kid": "k" * 257},
    "another curve": {"crv": "X25519"},
    "a curve that is no text": {"crv": ["Ed25519"]},
    "another kind": {"kty": "oct"},
    "no kind": {"kty": None},
    "a kind with another's curve": {"kty": "EC"},
    "without a point": {"x": None},
    "a short point": {"x": "AAAA"},
    "a point that is no text": {"x": 1},
}


@pytest.mark.parametrize("why", OF_NO_USE)
def test_a_key_that_is_of_no_use_is_passed_over(why: str) -> None:
    odd, good = {"kid": "k"} | RFC_8037_JWK | OF_NO_USE[why], ed25519()
    assert list(parsed(json.dumps({"keys": [odd, good.jwk]}))) == [good.kid]
    with pytest.raises(InvalidJwks):
        parsed(json.dumps({"keys": [odd]}))


def test_a_point_that_is_not_on_the_curve_is_no_key() -> None:
    assert key_of(RFC_7515_JWK | {"kid": "k", "y": RFC_7515_JWK["x"]}) is None


SETS = {
    "nothing": "",
    "no JSON": "<html>",
    "a list": "[]",
    "a key by itself": json.dumps(RFC_8037_JWK | {"kid": "k"}),
    "no list": '{"keys": {}}',
    "empty": '{"keys": []}',
    "no objects": '{"keys": [1, null, "x", []]}',
    "too many": json.dumps({"keys": [RFC_8037_JWK] * 65}),
    "too long": json.dumps({"keys": [RFC_8037_JWK | {"kid": "k"}]}) + " " * 65536,
    "deep": "[" * 60000,
    "one name for two": json.dumps({"keys": [ed25519().jwk | {"kid": "k"}, p256().jwk | {"kid": "k"}]}),
}


@pytest.mark.parametrize("name", SETS)
def test_what_is_no_set_of_keys_is_an_error(name: str) -> None:
    for text in (SETS[name], SETS[name].encode()):
        with pytest.raises(InvalidJwks):
            parsed(text)


def test_a_set_may_say_more_than_is_understood() -> None:
    good = ed25519()
    told = json.loads(jwks(good)) | {"issued": 1}
    told["keys"][0] |= {"x5c": [], "ext": True, "key_ops": ["sign", "verify"]}
    assert list(parsed(json.dumps(told))) == [good.kid]
