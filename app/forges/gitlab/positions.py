"""Where a comment stands, as GitLab wants it told: an added line by its new number, a removed one by its old, a line
that did not change by both.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pydantic import JsonValue

from app.domain.review import InlineComment
from app.forges.gitlab.heads import Head
from app.forges.gitlab.models import DiffShape

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# How far back may a suggestion reach from the line it stands on?
_SUGGESTION_REACH = 100
_SUGGESTION = re.compile(r"^(`{3,})suggestion[ \t]*$", re.MULTILINE)


class Line(NamedTuple):
    """A line of the diff with both counters: of an added line `old` is the number of the next old line."""

    kind: Literal["context", "added", "removed"]
    old: int
    new: int


def find_file(comment: InlineComment, files: Sequence[DiffShape]) -> DiffShape | None:
    """The changed file a comment is about; of a renamed one the new name counts."""
    by_new = next((file for file in files if file.new_path == comment.path), None)
    return by_new or next((file for file in files if file.old_path == comment.path), None)


def position(comment: InlineComment, file: DiffShape, head: Head) -> dict[str, JsonValue] | None:
    """The `position` of a comment; None when GitLab's own diff does not show its line."""
    lines = {_number(line, comment.side): line for line in read_lines(file.diff) if _is_on(line, comment.side)}
    end = lines.get(comment.line) or _folded(comment, file)
    if end is None:
        return None
    told: dict[str, JsonValue] = {
        "position_type": "text",
        "base_sha": head.base_sha,
        "start_sha": head.start_sha,
        "head_sha": head.head_sha,
        "old_path": file.old_path,
        "new_path": file.new_path,
    }
    if end.kind != "removed":
        told["new_line"] = end.new
    if end.kind != "added":
        told["old_line"] = end.old
    start = lines.get(comment.start_line)
    if start is not None and comment.start_line < comment.line:
        told["line_range"] = {"start": _range_end(file, start), "end": _range_end(file, end)}
    return told


def read_lines(diff: str) -> Iterator[Line]:
    """The lines of a unified diff, which here begins at the first hunk."""
    old = new = 0
    for text in diff.split("\n"):
        if hunk := _HUNK.match(text):
            old, new = int(hunk[1]), int(hunk[2])
        elif text.startswith("+"):
            yield Line("added", old, new)
            new += 1
        elif text.startswith("-"):
            yield Line("removed", old, new)
            old += 1
        elif text.startswith(" "):
            yield Line("context", old, new)
            old, new = old + 1, new + 1


def with_suggestion(comment: InlineComment) -> str:
    """The comment's text with its suggestion as GitLab reads one: how many lines above are replaced as well."""
    above = comment.line - comment.start_line
    # The lines of the former version cannot be replaced, nor can more than GitLab reaches.
    if comment.side == "old" or above > _SUGGESTION_REACH:
        return _SUGGESTION.sub(r"\1", comment.body)
    return _SUGGESTION.sub(rf"\1suggestion:-{above}+0", comment.body)


def _is_on(line: Line, side: Literal["new", "old"]) -> bool:
    return line.kind != ("removed" if side == "new" else "added")


def _number(line: Line, side: Literal["new", "old"]) -> int:
    return line.new if side == "new" else line.old


def _folded(comment: InlineComment, file: DiffShape) -> Line | None:
    """Of a file whose diff GitLab does not show, what most commented lines are: added, or removed."""
    if file.diff:
        return None
    return Line("added" if comment.side == "new" else "removed", comment.line, comment.line)


def _range_end(file: DiffShape, line: Line) -> JsonValue:
    name = hashlib.sha1((file.new_path or file.old_path).encode(), usedforsecurity=False).hexdigest()
    return {"line_code": f"{name}_{line.old}_{line.new}", "type": "new" if line.kind == "added" else "old"}
