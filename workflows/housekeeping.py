"""Chores on a schedule: what no event tells us, and what a crash may have left."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.messages import HousekeepingInput

from workflows import timing


@workflow.defn
class Housekeeping:
    """One chore, once; a Temporal Schedule starts it again."""

    @workflow.run
    async def run(self, start: HousekeepingInput) -> None:
        await workflow.execute_activity(start.chore, **timing.CHORE)
