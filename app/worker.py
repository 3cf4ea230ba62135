"""The worker: one Temporal worker per task queue, each with only the activities that may hold what that queue holds."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows import queues
from workflows.activities.failures import FailureSense
from workflows.agent import Agent
from workflows.housekeeping import Housekeeping
from workflows.pull_request import PullRequest
from workflows.review import Review
from workflows.talk import Talk

DEPLOYMENT = "corrigent"
# How long may what is running go on when we are told to stop? Ten seconds less than whoever stops us waits.
GRACE = timedelta(seconds=20)
# Pure modules that a workflow's sandbox need not load again for every workflow: 1 ms instead of 22.
PASSED_THROUGH = (
    "app.domain",
    "app.sandboxes.base",
    "workflows.agent_messages",
    "workflows.messages",
    "workflows.timing",
    "workflows.turn",
    "workflows.calls",
)

Activity = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Slots:
    """How many activities of a queue run at once in this process."""

    control: int = 40
    llm: int = 16
    # Linters are programs: more than the cores only makes each slower.
    sandbox: int = 4


class WorkerGroup:
    """The workers of this process, started and stopped together."""

    def __init__(
        self,
        client: Client,
        activities: Mapping[str, Sequence[Activity]],
        *,
        build_id: str,
        slots: Slots | None = None,
        sandboxed: bool = False,
    ) -> None:
        self.stack = AsyncExitStack()
        runner = sandboxed_runner() if sandboxed else UnsandboxedWorkflowRunner()
        self.workers = [
            _worker(client, queue, found, build_id, slots or Slots(), runner)
            for queue, found in activities.items()
            if found
        ]

    async def __aenter__(self) -> "WorkerGroup":
        for worker in self.workers:
            await self.stack.enter_async_context(worker)
        return self

    async def __aexit__(self, *_: object) -> None:
        # All at once: each may need its whole grace.
        await asyncio.gather(*(worker.shutdown() for worker in self.workers))
        await self.stack.aclose()


def sandboxed_runner() -> SandboxedWorkflowRunner:
    """Refuses a clock, a random number or I/O in workflow code; see deploy/decisions/011."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def _worker(
    client: Client,
    queue: str,
    activities: Sequence[Activity],
    build_id: str,
    slots: Slots,
    runner: WorkflowRunner,
) -> Worker:
    runs_workflows = queue == queues.CONTROL
    pollers = PollerBehaviorAutoscaling(minimum=1, maximum=10, initial=2)
    return Worker(
        client,
        task_queue=queue,
        workflows=[PullRequest, Review, Agent, Talk, Housekeeping] if runs_workflows else [],
        activities=activities,
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(DEPLOYMENT, build_id),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        ),
        workflow_runner=runner,
        interceptors=[FailureSense()],
        max_concurrent_activities=getattr(slots, queue.partition(".")[0]),
        workflow_task_poller_behavior=pollers,
        activity_task_poller_behavior=pollers,
        # A killed worker's cached workflows move on after this, not after ten seconds.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        # A cancelled model call stops within this; the price is one action per interval of a long activity.
        max_heartbeat_throttle_interval=timedelta(seconds=3),
        max_cached_workflows=200,
        graceful_shutdown_timeout=GRACE,
    )
