"""Recorded changes with a known bug, or with none: one row each, with its patch beside it."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.domain.diff import Diff
from app.domain.errors import UserError
from app.domain.findings import Place
from app.domain.repo_config import RepoConfig
from reviewers.evals.matching import Known
from reviewers.evals.patches import read_patch

# What the sets are: commits that brought a bug in, fixes read backwards from two sources, commits that stood the test
# of time. A reversed fix is the bug and nothing else, so it flatters every reviewer: precision is for the others.
SETS = ("mined_szz", "bugsinpy", "mined_fix", "clean")

_FIX_WORDS = re.compile(r"^\w+(\([^)]*\))?!?:\s*|\(#\d+\)\s*$")


class _Truth(BaseModel):
    path: str
    side: str
    start: int
    end: int
    # Where the new side lacks the lines, its neighbours.
    right_anchor: tuple[int, int] | None = None

    def places(self) -> tuple[Place, ...]:
        new = self.side == "RIGHT"
        own = Place(path=self.path, side="new" if new else "old", start_line=self.start, line=self.end)
        if self.right_anchor is None:
            return (own,)
        start, end = sorted(self.right_anchor)
        return own, Place(path=self.path, start_line=max(1, start), line=max(1, end))


class BugDiff(BaseModel):
    """One change; `folder` is where its set lies."""

    model_config = ConfigDict(extra="ignore")

    id: str
    kind: str
    language: str
    repo: str
    base_sha: str
    head_sha: str
    patch: str
    truth: tuple[_Truth, ...] = ()
    subject: str = ""
    fix_subject: str = ""
    folder: Path = Path()

    @cached_property
    def places(self) -> tuple[Place, ...]:
        return tuple(place for truth in self.truth for place in truth.places())

    def diff(self, config: RepoConfig) -> Diff:
        patch = (self.folder / self.patch).read_bytes()
        return read_patch(patch, base_sha=self.base_sha, head_sha=self.head_sha, config=config)

    @property
    def title(self) -> str:
        """What the author wrote; a reversed fix has none, since its subject would tell the answer."""
        return self.subject if self.kind in {"bug_introducing", "clean"} else f"Change {Path(self.patch).stem}"

    def known(self, diff: Diff) -> tuple[Known, ...]:
        """The bug: what the fix was called, and the code it is about, since most data holds no better words."""
        if not self.truth:
            return ()
        words = self.fix_subject or (self.subject if self.kind == "reversed_fix" else "")
        text = "\n".join((_FIX_WORDS.sub("", words), *_code(diff, self.places)))
        return (Known(text=text, places=self.places),)


def read_bug_diffs(folder: Path, sets: Sequence[str] = SETS) -> list[BugDiff]:
    """Every row of the named sets, in their order. UserError when one is not there."""
    rows: list[BugDiff] = []
    for name in sets:
        file = folder / "bugdiffs" / f"{name}.jsonl"
        if not file.is_file():
            raise UserError(
                f"There is no {file}; --data names the folder that holds bugdiffs, aacr-bench and martian-crb."
            )
        lines = file.read_text(encoding="utf-8").splitlines()
        rows += (BugDiff.model_validate_json(line).model_copy(update={"folder": file.parent}) for line in lines)
    return rows


def _code(diff: Diff, places: Sequence[Place]) -> list[str]:
    """The changed lines of the places."""
    texts: list[str] = []
    for place in places:
        file = diff.by_path.get(place.path)
        for line in (line for hunk in file.hunks for line in hunk.lines) if file else ():
            number = line.new if place.side == "new" else line.old
            if line.kind != "context" and number and place.start_line <= number <= place.line:
                texts.append(line.text.strip())
    return texts
