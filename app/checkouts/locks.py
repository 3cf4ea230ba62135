"""One writer per mirror: across the tasks of a process and across processes, until the last git child has ended."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from app.checkouts.git import GitTimeout

# How often do we ask for a lock that another process holds?
_ASK_AGAIN = 0.02


class Locks:
    """Locks by file; a waiter gives up after `deadline`."""

    def __init__(self, deadline: timedelta) -> None:
        self._deadline = deadline
        self._in_process: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, file: Path) -> AsyncGenerator[int]:
        """Holds the lock; yields its descriptor. Children that inherit it keep the lock when we are killed."""
        in_process = self._in_process.setdefault(file, asyncio.Lock())
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                descriptor = await _acquire(in_process, file)
        except TimeoutError:
            raise GitTimeout("Another fetch of the same repository did not end in time.") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)
            in_process.release()


def try_lock(file: Path) -> int | None:
    """The descriptor of the lock when nobody holds it; the caller closes it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


async def _acquire(in_process: asyncio.Lock, file: Path) -> int:
    await in_process.acquire()
    try:
        while (descriptor := try_lock(file)) is None:  # noqa: ASYNC110 - nothing tells that another process let go
            await asyncio.sleep(_ASK_AGAIN)
    except BaseException:
        in_process.release()
        raise
    return descriptor
