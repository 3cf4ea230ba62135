"""Calling an activity by name, so that workflow code imports none of what activities need."""

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.workflow import ActivityCancellationType, ActivityConfig

with workflow.unsafe.imports_passed_through():
    from app.domain.model import Frozen

from workflows import queues, timing

Answer = TypeVar("Answer", bound=Frozen)


async def call(
    name: str,
    argument: Frozen,
    result_type: type[Answer],
    options: ActivityConfig,
    *,
    queue: str | None = None,
    time_scale: float = 1.0,
) -> Answer:
    """Run an activity and return its answer; `time_scale` shortens in tests how long a machine is waited for."""
    config = _with(options, queue)
    if queue is not None and queues.is_of_one_machine(queue):
        config["schedule_to_start_timeout"] = timing.MACHINE_ANSWERS * time_scale
    return await workflow.execute_activity(name, argument, result_type=result_type, **config)


async def tell(name: str, argument: Frozen, options: ActivityConfig) -> None:
    """Run an activity that answers nothing."""
    await workflow.execute_activity(name, argument, **_with(options, None))


async def end_all(*tasks: "asyncio.Task[Any]") -> None:
    """What is not done is cancelled, and over when this returns, however often this is cancelled itself."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await workflow.wait(running, timeout=timing.CANCEL_AGAIN_AFTER.total_seconds())
    for task in tasks:
        look_at(task)


def look_at(task: "asyncio.Task[Any]") -> None:
    """What a task that was told to stop ended with is no news: once it was looked at, nobody warns of it."""
    if not task.cancelled():
        task.exception()


def _with(options: ActivityConfig, queue: str | None) -> ActivityConfig:
    """An activity that is told to stop has ended before the next one begins: it cannot write after a close."""
    # A fresh mapping each time: the SDK's TypedDict is shared by every call site.
    config = ActivityConfig(**options)
    config["cancellation_type"] = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    if queue is not None:
        config["task_queue"] = queue
    return config
