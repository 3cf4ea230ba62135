"""One writer per mirror: across the tasks of a process and across processes, until the last git child has ended."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from app.checkouts.git import GitTimeout

# How often do we ask for a lock that another process holds?
_ASK_AGAIN = 0.02


@dataclass(frozen=True)
class Lock:
    """A lock that is held: children that inherit the descriptor keep it when we are killed."""

    descriptor: int
    # Whether somebody else held it first, and may have done what we came for.
    waited: bool


class Locks:
    """Locks by file; a waiter gives up after `deadline`."""

    def __init__(self, deadline: timedelta) -> None:
        self._deadline = deadline
        self._in_process: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, file: Path) -> AsyncGenerator[Lock]:
        in_process = self._in_process.setdefault(file, asyncio.Lock())
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                lock = await _acquire(in_process, file)
        except TimeoutError:
            raise GitTimeout("Another fetch of the same repository did not end in time.") from None
        try:
            yield lock
        finally:
            os.close(lock.descriptor)
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


async def _acquire(in_process: asyncio.Lock, file: Path) -> Lock:
    waited = in_process.locked()
    await in_process.acquire()
    try:
        while (descriptor := try_lock(file)) is None:
            waited = True
            await asyncio.sleep(_ASK_AGAIN)
    except BaseException:
        in_process.release()
        raise
    return Lock(descriptor, waited)
