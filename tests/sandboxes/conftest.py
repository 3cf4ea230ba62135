"""What tests of sandboxes share: bubblewrap where it is installed, and one small sandbox for those that leave no trace."""

import asyncio
import os
import shutil
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from app.sandboxes.base import Limits, SandboxSpec
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom

LEASE = timedelta(minutes=5)
SMALL = Limits(memory_bytes=128 * 1024**2, pids=64, disk_bytes=32 * 1024**2, wall=timedelta(minutes=5))
SPEC = SandboxSpec(trust="member", limits=SMALL)


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a backend that can really be used here."""
    if shutil.which("bwrap") is None:
        reason = "needs bwrap (package bubblewrap)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return tmp_path_factory.mktemp("sandboxes")


@pytest.fixture(scope="session")
def backend(sandboxes: Path) -> Bubblewrap:
    return Bubblewrap(sandboxes, ways=Ways())


@pytest.fixture(scope="session")
def room(backend: Bubblewrap) -> Generator[SandboxRoom]:
    """A sandbox that many tests use: no backend keeps anything that belongs to one event loop."""
    ref = asyncio.run(backend.provision(SPEC, "shared", LEASE))
    yield SandboxRoom(backend, ref)
    asyncio.run(backend.destroy(ref))
