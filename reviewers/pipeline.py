"""From what the reviewers returned to what the pull request is told: a pure function that loses no candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import model_validator

from app.domain.coverage import Coverage, Reading
from app.domain.diff import Diff
from app.domain.findings import HeldBack, TrackedFinding
from app.domain.line_map import Moves
from app.domain.model import Frozen
from app.domain.past_verdicts import PastVerdict
from app.domain.repo_config import RepoConfig
from app.domain.review import ReviewerReport, ReviewerUsage
from reviewers.registry import LINTERS, MODEL_REVIEWERS
from reviewers.stages import precedents
from reviewers.stages.base import Decided, Dropped
from reviewers.stages.hold_back import Situation, decide, limit
from reviewers.stages.merge import merge
from reviewers.stages.rank import rank
from reviewers.stages.reconcile import match_known, new_names, place_now, split_unseen
from reviewers.stages.sift import sift


@dataclass(frozen=True, kw_only=True)
class History:
    """What the pull request has behind it; empty for a first review."""

    known: tuple[TrackedFinding, ...] = ()
    # How lines moved since the newest completed run; without it, code that was changed and moved is not recognised.
    moves: Moves = field(default_factory=Moves)
    # The ledger of the newest completed run. None for a first review and for `review full`: nothing was read before.
    last: Coverage | None = None
    # Earlier heads, this one not counted, on which something was found.
    heads_with_findings: int = 0
    # Of the repository, newest first.
    verdicts: tuple[PastVerdict, ...] = ()


class Conclusion(Frozen):
    """Every candidate in exactly one place: it cannot be built when one was lost."""

    # How many the reviewers produced, those that they dropped themselves included.
    produced: int
    # To be tracked, in this order: by rank, so that numbers follow importance.
    decided: tuple[Decided, ...]
    dropped: tuple[Dropped, ...]
    # Known findings whose code is gone and whose reviewer read what stands there now.
    mended_ids: tuple[str, ...]
    # Known open findings that nobody saw this time and whose code is still there; they are not tracked again.
    unseen: tuple[Decided, ...]
    coverage: Coverage
    # How many of the dropped had too few votes.
    outvoted: int = 0
    usage: tuple[ReviewerUsage, ...]
    analysers: tuple[str, ...]

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Self:
        told = len(self.decided) + len(self.dropped)
        if self.produced != told:
            raise ValueError(f"{self.produced} findings were produced and {told} accounted for")
        return self


class Finished(Frozen):
    """A conclusion whose findings have their ids and numbers: parts of a ReviewResult, named as there."""

    # By rank, those of earlier heads included, those held back not.
    open: tuple[TrackedFinding, ...]
    to_post: tuple[str, ...]
    held_back: tuple[HeldBack, ...]
    mended: tuple[TrackedFinding, ...]
    # For the outcome: all of `open`, and those held back that noise control must not hide from a gate.
    counted: tuple[TrackedFinding, ...]


def reviewers_for(model: str) -> tuple[str, ...]:
    """Names of the reviewers of a run; `model` is the configured model, empty when there is none."""
    return (LINTERS, *MODEL_REVIEWERS) if model else (LINTERS,)


def failed_report(reviewer: str, diff: Diff, reason: str) -> ReviewerReport:
    """What stands in for a reviewer that returned nothing: every file unread, with the reason."""
    return ReviewerReport(
        reviewer=reviewer,
        is_model=reviewer in MODEL_REVIEWERS,
        readings=tuple(
            Reading(reviewer=reviewer, path=file.path, state="failed", reason=reason) for file in diff.reviewable
        ),
    )


def paths_to_read(diff: Diff, history: History) -> tuple[str, ...]:
    """Files whose text at the head `conclude` takes as `texts`; those that do not exist there are left out of it."""
    places = [one.finding.place for one in history.known if one.state != "mended"]
    paths = {place.path for place in places} | {near.path for near in map(history.moves.near, places) if near}
    return tuple(sorted(paths | {name for path in paths for name in new_names(path, diff)}))


def conclude(
    *,
    diff: Diff,
    reports: Sequence[ReviewerReport],
    reviewers: Sequence[str],
    config: RepoConfig,
    texts: Mapping[str, str],
    history: History,
) -> Conclusion:
    """What is posted, held back, dropped and mended. Thousands of findings take seconds: call it in a thread.

    The caller, an activity, goes on in this order, so that it may be killed anywhere:
    1. store the conclusion; a retry goes on from it, since concluding anew would find its own findings in the store;
    2. track `Seen(finding, keys, known_id)` for each of `decided`, in that order (`Findings.track` is idempotent);
    3. `finish` with what `track` returned, decide the outcome over `counted` and `coverage`, store the result, post;
    4. only then set the state of `mended_ids`, so that a retry of step 3 still tells of them.
    """
    findings, dropped = sift(reports, diff)
    findings, merged = merge(findings)
    coverage = _coverage(diff, reports, reviewers)
    known = [(one, place_now(one, diff, texts, history.moves)) for one in history.known if one.state != "mended"]
    candidates = match_known(sorted(findings, key=rank), known, history.moves)
    now = Situation(
        diff=diff,
        config=config,
        last=history.last,
        heads_with_findings=history.heads_with_findings,
        rejected_before=precedents.held_back([one.finding for one in candidates if not one.known], history.verdicts),
    )
    mended, unseen = split_unseen(known, candidates, coverage, diff)
    return Conclusion(
        produced=sum(len(report.findings) + len(report.dropped) + len(report.outvoted) for report in reports),
        decided=tuple(limit((decide(one, now) for one in candidates), config.comment_limit)),
        dropped=(*dropped, *merged),
        mended_ids=tuple(one.finding_id for one in mended),
        unseen=tuple(decide(one, now) for one in unseen),
        coverage=coverage,
        outvoted=sum(len(report.outvoted) for report in reports),
        usage=tuple(one for report in reports for one in report.usages),
        analysers=tuple(name for report in reports for name in report.analysers),
    )


def finish(conclusion: Conclusion, tracked: Sequence[TrackedFinding], known: Sequence[TrackedFinding]) -> Finished:
    """The conclusion with identities: `tracked` is what `Findings.track` returned for `decided`, in its order."""
    by_id = {one.finding_id: one for one in known}
    seen = list(zip(conclusion.decided, tracked, strict=True))
    both = [*seen, *((decided, by_id[decided.known_id or ""]) for decided in conclusion.unseen)]
    return Finished(
        open=_by_rank([one for decided, one in both if decided.decision != "held_back"]),
        to_post=tuple(one.finding_id for decided, one in seen if decided.decision == "post"),
        held_back=tuple(
            HeldBack(finding=one, reason=decided.reason) for decided, one in both if decided.decision == "held_back"
        ),
        mended=tuple(by_id[finding_id] for finding_id in conclusion.mended_ids),
        counted=_by_rank([one for decided, one in both if decided.counts]),
    )


def _coverage(diff: Diff, reports: Sequence[ReviewerReport], reviewers: Sequence[str]) -> Coverage:
    return Coverage.of(
        diff,
        tuple(reviewers),
        tuple(name for name in reviewers if name in MODEL_REVIEWERS),
        tuple(reading for report in reports for reading in report.readings),
    )


def _by_rank(findings: Sequence[TrackedFinding]) -> tuple[TrackedFinding, ...]:
    return tuple(sorted(findings, key=lambda one: (rank(one.finding), one.number)))
