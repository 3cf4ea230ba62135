"""The code that a judgement is made from: the finding's own place, what people named, and what the model asks for."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.domain.findings import Finding
from app.domain.invisible import strip_invisible
from app.llm.blocks import block
from reviewers.base import Change

# How many lines around a place are shown?
_AROUND = 40
# How much code is shown in all, in lines? About 20,000 tokens.
_MOST_LINES = 1_200
# What a search for a word reads and shows at most; a file above the size is data.
_SEARCHED_FILES, _SEARCHED_BYTES, _SHOWN_HITS = 20_000, 500_000, 30
_NAMED_PLACE = re.compile(r"([\w./+-]{1,200}\.[A-Za-z]\w{0,9})(?::(\d{1,6}))?")


class Wanted(NamedTuple):
    """A place that somebody named."""

    path: str
    line: int


class ShownCode:
    """Grows by what is looked at; only what was shown can be quoted."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._lines: dict[str, set[int]] = {}
        self._searches: dict[str, str] = {}

    def show_finding(self, finding: Finding) -> None:
        place = finding.place
        # The old side of a change has no place in the head; its file's remains are what there is.
        self.show(Wanted(place.path, place.start_line))
        self.show(Wanted(place.path, place.line))

    def show_named(self, words: str) -> None:
        """Places that people write: `api/guard.py:30`, `guard.py`."""
        for named in list(_NAMED_PLACE.finditer(words))[:5]:
            self.show(Wanted(named[1], int(named[2] or 1)))

    def show(self, wanted: Wanted) -> None:
        text = self._change.read(wanted.path)
        if text is None:
            return
        last = text.count("\n") + 1
        lines = range(max(1, wanted.line - _AROUND), min(last, wanted.line + _AROUND) + 1)
        if sum(map(len, self._lines.values())) + len(lines) <= _MOST_LINES:
            self._lines.setdefault(wanted.path, set()).update(lines)

    def search(self, word: str) -> None:
        hits = [f"{path}:{line}: {text}" for path, line, text in _search(self._change.head_root, word)]
        self._searches[word] = "\n".join(hits) or "nothing found"

    def text_of(self, path: str) -> str | None:
        """The whole file that holds what was shown of it; None when nothing of it was."""
        return self._change.read(path) if path in self._lines else None

    def blocks(self) -> list[str]:
        searched = [block(f"lines that hold {word!r}", strip_invisible(hits)) for word, hits in self._searches.items()]
        return [*(self._file(path) for path in self._lines), *searched]

    def _file(self, path: str) -> str:
        lines = (self._change.read(path) or "").split("\n")
        shown = [f"{at:>5}  {strip_invisible(lines[at - 1])[:400]}" for at in sorted(self._lines[path])]
        return block(f"file {path!r}", "\n".join(shown))


def _search(root: Path, word: str) -> Iterator[tuple[str, int, str]]:
    """The first lines that hold a word; files in the order of their names."""
    left = _SHOWN_HITS
    for path in _files(root):
        data = path.read_bytes()
        if word.encode("utf-8", "replace") not in data or b"\0" in data:
            continue
        for at, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
            if word in line and left:
                left -= 1
                yield path.relative_to(root).as_posix(), at, line.strip()[:200]
        if not left:
            return


def _files(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            seen += 1
            if seen > _SEARCHED_FILES:
                return
            if not path.is_symlink() and path.stat().st_size <= _SEARCHED_BYTES:
                yield path
