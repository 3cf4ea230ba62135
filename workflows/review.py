"""One review of one head: claim it, read it, post it; every way out ends in a completed check."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows.messages import (
        BegunReview,
        Closing,
        Posted,
        PostRequest,
        ReviewerStep,
        ReviewInput,
        StepDone,
        Stop,
        Trial,
        WaitNotice,
    )

from workflows import queues, timing
from workflows.calls import call, look_at, tell


@workflow.defn
class Review:
    """Reviewers read in parallel, then one activity posts; a stop ends it at any point before the posting."""

    @workflow.init
    def __init__(self, start: ReviewInput) -> None:
        self.start = start
        self.stopped: Stop | None = None
        self.posting = False

    @workflow.signal
    def stop(self, stop: Stop) -> None:
        self.stopped = self.stopped or stop

    @workflow.run
    async def run(self, _start: ReviewInput) -> None:
        work = asyncio.create_task(self._review())
        try:
            await workflow.wait_condition(lambda: work.done() or (self.stopped is not None and not self.posting))
        except asyncio.CancelledError:
            await self._end_early(work, Stop(reason="stopped"))
            raise
        if not work.done():
            await self._end_early(work, self.stopped)
        elif (error := work.exception()) is not None:
            await self._close(failure=_phrase(error))

    async def _review(self) -> None:
        begun = await call("begin_review", self.start, BegunReview, timing.FETCH)
        if begun.status in {"started", "carried"}:
            done = await self._read_all(begun)
            # From here on a stop comes too late: the posting looks at the head itself before anything is shown.
            self.posting = True
            request = PostRequest(
                run_id=begun.run_id,
                full=self.start.full,
                reports={step.reviewer: one.report_key for step, one in zip(begun.steps, done, strict=True)},
                failure=next((one.failure for one in done if one.failure), ""),
            )
            await call("post_review", request, Posted, timing.FORGE_CALL)

    async def _read_all(self, begun: BegunReview) -> list[StepDone]:
        """Analysers first: they take a moment, and whoever reads with a model weighs what they say."""
        steps = begun.steps
        # Reviews in flight may have begun under a version that told it by a marker, or under one that had them beside.
        if not (begun.analysers_first or workflow.patched("analysers-first")):
            return await asyncio.gather(*(self._read(step) for step in steps))
        done: dict[str, StepDone] = {}
        for queue in (queues.SANDBOX, queues.LLM):
            keys = tuple(one.report_key for one in done.values())
            now = [step.model_copy(update={"hits_keys": keys}) for step in steps if step.queue == queue]
            read = await asyncio.gather(*(self._read_and_try(step) for step in now))
            done |= {step.reviewer: one for step, one in zip(now, read, strict=True)}
        return [done[step.reviewer] for step in steps]

    async def _read_and_try(self, step: ReviewerStep) -> StepDone:
        """The report with what it proposes tried, where the analysers are; untried when they cannot be had."""
        done = await self._read(step)
        if not done.untried:
            return done
        trial = Trial(step=step, report_key=done.report_key)
        try:
            return await call("try_suggestions", trial, StepDone, timing.TRIAL, queue=queues.SANDBOX)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return done

    async def _read(self, step: ReviewerStep) -> StepDone:
        """The reviewer's report; waits out its model's limits with a durable timer."""
        while True:
            done = await call("read_change", step, StepDone, timing.REVIEWER, queue=step.queue)
            if done.wait_until is None:
                return done
            left = done.wait_until - workflow.now()
            if left > timing.WORTH_SAYING * self.start.time_scale:
                notice = WaitNotice(run_id=step.run_id, until=done.wait_until, kind=done.wait_kind)
                await tell("show_wait", notice, timing.FORGE_CALL)
            await workflow.sleep(max(left, timedelta(milliseconds=100)))

    async def _end_early(self, work: "asyncio.Task[None]", stop: Stop | None) -> None:
        work.cancel()
        await workflow.wait([work])
        look_at(work)
        await self._close(stop=stop)

    async def _close(self, *, stop: Stop | None = None, failure: str = "") -> None:
        closing = Closing(
            ref=self.start.ref, head_sha=self.start.head_sha, request=self.start.request, stop=stop, failure=failure
        )
        # Shielded: a cancelled review still has a check to complete.
        await asyncio.shield(tell("close_review", closing, timing.CLOSING))


def _phrase(error: BaseException) -> str:
    """The innermost failure in the words of its message, which our converter has already cut and redacted."""
    while isinstance(error, FailureError) and error.__cause__ is not None:
        error = error.__cause__
    return error.message if isinstance(error, ApplicationError) else type(error).__name__
