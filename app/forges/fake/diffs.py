"""Diffs as GitHub sees them: files, patches, which lines may carry a comment, and where a line went."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
# Patches longer than this are left out of the list of files.
_PATCH_LINES, _PATCH_BYTES = 20_000, 500_000


@dataclass(frozen=True)
class DiffLine:
    """One line of a hunk; `position` counts from the file's first hunk header, as the API's old `position` does."""

    mark: str
    text: str
    old: int | None
    new: int | None
    position: int


@dataclass(frozen=True)
class DiffHunk:
    header: str
    lines: tuple[DiffLine, ...]
    # The first old line the hunk covers, and how far everything after it has moved.
    old_start: int
    shift_after: int

    def find(self, side: Literal["LEFT", "RIGHT"], line: int) -> DiffLine | None:
        """The line that a comment on this side of the hunk stands on."""
        wanted = "-" if side == "LEFT" else "+"
        for candidate in self.lines:
            number = candidate.old if side == "LEFT" else candidate.new
            if number == line and candidate.mark in (wanted, " "):
                return candidate
        return None

    def excerpt(self, last: DiffLine) -> str:
        """The hunk down to a line, as `diff_hunk` shows it."""
        shown = [line.mark + line.text for line in self.lines if line.position <= last.position]
        return "\n".join([self.header, *shown])


@dataclass(frozen=True)
class DiffFile:
    path: str
    old_path: str
    status: str
    blob_sha: str
    additions: int
    deletions: int
    binary: bool
    # Hunks only, without the four header lines; empty for binaries and pure renames.
    body: str = field(repr=False)

    @property
    def patch(self) -> str | None:
        """What the list of files shows: nothing when the file is binary, unchanged or very large."""
        if not self.body or len(self.body) > _PATCH_BYTES or self.body.count("\n") > _PATCH_LINES:
            return None
        return self.body.rstrip("\n")

    @cached_property
    def hunks(self) -> tuple[DiffHunk, ...]:
        starts = list(_HUNK.finditer(self.body))
        ends = [*(match.start() for match in starts[1:]), len(self.body)]
        position = 0
        hunks: list[DiffHunk] = []
        for match, end in zip(starts, ends, strict=True):
            header, *rest = self.body[match.start() : end].rstrip("\n").split("\n")
            hunks.append(_hunk(match, header, rest, position))
            position += len(rest) + 1
        return tuple(hunks)

    def hunk_of(self, side: Literal["LEFT", "RIGHT"], line: int) -> tuple[DiffHunk, DiffLine] | None:
        for hunk in self.hunks:
            found = hunk.find(side, line)
            if found is not None:
                return hunk, found
        return None

    def moved(self, old_line: int) -> int | None:
        """Where a line of the old version is in the new one; None when it was changed or removed."""
        shift = 0
        for hunk in self.hunks:
            if old_line < hunk.old_start:
                break
            for line in hunk.lines:
                if line.old == old_line:
                    return line.new
            shift = hunk.shift_after
        return old_line + shift


@dataclass(frozen=True)
class Diff:
    files: tuple[DiffFile, ...]
    text: bytes = field(repr=False)

    @cached_property
    def by_path(self) -> dict[str, DiffFile]:
        return {file.path: file for file in self.files}

    @cached_property
    def by_old_path(self) -> dict[str, DiffFile]:
        return {file.old_path: file for file in self.files if file.status != "added"}

    @property
    def additions(self) -> int:
        return sum(file.additions for file in self.files)

    @property
    def deletions(self) -> int:
        return sum(file.deletions for file in self.files)

    @property
    def line_count(self) -> int:
        return self.additions + self.deletions


def read_diff(numbers: bytes, text: bytes) -> Diff:
    """Put together `--raw --numstat -z` and the text of the same diff: both list the files in the same order."""
    records = numbers.decode("utf-8", "surrogateescape").split("\0")
    statuses: list[tuple[str, str, str, str]] = []
    counts: list[tuple[int, int, bool]] = []
    position = 0
    while position < len(records) and records[position]:
        position = _read_record(records, position, statuses, counts)
    bodies = _bodies(text.decode("utf-8", "replace"))
    files = [
        DiffFile(path, old_path, _STATUS[status], sha, *count, body)
        for (status, sha, old_path, path), count, body in zip(statuses, counts, bodies, strict=True)
    ]
    return Diff(files=tuple(files), text=text)


def _read_record(
    records: list[str],
    position: int,
    statuses: list[tuple[str, str, str, str]],
    counts: list[tuple[int, int, bool]],
) -> int:
    record = records[position]
    if record.startswith(":"):
        _, _, old_sha, new_sha, status = record.split(" ")
        old_path = records[position + 1]
        renamed = status[0] in "RC"
        sha = new_sha if new_sha.strip("0") else old_sha
        statuses.append((status[0], sha, old_path, records[position + 2] if renamed else old_path))
        return position + (3 if renamed else 2)
    added, removed, path = record.split("\t", 2)
    binary = added == "-"
    counts.append((0 if binary else int(added), 0 if binary else int(removed), binary))
    return position + (1 if path else 3)


def _bodies(text: str) -> list[str]:
    """The hunks of each file; a line of content never starts with `diff --git`, since it has a mark before it.

    A file that becomes a symbolic link has two chunks with the same first line: removed, then added.
    """
    bodies: dict[str, str] = {}
    for chunk in re.split(r"^(?=diff --git )", text, flags=re.MULTILINE):
        if chunk.startswith("diff --git "):
            title = chunk.split("\n", 1)[0]
            start = _HUNK.search(chunk)
            bodies[title] = bodies.get(title, "") + (chunk[start.start() :] if start else "")
    return list(bodies.values())


def _hunk(match: re.Match[str], header: str, lines: list[str], position: int) -> DiffHunk:
    old, old_count, new, new_count = (1 if part is None else int(part) for part in match.groups())
    return DiffHunk(
        header=header,
        lines=tuple(_number(lines, old, new, position)),
        # A side without lines is given by the line before it.
        old_start=old + (old_count == 0),
        shift_after=(new + new_count + (new_count == 0)) - (old + old_count + (old_count == 0)),
    )


def _number(lines: list[str], old: int, new: int, position: int) -> list[DiffLine]:
    numbered: list[DiffLine] = []
    for offset, line in enumerate(lines, 1):
        mark, text = (line[0], line[1:]) if line else (" ", "")
        has_old, has_new = mark in " -", mark in " +"
        numbered.append(DiffLine(mark, text, old if has_old else None, new if has_new else None, position + offset))
        old += has_old
        new += has_new
    return numbered
