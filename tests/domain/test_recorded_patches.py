"""Every recorded patch is parsed whole, and a finding on every known bug gets a place that a forge accepts."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.checkouts.diff_parser import parse
from app.domain.anchors import find
from app.domain.diff import Diff, FileChange, Side
from app.domain.findings import Place
from app.domain.placement import lines_of, place
from tests.domain.diffs import diff_of

_HEADER = re.compile(rb"^diff --git a/(.+) b/(.+)$", re.MULTILINE)
_BUGS = ("bugsinpy", "mined_fix", "mined_szz", "clean")


class Truth(BaseModel):
    path: str
    side: str
    start: int
    end: int

    @property
    def place(self) -> Place:
        return Place(path=self.path, side=side_of(self.side), start_line=self.start, line=self.end)


class Bug(BaseModel):
    id: str
    patch: str
    truth: list[Truth] = []


class Comment(BaseModel):
    path: str
    side: str
    start_line: int
    end_line: int

    @property
    def place(self) -> Place:
        # Some ranges of the data run backwards.
        start, end = sorted((self.start_line, self.end_line))
        return Place(path=self.path, side=side_of(self.side), start_line=start, line=end)


class Reviewed(BaseModel):
    patch: str
    golden: list[Comment]
    rejected: list[Comment] = []


def side_of(name: str) -> Side:
    return "new" if name.lower() == "right" else "old"


def read_patch(file: Path) -> Diff:
    """The raw list that git would have printed is made up from the headers; every hunk must be there."""
    patch = file.read_bytes()
    patch = patch[max(0, patch.find(b"diff --git ")) :]
    raw = b"".join(
        b":100644 100644 %040d %040d R099\0%s\0%s\0" % (1, 2, old, new)
        if old != new
        else b":100644 100644 %040d %040d M\0%s\0" % (1, 2, new)
        for old, new in _HEADER.findall(patch)
    )
    diff = diff_of(*parse(raw, patch))
    assert sum(len(change.hunks) for change in diff.files) == patch.count(b"\n@@ -")
    check_numbers(diff)
    return diff


@pytest.mark.parametrize("name", _BUGS)
def test_every_known_bug_can_be_quoted_and_placed(shared_data: Path, name: str) -> None:
    folder = shared_data / "eval" / "bugdiffs"
    bugs = [Bug.model_validate_json(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    assert len(bugs) > 70
    for bug in bugs:
        diff = read_patch(folder / bug.patch)
        for truth in bug.truth:
            found = place(truth.place, diff)
            assert found is not None, (bug.id, truth)
            assert any(found.start_line in each and found.line in each for each in sides(diff, found))
        # A few patches hold two hundred: the first ones will do.
        for truth in bug.truth[:20]:
            assert can_be_quoted(diff.by_path[truth.path], truth.place), (bug.id, truth)


def test_comments_of_real_reviewers_can_be_placed(shared_data: Path) -> None:
    folder = shared_data / "eval" / "aacr-bench"
    rows = [Reviewed.model_validate_json(line) for line in (folder / "prs_with_diffs.jsonl").read_text().splitlines()]
    placed = [
        place(comment.place, diff) is not None
        for row in rows
        for diff in [read_patch(folder / row.patch)]
        for comment in (*row.golden, *row.rejected)
    ]
    # A few stand in a changed file but outside its hunks: the check names them.
    assert len(placed) > 90
    assert placed.count(False) <= 2


def sides(diff: Diff, found: Place) -> list[range]:
    return [lines_of(hunk, found.side) for hunk in diff.by_path[found.path].hunks]


def check_numbers(diff: Diff) -> None:
    """Each hunk has exactly the lines that its header promises, numbered without a gap."""
    for file in diff.files:
        for hunk in file.hunks:
            assert [line.new for line in hunk.lines if line.new is not None] == list(lines_of(hunk, "new"))
            assert [line.old for line in hunk.lines if line.old is not None] == list(lines_of(hunk, "old"))


def can_be_quoted(file: FileChange, wanted: Place) -> bool:
    """Quoting a line of the place leads back to it, or to an equal line; blank lines cannot be quoted."""
    numbered = [
        (line.new if wanted.side == "new" else line.old, line.text) for hunk in file.hunks for line in hunk.lines
    ]
    inside = [(number, text) for number, text in numbered if number and wanted.start_line <= number <= wanted.line]
    return all(
        (found := find(text, file, line=number)) is not None and found.found_in in {"new", "old"}
        for number, text in inside[:5]
        if text.strip()
    )
