"""One workflow per pull request that lives only while there is work: a turn."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from app.domain.pull_request import PullRequestRef
    from workflows.messages import (
        Acted,
        ActRequest,
        Admission,
        LookRequest,
        Nudge,
        PullRequestInput,
        ReviewInput,
        Stop,
    )

from workflows import timing, turn
from workflows.calls import call
from workflows.review import Review


@workflow.defn
class PullRequest:
    """Hears nudges, looks, starts one review at a time, and ends when nothing is wanted."""

    @workflow.init
    def __init__(self, start: PullRequestInput) -> None:
        self.start = start
        self.inbox: list[Nudge] = list(start.inbox)
        self.heard = 0
        self.turn = turn.Turn()
        self.review: ChildWorkflowHandle[Review, None] | None = None
        self.pace = turn.Pace(
            quiet=timing.QUIET.total_seconds() * start.time_scale,
            at_most=timing.QUIET_AT_MOST.total_seconds() * start.time_scale,
        )

    @workflow.signal
    def nudge(self, nudge: Nudge) -> None:
        self.heard += 1
        self.inbox.append(nudge)

    @workflow.run
    async def run(self, start: PullRequestInput) -> None:
        # Between the last look at the inbox and the return there is no await: the server refuses to complete a run that
        # has an unseen signal, so a nudge is never lost.
        while not (self.turn.idle and not self.inbox):
            if self.heard >= timing.SIGNALS_PER_RUN and self.review is None:
                workflow.continue_as_new(start.model_copy(update={"inbox": tuple(self.inbox)}))
            await self._wait()
            for event in self._events():
                await self._take(event)

    async def _wait(self) -> None:
        due = self.turn.next_due
        left = None if due is None else timedelta(seconds=max(0.0, due - workflow.time()))
        if left == timedelta(0) or self._something_happened():
            return
        try:
            await workflow.wait_condition(self._something_happened, timeout=left)
        except TimeoutError:
            return

    def _something_happened(self) -> bool:
        return bool(self.inbox) or (self.review is not None and self.review.done())

    def _events(self) -> list[turn.Event]:
        now = workflow.time()
        # The same word many times is said once: each may cost a look at the forge.
        nudges = {(nudge.kind, nudge.action_key): nudge for nudge in self.inbox}
        events: list[turn.Event] = [turn.Heard(nudge, now) for nudge in nudges.values()]
        self.inbox.clear()
        if self.review is not None and self.review.done():
            self._note_end(self.review)
            self.review = None
            events.append(turn.Ended())
        events.append(turn.Due(now))
        return events

    def _note_end(self, review: ChildWorkflowHandle[Review, None]) -> None:
        if error := review.exception():
            # Its check was completed by the review itself, or will be by the janitor; the turn goes on.
            workflow.logger.warning("review.failed", extra={"cause": type(error).__name__})

    async def _take(self, event: turn.Event) -> None:
        """Apply an event and carry out what follows, orders of orders included."""
        pending = [event]
        while pending:
            self.turn, orders = turn.decide(self.turn, pending.pop(0), self.pace)
            for order in orders:
                follow_up = await self._carry_out(order)
                if follow_up is not None:
                    pending.append(follow_up)

    async def _carry_out(self, order: turn.Order) -> turn.Event | None:
        match order:
            case turn.Look(request, want):
                return turn.Looked(await self._look(request), want, workflow.time())
            case turn.Act(action_key):
                return turn.Done(await self._act(action_key), action_key, workflow.time())
            case turn.Start():
                return await self._start(order)
            case turn.StopReview(stop):
                await self._stop(stop)
                return None

    async def _stop(self, stop: Stop) -> None:
        if self.review is None:
            return
        try:
            await self.review.signal(Review.stop, stop)
        except FailureError:
            # It ended while we looked: there is nothing to stop, and what is wanted next must not be lost with it.
            return

    async def _look(self, request: str) -> Admission:
        try:
            return await call("look", LookRequest(ref=self.start.ref, request=request), Admission, timing.FETCH)
        except ActivityError as error:
            # Uninstalled, deleted, or a day without a forge: nobody is there to be told. The reconciler looks again.
            workflow.logger.warning("look.failed", extra={"cause": type(error.cause).__name__})
            return Admission(verdict="nothing")

    async def _act(self, action_key: str) -> Acted:
        try:
            return await call("act", ActRequest(ref=self.start.ref, action_key=action_key), Acted, timing.FORGE_CALL)
        except ActivityError as error:
            workflow.logger.warning("act.failed", extra={"cause": type(error.cause).__name__})
            return Acted()

    async def _start(self, order: turn.Start) -> turn.Event | None:
        admission = order.admission
        try:
            self.review = await workflow.start_child_workflow(
                Review.run,
                ReviewInput(
                    ref=self.start.ref,
                    head_sha=admission.head_sha,
                    pull_request_key=admission.pull_request_key,
                    request=order.request,
                    full=order.full,
                    skip_reason=admission.reason,
                    time_scale=self.start.time_scale,
                ),
                id=review_id(self.start.ref, admission.head_sha, order.request),
                parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
            )
        except WorkflowAlreadyStartedError:
            # Already running under a turn that ended abruptly: the store lets it post once, and only once.
            return turn.Ended()
        return None


def pull_request_id(ref: PullRequestRef) -> str:
    """The workflow id of a pull request; numeric ids survive renames and transfers."""
    return f"pr/{ref.connection}/{ref.repo_id}/{ref.number}"


def review_id(ref: PullRequestRef, head_sha: str, request: str) -> str:
    return f"{pull_request_id(ref)}/review/{head_sha}/{request}"
