"""What an open page is told: every stage as it begins, waits, the end; across broken connections and a stop."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx

from app.domain.outcomes import Outcome
from app.store.streams import StreamEvent
from app.web.live import Live, standing
from tests.web.conftest import Desk, serving_desk
from tests.web.stories import begin, end, see


class Told(NamedTuple):
    """One event as a browser gets it."""

    event: str
    data: str
    seq: str


class Listening:
    """Reads server-sent events; a wait that takes too long fails."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> Told:
        async with asyncio.timeout(10):
            return await self._event()

    async def until(self, words: str) -> Told:
        async with asyncio.timeout(10):
            while words not in (told := await self._event()).data:
                pass
            return told

    async def _event(self) -> Told:
        fields: dict[str, list[str]] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and "event" in fields:
                data = "\n".join(fields.get("data", []))
                return Told(fields["event"][0], data, fields.get("id", [""])[0])
            if line:
                fields.setdefault(name, []).append(value)
        raise EOFError("the stream ended")


@asynccontextmanager
async def listening(desk: Desk, path: str, **headers: str) -> AsyncGenerator[Listening]:
    async with desk.client.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Listening(answer)


async def test_a_run_is_told_stage_by_stage_until_its_end(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    runs, now = desk.store.runs, datetime.now(UTC)
    async with listening(desk, f"/live/runs/{run.run_id}") as page:
        await runs.set_stage(run.run_id, "checkout", now=now)
        assert 'class="now"' in (await page.until("checkout")).data
        await desk.store.streams.append(f"run/{run.run_id}", "progress", "ruff on <4> files", now=now)
        await page.until("ruff on &lt;4&gt; files")
        await runs.set_stage(run.run_id, "model", now=now)
        await page.until("model")
        await runs.set_stage(run.run_id, "model", attempt=2, now=now)
        await page.until("attempt 2, worker restarted")
        await end(desk.store, run, Outcome.CLEAN, "No problems found")
        told = [await page.next()]
        while told[-1].event != "end":
            told.append(await page.next())
        assert 'class="now"' not in told[-2].data
    assert f'data-live="/live/runs/{run.run_id}"' not in await desk.text(f"/runs/{run.run_id}")


async def test_after_a_broken_connection_it_goes_on_where_it_was(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    await desk.store.runs.set_stage(run.run_id, "checkout", now=datetime.now(UTC))
    async with listening(desk, f"/live/runs/{run.run_id}") as page:
        seq = (await page.until("checkout")).seq
    assert seq == "1"
    async with listening(desk, f"/live/runs/{run.run_id}", **{"Last-Event-ID": seq}) as page:
        await desk.store.runs.set_stage(run.run_id, "post", now=datetime.now(UTC))
        told = await page.next()
        assert (told.seq, "post" in told.data) == ("2", True)


async def test_a_page_whose_connection_broke_at_the_end_is_still_told_of_it(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    await end(desk.store, run, Outcome.CLEAN, "No problems found")
    async with listening(desk, f"/live/runs/{run.run_id}", **{"Last-Event-ID": "1"}) as page:
        assert [(await page.next()).event, (await page.next()).event] == ["progress", "end"]


async def test_a_wait_is_told_though_it_is_no_event(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    async with listening(desk, f"/live/runs/{run.run_id}") as page:
        await desk.store.runs.set_waiting(run.run_id, datetime.now(UTC) + timedelta(hours=1))
        assert "Waits until" in (await page.until("Waits until")).data


async def test_the_list_is_told_of_new_runs_and_of_what_became_of_them(desk: Desk) -> None:
    await see(desk.store)
    async with listening(desk, "/live/runs?repo=github/7") as page:
        assert "No runs." in (await page.next()).data
        run = await begin(desk.store)
        assert "running" in (await page.until("Refund on retry")).data
        await end(desk.store, run, Outcome.INCOMPLETE, "Incomplete · 1 file")
        await page.until("Incomplete · 1 file")
    async with listening(desk, "/live/runs?repo=github/8") as page:
        assert "No runs." in (await page.next()).data


async def test_an_open_page_does_not_keep_the_process_from_stopping(tmp_path: Path) -> None:
    async with serving_desk(tmp_path / "home") as desk:
        await see(desk.store)
        run = await begin(desk.store)
        streams = [listening(desk, path) for path in ("/live/runs", f"/live/runs/{run.run_id}")]
        for stream in streams:
            await stream.__aenter__()
        began = time.monotonic()
    assert time.monotonic() - began < 3


async def test_a_stream_that_says_nothing_beats() -> None:
    async def silent() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    got: list[int | None] = []
    live = Live(beat_seconds=0.02)
    async for item in live.beaten(silent()):
        got.append(item)
        if len(got) == 3:
            live.close()
    assert got == [1, None, None]


def test_a_rewind_takes_back_what_came_after_it() -> None:
    def event(seq: int, kind: str, data: str) -> StreamEvent:
        return StreamEvent(stream="run/x", seq=seq, attempt=1, kind=kind, data=data, at=datetime.now(UTC))

    events = [
        event(1, "progress", "a"),
        event(2, "progress", "b"),
        event(3, "rewind", "1"),
        event(4, "progress", "c"),
    ]
    assert [one.data for one in standing(events)] == ["a", "c"]


async def test_only_a_page_of_a_run_at_work_is_followed(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    page = await desk.text(f"/runs/{run.run_id}")
    assert f'data-live="/live/runs/{run.run_id}"' in page
    assert "<noscript>" in page
    assert "none" not in page, "what is not known yet is said to be none"
    assert re.search(r'data-live="/live/runs\?', await desk.text("/"))
    assert "data-live" not in await desk.text("/?outcome=clean")
