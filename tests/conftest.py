"""What every test may ask for."""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from app.forges.fake.scenario import FakeForge
from tests.harness.temporal import TemporalServer, temporal_server

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded forge data beside the repository; absent on most machines, required in CI."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"needs the recorded data in {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Generator[TemporalServer]:
    """A real Temporal server for a module's tests; each takes a namespace of its own.

    Every namespace has a worker of the server's own that never rests: with the hundreds of a whole run it would take a
    fifth of a core and answer slowly.
    """
    with temporal_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture
async def forge() -> AsyncGenerator[FakeForge]:
    """A fake GitHub with nothing in it."""
    async with FakeForge.start() as started:
        yield started
