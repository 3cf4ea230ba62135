"""Making the reviewers of a queue: those with a model get a budget and a memory, the others get nothing."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, time
from functools import partial

from app.domain.pull_request import PullRequest, PullRequestRef
from app.domain.repo_config import BudgetLimits, ConfigInForce
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, Budget
from app.llm.chat import ChatModel
from app.llm.models import ModelSpec, open_model
from app.metered_model import MeteredModel
from app.metrics import Metrics
from app.model_access import model_access
from app.settings import Settings
from app.store.runs import stream_of
from app.store.streams import Soon
from app.wiring import Store
from reviewers.base import Reviewer
from reviewers.registry import REVIEWERS, Parts
from workflows.activities.answers import StoredAnswers
from workflows.messages import ReviewerStep


async def make_plain(step: ReviewerStep, _pull_request: PullRequest, _config: ConfigInForce) -> Reviewer:
    """For the queue that holds nothing."""
    return REVIEWERS[step.reviewer](Parts())


def silent(_: ReviewerStep) -> Callable[[str], None]:
    """Where there is no database, progress is told to nobody."""
    return lambda _line: None


async def budget_for(store: Store, ref: PullRequestRef, limits: BudgetLimits, clock: Callable[[], datetime]) -> Budget:
    """What may still be spent on a pull request, and today on its repository."""
    midnight = datetime.combine(clock().date(), time(), UTC)
    spent_today = await store.usage.spent_since(ref.connection, ref.repo_id, midnight)
    return Budget(
        pull_request=Allowance(limit=limits.pull_request, spent=await store.usage.spent(ref)),
        day=Allowance(limit=limits.day, spent=spent_today),
        clock=clock,
    )


class ModelReviewers:
    """For the queue that holds model keys and the database."""

    def __init__(self, settings: Settings, store: Store, *, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self.settings = settings
        self.store = store
        self.metrics = metrics
        self.clock = clock
        self._progress = Soon(store.streams, clock)
        self._opening: dict[str, asyncio.Task[ChatModel]] = {}

    async def close(self) -> None:
        """Write what was said last, and give the models' connections back."""
        await self._progress.close()
        for opening in self._opening.values():
            if opening.done() and opening.exception() is None:
                await opening.result().close()

    async def make(self, step: ReviewerStep, pull_request: PullRequest, config: ConfigInForce) -> Reviewer:
        """UserError when the configured model cannot be opened."""
        await self.store.runs.set_stage(step.run_id, "model", now=self.clock())
        return REVIEWERS[step.reviewer](
            Parts(
                model=await self.model(),
                check_model=await self._check_model(),
                budget=await budget_for(self.store, pull_request.ref, config.config.budget, self.clock),
                answers=StoredAnswers(run_id=step.run_id, effects=self.store.effects, blobs=self.store.blobs),
                secrets=self.settings.secret_values(),
            )
        )

    async def keep(self, step: ReviewerStep, pull_request: PullRequest, report: ReviewerReport, key: str) -> None:
        """What it cost, once however often the report is made."""
        await self._progress.flush()
        both, now = (report.usage, report.check_usage), self.clock()
        spent, requests = sum(one.dollars or 0.0 for one in both), sum(one.requests for one in both)
        await self.store.runs.add_report(step.run_id, step.reviewer, key, spent, requests)
        for usage in both if report.check_usage.requests else both[:1]:
            await self.store.usage.add(
                step.run_id,
                pull_request.ref,
                pull_request.repo.installation_id,
                usage,
                now,
                reviewer=step.reviewer,
            )

    def watch(self, step: ReviewerStep) -> Callable[[str], None]:
        """Progress lines go to the run's stream."""
        return partial(self._progress.say, stream_of(step.run_id), "progress")

    async def _check_model(self) -> ChatModel | None:
        other = self.settings.check_model
        return await self.model(other) if other and other != self.settings.model else None

    async def model(self, name: str = "") -> ChatModel:
        """The model of this name, else the settings' one. Opened once, in a thread: its library takes seconds."""
        name = name or self.settings.model
        opening = self._opening.get(name)
        if opening is None or (opening.done() and opening.exception() is not None):
            spec = ModelSpec.parse(name)
            opening = asyncio.create_task(asyncio.to_thread(open_model, spec, model_access(self.settings, spec)))
            self._opening[name] = opening
        return MeteredModel(await asyncio.shield(opening), self.metrics)
