"""Live streams: what a run or an agent is doing, in the order in which it was said."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from app.domain.model import Frozen
from app.store.database import Database
from app.store.tables import stream_events
from app.store.work import STREAMS_CHANNEL

# The longest event; more belongs into a blob.
DATA_BYTES = 8 * 1024
CUT_MARK = "… (cut)"

# How soon does somebody who watches see the next event, and how seldom do we look when nothing happens?
LIVE_PAUSE = 0.1
IDLE_PAUSE = 2.0

END = "end"
REWIND = "rewind"

# Built once: building a statement costs more than running it.
_LAST = select(func.coalesce(func.max(stream_events.c.seq), 0)).where(stream_events.c.stream == bindparam("of_stream"))
_APPEND = stream_events.insert()


class StreamEvent(Frozen):
    """One event. After a `rewind`, whose data is a seq, the events past that seq no longer count."""

    stream: str
    seq: int
    attempt: int
    kind: str
    data: str
    at: datetime


class Said(Frozen):
    """An event that is still to be written."""

    stream: str
    kind: str
    data: str
    at: datetime


class Streams:
    """One writer a stream is the rule; a second one, late, does no harm."""

    def __init__(self, db: Database, *, live_pause: float = LIVE_PAUSE, idle_pause: float = IDLE_PAUSE) -> None:
        self._db = db
        self._live_pause = live_pause
        self._idle_pause = idle_pause

    async def append(self, stream: str, kind: str, data: str, *, attempt: int = 1, now: datetime) -> int:
        """Its seq. Data over 8 KiB is cut, and says so."""
        return await self._db.write(
            lambda sql: append_event(sql, stream, kind=kind, data=data, attempt=attempt, now=now)
        )

    async def append_all(self, said: Sequence[Said]) -> None:
        """Events of several streams in one transaction, those of a stream in their order."""
        if said:
            await self._db.write(lambda sql: _append_all(sql, said))

    async def rewind(self, stream: str, to_seq: int, attempt: int, now: datetime) -> None:
        """A new attempt begins where `to_seq` left the stream."""
        await self.append(stream, REWIND, str(to_seq), attempt=attempt, now=now)

    async def read(self, stream: str, after: int, limit: int = 500) -> list[StreamEvent]:
        query = (
            select(stream_events)
            .where(stream_events.c.stream == stream, stream_events.c.seq > after)
            .order_by(stream_events.c.seq)
            .limit(limit)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [StreamEvent.model_validate(dict(row)) for row in rows]

    async def newest(self, stream: str, kind: str) -> int:
        """The seq of the newest event of this kind; 0 when there is none."""
        query = select(func.coalesce(func.max(stream_events.c.seq), 0)).where(
            stream_events.c.stream == stream, stream_events.c.kind == kind
        )
        return await self._db.read(lambda sql: sql.execute(query).scalar_one())

    async def follow(self, stream: str, after: int) -> AsyncIterator[list[StreamEvent]]:
        """Events as they come, until the stream ends."""
        pause = self._live_pause
        with self._db.following(stream) as woken:
            while True:
                # Before the look: what is said from here on is not missed.
                woken.clear()
                events = await self.read(stream, after)
                if events:
                    yield events
                    if any(event.kind == END for event in events):
                        return
                    after, pause = events[-1].seq, self._live_pause
                await _rest(woken, pause)
                pause = pause if events else min(self._idle_pause, pause * 1.5)


async def _rest(woken: asyncio.Event, pause: float) -> None:
    try:
        async with asyncio.timeout(pause):
            await woken.wait()
    except TimeoutError:
        return


class Soon:
    """Writes what is said in a moment together: what comes late is a line less, never a reason to wait."""

    def __init__(self, streams: Streams, clock: Callable[[], datetime]) -> None:
        self._streams = streams
        self._clock = clock
        self._waiting: list[Said] = []
        self._writing: asyncio.Task[None] | None = None

    def say(self, stream: str, kind: str, data: str) -> None:
        self._waiting.append(Said(stream=stream, kind=kind, data=data, at=self._clock()))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """What was said so far is written when this returns."""
        said, self._waiting = self._waiting, []
        await self._streams.append_all(said)

    async def close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        await self.flush()

    async def _write_soon(self) -> None:
        try:
            await asyncio.sleep(LIVE_PAUSE)
        finally:
            self._writing = None
        await self.flush()


def _append_all(sql: Connection, said: Sequence[Said]) -> None:
    by_stream: defaultdict[str, list[Said]] = defaultdict(list)
    for one in said:
        by_stream[one.stream].append(one)
    # In one order everywhere: two who lock the same streams never wait for each other.
    for stream, ours in sorted(by_stream.items()):
        before = _last(sql, stream)
        rows = [
            _row(stream, before + number, kind=one.kind, data=one.data, attempt=1, now=one.at)
            for number, one in enumerate(ours, 1)
        ]
        sql.execute(_APPEND, rows)


def append_event(sql: Connection, stream: str, *, kind: str, data: str, attempt: int, now: datetime) -> int:
    """For works that change something and say so in one transaction."""
    seq = _last(sql, stream) + 1
    sql.execute(_APPEND, _row(stream, seq, kind=kind, data=data, attempt=attempt, now=now))
    return seq


def _last(sql: Connection, stream: str) -> int:
    """The seq of its newest event, which stays the newest until this transaction ends and followers are woken."""
    if sql.dialect.name == "postgresql":
        # Two writers at once would take the same seq.
        lock = func.pg_advisory_xact_lock(func.hashtextextended(stream, 0))
        sql.execute(select(lock, func.pg_notify(STREAMS_CHANNEL, stream)))
    return sql.execute(_LAST, {"of_stream": stream}).scalar_one()


def _row(stream: str, seq: int, *, kind: str, data: str, attempt: int, now: datetime) -> dict[str, object]:
    return {"stream": stream, "seq": seq, "attempt": attempt, "kind": kind, "data": _fitting(data), "at": now}


def _fitting(data: str) -> str:
    encoded = data.encode("utf-8", "replace")
    if len(encoded) <= DATA_BYTES:
        return data
    kept = encoded[: DATA_BYTES - len(CUT_MARK.encode())]
    return kept.decode("utf-8", "ignore") + CUT_MARK
