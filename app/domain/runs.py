"""A run: one review of one head, from the claim of its row to its completed check."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.domain.model import Frozen
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef

# The stages a person sees, in order.
Stage = Literal["queued", "checkout", "analysers", "model", "post", "waiting"]


class StageTime(Frozen):
    """How long one stage took; `attempt` over 1 means that it was restarted."""

    stage: Stage
    started_at: datetime
    seconds: float | None = None
    attempt: int = 1
    detail: str = ""


class Run(Frozen):
    """The row of a run. Blob keys are empty until the stage that makes them is done."""

    run_id: str
    ref: PullRequestRef
    head_sha: str
    merge_base_sha: str
    base_ref: str
    base_sha: str
    # "auto", or the action key of the command that asked for it.
    request: str
    patch_id: str
    config_fingerprint: str
    # Blob keys: ConfigInForce, Diff, code snapshot (tar.zst), ReviewResult.
    config_key: str = ""
    diff_key: str = ""
    snapshot_key: str = ""
    result_key: str = ""
    # Reviewer name -> blob key of its ReviewerReport.
    reports: dict[str, str] = Field(default_factory=dict)
    check_id: str | None = None
    review_id: str | None = None
    carried_from: str | None = None
    outcome: Outcome | None = None
    title: str = ""
    stages: tuple[StageTime, ...] = ()
    dollars: float = 0.0
    model_calls: int = 0
    started_at: datetime
    finished_at: datetime | None = None
    # While it waits for a limit: nothing happens before this time.
    wait_until: datetime | None = None


class OpenedRun(Frozen):
    """The store's answer to "may I review this?": it alone decides what happens once."""

    status: Literal["started", "done", "carried"]
    run: Run


class PullRequestState(Frozen):
    """What we remember of a pull request between turns."""

    ref: PullRequestRef
    title: str
    author: str
    url: str
    head_sha: str
    state: Literal["open", "closed", "merged"]
    paused: bool = False
    # A head that was open before the repository was enabled: not ours unless asked for.
    watermark_sha: str = ""
