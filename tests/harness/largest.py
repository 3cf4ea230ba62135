"""The largest change that is taken: 3,000 files and 100,000 lines, without a tree on disk."""

from collections.abc import Mapping
from pathlib import Path

from app.domain.diff import Diff, FileChange, Hunk, Line
from app.domain.file_rules import ChangedFile, over_limits
from app.domain.repo_config import SizeLimits
from reviewers.base import Change

FILES, LINES = 3_000, 34
WHOLE = SizeLimits(files=FILES, changed_lines=FILES * LINES)
# Every twentieth is where mistakes cost most.
RISKY_EVERY = 20


def largest_change(folder: Path, limits: SizeLimits = WHOLE) -> Change:
    """All files new; those over the limits carry the reason and no lines, as from git."""
    names = [_name(number) for number in range(FILES)]
    facts = [ChangedFile(path=name, kind="added", binary=False, changed_lines=LINES, size=2_000) for name in names]
    skipped = over_limits(facts, limits)
    files = tuple(_file(name, number, skipped) for number, name in enumerate(names))
    diff = Diff(merge_base_sha="a" * 40, head_sha="b" * 40, files=files)
    return Change(diff=diff, head_root=folder, base_root=folder, title="Everything", body="", effort="low")


def _name(number: int) -> str:
    return f"part_{number % 60}/{'auth' if number % RISKY_EVERY == 0 else 'module'}_{number}.py"


def _file(name: str, number: int, skipped: Mapping[str, str]) -> FileChange:
    if name in skipped:
        return FileChange(path=name, old_path=name, kind="added", skipped=skipped[name], hunks=())
    lines = tuple(
        Line(kind="added", text=f"value_{number}_{line} = compute(part={number}, line={line})", new=line)
        for line in range(1, LINES + 1)
    )
    hunk = Hunk(old_start=0, old_count=0, new_start=1, new_count=LINES, lines=lines)
    return FileChange(path=name, old_path=name, kind="added", hunks=(hunk,))
