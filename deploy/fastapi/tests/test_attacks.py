"""Assertions as an attacker makes them, who knows everything but the private key: RFC 8725 and worse."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import jwt
from apps import Client, client
from minting import Signer, base64url, claims, ed25519, jwks, p256, text_of, unbase64url
from sidegate_fastapi.claims import Claims

ROOT = {"sub": "root", "roles": ["admin"]}


def unsigned(header: dict[str, object] | str, signature: bytes = b"") -> str:
    parts = (header, claims(**ROOT))
    return ".".join([*(base64url(text_of(part).encode()) for part in parts), base64url(signature)])


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", " none"])
@pytest.mark.parametrize("signature", [b"", b"\0" * 64])
def test_nothing_is_no_signature(app: Client, signer: Signer, algorithm: str, signature: bytes) -> None:
    app.is_refused(unsigned(signer.header(alg=algorithm), signature), "algorithm_not_allowed")


def secrets_of(signer: Signer) -> dict[str, bytes]:
    """What is public of a key, in each form in which a confused library takes it for a shared secret."""
    public = signer.private.public_key()
    forms = {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "x": unbase64url(signer.public["x"]),
        "the JWK": json.dumps(signer.jwk).encode(),
        "the JWK Set": jwks(signer).encode(),
        "kid": signer.kid.encode(),
        "nothing": b"",
    }
    return forms


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["PEM", "DER", "x", "the JWK", "the JWK Set", "kid", "nothing"])
def test_the_public_key_is_no_shared_secret(app: Client, signer: Signer, algorithm: str, form: str) -> None:
    header, secret = signer.header(alg=algorithm), secrets_of(signer)[form]
    signed = unsigned(header).removesuffix(".")
    digest = hmac.new(secret, signed.encode(), f"sha{algorithm[2:]}").digest()
    app.is_refused(f"{signed}.{base64url(digest)}", "algorithm_not_allowed")


OTHERS = ["RS256", "PS256", "ES384", "ES512", "ES256K", "Ed25519", "eddsa", "es256", "A128KW", "dir"]


@pytest.mark.parametrize("algorithm", OTHERS)
def test_an_algorithm_that_sidegate_does_not_use_is_refused(app: Client, signer: Signer, algorithm: str) -> None:
    app.is_refused(signer.token(header=signer.header(alg=algorithm)), "algorithm_not_allowed")


@pytest.mark.parametrize("algorithm", [None, 1, True, ["EdDSA"], {"EdDSA": 1}], ids=repr)
def test_an_algorithm_is_a_text(app: Client, signer: Signer, algorithm: object) -> None:
    app.is_refused(signer.token(header=signer.header() | {"alg": algorithm}), "algorithm_not_allowed")


def test_a_key_signs_by_its_own_algorithm_alone(app: Client, eddsa: Signer, es256: Signer) -> None:
    app.is_refused(eddsa.token(header=eddsa.header(alg="ES256")), "algorithm_not_allowed")
    app.is_refused(es256.token(header=es256.header(alg="EdDSA")), "algorithm_not_allowed")


def test_an_algorithm_that_the_app_does_not_allow_is_refused(eddsa: Signer, es256: Signer) -> None:
    app = client(eddsa, es256, algorithms=["ES256"])
    assert app.get(es256.token()).status_code == 200
    app.is_refused(eddsa.token(), "algorithm_not_allowed")
    # Its key is in the set, and the header lies about what signed.
    app.is_refused(eddsa.token(header=eddsa.header(alg="ES256")), "algorithm_not_allowed")


@pytest.mark.parametrize("stranger", [ed25519(), p256()], ids=["Ed25519", "P-256"])
def test_a_signature_of_another_key_is_refused_whatever_kid_it_claims(
    app: Client, signer: Signer, stranger: Signer
) -> None:
    app.is_refused(stranger.token(claims(**ROOT)), "unknown_key")
    borrowed = stranger.header(kid=signer.kid)
    wanted = "bad_signature" if stranger.algorithm == signer.algorithm else "algorithm_not_allowed"
    app.is_refused(stranger.token(claims(**ROOT), borrowed), wanted)


def test_a_kid_that_names_the_other_key_is_refused(app: Client, eddsa: Signer, es256: Signer) -> None:
    app.is_refused(eddsa.token(header=eddsa.header(kid=es256.kid)), "algorithm_not_allowed")


@pytest.mark.parametrize(
    "kid", [None, "", 1, ["x"], {}, "x" * 257, "../../../../dev/null", "' OR 1=1 --", "\0", "x\ud800y"]
)
def test_a_kid_is_nothing_but_a_name(app: Client, signer: Signer, kid: object) -> None:
    header = signer.header() | {"kid": kid}
    token = signer.token(claims(**ROOT), json.dumps(header))
    answer = app.get(token)
    assert (answer.status_code, answer.json()["detail"]["reason"]) in (
        (401, "malformed_assertion"),
        (401, "unknown_key"),
    )


def test_a_key_that_the_token_brings_along_is_never_used(app: Client, signer: Signer) -> None:
    """`jwk`, `jku`, `x5u` and `x5c`, RFC 7515, sections 4.1.2 to 4.1.6: there or not, the set's key decides."""
    own = ed25519() if signer.algorithm == "EdDSA" else p256()
    brought: dict[str, Any] = {
        "jwk": own.jwk,
        "jku": "http://127.0.0.1:9/jwks.json",
        "x5u": "http://127.0.0.1:9/key.pem",
        "x5c": ["MIIB"],
        "x5t": "x",
    }
    for name, value in brought.items():
        app.is_refused(own.token(claims(**ROOT), own.header(**{name: value})), "unknown_key")
        app.is_refused(own.token(claims(**ROOT), own.header(kid=signer.kid, **{name: value})), "bad_signature")
        assert app.get(signer.token(header=signer.header(**{name: value}))).json()["id"] == "vcTE1"


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["x"], [], None, "exp", {}, ["exp", 1]], ids=repr)
def test_whatever_is_critical_is_refused(app: Client, signer: Signer, critical: object) -> None:
    """RFC 7515, section 4.1.11. An empty list must not be there either."""
    header = signer.header(exp=1, x=1) | {"crit": critical}
    app.is_refused(signer.token(header=header), "malformed_assertion")


