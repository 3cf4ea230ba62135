"""Processes of this machine by number, and how to be sure that a number still means the same one."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

# How long may the kernel take to bury a killed sandbox with all that is in it?
_BURIED = timedelta(seconds=20)


def started_at(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine's start; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def child_of(folder: Path) -> int | None:
    """PID 1 of the sandbox by its number outside, as bubblewrap wrote it; None when it never came so far."""
    try:
        return int(json.loads((folder / "child.json").read_bytes())["child-pid"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def is_first_of_its_own(pid: int) -> bool:
    """It is PID 1 of a namespace: what a number read from an old file must be to be a sandbox."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(line.startswith("NSpid:") and len(line.split()) > 2 and line.split()[-1] == "1" for line in lines)


async def end(pid: int) -> None:
    """Kill it and wait until it is gone; with PID 1 of a namespace goes everything in there. TimeoutError when the
    kernel cannot."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        loop.add_reader(descriptor, gone.set)
        async with asyncio.timeout(_BURIED.total_seconds()):
            await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
