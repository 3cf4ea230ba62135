"""Sandboxes outlive the processes that use them, and nothing outlives the sandboxes."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import Refused
from app.sandboxes import cgroups
from app.sandboxes.base import Command, Ended, NotDone, Output, SandboxGone, SandboxRef
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.bubblewrap_start import connect
from app.sandboxes.egress_ways import Ways
from app.sandboxes.link import Link
from app.sandboxes.records import Records
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conftest import LEASE, SPEC

ROOT = Path(__file__).parent.parent.parent
_LATE = timedelta(hours=3)

# Another process of ours: makes a sandbox, starts a command that writes and waits, says so, and waits to be killed.
OWNER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from app.sandboxes.base import Command
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from tests.sandboxes.conftest import LEASE, SPEC

async def main():
    backend = Bubblewrap(Path(sys.argv[1]), ways=Ways())
    print("begins", flush=True)
    ref = await backend.provision(SPEC, sys.argv[2], LEASE)
    print(ref.model_dump_json(), flush=True)
    script = "echo run >> /work/runs; echo first; while ! [ -e /work/go ]; do sleep 0.05; done; echo second"
    async for part in backend.run(ref, Command(exec_id="long", argv=("sh", "-c", script))):
        print("output", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def own(sandboxes: Path, tmp_path: Path) -> Bubblewrap:
    """A backend with a folder of its own; `sandboxes` says whether there can be any."""
    return Bubblewrap(tmp_path / "own", ways=Ways())


async def owner(folder: Path, key: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(folder), key),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
    )


async def line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), 60)


def leavings(folder: Path, groups: Sequence[str] = (), uid: int | None = None) -> list[str]:
    """Whatever is still there of any sandbox of that folder."""
    uids = [path.name for path in (folder / "uids").glob("*")]
    return [
        *(*Records(folder).ids(), *uids),
        *(group for group in groups if Path(group).exists()),
        *([] if uid is None else map(str, inhabitants(uid))),
    ]


def inhabitants(uid: int) -> list[int]:
    """Processes that run as that user; the dead wait for init to bury them."""
    found = list[int]()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = (path / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"Uid:\t{uid}\t" in status and "State:\tZ" not in status:
            found.append(int(path.name))
    return found


async def test_after_a_kill_the_next_process_hears_the_rest_and_nothing_ran_twice(
    own: Bubblewrap, tmp_path: Path
) -> None:
    process = await owner(tmp_path / "own", "task")
    await line(process)
    ref = SandboxRef.model_validate_json(await line(process))
    assert await line(process) == b"output\n"
    process.kill()
    await process.wait()

    assert (await own.provision(SPEC, "task", LEASE)).generation == ref.generation
    room = SandboxRoom(own, ref)
    await room.write({"go": b""})
    heard = [part async for part in own.run(ref, Command(exec_id="long", argv=("never",)), offset=6)]
    assert [part.data for part in heard if isinstance(part, Output)] == [b"second\n"]
    assert isinstance(heard[-1], Ended)
    assert heard[-1].exit_code == 0
    assert await room.read(["runs"]) == {"runs": b"run\n"}
    record = Records(tmp_path / "own").read(ref.sandbox_id)
    assert record is not None
    assert record.uid is None or inhabitants(record.uid)
    assert [reaped.sandbox_id for reaped in await own.reap(datetime.now(UTC) + _LATE)] == [ref.sandbox_id]
    assert leavings(tmp_path / "own", record.groups, record.uid) == []


async def test_whatever_a_kill_while_it_is_being_made_leaves_is_found(own: Bubblewrap, tmp_path: Path) -> None:
    """Killed at different moments of making one: half of it is nobody's, however long its lease would be."""
    folder = tmp_path / "own"
    for moment in range(3):
        process = await owner(folder, f"half-{moment}")
        await line(process)
        await asyncio.sleep(0.03 * moment)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        records = Records(folder)
        groups = [group for name in records.ids() if (record := records.read(name)) for group in record.groups]
        # What the dead process was just starting may hold its lock for a moment.
        async with asyncio.timeout(60):
            while left := leavings(folder, groups):
                await own.reap(datetime.now(UTC) + _LATE)
                await asyncio.sleep(0.01)
        assert not left


async def test_two_processes_that_want_the_same_one_get_it(own: Bubblewrap, tmp_path: Path) -> None:
    both = [await owner(tmp_path / "own", "same") for _ in range(2)]
    refs = list[SandboxRef]()
    for process in both:
        await line(process)
    for process in both:
        refs.append(SandboxRef.model_validate_json(await line(process)))
        process.kill()
        await process.wait()
    assert {(ref.sandbox_id, ref.generation) for ref in refs} == {(refs[0].sandbox_id, 1)}
    await own.destroy(refs[0])
    assert leavings(tmp_path / "own") == []


