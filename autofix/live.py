"""What an agent does, for those who watch: in small batches, secrets masked, and taken back when a try is repeated."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from app.domain.secrets import RedactedStream, Redactor
from app.store.streams import DATA_BYTES, REWIND, StreamEvent, Streams

# How long is text gathered before it is written?
_BATCH = 0.1
# The kind of events that say: up to here it counts, and this is the conversation's head.
MARK = "step"
TEXT = "text"
TOOL = "tool"
RESULT = "result"
# What a command prints while it runs.
OUTPUT = "output"
# That another model has the conversation from now on.
MODEL = "model"
_OURS = {MARK, TEXT, TOOL, RESULT, OUTPUT, MODEL}


class StoredLive:
    """One attempt's writing into one stream."""

    def __init__(
        self,
        streams: Streams,
        stream: str,
        *,
        attempt: int,
        clock: Callable[[], datetime],
        redactor: Redactor | None = None,
    ) -> None:
        self._streams = streams
        self._stream = stream
        self._attempt = attempt
        self._clock = clock
        self._redactor = redactor or Redactor()
        # What comes in pieces is masked across them.
        self._flowing = {kind: RedactedStream(self._redactor) for kind in (TEXT, OUTPUT)}
        self._waiting: list[tuple[str, str]] = []
        self._writing: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    def say(self, kind: str, text: str) -> None:
        self._finish(besides=kind)
        flowing = self._flowing.get(kind)
        self._gather(kind, self._redactor.redact(text) if flowing is None else flowing.feed(text))
        if self._waiting and self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def mark(self, head: str) -> None:
        await self._flush()
        await self._append(MARK, head)

    async def rewind(self, head: str) -> None:
        """Takes back what an earlier attempt said after it wrote down `head`."""
        standing = await self._standing()
        marks = [at for at, event in enumerate(standing) if event.kind == MARK and event.data == head]
        if head and not marks:
            # It died between writing it down and the mark: nothing was said since.
            return
        said = [event for event in standing[marks[-1] + 1 if marks else 0 :] if event.kind in _OURS]
        if said:
            await self._streams.rewind(self._stream, said[0].seq - 1, self._attempt, self._clock())

    async def close(self) -> None:
        await self._flush()
        if (writing := self._writing) is not None:
            writing.cancel()
            # Not the task itself: a cancellation that comes meanwhile is ours and would be taken for its own.
            await asyncio.wait([writing])
            if not writing.cancelled():
                writing.result()

    async def _standing(self) -> list[StreamEvent]:
        """What counts by now."""
        standing: list[StreamEvent] = []
        last = 0
        while events := await self._streams.read(self._stream, last):
            for event in events:
                if event.kind == REWIND:
                    standing = [one for one in standing if one.seq <= int(event.data)]
                else:
                    standing.append(event)
            last = events[-1].seq
        return standing

    async def _write_soon(self) -> None:
        await asyncio.sleep(_BATCH)
        await self._write()
        self._writing = None

    async def _flush(self) -> None:
        self._finish()
        await self._write()

    async def _write(self) -> None:
        async with self._order:
            waiting, self._waiting = self._waiting, []
            for kind, text in waiting:
                await self._append(kind, text)

    def _finish(self, besides: str = "") -> None:
        """Nothing more comes of what flowed so far."""
        for kind, flowing in self._flowing.items():
            if kind != besides:
                self._gather(kind, flowing.finish())

    def _gather(self, kind: str, text: str) -> None:
        if not text:
            return
        if self._waiting and self._waiting[-1][0] == kind and kind in self._flowing:
            text = self._waiting.pop()[1] + text
        # A quarter, as a character may take four bytes.
        size = DATA_BYTES // 4
        pieces = [text[at : at + size] for at in range(0, len(text), size)] if kind in self._flowing else [text]
        self._waiting += [(kind, piece) for piece in pieces]

    async def _append(self, kind: str, data: str) -> None:
        await self._streams.append(self._stream, kind, data, attempt=self._attempt, now=self._clock())


class Unwatched:
    """Nobody looks."""

    def say(self, kind: str, text: str) -> None:
        """Nothing."""

    async def mark(self, head: str) -> None:
        """Nothing."""

    async def rewind(self, head: str) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""
