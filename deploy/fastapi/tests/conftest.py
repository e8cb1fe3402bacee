"""Keys that sign, and an app that believes them."""

import os

import pytest

from apps import Client, client
from minting import Signer, ed25519, p256


for name in [name for name in os.environ if name.startswith("SIDEGATE_")]:
    del os.environ[name]  # whoever runs these tests may run such an app as well


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
