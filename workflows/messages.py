"""What travels through Temporal: ids, hashes, enums and counters, never code or prose; 2 KiB at most."""

from typing import Literal

from app.domain.model import Frozen
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef

NudgeKind = Literal["opened", "pushed", "retargeted", "closed", "check", "action", "reconcile"]


class Nudge(Frozen):
    """Word that something happened; what is true now is read from the forge and the store."""

    kind: NudgeKind
    delivery_id: str
    action_key: str | None = None


class PullRequestInput(Frozen):
    """The start of a turn. `time_scale` shortens waits in tests (1.0 is real time)."""

    ref: PullRequestRef
    time_scale: float = 1.0
    # Nudges a finished run handed on.
    waiting: tuple[Nudge, ...] = ()


class Admission(Frozen):
    """May this head be reviewed now, and which one is it."""

    verdict: Literal["review", "skip", "closed", "known"]
    head_sha: str
    request: str
    # Why not, for the check: "Draft", "Opened by renovate"; empty when it is silent.
    reason: str = ""


class AdmitRequest(Frozen):
    ref: PullRequestRef
    # "auto" or an action key; a command overrides what is skipped by default.
    request: str
    full: bool = False


class ReviewInput(Frozen):
    ref: PullRequestRef
    head_sha: str
    request: str
    full: bool = False
    # Set when there is nothing to review, and the check only says why.
    skip_reason: str = ""
    time_scale: float = 1.0


class BegunReview(Frozen):
    """The run's row is ours; which reviewers are to read it."""

    status: Literal["started", "done", "carried", "moved"]
    run_id: str
    reviewers: tuple[str, ...] = ()


class RunStep(Frozen):
    """One reviewer's turn, or the posting, of one run."""

    run_id: str
    reviewer: str = ""


class StepDone(Frozen):
    """How a step ended; its result is in the store."""

    findings: int = 0
    failed: str = ""


class Stop(Frozen):
    """Why a review ends early."""

    reason: Literal["superseded", "closed", "stopped", "retargeted"]
    head_sha: str = ""
    by: str = ""


class Closing(Frozen):
    """Complete the check of a run that will not be posted."""

    run_id: str
    stop: Stop | None = None
    # A sentence for "Could not review · …".
    failure: str = ""


class Posted(Frozen):
    outcome: Outcome
    threads: int = 0


class ActRequest(Frozen):
    ref: PullRequestRef
    action_key: str


class Acted(Frozen):
    """What a command leads to in this turn."""

    order: Literal["none", "review", "review_full", "stop"] = "none"
    by: str = ""
