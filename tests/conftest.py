"""What every test may ask for."""

import gc
import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from app.forges.fake.scenario import FakeForge
from tests.harness.keys import app_key
from tests.harness.limits import pytest_exception_interact, pytest_runtest_call, pytest_timeout_set_timer
from tests.harness.order import in_turn, needs_temporal
from tests.harness.temporal import TemporalServer, TemporalServers

__all__ = ["pytest_exception_interact", "pytest_runtest_call", "pytest_timeout_set_timer"]

ROOT = Path(__file__).parent.parent
SERVERS = pytest.StashKey[TemporalServers]()


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


def pytest_sessionstart() -> None:
    # What collecting makes stays to the end; looking through it again and again was an eighth of the suite's time.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = in_turn(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    done = yield
    servers = item.session.stash.get(SERVERS, None)
    # Those who need one come first: for the rest of the tests it would only take its share of the machine.
    if servers is not None and nextitem is not None and nextitem.path != item.path and not needs_temporal(nextitem):
        servers.stop()
    return done


@pytest.fixture(scope="session")
def temporal_servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[TemporalServers]:
    servers = TemporalServers(lambda: tmp_path_factory.mktemp("temporal"))
    request.session.stash[SERVERS] = servers
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="module")
def temporal(temporal_servers: TemporalServers) -> TemporalServer:
    """A real Temporal server for a module's tests; each takes a namespace of its own."""
    return temporal_servers.one()


@pytest.fixture
async def forge() -> AsyncGenerator[FakeForge]:
    """A fake GitHub with nothing in it."""
    async with FakeForge.start(key=app_key()) as started:
        yield started
