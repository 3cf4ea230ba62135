"""Whether comments stand where a forge accepts them, asked of every changed line of every recorded patch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.diff import Diff, FileChange, Side
from app.domain.findings import Place
from app.domain.placement import place

# Ranges of so many lines, beginning at every line: alone, over the end of a hunk, and into the next one.
_LENGTHS = (1, 3, 40)


class Anchors(NamedTuple):
    """Of the places wanted: how many became a thread, and how many of those a forge refuses."""

    wanted: int
    placed: int
    refused: int


def accepted(where: Place, diff: Diff) -> bool:
    """The forges' rule, said apart from our own placing: both ends are lines of one hunk, on their side."""
    file = diff.by_path.get(where.path)
    for hunk in file.hunks if file else ():
        numbers = {line.new if where.side == "new" else line.old for line in hunk.lines}
        if where.start_line in numbers and where.line in numbers:
            return where.start_line <= where.line
    return False


def try_anchors(diffs: Sequence[Diff]) -> Anchors:
    """Everything a reviewer could point at in these changes."""
    wanted = placed = refused = 0
    for diff in diffs:
        for one in _wanted(diff):
            wanted += 1
            found = place(one, diff)
            if found is not None:
                placed += 1
                refused += not accepted(found, diff)
    return Anchors(wanted, placed, refused)


def _wanted(diff: Diff) -> Iterator[Place]:
    for file in diff.reviewable:
        yield Place(path=file.path, start_line=1, line=1)
        for side, number in _numbers(file):
            for length in _LENGTHS:
                yield Place(path=file.path, side=side, start_line=max(1, number - length + 1), line=number)


def _numbers(file: FileChange) -> Iterator[tuple[Side, int]]:
    for hunk in file.hunks:
        for line in hunk.lines:
            if line.kind == "added" and line.new is not None:
                yield "new", line.new
            elif line.kind == "removed" and line.old is not None:
                yield "old", line.old
        yield "new", hunk.new_start + hunk.new_count
