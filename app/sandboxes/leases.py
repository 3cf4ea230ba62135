"""How long a sandbox lives that nobody comes back for: half a minute after whoever worked in it died."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from app.sandboxes.base import NotDone, SandboxGone

# While somebody works in it. Several tries fit in, for a machine that is busy.
LEASE = timedelta(seconds=30)
RENEW_EVERY = timedelta(seconds=5)
# Between two steps of the same work: the next may have to wait for a worker.
BETWEEN_STEPS = timedelta(minutes=5)

Renew = Callable[[timedelta], Awaitable[object]]


@asynccontextmanager
async def leased(renew: Renew) -> AsyncGenerator[None]:
    """Renewed while this is entered. Whether the sandbox is still there, the work in it finds out by itself."""
    await _renew(renew, LEASE)
    task = asyncio.create_task(_keep(renew))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await _renew(renew, BETWEEN_STEPS)


async def _keep(renew: Renew) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY.total_seconds())
        await _renew(renew, LEASE)


async def _renew(renew: Renew, lease: timedelta) -> None:
    with suppress(SandboxGone, NotDone, OSError):
        await renew(lease)
