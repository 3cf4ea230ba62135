"""What a page is told while it is open: server-sent events that end when the process does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from starlette.responses import StreamingResponse

from app.store.streams import REWIND, StreamEvent

T = TypeVar("T")

# How often is a page told that we are still there, or of what no event told? Proxies close what is silent for a while.
BEAT_SECONDS = 2.0
# How soon does a browser ask again when the connection broke?
_RETRY = b"retry: 1000\n\n"
_BEAT = b": still here\n\n"


@dataclass(frozen=True)
class Update:
    """One event for the browser; `seq` is where it goes on after a broken connection."""

    event: str
    data: str
    seq: int | None = None

    def encode(self) -> bytes:
        place = "" if self.seq is None else f"id: {self.seq}\n"
        data = "".join(f"data: {line}\n" for line in self.data.splitlines() or [""])
        return f"{place}event: {self.event}\n{data}\n".encode()


class Live:
    """The open streams of one process."""

    def __init__(self, *, beat_seconds: float = BEAT_SECONDS) -> None:
        self._beat_seconds = beat_seconds
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End them all: a server that stops waits for its answers."""
        self._closing.set()

    async def beaten(self, source: AsyncIterator[T]) -> AsyncGenerator[T | None]:
        """What `source` gives, and None whenever it gave nothing for a while; until it or the process ends."""
        closed = asyncio.ensure_future(self._closing.wait())
        coming = asyncio.ensure_future(_next(source))
        try:
            while not self._closing.is_set():
                await asyncio.wait({coming, closed}, timeout=self._beat_seconds, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    yield None
                    continue
                if (item := coming.result()) is None:
                    return
                coming = asyncio.ensure_future(_next(source))
                yield item
        finally:
            coming.cancel()
            closed.cancel()
            await asyncio.wait({coming, closed})

    def answer(self, updates: AsyncIterator[Update | None]) -> StreamingResponse:
        """A response that lasts; None is sent as a beat."""

        async def body() -> AsyncGenerator[bytes]:
            yield _RETRY
            async for update in updates:
                yield _BEAT if update is None else update.encode()

        # Proxies that collect an answer before they pass it on would show nothing until its end.
        return StreamingResponse(body(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def standing(events: list[StreamEvent]) -> list[StreamEvent]:
    """Those that still count: a rewind takes back what came after the place it names."""
    kept: list[StreamEvent] = []
    for event in events:
        if event.kind == REWIND:
            kept = [one for one in kept if one.seq <= int(event.data)]
        else:
            kept.append(event)
    return kept


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)
