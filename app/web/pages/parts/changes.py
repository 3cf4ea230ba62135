"""A fix's patch as rows of code, file by file: what a sandbox wrote, shown and never believed."""

from typing import NamedTuple

from app.web.pages.parts.excerpts import ShownLine
from app.web.pages.parts.words import visible
from autofix.patches import FilePatch, PatchHunk, UnreadablePatch, parse

# The longest change that is shown whole, and its longest line; the rest is in the patch.
_LINES = 2_000
_CHARACTERS = 400
_SIGNS = {"context": " ", "added": "+", "removed": "−"}


class ShownFile(NamedTuple):
    """One file's part; a hunk is its rows. `note` says what rows cannot."""

    path: str
    added: int
    removed: int
    note: str
    hunks: tuple[tuple[ShownLine, ...], ...]


class ShownChange(NamedTuple):
    """A patch; `wrong` says why nothing of it is shown."""

    files: tuple[ShownFile, ...] = ()
    left_out: int = 0
    wrong: str = ""


def shown_change(patch: bytes) -> ShownChange:
    try:
        read = parse(patch)
    except UnreadablePatch as unreadable:
        return ShownChange(wrong=str(unreadable))
    files: list[ShownFile] = []
    left = _LINES
    for file in read.files:
        shown, left = _file(file, left)
        files.append(shown)
    lines = sum(len(hunk.lines) for file in read.files for hunk in file.hunks)
    return ShownChange(tuple(files), max(0, lines - _LINES))


def _file(file: FilePatch, left: int) -> tuple[ShownFile, int]:
    hunks: list[tuple[ShownLine, ...]] = []
    for hunk in file.hunks:
        if left > 0:
            hunks.append(_hunk(hunk)[:left])
            left -= len(hunks[-1])
    added, removed = len(list(file.added)), len(list(file.removed))
    return ShownFile(file.path, added, removed, _note(file), tuple(hunks)), left


def _note(file: FilePatch) -> str:
    if file.binary:
        return "binary"
    if file.status == "renamed":
        return f"renamed from {visible(file.old_path)}"
    return "" if file.status == "modified" else file.status


def _hunk(hunk: PatchHunk) -> tuple[ShownLine, ...]:
    rows: list[ShownLine] = []
    old, new = hunk.old_start, hunk.new_start
    for line in hunk.lines:
        number = old if line.kind == "removed" else new
        rows.append(ShownLine(str(number), _SIGNS[line.kind], _text(line.text), False))
        old += line.kind != "added"
        new += line.kind != "removed"
    return tuple(rows)


def _text(text: str) -> str:
    # Bytes that are no UTF-8 came as surrogates, which no page can be made of.
    shown = visible(text.removesuffix("\n").removesuffix("\r"))
    return shown if len(shown) <= _CHARACTERS else f"{shown[:_CHARACTERS]}…"
