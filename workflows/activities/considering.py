"""Looking at a finding again for somebody who replied in its thread; with the model, without the forge."""

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from temporalio import activity

from app.checkouts.snapshot import materialise
from app.domain.actions import Action
from app.domain.diff import Diff
from app.domain.errors import RateLimited, Refused, UserError
from app.domain.findings import TrackedFinding
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerUsage
from app.domain.runs import Run
from app.domain.talk import Judgement
from app.llm.chat import ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong
from app.store.actions import Actions
from app.store.blobs import Blobs
from app.store.findings import Findings
from app.store.runs import Runs
from reviewers.base import Change
from reviewers.talk.judge import Judge
from workflows import timing
from workflows.messages import Considered, TalkInput

MakeJudge = Callable[[Action, ConfigInForce], Awaitable[Judge]]
KeepUsages = Callable[[Action, Sequence[ReviewerUsage]], Awaitable[None]]


class Considering:
    """Safe to repeat: answers of the model are stored before they are used."""

    def __init__(
        self,
        *,
        actions: Actions,
        findings: Findings,
        runs: Runs,
        blobs: Blobs,
        make: MakeJudge,
        keep: KeepUsages,
        work_folder: Path,
    ) -> None:
        self.actions = actions
        self.findings = findings
        self.runs = runs
        self.blobs = blobs
        self.make = make
        self.keep = keep
        self.work_folder = work_folder

    @activity.defn(name="consider")
    async def consider(self, talk: TalkInput) -> Considered:
        try:
            return await self._consider(talk)
        except RateLimited as limit:
            return Considered(wait_until=limit.until)
        except (UserError, Refused, ModelRefused, ModelOutputUnusable, PromptTooLong) as error:
            return Considered(failure=str(error)[:300])
        except ModelUnavailable as error:
            if activity.info().attempt < timing.REVIEWER_TRIES:
                raise
            return Considered(failure=str(error)[:300])

    async def _consider(self, talk: TalkInput) -> Considered:
        action = await self.actions.get(talk.action_key)
        if action is None:
            raise LookupError(f"action {talk.action_key} is not in the store")
        finding = await self.findings.by_comment(action.ref, action.root_comment_id or "")
        run = await self._read_run(await self.runs.last_reviewed(action.ref))
        if finding is None or finding.state != "open" or run is None:
            return Considered()
        judge = await self.make(action, await self.blobs.get_model(run.config_key, ConfigInForce))
        try:
            judgement = await self._judge(judge, action, finding, run)
        except (Refused, ModelRefused, ModelOutputUnusable, PromptTooLong):
            # What is asked again later counts what was paid for until now by then.
            await self.keep(action, judge.usages)
            raise
        await self.keep(action, judge.usages)
        return Considered(judgement_key=await self.blobs.put_model(judgement))

    async def _judge(self, judge: Judge, action: Action, finding: TrackedFinding, run: Run) -> Judgement:
        diff = await self.blobs.get_model(run.diff_key, Diff)
        with tempfile.TemporaryDirectory(dir=self.work_folder, prefix="talk-") as folder:
            code = await materialise(await self.blobs.get(run.snapshot_key), Path(folder))
            change = Change(diff=diff, head_root=code.head_root, base_root=code.base_root, title="", body="")
            return await judge.judge(change, finding, await self._replies(action))

    async def _replies(self, action: Action) -> list[str]:
        """What was said in this thread before, and the reply itself."""
        earlier = [one for one in await self.actions.in_thread(action) if one.received_at <= action.received_at]
        return [*(one.argument for one in earlier if one.action_key != action.action_key), action.argument]

    async def _read_run(self, run: Run | None) -> Run | None:
        """The run whose code was read: a carried-over one has its code from the run before."""
        while run is not None and not run.snapshot_key:
            run = await self.runs.get(run.carried_from) if run.carried_from else None
        return run
