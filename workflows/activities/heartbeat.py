"""A heartbeat beside work that has no rhythm of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

# Often enough for the timeout and for a cancellation to be heard soon; a short activity never beats.
EVERY = timedelta(seconds=2)


@asynccontextmanager
async def beating() -> AsyncGenerator[None]:
    """Tell Temporal that we live, and learn from it that we are to stop."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        # Not the task itself: a cancellation that comes meanwhile is the activity's and would be taken for the beat's.
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
