"""Keys that sign, and an app that believes them."""

from collections.abc import Iterator

import pytest

from apps import Client, client
from minting import Signer, ed25519, p256


@pytest.fixture(autouse=True)
def nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import os

    for name in os.environ:
        if name.startswith("SIDEGATE_"):
            monkeypatch.delenv(name)
    yield


@pytest.fixture(scope="session")
def eddsa() -> Signer:
    return ed25519()


@pytest.fixture(scope="session")
def es256() -> Signer:
    return p256()


@pytest.fixture(scope="session", params=["EdDSA", "ES256"])
def signer(request: pytest.FixtureRequest, eddsa: Signer, es256: Signer) -> Signer:
    """Each of the two in turn."""
    return eddsa if request.param == "EdDSA" else es256


@pytest.fixture(scope="session")
def app(eddsa: Signer, es256: Signer) -> Client:
    """Believes both keys."""
    return client(eddsa, es256)
