"""What a process holds: the search of those who have taken it over."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_READABLE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r")


def held(pid: int, values: Iterable[str]) -> list[str]:
    """Those of the values that stand in its environment or anywhere in its memory."""
    wanted, found = {value: value.encode() for value in values}, set[str]()
    for piece in (Path(f"/proc/{pid}/environ").read_bytes(), *_memory_of(pid)):
        found |= {value for value, raw in wanted.items() if raw in piece}
    return sorted(found)


def _memory_of(pid: int) -> Iterator[bytes]:
    """Every readable part, one after the other."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = _READABLE.match(line)
            if found is None or "[v" in line:
                continue
            start, end = (int(part, 16) for part in found.groups())
            memory.seek(start)
            try:
                yield memory.read(end - start)
            except OSError:
                # Reserved, and never written.
                continue


def below(pid: int) -> list[int]:
    """A process and all that it started, as far as it still lives."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in below(int(child)))]