def test_a_payload_that_is_not_encoded_is_refused(app: Client, signer: Signer) -> None:
    """RFC 7797: with and without `crit`."""
    for header in (signer.header(b64=False), signer.header(b64=False, crit=["b64"])):
        head, payload = base64url(json.dumps(header).encode()), json.dumps(claims())
        signature = base64url(signer.signature(f"{head}.{payload}".encode()))
        for middle in ("", base64url(payload.encode())):
            app.is_refused(f"{head}.{middle}.{signature}", "malformed_assertion")


@pytest.mark.parametrize(
    "kind", [None, "JOSE", "at+jwt", "application/jwt", "jwt", "dpop+jwt", "logout+jwt", 1, ["JWT"]], ids=repr
)
def test_another_kind_of_token_is_refused(app: Client, signer: Signer, kind: object) -> None:
    """RFC 8725, section 3.11: what was signed for something else is no assertion."""
    app.is_refused(signer.token(header=signer.header() | {"typ": kind}), "malformed_assertion")


def test_a_changed_byte_anywhere_is_refused(app: Client, signer: Signer) -> None:
    token = signer.token()
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        changed = f"{token[:place]}{other}{token[place + 1 :]}"
        assert app.get(changed).status_code == 401, changed


def test_the_parts_of_two_assertions_make_none(app: Client, signer: Signer) -> None:
    mine, theirs = signer.token().split("."), signer.token(claims(**ROOT)).split(".")
    app.is_refused(".".join([mine[0], theirs[1], mine[2]]), "bad_signature")
    app.is_refused(".".join([*mine[:2], theirs[2]]), "bad_signature")


def headed(header: bytes) -> str:
    return f"{base64url(header)}.{base64url(b'{}')}.AA"


