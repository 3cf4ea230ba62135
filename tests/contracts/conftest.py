"""A fake GitHub whose every exchange is checked against GitHub's own descriptions."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.forges.fake.scenario import FakeForge
from tests.harness.keys import app_key
from tests.harness.openapi import Contract, OfficialDescriptions


@pytest.fixture(scope="session")
def official(shared_data: Path) -> OfficialDescriptions:
    return OfficialDescriptions(shared_data / "github")


@pytest.fixture
async def contract(official: OfficialDescriptions) -> Contract:
    return Contract(official)


@pytest.fixture
async def forge(contract: Contract) -> AsyncGenerator[FakeForge]:
    async with FakeForge.start(key=app_key()) as forge:
        contract.watch(forge)
        yield forge
        contract.check_deliveries(forge)
    contract.assert_kept()
