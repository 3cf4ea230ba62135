"""A trusted stand-in for somebody's repository: their refs and objects, our configuration, nothing of theirs runs.

git reads configuration, hooks, filters and drivers from the folder it is pointed at. So it is never pointed at theirs:
plain data is copied into a folder of ours, and the objects are borrowed.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import UserError

# No ref, and no pointer to another folder, is longer.
_SMALL = 4096
_MAX_REFS = 50_000
_UNSUPPORTED = re.compile(
    r"^\s*(objectformat\s*=\s*\"?sha256|refstorage\s*=\s*\"?reftable)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A working tree, its own git folder, and the folder with refs and objects (another one in a linked worktree)."""

    root: Path
    git_dir: Path
    common_dir: Path


def find_repository(path: Path) -> Found:
    """The repository that holds `path`; only a `.git` counts, never what looks like a bare one."""
    start = path.resolve()
    for folder in (start, *start.parents):
        git_dir = _git_dir(folder)
        if git_dir is not None:
            common = _read_small(git_dir / "commondir")
            found = Found(root=folder, git_dir=git_dir, common_dir=(git_dir / common) if common else git_dir)
            _check_format(found)
            return found
    raise UserError(f"There is no git repository at {path}; go to one, or give the path of one.")


def copy_data(found: Found, into: Path) -> None:
    """HEAD, refs, index and excludes as plain files, and a pointer to the objects, into an empty repository of ours."""
    _copy(found.git_dir / "HEAD", into / "HEAD")
    for name in ("packed-refs", "shallow", "info/exclude"):
        _copy(found.common_dir / name, into / name)
    for index in (found.git_dir / "index", *found.git_dir.glob("sharedindex.*")):
        _copy(index, into / index.name)
    for ref in _refs(found.common_dir):
        _copy(found.common_dir / ref, into / ref)
    objects = str(found.common_dir.resolve() / "objects")
    quoted = objects.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    (into / "objects" / "info").mkdir(exist_ok=True)
    (into / "objects" / "info" / "alternates").write_text(f'"{quoted}"\n')


def _git_dir(folder: Path) -> Path | None:
    dot_git = folder / ".git"
    if (dot_git / "HEAD").is_file():
        return dot_git
    pointer = _read_small(dot_git)
    if pointer.startswith("gitdir: ") and (folder / pointer[8:] / "HEAD").is_file():
        return folder / pointer[8:]
    return None


def _check_format(found: Found) -> None:
    config = found.common_dir / "config"
    if _is_plain(config) and _UNSUPPORTED.search(config.read_text("utf-8", "replace")):
        raise UserError(f"The repository at {found.root} stores SHA-256 names or reftables; neither can be read yet.")


def _refs(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder / "refs"):
        # Replacements would show other content than was committed.
        folders[:] = [name for name in folders if name != "replace"]
        for name in names:
            count += 1
            if count > _MAX_REFS:
                raise UserError(f"The repository has more than {_MAX_REFS:,} loose refs; run: git pack-refs --all")
            yield Path(parent, name).relative_to(folder)


def _copy(source: Path, target: Path) -> None:
    if _is_plain(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        # With its time: git compares files with the index by it.
        shutil.copy2(source, target, follow_symlinks=False)


def _read_small(path: Path) -> str:
    if not _is_plain(path) or path.stat().st_size > _SMALL:
        return ""
    return path.read_text("utf-8", "replace").strip()


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