FORMS = {
    "nothing much": "x",
    "dots": "..",
    "four parts": "a.b.c.d",
    "five parts, as JWE has": "a.b.c.d.e",
    "JSON serialization": '{"payload":"e30","signatures":[]}',
    "no JSON": headed(b"x"),
    "a list": headed(b"[]"),
    "deep JSON": headed(b"[" * 5000),
    "deep JSON objects": headed(b'{"a":' * 1000),
    "a long number": headed(b'{"alg":' + b"9" * 5000 + b"}"),
    "bytes that are no text": headed(b"\xff\xfe"),
    "a byte order mark": headed(b"\xef\xbb\xbf{}"),
    "too long": "x" * 8193,
    "Bearer": "Bearer x.y.z",
    "outside ASCII": "é.é.é",
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_token_is_refused(app: Client, form: str) -> None:
    answer = app.http.get("/api/me", headers=[(b"X-Auth-Assertion", FORMS[form].encode())])
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (401, "malformed_assertion")


def test_a_long_token_is_not_even_looked_at(app: Client, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = signer.token(claims(name="x" * 8192))

    def looked_at(*_: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(jwt, "get_unverified_header", looked_at)
    app.is_refused(token, "malformed_assertion")


PAYLOADS = {
    "a list": "[]",
    "a text": '"root"',
    "null": "null",
    "nothing": "",
    "no JSON": "{",
    "two objects": "{}{}",
    "deep": "[" * 5000,
    "a claim that is deep": json.dumps(claims(act="@")).replace('"@"', '{"a":' * 990 + "1" + "}" * 990),
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_that_is_no_object_of_claims_is_refused(app: Client, signer: Signer, payload: str) -> None:
    assert app.get(signer.token(PAYLOADS[payload])).status_code == 401


ODD: list[object] = [
    None, True, False, 0, -1, 10**40, 1.5, 1e308, "", "x", "\0", "JWT", "EdDSA", "\ud800", [], [[]], ["x"], [None], {}, {"a": {}},
]  # fmt: skip
HEADER = ["alg", "typ", "kid", "crit", "b64", "cty", "zip", "jku", "jwk", "x5u", "x5c", "x5t", "enc", "epk"]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_whatever_stands_anywhere_is_a_refusal_or_nothing_and_never_an_error(
    app: Client, signer: Signer, value: object
) -> None:
    """An exception would be a 500 here: the test client hands it on."""
    for name in HEADER:
        answer = app.get(signer.token(header=json.dumps(signer.header() | {name: value})))
        assert answer.status_code == 401 or answer.json()["id"] == "vcTE1"
    for name in Claims.model_fields:
        answer = app.get(signer.token(json.dumps(claims() | {name: value})))
        assert answer.status_code == 401 or answer.json()["id"] == ("vcTE1" if name != "sub" else value)


def test_a_claim_that_is_there_twice_does_not_make_two_users(app: Client, signer: Signer) -> None:
    text = json.dumps(claims()).replace('"sub": "vcTE1"', '"sub": "root", "sub": "vcTE1"')
    assert app.get(signer.token(text)).json()["id"] == "vcTE1"


def test_signatures_of_the_wrong_length_and_form_are_refused(app: Client, signer: Signer) -> None:
    head, payload, signature = signer.token().split(".")
    raw = unbase64url(signature)
    for wrong in (b"", raw[:-1], raw + b"\0", raw[32:] + raw[:32], b"\0" * 64, b"\xff" * 64, raw * 2):
        assert app.get(f"{head}.{payload}.{base64url(wrong)}").status_code == 401
    # ECDSA of zeros was taken by some: CVE-2022-21449.
    app.is_refused(f"{head}.{payload}.{base64url(bytes(64))}", "bad_signature")


def test_a_token_of_the_jwt_plugin_with_the_same_key_is_none(app: Client, signer: Signer) -> None:
    """Better Auth's own tokens name their origin as issuer and audience."""
    origin = "https://app.example"
    app.is_refused(signer.token(claims(iss=origin, aud=origin)), "wrong_issuer")


def test_an_assertion_that_was_kept_is_of_no_use_afterwards(eddsa: Signer) -> None:
    app = client(eddsa, leeway=0)
    ends = int(time.time()) + 1
    token = eddsa.token(claims(exp=ends))
    while app.get(token).status_code == 200:
        pass
    assert time.time() >= ends
    app.is_refused(token, "expired")


def test_keys_of_other_kinds_are_not_used_though_they_are_published() -> None:
    known = ed25519()
    rsa, ed448 = generate_rsa(65537, 2048), Ed448PrivateKey.generate()
    others: list[Any] = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa.public_key())) | {"kid": "rsa", "alg": "RS256"},
        json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(ed448.public_key())) | {"kid": "ed448", "alg": "EdDSA"},
        {"kty": "oct", "k": base64url(b"x" * 32), "kid": "oct", "alg": "HS256"},
    ]
    app = client(jwks=json.dumps({"keys": [*others, known.jwk]}))
    assert app.get(known.token()).status_code == 200
    payload = claims(**ROOT)
    app.is_refused(jwt.encode(payload, rsa, "RS256", {"kid": "rsa"}), "algorithm_not_allowed")
    app.is_refused(jwt.encode(payload, ed448, "EdDSA", {"kid": "ed448"}), "unknown_key")
    app.is_refused(jwt.encode(payload, b"x" * 32, "HS256", {"kid": "oct"}), "algorithm_not_allowed")
    hashed = hashlib.sha256(b"x").digest()
    app.is_refused(jwt.encode(payload, hashed, "HS256", {"kid": known.kid}), "algorithm_not_allowed")
