"""Trying what a reviewer proposes in place of lines: on the queue that runs analysers, with no secret near."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from app.checkouts.unpacked import Unpacked
from app.domain.diff import Diff
from app.domain.pull_request import PullRequest
from app.domain.review import ReviewerReport
from app.store.blobs import Blobs
from reviewers.base import Change
from reviewers.suggestions.trial import tried
from workflows.activities.read import hits_of
from workflows.messages import StepDone, Trial


class Trying:
    def __init__(self, *, blobs: Blobs, look: Callable[[Change], Awaitable[ReviewerReport]], code: Unpacked) -> None:
        self.blobs = blobs
        # What the analysers say of a change.
        self.look = look
        self.code = code

    @activity.defn(name="try_suggestions")
    async def try_suggestions(self, trial: Trial) -> StepDone:
        step = trial.step
        report = await self.blobs.get_model(trial.report_key, ReviewerReport)
        diff = await self.blobs.get_model(step.diff_key, Diff)
        pull_request = await self.blobs.get_model(step.pull_request_key, PullRequest)
        async with self.code.of(step.snapshot_key) as unpacked:
            change = Change(
                diff=diff,
                head_root=unpacked.head_root,
                base_root=unpacked.base_root,
                title=pull_request.title,
                body=pull_request.body,
                hits=await hits_of(step, self.blobs),
            )
            report = await tried(report, change, self.look)
        return StepDone(report_key=await self.blobs.put_model(report))
