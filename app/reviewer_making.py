"""Making the reviewers of a queue: those with a model get a budget and a memory, the others get nothing."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from app.accounts import Accounts
from app.domain.findings import TrackedFinding
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerReport
from app.metrics import Metrics
from app.model_making import Models
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


class ModelReviewers:
    """For the queue that holds model keys and the database."""

    def __init__(self, settings: Settings, store: Store, *, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self._progress = Soon(store.streams, clock)
        self.models = Models(settings, metrics)
        self.accounts = Accounts(store.usage, daily_budget=settings.daily_budget, clock=clock)

    async def close(self) -> None:
        """Write what was said last, and give the models' connections back."""
        await self._progress.close()
        await self.models.close()

    async def make(self, step: ReviewerStep, pull_request: PullRequest, config: ConfigInForce) -> Reviewer:
        """UserError when the configured model cannot be opened."""
        await self.store.runs.set_stage(step.run_id, "model", now=self.clock())
        repo_name = pull_request.repo.full_name
        return REVIEWERS[step.reviewer](
            Parts(
                model=await self.models.model(repo_name),
                finders=await self.models.finders(repo_name),
                check_model=await self.models.check_model(repo_name),
                budget=await self.accounts.open(_account(step), pull_request.ref, config.config.budget),
                answers=StoredAnswers(run_id=step.run_id, effects=self.store.effects, blobs=self.store.blobs),
                secrets=self.settings.secret_values(),
                earlier=_earlier(await self.store.findings.of(pull_request.ref)),
            )
        )

    async def keep(self, step: ReviewerStep, pull_request: PullRequest, report: ReviewerReport, key: str) -> None:
        """What it cost, once however often the report is made."""
        await self._progress.flush()
        used, now = report.usages, self.clock()
        spent, requests = sum(one.dollars or 0.0 for one in used), sum(one.requests for one in used)
        await self.store.runs.add_report(step.run_id, step.reviewer, key, spent, requests)
        for usage in used:
            await self.store.usage.add(
                step.run_id,
                pull_request.ref,
                pull_request.repo.installation_id,
                usage,
                now,
                reviewer=step.reviewer,
            )
        self.accounts.written(_account(step))

    def watch(self, step: ReviewerStep) -> Callable[[str], None]:
        """Progress lines go to the run's stream."""
        return partial(self._progress.say, stream_of(step.run_id), "progress")


def _account(step: ReviewerStep) -> str:
    return f"{step.run_id}/{step.reviewer}"


def _earlier(known: Sequence[TrackedFinding]) -> dict[str, list[str]]:
    """What was said of each file, and what became of it."""
    said: dict[str, list[str]] = defaultdict(list)
    for one in known:
        why = f": {one.dismissed_why}" if one.dismissed_why else ""
        place = one.finding.place
        said[place.path].append(f"{one.number} · line {place.line} · {one.finding.title} · {one.state}{why}"[:300])
    return said
