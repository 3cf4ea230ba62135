"""What travels through Temporal: ids, hashes, enums and counters, never code or prose; 2 KiB at most."""

from datetime import datetime
from typing import Literal

from app.domain.errors import LimitKind
from app.domain.model import Frozen
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef

NudgeKind = Literal["opened", "pushed", "changed", "action"]


class Nudge(Frozen):
    """Word that something happened; what is true now is read from the forge and the store."""

    kind: NudgeKind
    delivery_id: str
    action_key: str | None = None


class PullRequestInput(Frozen):
    """The start of a turn. `time_scale` shortens waits in tests (1.0 is real time)."""

    ref: PullRequestRef
    time_scale: float = 1.0
    # Nudges a run that grew too long handed on to this one.
    inbox: tuple[Nudge, ...] = ()


class LookRequest(Frozen):
    """Read the pull request and say whether its head may be reviewed now."""

    ref: PullRequestRef
    # "auto", or the action key of the command that asked; a command overrides what is skipped by default.
    request: str


class Admission(Frozen):
    """What the pull request is now, and what the configuration says about it."""

    verdict: Literal["review", "skip", "closed", "nothing"]
    head_sha: str = ""
    # The PullRequest as it was read, in the blob store.
    pull_request_key: str = ""
    # For skip: why, as the check says it ("Draft"); empty when nothing is said.
    reason: str = ""


class ReviewInput(Frozen):
    ref: PullRequestRef
    head_sha: str
    pull_request_key: str
    request: str
    full: bool = False
    skip_reason: str = ""
    time_scale: float = 1.0


class ReviewerStep(Frozen):
    """One reviewer's reading of one run; everything it needs is in the blob store."""

    run_id: str
    reviewer: str
    queue: Literal["llm", "sandbox"]
    pull_request_key: str = ""
    diff_key: str = ""
    snapshot_key: str = ""
    config_key: str = ""
    # Reports of analysers, for a reviewer that weighs their word.
    hits_keys: tuple[str, ...] = ()


class Trial(Frozen):
    """What a reviewer proposes in place of lines, in its report, to be tried on the change that it read."""

    step: ReviewerStep
    report_key: str


class BegunReview(Frozen):
    """The run's row is ours; who is to read the change."""

    status: Literal["started", "done", "carried", "moved"]
    run_id: str = ""
    steps: tuple[ReviewerStep, ...] = ()
    # Said here rather than by a marker of Temporal's, which costs each review a write of its list of workflows.
    analysers_first: bool = False


class StepDone(Frozen):
    """A reviewer's report in the blob store, or the time before which its model may not be asked again."""

    report_key: str = ""
    wait_until: datetime | None = None
    wait_kind: LimitKind = "model"
    # Why this reviewer can never read it as things are set up: a refused key, an unknown model.
    failure: str = ""
    # Whether the report proposes lines that nobody has tried.
    untried: bool = False


class WaitNotice(Frozen):
    """A wait that is written to the check before it begins."""

    run_id: str
    until: datetime
    kind: LimitKind


class PostRequest(Frozen):
    run_id: str
    full: bool = False
    # Reviewer name -> blob key of its report.
    reports: dict[str, str]
    failure: str = ""


class Posted(Frozen):
    outcome: Outcome
    threads: int = 0


class Stop(Frozen):
    """Why a review ends early."""

    reason: Literal["superseded", "closed", "skipped", "stopped"]
    head_sha: str = ""
    by: str = ""
    # For skipped: the words of the check ("Draft").
    why: str = ""


class Closing(Frozen):
    """Complete the check of a run that will not be posted; the store knows which run that is."""

    ref: PullRequestRef
    head_sha: str
    request: str
    stop: Stop | None = None
    # The phrase after "Could not review · ".
    failure: str = ""


class ActRequest(Frozen):
    ref: PullRequestRef
    action_key: str


class Acted(Frozen):
    """What a command leads to in this turn."""

    order: Literal["none", "review", "review_full", "stop"] = "none"
    by: str = ""


class TalkInput(Frozen):
    """A reply in a finding's thread that is to be answered; the words are the action's."""

    ref: PullRequestRef
    action_key: str


class Considered(Frozen):
    """A Judgement in the blob store, or the time before which its model may not be asked again; or neither."""

    judgement_key: str = ""
    wait_until: datetime | None = None
    # Why there is no answer, a clause.
    failure: str = ""


class ReplyRequest(Frozen):
    ref: PullRequestRef
    action_key: str
    judgement_key: str = ""
    failure: str = ""


class HousekeepingInput(Frozen):
    chore: Literal["reconcile", "janitor", "retention", "upkeep", "measure"]
