"""Twelve real tools over fifty pull requests, as they were recorded: a test of voting, matching and dedupe.

What a model judge said about each comment is the truth here. Nothing has a place, so everything is done by words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from app.domain.findings import Finding
from app.domain.identity import MIN_COSINE
from app.domain.similarity import Similarity
from reviewers.evals import metrics
from reviewers.evals.matching import Known, match
from reviewers.evals.metrics import WEIGHTS, Counts
from reviewers.evals.recorded import JudgedReviews, as_finding
from reviewers.stages.bucket import Bucket, Claim, bucket

# What is tried when a threshold is chosen on other repositories.
_THRESHOLDS = tuple(step / 100 for step in range(10, 45))


@dataclass(frozen=True)
class Judged(Claim):
    """What one tool said, and which known problems the judge saw in it."""

    problems: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How our matcher, which counts words, compares with a model judge."""

    # Of all (tool, known problem), the share in which both say the same.
    of_decisions: float
    # The same where the threshold was chosen on the other repositories, averaged over repositories.
    held_out: float
    # Whether both put the tools in the same order by F1.
    spearman: float
    f1_by_judge: dict[str, float]
    f1_by_matcher: dict[str, float]


@dataclass(frozen=True)
class _Decision:
    """One tool on one pull request: how alike each known problem and the comment are that is given to it."""

    row: JudgedReviews
    tool: str
    likeness: dict[int, float]

    @property
    def counted(self) -> Counts:
        found = sum(likeness >= MIN_COSINE for likeness in self.likeness.values())
        posted = len(self.row.tools[self.tool].candidates)
        return Counts(posted=posted, true=found, known=len(self.row.golden), found=found)


def votes_by_need(rows: Sequence[JudgedReviews], needs: Iterable[int]) -> dict[int, list[Counts]]:
    """What is left when at least so many of the tools must agree, one row a pull request.

    A bucket is true when the judge saw a known problem in anything in it.
    """
    grouped = [(row, _buckets(row)) for row in rows]
    return {needed: [_counted(row, buckets, needed) for row, buckets in grouped] for needed in needs}


def recall_by_severity(rows: Sequence[JudgedReviews], needed: int) -> dict[str, list[Counts]]:
    """What is found of the problems of each severity when at least so many of the tools must agree."""
    grouped = [(row, _found(row, needed)) for row in rows]
    return {
        severity: [
            Counts(known=len(of_it), found=len(of_it & found))
            for row, found in grouped
            for of_it in (frozenset(at for at, one in enumerate(row.known) if one.severity == severity),)
        ]
        for severity in WEIGHTS
    }


def _found(row: JudgedReviews, needed: int) -> frozenset[int]:
    return _union([_problems(one) for one in _buckets(row) if len(one.voters) >= needed])


def agreement(rows: Sequence[JudgedReviews]) -> Agreement:
    """Our matcher at the product's threshold against the judge, over every tool and known problem."""
    tools = sorted(rows[0].tools)
    decisions = [decision for row in rows for decision in _decisions(row)]
    by_judge = {tool: metrics.f_one([_by_judge(row, tool) for row in rows]) for tool in tools}
    by_matcher = {tool: metrics.f_one([one.counted for one in decisions if one.tool == tool]) for tool in tools}
    return Agreement(
        of_decisions=_agree(decisions, MIN_COSINE),
        held_out=fmean(_held_out(decisions, name) for name in sorted({row.repository for row in rows})),
        spearman=metrics.spearman([by_judge[tool] for tool in tools], [by_matcher[tool] for tool in tools]),
        f1_by_judge=by_judge,
        f1_by_matcher=by_matcher,
    )


def merged_shares(rows: Sequence[JudgedReviews]) -> tuple[float, float]:
    """Which share our dedupe takes for the same: of two tools' comments on one problem, and on two problems."""
    same: list[bool] = []
    different: list[bool] = []
    for row in rows:
        claims = _claims(row)
        similarity = Similarity(one.finding.body for one in claims)
        said = [one for one in claims if one.problems]
        for one, other in combinations(said, 2):
            if one.voter != other.voter:
                alike = similarity.cosine(one.finding.body, other.finding.body) >= MIN_COSINE
                (same if one.problems & other.problems else different).append(alike)
    return fmean(same), fmean(different)


def _decisions(row: JudgedReviews) -> Iterator[_Decision]:
    """What the matcher says about each tool; everything that was said about the pull request weighs the words."""
    said = [one.text for review in row.tools.values() for one in review.candidates]
    similarity = Similarity([*(one.text for one in row.known), *said])
    for tool, review in row.tools.items():
        findings = [as_finding(one.text) for one in review.candidates]
        pairs = match(row.known, findings, judge=_anything, similarity=similarity)
        yield _Decision(row, tool, {pair.known: pair.likeness for pair in pairs})


def _anything(_known: Known, _finding: Finding) -> bool:
    """The threshold is applied later."""
    return True


def _buckets(row: JudgedReviews) -> list[Bucket]:
    return bucket(_claims(row))


def _claims(row: JudgedReviews) -> list[Judged]:
    return [
        Judged(tool, as_finding(said.text), frozenset(said.matches))
        for tool, review in row.tools.items()
        for said in review.candidates
    ]


def _counted(row: JudgedReviews, buckets: Sequence[Bucket], needed: int) -> Counts:
    return _as_judged(row, [_problems(one) for one in buckets if len(one.voters) >= needed])


def _problems(one: Bucket) -> frozenset[int]:
    return _union([claim.problems for claim in one.claims if isinstance(claim, Judged)])


def _by_judge(row: JudgedReviews, tool: str) -> Counts:
    review = row.tools[tool]
    counts = _as_judged(row, [frozenset(said.matches) for said in review.candidates])
    return counts.model_copy(update={"found": len(review.hits())})


def _as_judged(row: JudgedReviews, posted: Sequence[frozenset[int]]) -> Counts:
    """Of what is posted: which tells of which known problems."""
    found = _union(posted)
    weights = [WEIGHTS[one.severity] for one in row.known]
    return Counts(
        posted=len(posted),
        true=sum(bool(problems) for problems in posted),
        known=len(row.golden),
        found=len(found),
        weight=sum(weights),
        weight_found=sum(weights[at] for at in found),
        repeated=sum(bool(problems) and problems <= _union(posted[:at]) for at, problems in enumerate(posted)),
    )


def _union(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset[int]().union(*sets)


def _agree(decisions: Sequence[_Decision], threshold: float) -> float:
    """The share of (tool, known problem) on which judge and matcher agree."""
    same = [
        (at in one.row.tools[one.tool].hits()) == (one.likeness.get(at, 0.0) >= threshold)
        for one in decisions
        for at in range(len(one.row.golden))
    ]
    return fmean(same)


def _held_out(decisions: Sequence[_Decision], repository: str) -> float:
    others = [one for one in decisions if one.row.repository != repository]
    best = max(_THRESHOLDS, key=lambda threshold: _agree(others, threshold))
    return _agree([one for one in decisions if one.row.repository == repository], best)
