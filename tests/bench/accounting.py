"""What processes cost, read from /proc: processor seconds and proportional memory of a process and its descendants."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """Processor seconds so far, or in between: our Python, Temporal, and the programs we ran (git, linters)."""

    ours: float
    temporal: float
    programs: float

    @property
    def total(self) -> float:
        return self.ours + self.temporal + self.programs

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.ours - before.ours, self.temporal - before.temporal, self.programs - before.programs)


@dataclass(frozen=True)
class Usage:
    """One process's processor seconds; `reaped` are those of children that have ended."""

    own: float
    reaped: float


def usage(pid: int) -> Usage:
    # The name in the second field may hold spaces and brackets.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, reaped_user, reaped_system = (int(field) / _TICKS for field in fields[11:15])
    return Usage(own=user + system, reaped=reaped_user + reaped_system)


def cpu(pid: int) -> Cpu:
    """Of a running `corrigent up`; a program that is still running is counted from its end on."""
    main = usage(pid)
    temporal = temporal_pid(pid)
    return Cpu(
        ours=main.own,
        temporal=usage(temporal).own if temporal else 0.0,
        programs=main.reaped,
    )


def pss_megabytes(pid: int) -> dict[str, float]:
    """Proportional set size by program name: pages that several processes share are counted once."""
    found: dict[str, float] = {}
    for one in family(pid):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            name = Path(f"/proc/{one}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            # It ended while we looked.
            continue
        kilobytes = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
        found[name] = found.get(name, 0.0) + kilobytes / 1024
    return found


def family(pid: int) -> list[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for one, parent in _parents():
        children.setdefault(parent, []).append(one)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def temporal_pid(pid: int) -> int | None:
    return next((one for one in family(pid) if _command(one)[:3] and "start-dev" in _command(one)), None)


def temporal_option(pid: int, name: str) -> str:
    """An option of the embedded server's command line, such as `--metrics-port`."""
    server = temporal_pid(pid)
    words = _command(server) if server else []
    return words[words.index(name) + 1]


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(folder.name), int(fields[1])


def own() -> float:
    """Processor seconds of this process and of the programs it ran: the fake forge and its git."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
