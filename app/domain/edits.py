"""Edits as tools propose them, from one place of a text to another, and a text with all of them made."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Edit:
    """Text from one place to another, lines and columns from 1, becomes another; where both are one it is put in."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def edited(text: str, edits: Sequence[Edit]) -> str | None:
    """The text with all edits made, from the last to the first; None when two of them meet or one is outside."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(place: tuple[int, int]) -> int:
        return starts[place[0] - 1] + place[1] - 1

    if any(not 0 < line < len(starts) for edit in edits for line in (edit.start[0], edit.end[0])):
        return None
    spans = sorted(((offset(edit.start), offset(edit.end), edit.text) for edit in edits), key=lambda span: span[:2])
    for before, after in pairwise(spans):
        if before[1] > after[0]:
            return None
    for begin, end, new in reversed(spans):
        text = text[:begin] + new + text[end:]
    return text
