"""Finds the lines a reviewer speaks of by the code it quotes; line numbers from a model only decide between repeats."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from app.domain.diff import FileChange, Side
from app.domain.findings import Place
from app.domain.model import Frozen

# Shorter pieces of code stand in too many lines to mean one of them.
_MIN_PART = 8
# A quote of more lines is cut: the first ones say where it is.
_MAX_LINES = 60
_NUMBERED = re.compile(r"^\s*\d+\s*[|:│]\s?")
_FENCE = re.compile(r"^\s*(```|~~~)")


class Anchor(Frozen):
    """Where a quote stands, and whether one of its lines was added or removed by the change."""

    place: Place
    on_changed_line: bool
    found_in: Literal["new", "old", "file"]


class _Numbered(NamedTuple):
    number: int
    squeezed: str
    changed: bool


class _Match(NamedTuple):
    start: int
    end: int
    changed: bool


def find(quote: str, file: FileChange, *, line: int | None = None, head_text: str | None = None) -> Anchor | None:
    """The quoted lines in the new side of the hunks, else in the old side, else anywhere in the head version.

    `line` is where the reviewer said it is. None when the code is nowhere: then nothing was quoted, but made up.
    """
    for wanted in _readings(quote):
        for side, found_in, runs in _places_to_look(file, head_text):
            matches = [match for run in runs for match in _matches(wanted, run)]
            if matches:
                best = min(matches, key=lambda match: _distance(match, line))
                place = Place(path=file.path, side=side, start_line=best.start, line=best.end)
                return Anchor(place=place, on_changed_line=best.changed, found_in=found_in)
    return None


def find_quote(quote: str, text: str, line: int | None = None) -> tuple[int, int] | None:
    """First and last line of the quote in a whole text; `line` decides between repeats."""
    lines = [_Numbered(at, squeeze(each), changed=False) for at, each in enumerate(text.split("\n"), 1) if each.strip()]
    for wanted in _readings(quote):
        if matches := _matches(wanted, lines):
            best = min(matches, key=lambda match: _distance(match, line))
            return best.start, best.end
    return None


def squeeze(text: str) -> str:
    """Without any whitespace: what survives re-indenting and re-wrapping by a model."""
    return "".join(text.split())


def _readings(quote: str) -> Iterator[list[str]]:
    """The quote as it is; then without the marks that models copy along: +/-, line numbers."""
    lines = [line for line in quote.splitlines() if not _FENCE.match(line) and line.strip()][:_MAX_LINES]
    readings = [lines]
    if lines and all(_NUMBERED.match(line) for line in lines):
        readings.append([_NUMBERED.sub("", line) for line in lines])
    readings += [[line[1:] if line[:1] in "+-" else line for line in each] for each in list(readings)]
    seen: list[list[str]] = []
    for reading in readings:
        squeezed = [squeeze(line) for line in reading if squeeze(line)]
        if squeezed and squeezed not in seen:
            seen.append(squeezed)
            yield squeezed


def _places_to_look(
    file: FileChange, head_text: str | None
) -> Iterator[tuple[Side, Literal["new", "old", "file"], list[list[_Numbered]]]]:
    yield "new", "new", [_side(file, at, "new") for at in range(len(file.hunks))]
    yield "old", "old", [_side(file, at, "old") for at in range(len(file.hunks))]
    if head_text is not None:
        lines = enumerate(head_text.split("\n"), start=1)
        yield "new", "file", [[_Numbered(n, squeeze(text), n in file.added_lines) for n, text in lines if text.strip()]]


def _side(file: FileChange, at: int, side: Side) -> list[_Numbered]:
    numbered = ((line.new if side == "new" else line.old, line) for line in file.hunks[at].lines)
    return [
        _Numbered(number, squeeze(line.text), line.kind != "context")
        for number, line in numbered
        if number is not None and line.text.strip()
    ]


def _matches(wanted: Sequence[str], lines: Sequence[_Numbered]) -> list[_Match]:
    """Whole lines first; else parts: an expression, or a statement without its beginning or its end."""
    text = "\n".join(("", *(line.squeezed for line in lines), ""))
    code = "\n".join(wanted)
    whole = list(_occurrences(f"\n{code}\n", text))
    parts = whole or (list(_occurrences(code, text)) if len(code) >= _MIN_PART else [])
    # Where each line ends in `text`: an offset belongs to the first line that ends behind it.
    ends = list(accumulate((len(line.squeezed) + 1 for line in lines), initial=0))[1:]
    skip = 1 if whole else 0
    return [_match(lines, bisect_left(ends, at + skip), len(wanted)) for at in parts]


def _occurrences(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _match(lines: Sequence[_Numbered], first: int, count: int) -> _Match:
    run = lines[first : first + count]
    return _Match(run[0].number, run[-1].number, any(line.changed for line in run))


def _distance(match: _Match, line: int | None) -> tuple[int, bool, int]:
    """By the stated line, then changed lines before others, then the first."""
    away = 0 if line is None else max(match.start - line, line - match.end, 0)
    return away, not match.changed, match.start
