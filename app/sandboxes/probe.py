"""Whether a kind of sandbox holds on this machine: attacks tried inside a real one, and tricks on those outside."""

import json
import os
import socket
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from app.domain.errors import Refused, UserError
from app.sandboxes.base import (
    Backend,
    Capabilities,
    Limits,
    NotDone,
    Probe,
    ProbeReport,
    Ran,
    SandboxGone,
    SandboxSpec,
    TooLarge,
)
from app.sandboxes.room import SandboxRoom

# Small enough to be filled in a moment, large enough for a Python to run in.
_LIMITS = Limits(memory_bytes=96 * 1024**2, pids=48, disk_bytes=32 * 1024**2, wall=timedelta(minutes=5))
_MOST = timedelta(seconds=60)
_LEASE = timedelta(minutes=5)
_LINES = TypeAdapter(tuple[str, bool, str])

_FORK_BOMB = """
import os, time
alive = 0
for _ in range(500):
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        alive += 1
    except OSError:
        break
print(alive, flush=True)
os._exit(1)
"""
_MEMORY_HOG = """
held = []
while sum(map(len, held)) < 1 << 30:
    held.append(b"x" * (8 << 20))
"""
_DISK_FILL = """
import os
written = 0
with open("/work/fill", "wb", buffering=0) as file:
    while written < 1 << 30:
        written += file.write(b"x" * (1 << 20))
"""
_FLOOD = """
import os
for _ in range(50):
    os.write(1, b"y\\n" * 50_000)
"""
_LEFT_BEHIND = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1234)
time.sleep(1234)
"""
_WHO_SLEEPS = """
import os
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) not in (1, os.getpid()):
        print(name)
