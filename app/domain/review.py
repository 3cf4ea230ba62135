"""A run of the reviewers over one head: what it found, what it read, what it says."""

from datetime import datetime
from typing import Literal

from app.domain.coverage import Coverage, Reading
from app.domain.findings import Finding, HeldBack, TrackedFinding
from app.domain.model import Frozen
from app.domain.outcomes import Verdict
from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import ConfigInForce


class ReviewerUsage(Frozen):
    """What one reviewer cost: tokens, and dollars where the price is known (None where it is not)."""

    model: str = ""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    dollars: float | None = 0.0
    # What it did, for the check: "5 passes, kept at 2 votes".
    role: str = ""

    def without(self, part: "ReviewerUsage | None") -> "ReviewerUsage":
        """What there is besides a part of it that was counted before."""
        if part is None:
            return self
        return self.model_copy(
            update={
                "requests": self.requests - part.requests,
                "input_tokens": self.input_tokens - part.input_tokens,
                "output_tokens": self.output_tokens - part.output_tokens,
                "cached_tokens": self.cached_tokens - part.cached_tokens,
                "dollars": None if self.dollars is None else max(0.0, self.dollars - (part.dollars or 0.0)),
            }
        )

    def plus(self, other: "ReviewerUsage") -> "ReviewerUsage":
        """Both together, for the same model."""
        unknown = self.dollars is None or other.dollars is None
        return ReviewerUsage(
            model=self.model,
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            dollars=None if unknown else (self.dollars or 0.0) + (other.dollars or 0.0),
            role="; ".join(dict.fromkeys(filter(None, (self.role, other.role)))),
        )


class ReviewerReport(Frozen):
    """Everything one reviewer returns: findings, what it read, and what it cost."""

    reviewer: str
    is_model: bool
    findings: tuple[Finding, ...] = ()
    readings: tuple[Reading, ...] = ()
    usage: ReviewerUsage = ReviewerUsage()
    # Programs that ran, with versions: ("ruff 0.17.5", …), for the check.
    analysers: tuple[str, ...] = ()
    # Candidates dropped by a rule, with the reason: "quote not found in the change".
    dropped: tuple[str, ...] = ()
    # What too few passes said, with how many did.
    outvoted: tuple[Finding, ...] = ()
    # What others cost: those that read some of the passes, that only checked, that stood in for one that could not be
    # used.
    other_usage: tuple[ReviewerUsage, ...] = ()

    @property
    def usages(self) -> tuple[ReviewerUsage, ...]:
        """Every model that was asked, once, whatever it did."""
        by_model: dict[str, ReviewerUsage] = {}
        for one in (self.usage, *self.other_usage):
            if one.requests:
                by_model[one.model] = by_model[one.model].plus(one) if one.model in by_model else one
        return tuple(by_model.values())


class MarkedThread(Frozen):
    """A finding that got, or has, a comment."""

    finding_id: str
    comment_id: str


class ReviewResult(Frozen):
    """What a finished review knows: enough to write the review, its threads, the check and the run's page."""

    run_id: str
    ref: PullRequestRef
    repo_name: str
    head_sha: str
    base_ref: str
    merge_base_sha: str
    verdict: Verdict
    # Open findings by rank, those of earlier heads included.
    open: tuple[TrackedFinding, ...] = ()
    # Ids of open findings that get a thread now; a review is posted only when there is one.
    to_post: tuple[str, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    # How many more the reviewers said that too few of their passes agreed on.
    outvoted: int = 0
    # Ids of all that the review told as open; one that was dismissed since may be opened again.
    listed: tuple[str, ...] = ()
    # Ids of all that count for the outcome while they are open: noise control hides threads, it never weakens a gate.
    counted: tuple[str, ...] = ()
    mended: tuple[TrackedFinding, ...] = ()
    coverage: Coverage
    config: ConfigInForce
    analysers: tuple[str, ...] = ()
    usage: tuple[ReviewerUsage, ...] = ()
    # Set when the result of an equal patch was carried over.
    carried_from_sha: str | None = None
    started_at: datetime
    finished_at: datetime


class CheckButton(Frozen):
    """A button under the check; GitHub allows 20 characters of label, 40 of description, 20 of identifier."""

    label: str
    description: str
    identifier: str


class CheckText(Frozen):
    """What the check shows: while waiting (`conclusion` None) and when completed."""

    title: str
    summary: str
    conclusion: Literal["success", "neutral", "failure", "action_required", "cancelled", "skipped"] | None = None
    buttons: tuple[CheckButton, ...] = ()


class InlineComment(Frozen):
    """A thread to open: text with its marker, on lines the forge accepts."""

    finding_id: str
    path: str
    side: Literal["new", "old"]
    start_line: int
    line: int
    body: str


class ReviewDraft(Frozen):
    """A whole review: one body, all threads. `run_id` is in the body's marker."""

    run_id: str
    head_sha: str
    body: str
    comments: tuple[InlineComment, ...]
