"""Recorded changes that a review is tried on: with a known bug, with known problems, or with none."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from app.domain.diff import Diff
from app.domain.errors import UserError
from app.domain.findings import Place
from app.domain.repo_config import RepoConfig
from reviewers.evals.matching import Known
from reviewers.evals.patches import folders_of, read_patch

# What the sets are: commits that brought a bug in, fixes read backwards from two sources, commits that stood the test
# of time, pull requests with experts' comments. A reversed fix is the bug and nothing else, so it flatters every
# reviewer: precision is for the others.
BUGS = ("mined_szz", "bugsinpy", "mined_fix")
CLEAN = "clean"
EXPERTS = "experts"
SETS = (*BUGS, CLEAN, EXPERTS)

_FIX_WORDS = re.compile(r"^\w+(\([^)]*\))?!?:\s*|\(#\d+\)\s*$")


class Opened(NamedTuple):
    """A change as reviewers take it, for as long as its folders live."""

    diff: Diff
    head_root: Path
    base_root: Path


class Case(Protocol):
    """One change, with what is known to be wrong in it."""

    @property
    def case_id(self) -> str: ...

    @property
    def group(self) -> str: ...

    @property
    def title(self) -> str:
        """What the author wrote."""
        ...

    def language(self, diff: Diff, /) -> str: ...

    def known(self, diff: Diff, /) -> tuple[Known, ...]: ...

    def opened(self, config: RepoConfig) -> AbstractAsyncContextManager[Opened]: ...


class PatchCase(BaseModel):
    """A line of a data set whose patch lies beside it."""

    model_config = ConfigDict(extra="ignore")

    case_id: str = Field(alias="id")
    written_in: str = Field(alias="language")
    repo: str
    base_sha: str
    head_sha: str
    patch: str
    group: str = ""
    folder: Path = Path()

    def diff(self, config: RepoConfig) -> Diff:
        patch = (self.folder / self.patch).read_bytes()
        return read_patch(patch, base_sha=self.base_sha, head_sha=self.head_sha, config=config)

    def language(self, _diff: Diff) -> str:
        return self.written_in

    @asynccontextmanager
    async def opened(self, config: RepoConfig) -> AsyncGenerator[Opened]:
        diff = await asyncio.to_thread(self.diff, config)
        async with folders_of(diff) as (head, base):
            yield Opened(diff, head, base)


class _Truth(BaseModel):
    """Lines of the bug. `right_anchor` are the neighbours on the new side where that side lacks the lines."""

    path: str
    side: str
    start: int
    end: int
    right_anchor: tuple[int, int] | None = None

    def places(self) -> tuple[Place, ...]:
        side = "new" if self.side == "RIGHT" else "old"
        own = Place(path=self.path, side=side, start_line=self.start, line=self.end)
        if self.right_anchor is None:
            return (own,)
        start, end = sorted(max(1, line) for line in self.right_anchor)
        return own, Place(path=self.path, start_line=start, line=end)


class BugDiff(PatchCase):
    """A change that brought one bug in, or one that brought none."""

    kind: str
    truth: tuple[_Truth, ...] = ()
    subject: str = ""
    fix_subject: str = ""

    @cached_property
    def places(self) -> tuple[Place, ...]:
        return tuple(place for truth in self.truth for place in truth.places())

    @property
    def title(self) -> str:
        """A reversed fix has none of its own: the recorded one names the bug."""
        return f"Change {Path(self.patch).stem}" if self.kind == "reversed_fix" else self.subject

    def known(self, diff: Diff) -> tuple[Known, ...]:
        """The bug: what its fix was called, and the code it is about, since there are no better words."""
        if not self.truth:
            return ()
        words = self.fix_subject or (self.subject if self.kind == "reversed_fix" else "")
        text = "\n".join((_FIX_WORDS.sub("", words), *_code(diff, self.places)))
        return (Known(text=text, places=self.places),)


class _Comment(BaseModel):
    path: str
    side: str
    start_line: int
    end_line: int
    body: str
    # How far somebody has to look to see it: "Diff Level", "File Level", "Repo Level".
    context: str = ""

    @property
    def known(self) -> Known:
        # Some ranges of the data run backwards.
        start, end = sorted((self.start_line, self.end_line))
        side = "new" if self.side == "right" else "old"
        return Known(text=self.body, places=(Place(path=self.path, side=side, start_line=start, line=end),))


class ExpertDiff(PatchCase):
    """A pull request with the comments that experts confirmed, and those that they rejected."""

    url: str
    golden: tuple[_Comment, ...]
    rejected: tuple[_Comment, ...] = ()

    @property
    def title(self) -> str:
        return self.url.removeprefix("https://github.com/")

    def known(self, diff: Diff) -> tuple[Known, ...]:
        return tuple(one.known for one in self.golden if one.path in diff.by_path)


def read_cases(data: Path, sets: Sequence[str] = SETS) -> list[BugDiff | ExpertDiff]:
    """Every change of the named sets, in their order. UserError when a set is unknown or not there."""
    cases: list[BugDiff | ExpertDiff] = []
    for name in sets:
        if name not in SETS:
            raise UserError(f"There is no set {name!r}; there are {', '.join(SETS)}.")
        file = data / ("aacr-bench/prs_with_diffs.jsonl" if name == EXPERTS else f"bugdiffs/{name}.jsonl")
        if not file.is_file():
            raise UserError(f"There is no {file}; --data names the folder with bugdiffs, aacr-bench and martian-crb.")
        row = ExpertDiff if name == EXPERTS else BugDiff
        lines = file.read_text(encoding="utf-8").splitlines()
        where = {"folder": file.parent, "group": name}
        cases += (row.model_validate_json(line).model_copy(update=where) for line in lines)
    return cases


def read_expert_diffs(data: Path) -> list[ExpertDiff]:
    """Those whose diff is recorded."""
    return [case for case in read_cases(data, (EXPERTS,)) if isinstance(case, ExpertDiff)]


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