async def test_two_installations_on_one_machine_may_have_the_same_key(own: Bubblewrap, tmp_path: Path) -> None:
    other = Bubblewrap(tmp_path / "other", ways=Ways())
    ours, theirs = await asyncio.gather(*(backend.provision(SPEC, "same", LEASE) for backend in (own, other)))
    assert ours.sandbox_id == theirs.sandbox_id
    try:
        await other.destroy(theirs)
        assert (await SandboxRoom(own, ours).run(("true",))).passed
    finally:
        await own.destroy(ours)
    assert [*leavings(tmp_path / "own"), *leavings(tmp_path / "other")] == []


async def test_one_that_died_is_made_anew_and_the_old_one_is_gone(own: Bubblewrap, tmp_path: Path) -> None:
    first = await own.provision(SPEC, "dies", LEASE)
    await Link(lambda: connect(tmp_path / "own" / first.sandbox_id)).leave()
    second = await own.provision(SPEC, "dies", LEASE)
    assert (second.sandbox_id, second.generation) == (first.sandbox_id, 2)
    with pytest.raises(SandboxGone, match="generation 1"):
        await SandboxRoom(own, first).run(["true"])
    # Late orders for the old one do not touch the new one.
    await own.destroy(first)
    assert (await SandboxRoom(own, second).run(["true"])).passed
    await own.destroy(second)
    await own.destroy(second)
    assert leavings(tmp_path / "own") == []


async def test_a_sandbox_ends_itself_when_nobody_renews_its_lease(own: Bubblewrap, tmp_path: Path) -> None:
    ref = await own.provision(SPEC, "forgotten", LEASE)
    renewed = await own.renew(ref, 2 * LEASE)
    assert renewed.lease_until > ref.lease_until
    assert await own.reap(datetime.now(UTC)) == []
    command = Command(exec_id="waits", argv=("sh", "-c", "echo here; sleep 600"))
    ends = list[Output | Ended]()
    async for part in own.run(ref, command):
        ends.append(part)
        if isinstance(part, Output):
            await Link(lambda: connect(tmp_path / "own" / ref.sandbox_id)).renew(timedelta(seconds=0.05))
    assert isinstance(ends[-1], Ended)
    assert ends[-1].ending == "lost"
    # Its lease goes on, but soon there is nothing to be leased.
    async with asyncio.timeout(30):
        while not await own.reap(datetime.now(UTC)):
            await asyncio.sleep(0.01)
    assert leavings(tmp_path / "own") == []


async def test_a_command_can_be_ended_from_elsewhere(own: Bubblewrap) -> None:
    ref = await own.provision(SPEC, "stopped", LEASE)
    parts = list[Output | Ended]()
    async for part in own.run(ref, Command(exec_id="long", argv=("sh", "-c", "echo here; sleep 600"))):
        parts.append(part)
        if isinstance(part, Output):
            await own.kill(ref, "long")
            await own.kill(ref, "unknown")
    assert isinstance(parts[-1], Ended)
    assert parts[-1].ending == "signalled"
    await own.destroy(ref)


async def test_outsiders_code_is_refused_where_memory_and_processes_are_not_held(
    sandboxes: Path, tmp_path: Path
) -> None:
    plain = Bubblewrap(tmp_path, ways=Ways(), groups=cgroups.Parents())
    with pytest.raises(Refused, match="Outsiders' code needs limits"):
        await plain.provision(SPEC.model_copy(update={"trust": "outsider"}), "outsider", LEASE)
    assert leavings(tmp_path) == []


async def test_what_cannot_be_started_says_why_and_leaves_nothing(own: Bubblewrap, tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="nowhere"):
        await own.provision(SPEC.model_copy(update={"programs": (("/nowhere", "/opt/x"),)}), "broken", LEASE)
    assert [name for name in Records(tmp_path / "own").ids() if Records(tmp_path / "own").read(name)] == []
    await own.reap(datetime.now(UTC))
    assert leavings(tmp_path / "own") == []


async def test_programs_of_the_host_can_be_lent(own: Bubblewrap, tmp_path: Path) -> None:
    """Also from folders that nobody else may enter."""
    closed = tmp_path / "closed"
    (closed / "tools").mkdir(parents=True)
    (closed / "tools" / "hello").write_text("#!/bin/sh\necho lent\n")
    (closed / "tools" / "hello").chmod(0o755)
    closed.chmod(0o700)
    spec = SPEC.model_copy(update={"programs": ((str(closed / "tools"), "/opt/tools"),)})
    ref = await own.provision(spec, "lent", LEASE)
    room = SandboxRoom(own, ref)
    assert (await room.run(["/opt/tools/hello"])).output == b"lent\n"
    assert b"Read-only" in (await room.run(["touch", "/opt/tools/new"])).output
    await own.destroy(ref)
