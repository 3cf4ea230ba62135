"""Live streams keep their order, and a follower sees all of it and then stops."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, select, text

from app.store.database import Database
from app.store.streams import CUT_MARK, DATA_BYTES, Soon, StreamEvent, Streams
from tests.store.conftest import empty
from tests.store.samples import NOW


@pytest.fixture
def streams(db: Database) -> Streams:
    return Streams(db)


async def test_events_are_numbered_within_their_stream(streams: Streams) -> None:
    assert [await streams.append(name, "text", name, now=NOW) for name in ("a", "b", "a")] == [1, 1, 2]
    await streams.rewind("a", 1, 2, NOW)
    assert await streams.read("a", 1) == [
        StreamEvent(stream="a", seq=2, attempt=1, kind="text", data="a", at=NOW),
        StreamEvent(stream="a", seq=3, attempt=2, kind="rewind", data="1", at=NOW),
    ]
    assert [event.seq for event in await streams.read("a", 0, limit=2)] == [1, 2]


async def test_two_writers_do_no_harm(streams: Streams) -> None:
    seqs = await asyncio.gather(*(streams.append("a", "text", "x", now=NOW) for _ in range(30)))
    assert sorted(seqs) == list(range(1, 31))


async def test_what_is_said_in_a_moment_is_written_together_in_its_order(streams: Streams) -> None:
    soon = Soon(streams, lambda: NOW)
    for number in range(3):
        for stream in ("b", "a"):
            soon.say(stream, "progress", f"{stream}{number}")
    assert await streams.read("a", 0) == []
    await soon.flush()
    soon.say("a", "progress", "last")
    await soon.close()
    assert [(event.seq, event.data) for event in await streams.read("a", 0)] == [
        *((number + 1, f"a{number}") for number in range(3)),
        (4, "last"),
    ]
    assert [event.seq for event in await streams.read("b", 0)] == [1, 2, 3]


async def test_what_was_said_is_written_without_being_asked_for(streams: Streams) -> None:
    Soon(streams, lambda: NOW).say("a", "progress", "reading")
    async with asyncio.timeout(10):
        async for events in streams.follow("a", 0):
            assert [event.data for event in events] == ["reading"]
            return


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ("x" * DATA_BYTES, "x" * DATA_BYTES),
        ("x" * (DATA_BYTES + 1), "x" * (DATA_BYTES - len(CUT_MARK.encode())) + CUT_MARK),
        ("nul \x00 half \ud800", "nul \ufffd half \ufffd"),
    ],
    ids=["fits", "too long", "not text"],
)
async def test_data_is_cut_to_what_fits(streams: Streams, data: str, kept: str) -> None:
    await streams.append("a", "text", data, now=NOW)
    [event] = await streams.read("a", 0)
    assert event.data == kept


async def test_a_cut_never_splits_a_character(streams: Streams) -> None:
    await streams.append("a", "text", "\U0001f4b6" * DATA_BYTES, now=NOW)
    [event] = await streams.read("a", 0)
    assert event.data.removesuffix(CUT_MARK).strip("\U0001f4b6") == ""
    assert len(event.data.encode()) <= DATA_BYTES


async def test_a_follower_sees_everything_soon_and_stops_at_the_end(streams: Streams) -> None:
    await streams.append("a", "text", "before", now=NOW)
    seen: list[tuple[str, float]] = []

    async def follow() -> None:
        async for events in streams.follow("a", 0):
            seen.extend((event.data, time.monotonic()) for event in events)

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        await asyncio.sleep(0.15)
        await streams.append("a", "text", "live", now=NOW)
        written = time.monotonic()
        await asyncio.sleep(0.15)
        await streams.append("a", "end", "", now=NOW)
    assert [data for data, _ in seen] == ["before", "live", ""]
    assert seen[1][1] - written < 1.0


def on_one(stream: str, follower: Streams) -> asyncio.Task[list[str]]:
    """What this follower sees until the end."""

    async def follow() -> list[str]:
        return [event.data async for events in follower.follow(stream, 0) for event in events]

    return asyncio.create_task(follow())


async def listening(db: Database) -> list[int]:
    """The server's processes that hold a connection which listens."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
    return list(await db.read(lambda sql: sql.execute(query).scalars().all()))


async def listens(db: Database, *, besides: int = 0) -> int:
    """The one process that listens, once there is one."""
    async with asyncio.timeout(20):
        while not (found := [pid for pid in await listening(db) if pid != besides]):
            await asyncio.sleep(0.02)
    (pid,) = found
    return pid


async def test_on_postgresql_followers_are_woken_over_one_connection(emptied_postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        here, elsewhere = [await Database.open(emptied_postgres_url) for _ in range(2)]
        stack.push_async_callback(here.close)
        stack.push_async_callback(elsewhere.close)
        await here.write(empty)
        assert await listening(here) == []
        # By themselves they would look only after the test has failed.
        followers = [on_one(f"s{number % 3}", Streams(here, live_pause=60, idle_pause=60)) for number in range(9)]
        first = await listens(elsewhere)
        writer = Streams(elsewhere)
        async with asyncio.timeout(20):
            for kind in ("text", "end"):
                for number in range(3):
                    await writer.append(f"s{number}", kind, f"{kind} of {number}", now=NOW)
            seen = await asyncio.gather(*followers)
        assert seen == [[f"text of {number % 3}", f"end of {number % 3}"] for number in range(9)]
        # Cut off, it is made again, and what was said meanwhile is found.
        late = on_one("late", Streams(here, live_pause=60, idle_pause=60))
        await elsewhere.read(lambda sql: sql.execute(select(func.pg_terminate_backend(first))))
        await writer.append("late", "end", "meanwhile", now=NOW)
        assert await listens(elsewhere, besides=first) != first
        async with asyncio.timeout(20):
            assert await late == ["meanwhile"]
    db = await Database.open(emptied_postgres_url)
    assert await listening(db) == []
    await db.close()
