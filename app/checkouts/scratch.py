"""A folder for a moment's work, and threads that write files: nothing goes on writing where somebody clears up."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def scratch(prefix: str) -> AsyncGenerator[Path]:
    """Empty when this is entered, gone when it is left."""
    # Not in a thread: whoever is told to stop meanwhile would never learn which folder was made.
    folder = Path(mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        await remove(folder)


async def remove(folder: Path) -> None:
    """Off the event loop, since a large tree takes seconds. What cannot be removed stays, and is nobody's trouble."""
    await to_its_end(shutil.rmtree, folder, ignore_errors=True)


async def to_its_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns in a thread. No thread can be stopped: whoever is told to stop does so when it has ended."""
    running = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