"""
_SNARES = """
import os, sys
os.mkdir("aim")
os.symlink(sys.argv[1], "leak")
os.symlink("aim", "swapped")
os.mkfifo("pipe")
os.truncate(os.open("huge", os.O_CREAT | os.O_WRONLY), 16 << 20)
"""
_CAUGHT = "import os; print(*os.listdir('aim'))"


async def probe(backend: Backend, capabilities: Capabilities) -> ProbeReport:
    """`capabilities` are what the backend says of itself. Never raises for a machine that lacks something."""
    try:
        ref = await backend.provision(SandboxSpec(trust="member", limits=_LIMITS), f"probe-{uuid4().hex}", _LEASE)
    except (Refused, UserError, NotDone, SandboxGone, OSError) as error:
        return ProbeReport(backend=backend.name, probes=(), capabilities=capabilities, unusable=str(error))
    room = SandboxRoom(backend, ref)
    try:
        probes = [*await _inside(room), *[await _tried(attack, room) for attack in _OUTSIDE]]
    except (SandboxGone, NotDone, OSError) as error:
        return ProbeReport(backend=backend.name, probes=(), capabilities=capabilities, unusable=str(error))
    finally:
        await backend.destroy(ref)
    return ProbeReport(backend=backend.name, probes=tuple(probes), capabilities=capabilities)


async def _inside(room: SandboxRoom) -> Sequence[Probe]:
    script = files("app.sandboxes").joinpath("probe_attacks.py").read_bytes()
    async with _secrets() as secrets:
        ran = await _python(room, script.decode(), json.dumps(secrets))
    probes = [probe for line in ran.output.splitlines() if (probe := _line(line))]
    # Whatever ends the attacks early may be one that went well.
    return [*probes, Probe(name="all_attacks_were_tried", held=ran.passed, detail="" if ran.passed else _told(ran))]


def _line(line: bytes) -> Probe | None:
    try:
        name, held, detail = _LINES.validate_json(line)
    except ValidationError:
        return None
    return Probe(name=name, held=held, detail=detail)


@asynccontextmanager
async def _secrets() -> AsyncGenerator[dict[str, object]]:
    """What the host has lying about, to be found from inside: a file, a port, a socket without a path, a process."""
    word = uuid4().hex
    with (
        tempfile.NamedTemporaryFile(prefix="corrigent-probe-") as file,
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX) as pathless,
    ):
        file.write(word.encode())
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        pathless.bind(f"\0corrigent-{word}")
        pathless.listen()
        yield {
            "word": word,
            "file": file.name,
            "port": port.getsockname()[1],
            "abstract": f"corrigent-{word}",
            "pid": os.getpid(),
        }


async def _tried(attack: Callable[[SandboxRoom], Awaitable[tuple[bool, str]]], room: SandboxRoom) -> Probe:
    held, detail = await attack(room)
    return Probe(name=attack.__name__.removeprefix("_"), held=held, detail=detail)


async def _fork_bomb(room: SandboxRoom) -> tuple[bool, str]:
    ran = await _python(room, _FORK_BOMB)
    again = await _python(room, "import os; os.kill(-1, 9)")
    calm = await _python(room, "")
    made = int(ran.output) if ran.output.strip().isdigit() else 0
    return 0 < made < _LIMITS.pids and calm.passed, f"{made} processes, {_told(ran)}, then {_told(again)}"


async def _memory_hog(room: SandboxRoom) -> tuple[bool, str]:
    ran = await _python(room, _MEMORY_HOG)
    return not ran.passed and (await _python(room, "")).passed, _told(ran)


async def _disk_fill(room: SandboxRoom) -> tuple[bool, str]:
    ran = await _python(room, _DISK_FILL)
    size = await _python(room, "import os; print(os.path.getsize('fill')); os.unlink('fill')")
    written = int(size.output) if size.output.strip().isdigit() else _LIMITS.disk_bytes + 1
    return not ran.passed and written <= _LIMITS.disk_bytes, f"{written} bytes, {_told(ran)}"


async def _output_flood(room: SandboxRoom) -> tuple[bool, str]:
    ran = await _python(room, _FLOOD, output_bytes=10_000)
    return len(ran.output) < 11_000 and ran.ended.output_bytes == 5_000_000, f"{len(ran.output)} bytes kept"


async def _endless_command(room: SandboxRoom) -> tuple[bool, str]:
    """Also what left its session is gone when its time is over."""
    ran = await _python(room, _LEFT_BEHIND, within=timedelta(seconds=1))
    left = await _python(room, _WHO_SLEEPS)
    return ran.ended.ending == "timeout" and left.passed and not left.output, f"{_told(ran)}, left {left.output!r}"


async def _links_to_the_host(room: SandboxRoom) -> tuple[bool, str]:
    """A link to a file of the host, and a folder swapped for a link: neither is followed, in or out."""
    async with _secrets() as secrets:
        aim = str(secrets["file"])
        await _python(room, _SNARES, aim)
        taken = await room.read(["leak", "swapped/x", "pipe", f"../..{aim}", aim], max_bytes=100_000)
    try:
        await room.write({"swapped/x": b"in"})
        followed = True
    except NotDone:
        followed = False
    landed = await _python(room, _CAUGHT)
    return not taken and not followed and landed.output == b"\n", f"read {sorted(taken)}, followed: {followed}"


async def _paths_out_of_the_folder(room: SandboxRoom) -> tuple[bool, str]:
    refused = list[str]()
    for path in ("../../tmp/out", "/tmp/out"):  # noqa: S108 - inside
        try:
            await room.write({path: b"out"})
        except NotDone as error:
            refused.append(str(error))
    return len(refused) == 2, "; ".join(refused)


async def _files_without_end(room: SandboxRoom) -> tuple[bool, str]:
    """Made as one of the snares."""
    try:
        came = await room.read(["huge"], max_bytes=1_000_000)
    except TooLarge as error:
        return True, str(error)
    return False, f"{sum(map(len, came.values()))} bytes came"


_OUTSIDE = (
    _fork_bomb,
    _memory_hog,
    _disk_fill,
    _output_flood,
    _endless_command,
    _links_to_the_host,
    _paths_out_of_the_folder,
    _files_without_end,
)


async def _python(
    room: SandboxRoom, script: str, *arguments: str, within: timedelta = _MOST, output_bytes: int = 100_000
) -> Ran:
    """A Python is all that every sandbox has."""
    words = ["python3", "-I", "-S", "-", *arguments]
    return await room.run(words, stdin=script.encode(), within=within, output_bytes=output_bytes)


def _told(ran: Ran) -> str:
    code = ran.ended.exit_code
    return ran.ended.ending if code is None else f"{ran.ended.ending} {code}"
