"""Control groups of a worker that was killed at any moment of making or removing them: the reaper leaves none."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.sandboxes import cgroups
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from app.sandboxes.records import Records

ROOT = Path(__file__).parent.parent.parent
_LATE = timedelta(hours=3)

# Children that make a sandbox each and end it, killed just before another step of its control groups.
WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
from app.sandboxes import cgroups
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from tests.sandboxes.conftest import LEASE, SPEC

async def life(key):
    backend = Bubblewrap(Path(sys.argv[1]), ways=Ways())
    await backend.destroy(await backend.provision(SPEC, key, LEASE))

def killed_before(step, event, name):
    seen = 0
    def watch(happening, words):
        nonlocal seen
        if happening == event and "/corrigent/" in str(words[0]) and name in str(words[0]):
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    asyncio.run(life(f"{event}-{step}-{name}"))

moments = [(step, event, "-") for event in ("os.mkdir", "os.rmdir") for step in range(1, int(sys.argv[2]) + 1)]
# What this machine lets it hold is known to all but the first, which is killed while it finds out.
for number, moment in enumerate([(1, "os.rmdir", "probe-"), *moments]):
    if number:
        cgroups.parents()
    child = os.fork()
    if child == 0:
        killed_before(*moment)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(moment[1], moment[0], "killed" if os.WIFSIGNALED(status) else "lived", flush=True)
"""


def left_of(installation: str) -> list[str]:
    """Groups of those sandboxes, and the tries of processes that are dead."""
    found = list[str]()
    for parent in filter(None, cgroups.parents()):
        for group in Path(parent, "corrigent").glob("*-*"):
            is_dead_try = group.name.startswith("probe-") and not Path("/proc", group.name[6:]).exists()
            if is_dead_try or group.name.startswith(installation):
                found.append(str(group))
    return found


async def test_a_worker_killed_while_it_makes_or_removes_groups_leaves_none(sandboxes: Path, tmp_path: Path) -> None:
    folders = len(cgroups.planned("x", cgroups.parents()).folders)
    if not folders:
        pytest.skip("needs control groups that we may make")
    folder = tmp_path / "own"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(folder), str(folders)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(120):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            # With the child that it waits for.
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()
    moments = said.decode().splitlines()
    assert len(moments) == 1 + 2 * folders
    assert [moment for moment in moments if not moment.endswith(" killed")] == []
    installation = Records(folder).installation
    # Of all that were killed before they removed a group, and of those that had made one.
    assert len(left_of(installation)) >= folders
    backend = Bubblewrap(folder, ways=Ways())
    # What the dead process was just starting may hold its lock for a moment.
    async with asyncio.timeout(60):
        while left := [*left_of(installation), *Records(folder).ids()]:
            await backend.reap(datetime.now(UTC) + _LATE)
            await asyncio.sleep(0.01)
    assert not left


async def test_a_try_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    """Folders as the kernel's: what is young, or a living process's, may still be one."""
    ours, dead = tmp_path / "corrigent" / f"probe-{os.getpid()}", tmp_path / "corrigent" / "probe-999999999"
    ours.mkdir(parents=True)
    dead.mkdir()
    below = cgroups.Parents(memory=str(tmp_path))
    cgroups.clear_tries(below, datetime.now(UTC))
    assert dead.is_dir()
    cgroups.clear_tries(below, datetime.now(UTC) + _LATE)
    assert (ours.is_dir(), dead.exists()) == (True, False)
