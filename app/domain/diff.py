"""A change as files, hunks and lines with both numbers, and how lines move from one version to the next."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from app.domain.model import Frozen

ChangeKind = Literal["added", "modified", "deleted", "renamed", "copied", "mode", "submodule", "symlink"]
Side = Literal["new", "old"]


class Line(Frozen):
    """One line of a hunk; context lines have both numbers, added only `new`, removed only `old` (1-based)."""

    kind: Literal["context", "added", "removed"]
    text: str
    new: int | None = None
    old: int | None = None


class Hunk(Frozen):
    """Consecutive lines of one file's change."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[Line, ...]

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same change wherever it lies: numbers do not count, every character of the text does."""
        marks = {"context": " ", "added": "+", "removed": "-"}
        text = "\n".join(marks[line.kind] + line.text for line in self.lines)
        return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]

    @property
    def added(self) -> Iterator[Line]:
        return (line for line in self.lines if line.kind == "added")


class FileChange(Frozen):
    """One file of a change. Without hunks it is binary, a pure rename, a mode change, or was left out (`skipped`)."""

    path: str
    old_path: str
    kind: ChangeKind
    hunks: tuple[Hunk, ...] = ()
    binary: bool = False
    # Why no reviewer reads it: "lock file", "generated", "binary", "over 500 kB", … ; None means reviewable.
    skipped: str | None = None

    @cached_property
    def added_lines(self) -> frozenset[int]:
        return frozenset(line.new for hunk in self.hunks for line in hunk.added if line.new is not None)

    @property
    def changed_line_count(self) -> int:
        return sum(1 for hunk in self.hunks for line in hunk.lines if line.kind != "context")


class Diff(Frozen):
    """What a pull request changes: merge base against head."""

    merge_base_sha: str
    head_sha: str
    files: tuple[FileChange, ...] = ()

    @cached_property
    def by_path(self) -> dict[str, FileChange]:
        return {file.path: file for file in self.files}

    @property
    def reviewable(self) -> tuple[FileChange, ...]:
        return tuple(file for file in self.files if file.skipped is None and file.hunks)

    @property
    def hunk_count(self) -> int:
        return sum(len(file.hunks) for file in self.reviewable)
