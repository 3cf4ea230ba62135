"""The heartbeat beside an activity keeps nothing from it, least of all that it is to stop."""

import asyncio

import pytest

from workflows.activities.heartbeat import beating


async def test_a_cancellation_that_comes_as_the_work_ends_is_not_lost() -> None:
    async def work() -> None:
        async with beating():
            pass

    working = asyncio.create_task(work())
    # It has ended its work, and waits for the beat to end.
    await asyncio.sleep(0)
    assert working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
