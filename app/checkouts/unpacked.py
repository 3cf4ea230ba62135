"""Code snapshots as folders, unpacked once for all who read the same code in this process at about the same time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from app.checkouts.scratch import remove
from app.checkouts.snapshot import Materialised, materialise

# How many that nobody reads are kept for whoever comes next? The reviewers of a run begin seconds apart.
IDLE = 16
# Larger ones (compressed) go when their last reader does, so that what is kept fits on any disk.
IDLE_BYTES = 1_000_000


@dataclass
class _Unpacked:
    folder: Path
    work: asyncio.Task[Materialised]
    readers: int = 0
    small: bool = False


class Unpacked:
    """Readers change nothing in what they are given: others read the same files."""

    def __init__(self, parent: Path, load: Callable[[str], Awaitable[bytes]], *, idle_bytes: int = IDLE_BYTES) -> None:
        self._parent = parent
        self._idle_bytes = idle_bytes
        # The snapshot's bytes by its key.
        self._load = load
        # The one that was used last comes last.
        self._here: dict[str, _Unpacked] = {}

    @asynccontextmanager
    async def of(self, snapshot_key: str) -> AsyncGenerator[Materialised]:
        """The code of a snapshot while this is entered; raises what loading and unpacking raise."""
        one = self._here.pop(snapshot_key, None) or self._begin(snapshot_key)
        self._here[snapshot_key] = one
        one.readers += 1
        try:
            # Shielded: a reader that is stopped must not take the code from the others.
            yield await asyncio.shield(one.work)
        finally:
            one.readers -= 1
            await self._clear_up()

    def _begin(self, snapshot_key: str) -> _Unpacked:
        folder = Path(mkdtemp(dir=self._parent, prefix="change-"))
        one = _Unpacked(folder, asyncio.create_task(self._unpack(snapshot_key, folder)))

        def note_failure(work: asyncio.Task[Materialised]) -> None:
            failed = work.cancelled() or work.exception() is not None
            if failed and self._here.get(snapshot_key) is one:
                # The next reader tries anew.
                del self._here[snapshot_key]

        one.work.add_done_callback(note_failure)
        return one

    async def _unpack(self, snapshot_key: str, folder: Path) -> Materialised:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(remove, folder)
            data = await self._load(snapshot_key)
            unpacked = await materialise(data, folder)
            undo.pop_all()
        self._here[snapshot_key].small = len(data) <= self._idle_bytes
        return unpacked

    async def _clear_up(self) -> None:
        idle = [key for key, one in self._here.items() if not one.readers and one.work.done()]
        kept = [key for key in idle if self._here[key].small][-IDLE:]
        await asyncio.gather(*(remove(self._here.pop(key).folder) for key in idle if key not in kept))
