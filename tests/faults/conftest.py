"""A shop under review in bad weather; what takes longer than a minute runs only when asked for with `-m soak`."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.harness.postgres import postgres_server, postgres_url
from tests.harness.stage import Inside, inside
from tests.harness.temporal import TemporalServer

__all__ = ["postgres_server", "postgres_url"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes; run with -m soak")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in str(config.getoption("markexpr")):
        return
    kept = [item for item in items if item.get_closest_marker("soak") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture
async def open_end(temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Inside]:
    """Corrigent at work in this process, for tests that end in the middle of something."""
    async with inside(temporal, tmp_path) as stage:
        yield stage


@pytest.fixture
async def shop(open_end: Inside) -> AsyncGenerator[Inside]:
    """Corrigent at work in this process; whatever a test did, the invariants hold at its end."""
    yield open_end
    await open_end.quiet()
    await open_end.invariants.assert_hold()
