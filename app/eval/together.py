"""Work that is done several at once: in the order it was given, and the first error ends it all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def together(things: Sequence[T], work: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """What `work` makes of each. An error comes out as it is, so that a person is told a sentence and no trace."""
    turn = asyncio.Semaphore(at_once)

    async def one(thing: T) -> R:
        async with turn:
            return await work(thing)

    tasks = [asyncio.ensure_future(one(thing)) for thing in things]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
