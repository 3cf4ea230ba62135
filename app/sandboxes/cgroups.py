"""Control groups for sandboxes, below the one this process is in: version 2 where it is delegated, else version 1."""

import asyncio
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from app.sandboxes.base import Limits

# The folder below our own group that holds those of all sandboxes, and the one we move into to make room (version 2).
_OURS, _LEAF = "corrigent", "corrigent-worker"
_PERIOD = 100_000
# A group that is made only to see whether it can be. Far less than this: an older one is a dead process's.
_TRY, _TRY_TAKES = "probe-", timedelta(minutes=1)
# A group can be removed when its last process is gone, which takes the kernel a moment.
_REMOVE_TRIES, _REMOVE_PAUSE = 200, 0.01


class Groups(NamedTuple):
    """The groups of one sandbox; none where this machine lets us make none."""

    folders: tuple[str, ...] = ()
    # Files inside which the kernel counts who was killed for memory, and which forks were refused.
    memory_counter: str = ""
    pids_counter: str = ""


class Parents(NamedTuple):
    """Where groups may be made; empty for what this machine does not let us hold."""

    unified: str = ""
    memory: str = ""
    pids: str = ""
    cpu: str = ""

    @property
    def holds_memory(self) -> bool:
        return bool(self.unified or self.memory)

    @property
    def holds_pids(self) -> bool:
        return bool(self.unified or self.pids)


@cache
def parents() -> Parents:
    """Found out by trying, once: being root, or the folder being there, promises nothing."""
    own = _own_folders()
    unified = _try_unified(own.get("", ""))
    if unified:
        return Parents(unified=unified)
    tried = {name: _try(own.get(name, ""), f"{name}.") for name in ("memory", "pids", "cpu")}
    return Parents(**tried)


def planned(sandbox: str, below: Parents) -> Groups:
    """The groups of a sandbox whose name no other on this machine has, before there are any."""
    folders = {name: f"{parent}/{_OURS}/{sandbox}" for name, parent in below._asdict().items() if parent}
    if below.unified:
        unified = folders["unified"]
        return Groups((unified,), f"{unified}/memory.events", f"{unified}/pids.events")
    return Groups(
        tuple(folders.values()),
        f"{folders['memory']}/memory.oom_control" if below.memory else "",
        f"{folders['pids']}/pids.events" if below.pids else "",
    )


def make(groups: Groups, limits: Limits) -> None:
    """Idempotent. OSError when a limit cannot be set: a sandbox that is not held is not started."""
    memory, quota = str(limits.memory_bytes), max(1000, int(limits.cores * _PERIOD))
    wanted = {
        "memory.max": memory,
        "memory.limit_in_bytes": memory,
        "pids.max": str(limits.pids),
        "cpu.max": f"{quota} {_PERIOD}",
        "cpu.cfs_period_us": str(_PERIOD),
        "cpu.cfs_quota_us": str(quota),
    }
    for folder in (_made(Path(name)) for name in groups.folders):
        present = set(os.listdir(folder))
        for name in wanted.keys() & present:
            (folder / name).write_text(wanted[name])
        # After the limit of memory, since it may not be lower. Where swap is not accounted for, it cannot be set.
        for name, value in {"memory.memsw.limit_in_bytes": memory, "memory.swap.max": "0"}.items():
            with suppress(OSError):
                (folder / name).write_text(value)


def members(folders: Sequence[str]) -> set[int]:
    """Everybody in these groups."""
    found = set[int]()
    for folder in folders:
        with suppress(OSError):
            found |= {int(line) for line in (Path(folder) / "cgroup.procs").read_text().split()}
    return found


async def remove(folders: Sequence[str]) -> None:
    """Gone, also when they are gone already. OSError when somebody is still in them."""
    for folder in folders:
        for _ in range(_REMOVE_TRIES):
            if _removed(folder):
                break
            await asyncio.sleep(_REMOVE_PAUSE)
        else:
            raise OSError(errno.EBUSY, "a control group is still in use", folder)
        _tidy(Path(folder).parent)


def clear_tries(below: Parents, now: datetime) -> None:
    """Take away what processes left that were killed while they found out what this machine lets them hold."""
    for ours in (Path(parent) / _OURS for parent in below if parent):
        for left in ours.glob(f"{_TRY}*"):
            with suppress(FileNotFoundError):
                is_old = datetime.fromtimestamp(left.stat().st_mtime, UTC) < now - _TRY_TAKES
                # Its process may be one of another container, which is not seen from here: hence the time as well.
                if is_old and not Path("/proc", left.name.removeprefix(_TRY)).exists():
                    _removed(str(left))
        _tidy(ours)


def _removed(folder: str) -> bool:
    try:
        Path(folder).rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _tidy(ours: Path) -> None:
    """The last one turns off the light; the others find the folder in use."""
    with suppress(OSError):
        ours.rmdir()


def _made(folder: Path) -> Path:
    # Whoever tidies up may take the parent away just before we use it.
    for _ in range(_REMOVE_TRIES):
        with suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
    raise OSError(errno.EBUSY, "a control group could not be made", str(folder))


def _own_folders() -> dict[str, str]:
    """The folder of our own group by controller; version 2 has the name ""."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return {}
    paths = {name: path for line in groups for _, names, path in [line.split(":", 2)] for name in names.split(",")}
    found = dict[str, str]()
    for line in mounts:
        fields, _, (kind, _, options) = (part.split() for part in line.partition(" - "))
        if kind in {"cgroup", "cgroup2"}:
            for name in paths.keys() & ({""} if kind == "cgroup2" else set(options.split(","))):
                below = paths[name].removeprefix(fields[3].rstrip("/")).strip("/")
                found[name] = str(Path(fields[4]) / below)
    return found


def _try(own: str, needs: str) -> str:
    """The folder itself when a group with these limits can be made in it."""
    if not own:
        return ""
    probe = Path(own) / _OURS / f"{_TRY}{os.getpid()}"
    try:
        probe.mkdir(parents=True, exist_ok=True)
        held = any(name.startswith(needs) and os.access(probe / name, os.W_OK) for name in os.listdir(probe))
        _removed(str(probe))
        _tidy(probe.parent)
    except OSError:
        return ""
    return own if held else ""


def _try_unified(own: str) -> str:
    if not own:
        return ""
    # We moved in there ourselves, earlier in this process or before a restart.
    parent = Path(own).parent if Path(own).name == _LEAF else Path(own)
    try:
        if not {"memory", "pids", "cpu"} <= set((parent / "cgroup.controllers").read_text().split()):
            return ""
        _delegate(parent)
        (parent / _OURS).mkdir(exist_ok=True)
        _delegate(parent / _OURS)
    except OSError:
        return ""
    return _try(str(parent), "memory.max")


def _delegate(folder: Path) -> None:
    """Let the groups below have limits. A group with processes of its own may not; when all are ours, they move."""
    switch = folder / "cgroup.subtree_control"
    try:
        switch.write_text("+memory +pids +cpu")
    except OSError as error:
        inside = members([str(folder)])
        if error.errno != errno.EBUSY or inside - {os.getpid()}:
            raise
        (folder / _LEAF).mkdir(exist_ok=True)
        (folder / _LEAF / "cgroup.procs").write_text(str(os.getpid()))
        switch.write_text("+memory +pids +cpu")
