"""One change on this machine through the reviewers and the pipeline: no Temporal, no database, nothing kept."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from app.domain.config_layers import FileRead, in_force
from app.domain.errors import RateLimited, UserError
from app.domain.outcomes import waiting
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, Budget
from app.llm.chat import ChatModel, ModelUnavailable
from app.output.report import Target
from app.settings import Settings
from reviewers.base import Change, Reviewer
from reviewers.pipeline import failed_report
from reviewers.registry import BUG_HUNTER, LINTERS, REVIEWERS, Parts

OpenModel = Callable[[], Awaitable[ChatModel]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is reviewed, under which configuration, and what has to be said beside the findings."""

    target: Target
    change: Change
    config: ConfigInForce
    notes: tuple[str, ...] = ()


def config_for(settings: Settings, owner: str, file: FileRead | None, read_at_sha: str) -> ConfigInForce:
    """The repository's file between the operator's layers; `owner` is empty where nobody knows the organisation."""
    organisation = settings.organisations.get(owner)
    return in_force(
        defaults=settings.defaults,
        organisation=organisation.defaults if organisation else {},
        file=file,
        locked={**settings.locked, **(organisation.locked if organisation else {})},
        read_at_sha=read_at_sha,
    )


async def read(
    work: Work,
    *,
    open_model: OpenModel | None,
    secrets: Sequence[str],
    progress: Callable[[str], None],
    linters_done: Callable[[ReviewerReport], None],
) -> list[ReviewerReport]:
    """What each reviewer says. The linters' report is handed out at once, before the model reads.

    UserError when the model cannot be opened; what fails later is in its report.
    """
    change = replace(work.change, progress=progress)
    if not change.diff.reviewable:
        return []
    limits = work.config.config.budget
    budget = Budget(pull_request=Allowance(limits.pull_request), day=Allowance(limits.day))
    linted = await _report(REVIEWERS[LINTERS](Parts()), change)
    linters_done(linted)
    if open_model is None:
        return [linted]
    return [linted, await _hunt(replace(change, hits=linted.findings), open_model, budget, secrets)]


async def _hunt(change: Change, open_model: OpenModel, budget: Budget, secrets: Sequence[str]) -> ReviewerReport:
    model = await open_model()
    try:
        reviewer = REVIEWERS[BUG_HUNTER](Parts(model=model, budget=budget, secrets=tuple(secrets)))
        return await _report(reviewer, change)
    finally:
        await model.close()


async def _report(reviewer: Reviewer, change: Change) -> ReviewerReport:
    """Nobody is here to try again later: what a reviewer could not read is said instead."""
    try:
        return await reviewer.review(change)
    except RateLimited as limit:
        reason = f"{waiting(limit, gate=False).reason} UTC"
    except (UserError, ModelUnavailable) as error:
        reason = str(error)
    return failed_report(reviewer.name, change.diff, reason)
