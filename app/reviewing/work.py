"""One change on this machine through the reviewers and the pipeline: no Temporal, no database, nothing kept."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from app.domain.config_layers import FileRead, in_force
from app.domain.errors import RateLimited, UserError
from app.domain.outcomes import waiting
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerReport
from app.domain.rules import Rule
from app.llm.budget import Allowance, Budget
from app.llm.chat import ChatModel, ModelUnavailable
from app.output.report import Target
from app.settings import Settings
from reviewers.base import Change, Reviewer
from reviewers.linters.reviewer import Linters
from reviewers.pipeline import failed_report
from reviewers.registry import BUG_HUNTER, LINTERS, REVIEWERS, Parts
from reviewers.suggestions.trial import tried

OpenModel = Callable[[], Awaitable[ChatModel]]


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The models of one review: who reads, who share the passes, and who checks where it is another one."""

    model: ChatModel
    finders: tuple[ChatModel, ...] = ()
    check_model: ChatModel | None = None


# Takes the repository's name: its owner may be kept from some models.
OpenReaders = Callable[[str], AbstractAsyncContextManager[Readers]]


def alone(open_model: OpenModel) -> OpenReaders:
    """One model for everything, with nobody to stand in for it."""

    @asynccontextmanager
    async def opened(_repo_name: str) -> AsyncGenerator[Readers]:
        model = await open_model()
        try:
            yield Readers(model=model)
        finally:
            await model.close()

    return opened


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is reviewed, under which configuration, and what has to be said beside the findings."""

    target: Target
    change: Change
    config: ConfigInForce
    notes: tuple[str, ...] = ()


def config_for(
    settings: Settings, owner: str, file: FileRead | None, read_at_sha: str, rules: Sequence[Rule] = ()
) -> ConfigInForce:
    """The repository's file between the operator's layers; `owner` is empty where nobody knows the organisation."""
    organisation = settings.organisations.get(owner)
    return in_force(
        defaults=settings.defaults,
        organisation=organisation.defaults if organisation else {},
        file=file,
        locked={**settings.locked, **(organisation.locked if organisation else {})},
        read_at_sha=read_at_sha,
        rules=tuple(rules),
    )


async def read(
    work: Work,
    *,
    open_readers: OpenReaders | None,
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
    budget = Budget(
        review=Allowance(limits.review), pull_request=Allowance(limits.pull_request), day=Allowance(limits.day)
    )
    linted = await _report(REVIEWERS[LINTERS](Parts()), change)
    linters_done(linted)
    if open_readers is None:
        return [linted]
    change = replace(change, hits=linted.findings)
    async with open_readers(work.target.name if work.target.kind == "pull_request" else "") as readers:
        parts = Parts(
            model=readers.model,
            finders=readers.finders,
            check_model=readers.check_model,
            budget=budget,
            secrets=tuple(secrets),
        )
        found = await _report(REVIEWERS[BUG_HUNTER](parts), change)
    return [linted, await tried(found, change, Linters().look)]


async def _report(reviewer: Reviewer, change: Change) -> ReviewerReport:
    """Nobody is here to try again later: what a reviewer could not read is said instead."""
    try:
        return await reviewer.review(change)
    except RateLimited as limit:
        reason = f"{waiting(limit, gate=False).reason} UTC"
    except (UserError, ModelUnavailable) as error:
        reason = str(error)
    return failed_report(reviewer.name, change.diff, reason)
