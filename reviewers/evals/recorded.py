"""The recorded data sets of comments: what experts confirmed and rejected, and what twelve tools said."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from app.domain.errors import UserError
from app.domain.findings import Category, Finding, Place, Severity
from reviewers.evals.matching import Known

DEFECT = "Code Defect"


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Comment(_Row):
    """A comment on lines of a pull request that an expert confirmed or rejected."""

    note: str
    path: str
    side: str
    from_line: int
    to_line: int
    category: str

    @property
    def place(self) -> Place:
        # Some ranges of the data run backwards.
        start, end = sorted((max(1, self.from_line), max(1, self.to_line)))
        return Place(path=self.path, side="old" if self.side == "left" else "new", start_line=start, line=end)

    @property
    def known(self) -> Known:
        return Known(text=self.note, places=(self.place,))


class _Commented(_Row):
    githubPrUrl: str  # noqa: N815 - the data's own name
    comments: tuple[Comment, ...]


class ExpertReview(BaseModel):
    """A pull request with the comments that experts confirmed, and those that they rejected."""

    url: str
    confirmed: tuple[Comment, ...]
    rejected: tuple[Comment, ...]


class Said(_Row):
    """One comment of a tool, and the known problems a model judge saw in it, by position."""

    text: str
    matches: tuple[int, ...]


class _Golden(_Row):
    text: str
    severity: Literal["Critical", "High", "Medium", "Low"]


class ToolReview(_Row):
    """What one tool said; `hits_by_judge` are the known problems that each judge gave it."""

    candidates: tuple[Said, ...]
    hits_by_judge: dict[str, tuple[int, ...]]

    def hits(self, judge: str = "opus45") -> frozenset[int]:
        return frozenset(self.hits_by_judge[judge])


class JudgedReviews(_Row):
    """A pull request as twelve tools reviewed it. Nothing here has a place: words alone must do."""

    pr: str
    golden: tuple[_Golden, ...]
    tools: dict[str, ToolReview]
    repository: str = ""

    @property
    def known(self) -> tuple[Known, ...]:
        return tuple(Known(text=one.text, severity=one.severity.lower()) for one in self.golden)


def read_expert_reviews(folder: Path) -> list[ExpertReview]:
    """All pull requests with confirmed comments."""
    rows = TypeAdapter(list[_Commented])
    confirmed = rows.validate_json(_bytes(folder / "aacr-bench" / "positive_samples.json"))
    rejected: dict[str, tuple[Comment, ...]] = defaultdict(tuple)
    for row in rows.validate_json(_bytes(folder / "aacr-bench" / "negative_samples.json")):
        rejected[row.githubPrUrl] = row.comments
    return [
        ExpertReview(url=row.githubPrUrl, confirmed=row.comments, rejected=rejected[row.githubPrUrl])
        for row in confirmed
    ]


def read_judged_reviews(folder: Path) -> list[JudgedReviews]:
    """All pull requests, each with the name of the repository it was taken from."""
    home = folder / "martian-crb"
    repositories = {
        row["url"]: file.name.removeprefix("golden.").removesuffix(".json")
        for file in sorted(home.glob("golden.*.json"))
        for row in json.loads(_bytes(file))
    }
    lines = _bytes(home / "verdicts.jsonl").decode("utf-8").splitlines()
    rows = [JudgedReviews.model_validate_json(line) for line in lines]
    return [row.model_copy(update={"repository": repositories[row.pr]}) for row in rows]


def as_finding(text: str, place: Place | None = None) -> Finding:
    """A recorded comment in the form the pipeline knows; one without a place is put where all of them are."""
    return Finding(
        reviewer="bug_hunter",
        rule="correctness",
        category=Category.CORRECTNESS,
        severity=Severity.MEDIUM,
        title="",
        body=text,
        place=place or Place(path="", start_line=1, line=1),
        quote=text,
    )


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"The recorded data {str(file)!r} cannot be read: {error.strerror}.") from error
