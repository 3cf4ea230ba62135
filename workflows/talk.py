"""A reply in a finding's thread, from its being heard to its one answer."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.messages import Considered, ReplyRequest, TalkInput

from workflows import queues, timing
from workflows.calls import call, tell


@workflow.defn
class Talk:
    """Looks at the finding once more, then answers; the review and the turn do not wait for it."""

    @workflow.run
    async def run(self, talk: TalkInput) -> None:
        considered = await self._consider(talk)
        if considered.judgement_key or considered.failure:
            reply = ReplyRequest(
                ref=talk.ref,
                action_key=talk.action_key,
                judgement_key=considered.judgement_key,
                failure=considered.failure,
            )
            await tell("reply", reply, timing.FORGE_CALL)

    async def _consider(self, talk: TalkInput) -> Considered:
        """Waits out limits and spent budgets with a durable timer."""
        while True:
            considered = await call("consider", talk, Considered, timing.REVIEWER, queue=queues.LLM)
            if considered.wait_until is None:
                return considered
            left = considered.wait_until - workflow.now()
            await workflow.sleep(max(left, timedelta(milliseconds=100)))


def talk_id(action_key: str) -> str:
    return f"talk/{action_key}"
