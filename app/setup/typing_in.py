"""Lines typed while something else is awaited too; where nobody can type, none ever come."""

import asyncio
import os


async def typed_line(descriptor: int | None) -> str:
    """The next line from this descriptor. Waits for ever when it is at its end, or nothing that can be waited for."""
    loop = asyncio.get_running_loop()
    while descriptor is not None:
        ready = asyncio.Event()
        try:
            loop.add_reader(descriptor, ready.set)
        except (OSError, ValueError, NotImplementedError):
            # A plain file, or closed.
            break
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        line = os.read(descriptor, 10_000)
        if not line:
            break
        if line.strip():
            return line.decode(errors="replace").strip()
    never: asyncio.Future[str] = loop.create_future()
    return await never
