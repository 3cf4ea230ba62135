"""Starts a linter's program on foreign files: exact environment, deadline, output cap, memory limit, no leftovers."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

# Every linter measured needs under 2 s for the largest change we take; this is for the one that hangs.
DEADLINE = timedelta(seconds=30)
OUTPUT_CAP = 8 * 1024 * 1024
# Data, not address space: shellcheck, hadolint and oxlint reserve up to 1 TiB that they never touch, and die of an
# RLIMIT_AS that comes after that. All of them run in 256 MiB of data (oxlint in 1 GiB).
MEMORY_LIMIT = 2 * 1024**3
# How far behind our own process they stand when there is more to do than processors.
NICENESS = 10

# Programs of our own environment come first, so that a system's older version is never taken for ours.
OUR_PROGRAMS = str(Path(sys.executable).parent)
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"

_CHUNK = 256 * 1024
_PATIENCE_AFTER_KILL = timedelta(seconds=5)


@dataclass(frozen=True)
class Output:
    """What a program that ended by itself left."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ProgramFailed(Exception):
    """The program did not end by itself in bounds; the message fits after its name: "timed out after 30 s"."""


def find_program(name: str, search_path: str) -> str | None:
    """The absolute path of a program, never from the folder under review."""
    return shutil.which(name, path=search_path)


async def run_program(
    argv: Sequence[str], *, folder: Path, home: Path, deadline: timedelta = DEADLINE, threads: int = 2
) -> Output:
    """Runs in `folder` with `home` as home and temporary folder; ProgramFailed when it has to be stopped."""
    process = await _start(argv, folder, home, threads)
    _limit_memory(process.pid)
    _give_way(process.pid)
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            stdout, stderr = await _outputs(process)
            exit_code = await process.wait()
    except TimeoutError:
        raise ProgramFailed(f"timed out after {deadline.total_seconds():g} s") from None
    finally:
        await _end(process)
    if exit_code < 0:
        raise ProgramFailed(f"was killed by {signal.Signals(-exit_code).name}")
    return Output(exit_code, stdout, stderr)


async def _start(argv: Sequence[str], folder: Path, home: Path, threads: int) -> asyncio.subprocess.Process:
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=_environment(home, threads),
            start_new_session=True,
            limit=_CHUNK,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cancelled half way, asyncio forgets the pipes; a moment later there is a process that can be ended.
        with contextlib.suppress(OSError, ValueError):
            await _end(await starting)
        raise
    except (OSError, ValueError) as error:
        # No such program, too many arguments, a NUL in one of them.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProgramFailed(f"could not be started: {reason}") from error


def _environment(home: Path, threads: int) -> dict[str, str]:
    """All that the program sees: nothing of ours is inherited."""
    return {
        "PATH": SYSTEM_PATH,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        # Each would take all cores of a machine that also answers webhooks.
        "RAYON_NUM_THREADS": str(threads),
        "TY_MAX_PARALLELISM": str(threads),
    }


def _limit_memory(pid: int) -> None:
    # From outside, since code between fork and exec is unsafe with threads. Only Linux can; gone already is fine too.
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))


def _give_way(pid: int) -> None:
    """Nobody waits for a linter as a forge waits for the answer to its delivery."""
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid) + NICENESS)


async def _outputs(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            stdout = group.create_task(_read(process.stdout))
            stderr = group.create_task(_read(process.stderr))
    except* ProgramFailed as failures:
        raise failures.exceptions[0] from None
    return stdout.result(), stderr.result()


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None  # noqa: S101 - asked for as a pipe above
    read = bytearray()
    while chunk := await stream.read(_CHUNK):
        read += chunk
        if len(read) > OUTPUT_CAP:
            raise ProgramFailed(f"printed more than {OUTPUT_CAP // 1024**2} MB")
    return bytes(read)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of the program's process group is left, on whatever way we leave."""
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    # A pipe that is still open is held by somebody of the group, even when its leader is gone; otherwise the group's
    # number may be another's by now.
    if process.returncode is not None and all(stream.at_eof() for stream in streams):
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # The transport closes once the pipes are empty; one held open by somebody outside the group is given up.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_AFTER_KILL.total_seconds()):
            for stream in streams:
                while await stream.read(_CHUNK):
                    pass
            await process.wait()
