"""Live streams keep their order, and a follower sees all of it and then stops."""

import asyncio
import time

import pytest

from app.store.database import Database
from app.store.streams import CUT_MARK, DATA_BYTES, Soon, StreamEvent, Streams
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
