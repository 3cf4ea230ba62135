"""Making who answers replies in threads: the model of the reviews, on the pull request's account."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from app.domain.actions import Action
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerUsage
from app.reviewer_making import ModelReviewers
from app.settings import Settings
from app.wiring import Store
from reviewers.talk.judge import Judge
from workflows.activities.answers import StoredAnswers
from workflows.activities.considering import Considering


class TalkModels:
    """For the queue that holds model keys and the database."""

    def __init__(
        self, settings: Settings, store: Store, reviewers: ModelReviewers, *, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.store = store
        self.reviewers = reviewers
        self.clock = clock

    def considering(self, work_folder: Path) -> Considering:
        store = self.store
        return Considering(
            actions=store.actions,
            findings=store.findings,
            runs=store.runs,
            blobs=store.blobs,
            make=self.judge,
            keep=self.keep,
            work_folder=work_folder,
        )

    async def judge(self, action: Action, config: ConfigInForce) -> Judge:
        """UserError when no configured model can be opened."""
        repo = await self.store.repositories.get(action.ref.connection, action.ref.repo_id)
        return Judge(
            model=await self.reviewers.models.model(repo.full_name if repo else ""),
            budget=await self.reviewers.accounts.open(action.action_key, action.ref, config.config.budget),
            answers=StoredAnswers(run_id=action.action_key, effects=self.store.effects, blobs=self.store.blobs),
            secrets=self.settings.secret_values(),
        )

    async def keep(self, action: Action, usages: Sequence[ReviewerUsage]) -> None:
        """What it cost so far, once however often it is looked at."""
        repo = await self.store.repositories.get(action.ref.connection, action.ref.repo_id)
        if repo is not None:
            key, payer = action.action_key, repo.installation_id
            for usage in usages:
                await self.store.usage.add(key, action.ref, payer, usage, self.clock(), reviewer="talk")
        self.reviewers.accounts.written(action.action_key)
