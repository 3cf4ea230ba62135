"""Where lines of one version are in another: exact while they are untouched, near where they were changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.diff import Diff, FileChange, Hunk
from app.domain.findings import Place


def map_range(change: FileChange, start: int, end: int) -> tuple[int, int] | None:
    """The same lines in the new version; None when one of them was changed or deleted.

    Lines added between them widen the range. A change without hunks that may have touched the text maps nothing.
    """
    if not _is_traceable(change):
        return None
    new_start, new_end = _map_line(change, start), _map_line(change, end)
    if new_start is None or new_end is None or _removed_within(change, start, end):
        return None
    return new_start, new_end


def nearest_line(change: FileChange, line: int) -> int:
    """Where the line is, or what stands in its stead: the first line that replaced it, or the one that closed up."""
    shift = 0
    for hunk in change.hunks:
        if line < _old_begin(hunk):
            break
        if line < _old_begin(hunk) + hunk.old_count:
            return _nearest_in_hunk(hunk, line)
        shift = _new_begin(hunk) + hunk.new_count - _old_begin(hunk) - hunk.old_count
    return line + shift


@dataclass(frozen=True)
class Moves:
    """How places of an earlier review moved: `heads` from its head to this one, `bases` between the merge bases.

    None means that the side did not move at all.
    """

    heads: Diff | None = None
    bases: Diff | None = None

    def exact(self, place: Place) -> Place | None:
        """The place now; None when its lines were changed, or its file is gone or cannot be compared."""
        change, moved = self._change(place)
        if change is None:
            return place if not moved else None
        lines = map_range(change, place.start_line, place.line)
        return None if lines is None else _at(place, change, *lines)

    def near(self, place: Place) -> Place | None:
        """The place now, or about where it was; None only when the file is gone."""
        change, moved = self._change(place)
        if change is None:
            return place if not moved else None
        start = nearest_line(change, place.start_line)
        return _at(place, change, start, max(start, nearest_line(change, place.line)))

    def replaced_by(self, place: Place, lines: Sequence[str]) -> bool:
        """Whether these lines, one after another, now stand where the place's lines were changed."""
        change, _ = self._change(place)
        return change is not None and any(
            _writes(hunk, lines)
            for hunk in change.hunks
            if any(line.old is not None and place.start_line <= line.old <= place.line for line in hunk.lines)
        )

    def _change(self, place: Place) -> tuple[FileChange | None, bool]:
        diff = self.heads if place.side == "new" else self.bases
        if diff is None:
            return None, False
        change = next((file for file in diff.files if file.old_path == place.path and file.kind != "added"), None)
        gone = change is not None and change.kind == "deleted"
        return (None if gone else change), gone


def _at(place: Place, change: FileChange, start: int, end: int) -> Place:
    return place.model_copy(update={"path": change.path, "start_line": start, "line": end})


def _is_traceable(change: FileChange) -> bool:
    return bool(change.hunks) or change.kind == "mode" or change.skipped == "renamed only"


def _map_line(change: FileChange, line: int) -> int | None:
    for hunk in change.hunks:
        if _old_begin(hunk) <= line < _old_begin(hunk) + hunk.old_count:
            return next((each.new for each in hunk.lines if each.old == line and each.kind == "context"), None)
    return nearest_line(change, line)


def _removed_within(change: FileChange, start: int, end: int) -> bool:
    return any(
        each.kind == "removed" and each.old is not None and start <= each.old <= end
        for hunk in change.hunks
        if _old_begin(hunk) <= end and start < _old_begin(hunk) + hunk.old_count
        for each in hunk.lines
    )


def _nearest_in_hunk(hunk: Hunk, line: int) -> int:
    stands = _new_begin(hunk)
    for each in hunk.lines:
        if each.old is not None and each.old >= line:
            return each.new if each.new is not None else stands
        if each.kind == "context" and each.new is not None:
            stands = each.new + 1
    return stands


def _old_begin(hunk: Hunk) -> int:
    """A side without lines is numbered by the line before it."""
    return hunk.old_start if hunk.old_count else hunk.old_start + 1


def _new_begin(hunk: Hunk) -> int:
    return hunk.new_start if hunk.new_count else hunk.new_start + 1


def _writes(hunk: Hunk, lines: Sequence[str]) -> bool:
    new = [line for line in hunk.lines if line.kind != "removed"]
    windows = (new[at : at + len(lines)] for at in range(len(new) - len(lines) + 1))
    return any(
        [line.text for line in window] == list(lines) and any(line.kind == "added" for line in window)
        for window in windows
    )
