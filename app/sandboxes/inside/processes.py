"""The processes of a sandbox as its PID 1 sees them: which belong to a command, how much they use, and their end."""

import os
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
# How long are a command's processes hunted one by one before everything in the sandbox is killed?
_HUNT_SECONDS = 1.0


class Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int
    # In clock ticks since the machine's start.
    started: int


def processes() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The program's name may hold spaces and brackets; the last bracket ends it.
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if len(fields) > 19 and fields[0] not in {b"Z", b"X"}:
                parent, group, session = (int(field) for field in fields[1:4])
                yield Process(int(name), parent, group, session, int(fields[19]))


def memory_bytes(pid: int) -> int:
    """What it holds of its own; what it shares with those it forked is counted for each, so never too little."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = (int(field) for field in file.read().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * _PAGE


def ticks_now() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def end(leader: int, started: int, others: frozenset[int]) -> None:
    """Kill a command with all it started, also what left its session. Orphans cannot be told from those of another
    command, so all that are younger than this one go with it. A bomb that outruns us takes the whole sandbox along."""
    deadline = time.monotonic() + _HUNT_SECONDS
    while True:
        newest = _newest()
        theirs = _of(leader, started, others)
        # A bomb whose processes die of their own limit may have had a child while we looked. Where others work, new
        # processes are no sign of that.
        if not theirs and (others or newest == _newest()):
            return
        if time.monotonic() > deadline:
            kill(-1)
            return
        for pid in theirs:
            kill(pid)
        # A killed process may take a moment to die.
        time.sleep(0.002)


def _newest() -> bytes:
    """The number that was given last; empty where the kernel does not tell."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return file.read().split()[-1]
    except (OSError, IndexError):
        return b""


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _of(leader: int, started: int, others: frozenset[int]) -> set[int]:
    alive = {process.pid: process for process in processes()}

    def belongs(process: Process) -> bool:
        top, seen = process, set[int]()
        # Numbers may be given anew while we look, so that a chain of parents could be a ring.
        while top.parent in alive and top.pid not in seen and top.pid != leader:
            seen.add(top.pid)
            top = alive[top.parent]
        if leader in {top.pid, process.session, process.group}:
            return True
        return top.pid not in others and process.session not in others and process.started >= started

    return {pid for pid, process in alive.items() if belongs(process)}
