"""The code a finding is about: lines of the change around its place, or its quote where the change does not hold it."""

from typing import NamedTuple

from app.domain.diff import Diff, FileChange, Hunk, Line
from app.domain.findings import Finding, Place
from app.web.pages.parts.words import visible

# Lines before and after the place.
_AROUND = 3
# The longest excerpt, and the longest line in it: a minified file is one line of a megabyte.
_LINES = 40
_CHARACTERS = 400
_SIGNS = {"context": " ", "added": "+", "removed": "−"}


class ShownLine(NamedTuple):
    """A line as it is printed; `marked` ones are what the finding is about."""

    number: str
    sign: str
    text: str
    marked: bool


def excerpt(diff: Diff | None, finding: Finding) -> tuple[ShownLine, ...]:
    """Empty only when the finding quotes nothing."""
    file = None if diff is None else _file(diff, finding.place)
    for hunk in file.hunks if file is not None else ():
        if shown := _around(hunk, finding.place):
            return shown
    quoted = finding.quote.strip("\n").split("\n") if finding.quote.strip() else []
    return tuple(ShownLine("", " ", _text(text), True) for text in quoted[:_LINES])


def _file(diff: Diff, place: Place) -> FileChange | None:
    if place.side == "new":
        return diff.by_path.get(place.path)
    return next((file for file in diff.files if place.path in (file.old_path, file.path)), None)


def _around(hunk: Hunk, place: Place) -> tuple[ShownLine, ...]:
    found = [index for index, line in enumerate(hunk.lines) if _is_at(line, place)]
    if not found:
        return ()
    first, last = max(0, found[0] - _AROUND), found[-1] + _AROUND + 1
    lines = hunk.lines[first : min(last, first + _LINES)]
    return tuple(
        ShownLine(str(line.new or line.old or ""), _SIGNS[line.kind], _text(line.text), _is_at(line, place))
        for line in lines
    )


def _is_at(line: Line, place: Place) -> bool:
    number = line.new if place.side == "new" else line.old
    return number is not None and place.start_line <= number <= place.line


def _text(text: str) -> str:
    text = visible(text.rstrip("\r"))
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"
