"""Reading a request's body with a size, a deadline, and a bound on what all of them hold together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.requests import Request

# GitHub cuts at 25 MB; what is larger is not a delivery.
LARGEST = 26 * 1024 * 1024
# GitHub gives up after ten seconds, so nobody waits for a body that takes longer.
DEADLINE = timedelta(seconds=10)
# Bodies below this are not counted: they are what a forge sends all day.
SMALL = 512 * 1024
# What large bodies may hold at once: two whole ones. Unsigned ones cost memory before their signature is known.
LARGE_TOGETHER = 2 * LARGEST


class TooLarge(Exception):
    """The body is, or says it is, over the limit."""


class TooSlow(Exception):
    """The body did not arrive, or no room for it became free, before the deadline."""


class BodyReader:
    """Reads bodies for one process."""

    def __init__(self, *, deadline: timedelta = DEADLINE, large_together: int = LARGE_TOGETHER) -> None:
        self.deadline = deadline
        self.room = large_together
        self.freed = asyncio.Condition()

    async def read(self, request: Request) -> bytes:
        """The raw bytes; TooLarge, TooSlow, or starlette's ClientDisconnect when the sender went away."""
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                return await self._read(request, _declared(request))
        except TimeoutError:
            raise TooSlow from None

    async def _read(self, request: Request, declared: int) -> bytes:
        if declared <= SMALL:
            return await _collect(request, declared)
        async with self._reserve(declared):
            return await _collect(request, declared)

    @asynccontextmanager
    async def _reserve(self, size: int) -> AsyncGenerator[None]:
        async with self.freed:
            await self.freed.wait_for(lambda: self.room >= size)
            self.room -= size
        try:
            yield
        finally:
            async with self.freed:
                self.room += size
                self.freed.notify_all()


def _declared(request: Request) -> int:
    """The length the sender announced; a body without one is taken for the largest."""
    text = request.headers.get("content-length", "")
    length = int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else LARGEST
    if length > LARGEST:
        raise TooLarge
    return length


async def _collect(request: Request, declared: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > declared:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)
