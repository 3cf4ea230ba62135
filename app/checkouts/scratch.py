"""A folder for a moment's work, made and removed off the event loop: removing a large tree takes seconds."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp


@asynccontextmanager
async def scratch(prefix: str) -> AsyncGenerator[Path]:
    """Empty when this is entered, gone when it is left."""
    folder = Path(await asyncio.to_thread(mkdtemp, prefix=prefix))
    try:
        yield folder
    finally:
        await remove(folder)


async def remove(folder: Path) -> None:
    """What cannot be removed stays, and is nobody's trouble."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
