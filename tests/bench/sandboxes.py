"""What a sandbox costs: time to make, use and be rid of one, memory, and what a killed owner leaves."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.sandboxes.base import Limits, SandboxRef, SandboxSpec
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.bubblewrap_start import missing
from app.sandboxes.egress_ways import Ways
from app.sandboxes.gateway import Gateway
from app.sandboxes.gateway_tokens import tokens_of
from app.sandboxes.gateway_trust import Papers, Renewed, serving_renewed
from app.sandboxes.gateway_ways import GatewayWays
from app.sandboxes.records import Records
from app.sandboxes.room import SandboxRoom
from app.setup.gateway_certificates import issue
from tests.bench.figures import Figure, percentile

_ROOT = Path(__file__).parent.parent.parent
_SPEC = SandboxSpec(trust="member", limits=Limits(memory_bytes=512 * 1024**2, disk_bytes=256 * 1024**2))
_LEASE = timedelta(minutes=10)
# Makes as many as it is told, says so, and waits to be killed.
_OWNER = """
import asyncio, sys
from pathlib import Path
from tests.bench.sandboxes import own_some

asyncio.run(own_some(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def measure(quick: bool) -> Sequence[Figure]:
    if missing():
        return [Figure(f"sandboxes: none here. {missing()}", 0)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        backend = Bubblewrap(Path(folder), ways=Ways())
        return [
            *await _one_after_another(backend, Path(folder), 10 if quick else 50),
            *await _commands(backend, 50 if quick else 300),
            *await _through_a_gateway(backend, Path(folder) / "gateway", 20 if quick else 100),
            *await _at_once(backend, Path(folder), 10 if quick else 50),
            *await _left_by_the_killed(backend, Path(folder), 3 if quick else 10),
        ]


async def own_some(folder: Path, count: int) -> None:
    backend = Bubblewrap(folder, ways=Ways())
    refs = [await backend.provision(_SPEC, f"owned-{number}", timedelta(seconds=1)) for number in range(count)]
    for ref in refs:
        await SandboxRoom(backend, ref).run(["sh", "-c", "setsid sleep 600 & setsid sleep 600 &"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.sleep(600)


async def _one_after_another(backend: Bubblewrap, folder: Path, count: int) -> list[Figure]:
    made, used, ended, inside = list[float](), list[float](), list[float](), list[float]()
    for number in range(count):
        began = time.perf_counter()
        ref = await backend.provision(_SPEC, f"one-{number}", _LEASE)
        made.append(time.perf_counter() - began)
        assert (await SandboxRoom(backend, ref).run(["true"])).passed
        used.append(time.perf_counter() - began - made[-1])
        inside.append(_processor_seconds(folder, ref))
        await backend.destroy(ref)
        ended.append(time.perf_counter() - began - made[-1] - used[-1])
    whole = [sum(parts) for parts in zip(made, used, ended, strict=True)]
    return [
        Figure("sandbox create + exec + destroy p50", 1000 * percentile(whole, 0.5), "ms", 150),
        Figure("sandbox create + exec + destroy p95", 1000 * percentile(whole, 0.95), "ms"),
        *(
            Figure(f"    {name} p50", 1000 * percentile(values, 0.5), "ms")
            for name, values in (("create", made), ("first exec", used), ("destroy", ended))
        ),
        # Whatever else this machine does, this much of it is the sandbox's own start.
        Figure("    processor time of its first process p50", 1000 * percentile(inside, 0.5), "ms"),
    ]


async def _commands(backend: Bubblewrap, count: int) -> list[Figure]:
    ref = await backend.provision(_SPEC, "commands", _LEASE)
    room, took = SandboxRoom(backend, ref), list[float]()
    for _ in range(count):
        began = time.perf_counter()
        assert (await room.run(["true"])).passed
        took.append(time.perf_counter() - began)
    files = list[float]()
    for number in range(20):
        began = time.perf_counter()
        await room.write({"file.py": b"x = 1\n" * number})
        assert len(await room.read(["file.py"])) == 1
        files.append(time.perf_counter() - began)
    await backend.destroy(ref)
    return [
        Figure("exec p50", 1000 * percentile(took, 0.5), "ms", 5),
        Figure("exec p95", 1000 * percentile(took, 0.95), "ms"),
        Figure("write + read a file p50", 1000 * percentile(files, 0.5), "ms"),
    ]


async def _through_a_gateway(backend: Bubblewrap, folder: Path, count: int) -> list[Figure]:
    """As from another machine, without the way between: a connection and a handshake for each command."""
    papers = {name: Papers(folder / name) for name in ("llm", "127.0.0.1")}
    for name, made in papers.items():
        issue(folder / "authority", made.folder, name)
    ref = await backend.provision(_SPEC, "far", _LEASE)
    token, asking, took = tokens_of(folder), papers["llm"], list[float]()
    gateway = Gateway(access=lambda _: backend, token=token, tls=serving_renewed(papers["127.0.0.1"]))
    async with gateway.open("127.0.0.1", 0) as port:
        far = ref.model_copy(update={"host": f"127.0.0.1:{port}", "token": token(ref)})
        room = SandboxRoom(GatewayWays(Renewed(asking, asking.asking)), far)
        for _ in range(count):
            began = time.perf_counter()
            assert (await room.run(["true"])).passed
            took.append(time.perf_counter() - began)
    await backend.destroy(ref)
    return [Figure("exec through a gateway on loopback p50", 1000 * percentile(took, 0.5), "ms")]


async def _at_once(backend: Bubblewrap, folder: Path, count: int) -> list[Figure]:
    began = time.perf_counter()
    refs = await asyncio.gather(*(backend.provision(_SPEC, f"many-{number}", _LEASE) for number in range(count)))
    rooms = [SandboxRoom(backend, ref) for ref in refs]
    ran = await asyncio.gather(*(room.run(["true"]) for room in rooms))
    took = time.perf_counter() - began
    held = sum(_memory(folder, ref) for ref in refs) / len(refs)
    await asyncio.gather(*(backend.destroy(ref) for ref in refs))
    return [
        Figure(f"of {count} sandboxes at once, answered", sum(one.passed for one in ran), "", count, at_least=True),
        Figure(f"{count} sandboxes at once are up in", took, "s"),
        Figure("memory of a sandbox at rest", held, "MB", 15),
    ]


async def _left_by_the_killed(backend: Bubblewrap, folder: Path, count: int) -> list[Figure]:
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OWNER, str(folder), str(count)),
        cwd=_ROOT,
        env={"PYTHONPATH": str(_ROOT), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    assert await asyncio.wait_for(owner.stdout.readline(), 300) == b"ready\n"
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    records = Records(folder)
    uids = {record.uid for name in records.ids() if (record := records.read(name)) and record.uid is not None}
    began = time.perf_counter()
    reaped = await backend.reap(datetime.now(UTC) + timedelta(seconds=1))
    took = time.perf_counter() - began
    return [
        Figure("sandboxes of a killed owner, reaped", len(reaped), "", count, at_least=True),
        Figure("    in", took, "s", 60),
        Figure("left after that: processes and folders", len(records.ids()) + _running_as(uids), "", 0),
    ]


def _processor_seconds(folder: Path, ref: SandboxRef) -> float:
    """Of PID 1 until now, its mounts and the start of Python included."""
    record = Records(folder).read(ref.sandbox_id)
    assert record is not None
    return int(Path(f"/proc/{record.pid}/schedstat").read_text().split()[0]) / 1e9


def _memory(folder: Path, ref: SandboxRef) -> float:
    """Megabytes of its own share, of PID 1 and of bubblewrap beside it."""
    record = Records(folder).read(ref.sandbox_id)
    assert record is not None
    assert record.pid is not None
    status = Path(f"/proc/{record.pid}/status").read_text().splitlines()
    parent = next(line.split()[1] for line in status if line.startswith("PPid:"))
    return sum(_share(pid) for pid in (str(record.pid), parent)) / 1000


def _share(pid: str) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def _running_as(uids: set[int]) -> int:
    """Where sandboxes run as our own user, there is no telling them by it. The dead wait for init to bury them."""
    count = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            lines = (path / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        count += int(fields["Uid"][0]) in uids and fields["State"][0] != "Z"
    return count
