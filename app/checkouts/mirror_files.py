"""A mirror as files: left-overs of a killed fetch, depth reached, last use, removal. Blocking, but small."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.checkouts.git import GitError
from app.checkouts.locks import try_lock

DAMAGE = re.compile(
    r"bad object|corrupt|missing (blob|tree|commit)|did not send all necessary|unable to read|"
    r"not a git repository|does not match index|unresolved deltas|loose object .* empty",
    re.IGNORECASE,
)
# What was read a moment ago may be in use by a command that takes no lock.
_GRACE = timedelta(minutes=15)
_DEPTH = "corrigent-depth"
_USED = "corrigent-used"


class Damaged(GitError):
    """The mirror is not readable any more; it is thrown away and fetched anew."""


def exists(folder: Path) -> bool:
    return folder.is_dir()


def ready(folder: Path) -> bool:
    """Whether there is a mirror; call it under its lock: what a killed fetch left behind is cleared away."""
    if not folder.is_dir():
        return False
    for stale in _left_overs(folder):
        stale.unlink(missing_ok=True)
    return True


def _left_overs(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.lock")
    yield from (folder / "refs").rglob("*.lock")
    yield from (folder / "objects").rglob("tmp_*")
    yield from (folder / "objects" / "pack").glob(".tmp-*")


def depth(folder: Path) -> int | None:
    """How deep the mirror was ever fetched; None is the whole history."""
    try:
        text = (folder / _DEPTH).read_text()
    except FileNotFoundError:
        return 64
    return int(text) if text in {"64", "512"} else None


def set_depth(folder: Path, reached: int | None) -> None:
    (folder / _DEPTH).write_text("full" if reached is None else str(reached))


def is_shallow(folder: Path) -> bool:
    return (folder / "shallow").exists()


def is_empty(folder: Path) -> bool:
    return pack_count(folder) == 0


def shallow_commits(folder: Path) -> set[str]:
    """Commits whose parents were not fetched."""
    with suppress(FileNotFoundError):
        return set((folder / "shallow").read_text().split())
    return set()


def pack_count(folder: Path) -> int:
    return sum(1 for _ in (folder / "objects" / "pack").glob("*.pack"))


def mark_used(folder: Path) -> None:
    with suppress(FileNotFoundError):
        (folder / _USED).touch()


def remove(folder: Path) -> None:
    """In one step for everybody who looks: renamed first, then deleted."""
    trash = folder.with_suffix(".trash")
    shutil.rmtree(trash, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def evict(root: Path, max_bytes: int, unused_for: timedelta, now: datetime) -> int:
    mirrors = sorted((_used_at(folder), folder) for folder in root.glob("*/*.git"))
    sizes = {folder: _size(folder) for _, folder in mirrors}
    total, evicted = sum(sizes.values()), 0
    for used_at, folder in mirrors:
        too_old = now - used_at > unused_for
        if (too_old or total > max_bytes) and now - used_at > _GRACE and _remove_unless_locked(folder):
            total, evicted = total - sizes[folder], evicted + 1
    return evicted


def _remove_unless_locked(folder: Path) -> bool:
    descriptor = try_lock(folder.with_suffix(".lock"))
    if descriptor is None:
        return False
    try:
        remove(folder)
    finally:
        os.close(descriptor)
    return True


def _used_at(folder: Path) -> datetime:
    marker = folder / _USED
    seconds = (marker if marker.exists() else folder).stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC)


def _size(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
