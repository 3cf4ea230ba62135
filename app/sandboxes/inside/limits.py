"""What the supervisor sets before it runs anything, and how it notices that a limit was met."""

import ctypes
import os
import resource
from collections.abc import Mapping
from typing import NamedTuple

from app.sandboxes.inside import processes

_PR_SET_DUMPABLE = 4
_NOFILE = 16384
# A file system with less than this left is full for any program.
_FULL_BELOW = 64 * 1024
# Where the counters of the control group may be read, when the outside shows them.
_COUNTERS = {
    "out_of_memory": (
        "/run/corrigent/memory",
        "/sys/fs/cgroup/memory.events",
        "/sys/fs/cgroup/memory/memory.oom_control",
    ),
    "too_many_processes": ("/run/corrigent/pids", "/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"),
}
_LINES = {"out_of_memory": b"oom_kill", "too_many_processes": b"max"}
_WRITABLE = ("/work", "/tmp")  # noqa: S108 — inside the sandbox
# A file costs the kernel a kilobyte even when it is empty, which no limit of bytes counts.
_BYTES_A_FILE = 8 * 1024
_FEWEST_FILES = 50_000


class Limits(NamedTuple):
    memory_bytes: int
    pids: int
    disk_bytes: int
    # No control group holds memory and processes: we do.
    watch: bool


def keep_to_ourselves() -> int:
    """Nobody of our user may read our memory or trace us; nor can we then open what is returned: where to write how
    readily the kernel takes us when memory runs out."""
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("PR_SET_DUMPABLE was refused")
    return score


def apply(limits: Limits) -> None:
    """For everything that is started from now on; no child can raise them."""
    for which, wish in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.disk_bytes),
        (resource.RLIMIT_NOFILE, _NOFILE),
        (resource.RLIMIT_NPROC, limits.pids),
        (resource.RLIMIT_DATA, limits.memory_bytes if limits.watch else resource.RLIM_INFINITY),
    ):
        hard = resource.getrlimit(which)[1]
        most = wish if hard == resource.RLIM_INFINITY else hard if wish == resource.RLIM_INFINITY else min(wish, hard)
        resource.setrlimit(which, (most, most))


def counters() -> dict[str, int]:
    return {name: _counter(paths, _LINES[name]) for name, paths in _COUNTERS.items()}


def _counter(paths: tuple[str, ...], line: bytes) -> int:
    for path in paths:
        try:
            with open(path, "rb") as file:
                for words in (row.split() for row in file):
                    if len(words) == 2 and words[0] == line:
                        return int(words[1])
        except OSError:
            continue
    return 0


def met_since(before: Mapping[str, int]) -> str:
    """Which limit was met since `before`; empty when none was."""
    now = counters()
    met = [name for name in _COUNTERS if now[name] > before[name]]
    return met[0] if met else "disk_full" if disk_is_full() else ""


def disk_is_full() -> bool:
    return any(_left(folder) < _FULL_BELOW for folder in _WRITABLE)


def _left(folder: str) -> int:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return _FULL_BELOW
    return 0 if seen.f_files and not seen.f_favail else seen.f_bavail * seen.f_frsize


def most_files(limits: Limits) -> int:
    return max(_FEWEST_FILES, limits.disk_bytes // _BYTES_A_FILE)


def files() -> int:
    """How many there are in all places that can be written."""
    return sum(_files(folder) for folder in (*_WRITABLE, "/dev/shm"))  # noqa: S108 — inside the sandbox


def _files(folder: str) -> int:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return 0
    return seen.f_files - seen.f_ffree


def noticed(limits: Limits, files_before: int) -> str:
    """A look while the sandbox lives: which limit is met now. Where no control group does it, everything in the sandbox
    is killed when all together are too large: the largest alone may be the least to blame. So it is when there are too
    many files and still more are made; removing them is nobody's crime."""
    if max(most_files(limits), files_before) < files():
        processes.kill(-1)
        return "disk_full"
    if limits.watch:
        alive = [process.pid for process in processes.processes()]
        if sum(map(processes.memory_bytes, alive)) > limits.memory_bytes:
            processes.kill(-1)
            return "out_of_memory"
        if len(alive) >= limits.pids - 2:
            return "too_many_processes"
    return "disk_full" if disk_is_full() else ""
