"""How the floors above reach the workflows: nudge a pull request, keep the schedules, end what a new version cannot."""

from collections.abc import Mapping
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from app.domain.pull_request import PullRequestRef
from workflows import queues, timing
from workflows.agent import Agent, agent_workflow_id
from workflows.agent_messages import AgentInput, AgentWord
from workflows.housekeeping import Housekeeping
from workflows.messages import HousekeepingInput, Nudge, PullRequestInput, Stop, TalkInput
from workflows.pull_request import PullRequest, pull_request_id
from workflows.talk import Talk, talk_id

CHORES: Mapping[str, timedelta] = {
    "reconcile": timing.RECONCILE_EVERY,
    "janitor": timing.JANITOR_EVERY,
    "retention": timing.RETENTION_EVERY,
    "upkeep": timing.UPKEEP_EVERY,
    "measure": timing.MEASURE_EVERY,
}


class Turns:
    """The pull requests' workflows, as the dispatcher and the commands of the shell see them."""

    def __init__(self, client: Client, *, time_scale: float = 1.0) -> None:
        self.client = client
        self.time_scale = time_scale

    async def tell(self, ref: PullRequestRef, nudge: Nudge, *, fairness_key: str = "") -> None:
        """Signal the pull request's turn, starting one when none runs. Raises RPCError while Temporal is away."""
        await self.client.start_workflow(
            PullRequest.run,
            PullRequestInput(ref=ref, time_scale=self.time_scale),
            id=pull_request_id(ref),
            task_queue=queues.CONTROL,
            start_signal="nudge",
            start_signal_args=[nudge],
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            # One busy installation must not starve the others.
            priority=Priority(priority_key=2, fairness_key=fairness_key or ref.connection),
            rpc_timeout=timedelta(seconds=10),
        )

    async def is_open(self, ref: PullRequestRef) -> bool:
        """Does a turn of this pull request run now?"""
        return await self._is_open(pull_request_id(ref))

    async def tell_agent(self, agent_id: str, ref: PullRequestRef, word: AgentWord) -> None:
        """Say something to an agent, which begins to work if it does not."""
        await self.client.start_workflow(
            Agent.run,
            AgentInput(agent_id=agent_id, ref=ref, time_scale=self.time_scale),
            id=agent_workflow_id(agent_id),
            task_queue=queues.CONTROL,
            start_signal="tell",
            start_signal_args=[word],
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            priority=Priority(priority_key=1 if word.action_key else 3, fairness_key=ref.connection),
            rpc_timeout=timedelta(seconds=10),
        )

    async def talk(self, ref: PullRequestRef, action_key: str) -> None:
        """Have a reply answered; once, however often this is called."""
        try:
            await self.client.start_workflow(
                Talk.run,
                TalkInput(ref=ref, action_key=action_key),
                id=talk_id(action_key),
                task_queue=queues.CONTROL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                priority=Priority(priority_key=1, fairness_key=ref.connection),
                rpc_timeout=timedelta(seconds=10),
            )
        except WorkflowAlreadyStartedError:
            return

    async def stop_agent(self, agent_id: str, stop: Stop) -> bool:
        """False when it does not run."""
        try:
            await self.client.get_workflow_handle(agent_workflow_id(agent_id)).signal(Agent.stop, stop)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def agent_is_open(self, agent_id: str) -> bool:
        return await self._is_open(agent_workflow_id(agent_id))

    async def _is_open(self, workflow_id: str) -> bool:
        try:
            description = await self.client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise
        return description.close_time is None

    async def ensure_schedules(self) -> None:
        for chore, every in CHORES.items():
            action = ScheduleActionStartWorkflow(
                Housekeeping.run,
                HousekeepingInput.model_validate({"chore": chore}),
                id=f"housekeeping/{chore}",
                task_queue=queues.CONTROL,
            )
            spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
            policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP)
            try:
                await self.client.create_schedule(f"housekeeping/{chore}", Schedule(action, spec=spec, policy=policy))
            except ScheduleAlreadyRunningError:
                continue

    async def run_chore(self, chore: str) -> None:
        """Do a chore now, beside its schedule."""
        await self.client.get_schedule_handle(f"housekeeping/{chore}").trigger()

    async def end_reviews_of_other_versions(self) -> int:
        """Terminate what an older version began and say how much; the reconciler starts those heads anew."""
        ended = 0
        for name in ("Review", "PullRequest", "Agent", "Talk"):
            async for execution in self.client.list_workflows(f"WorkflowType='{name}' AND ExecutionStatus='Running'"):
                handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
                await handle.terminate(reason="Corrigent was upgraded")
                ended += 1
        return ended
