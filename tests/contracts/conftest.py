"""A fake GitHub whose every exchange is checked against GitHub's own descriptions."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from app.forges.fake.scenario import FakeForge
from tests.harness.openapi import Contract, OfficialDescriptions


@pytest.fixture(scope="session")
def official(shared_data: Path) -> OfficialDescriptions:
    return OfficialDescriptions(shared_data / "github")


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    """One key for every App of every test: making it is slower than most tests."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def contract(official: OfficialDescriptions) -> Contract:
    return Contract(official)


@pytest.fixture
async def forge(contract: Contract, key: RSAPrivateKey) -> AsyncGenerator[FakeForge]:
    async with FakeForge.start(key=key) as forge:
        contract.watch(forge)
        yield forge
        contract.check_deliveries(forge)
    contract.assert_kept()
