"""Folders for a moment: whoever is told to stop at any time leaves none, and nothing writes on behind their back."""

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.checkouts.scratch import scratch, to_its_end


@asynccontextmanager
async def no_thread_is_free() -> AsyncGenerator[threading.Event]:
    """As on a machine with much to do: work for threads begins only once this is set."""
    free = threading.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    busy = asyncio.create_task(asyncio.to_thread(free.wait))
    await asyncio.sleep(0)
    try:
        yield free
    finally:
        free.set()
        await busy


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def work_in_one() -> None:
    async with scratch("one-") as folder:
        (folder / "file").touch()
        await asyncio.sleep(60)


async def test_no_folder_stays_of_who_is_told_to_stop_while_it_is_made(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_mkdtemp(*, prefix: str) -> str:
        time.sleep(0.1)
        return tempfile.mkdtemp(prefix=prefix)

    monkeypatch.setattr("app.checkouts.scratch.mkdtemp", slow_mkdtemp)
    working = asyncio.create_task(work_in_one())
    await asyncio.sleep(0.02)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await asyncio.sleep(0.2)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("orders", [1, 2, 3])
async def test_no_folder_stays_of_who_is_told_to_stop_again_while_no_thread_is_free(here: Path, orders: int) -> None:
    async with no_thread_is_free() as free:
        working = asyncio.create_task(work_in_one())
        await asyncio.sleep(0.01)
        assert len(list(here.iterdir())) == 1
        for _ in range(orders):
            working.cancel()
            await asyncio.sleep(0.01)
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert list(here.iterdir()) == []


async def test_whoever_is_told_to_stop_does_so_when_their_thread_has_ended() -> None:
    steps: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(5)
        steps.append("written")

    async def writing() -> None:
        try:
            await to_its_end(work)
        finally:
            steps.append("stopped")

    task = asyncio.create_task(writing())
    await asyncio.to_thread(begun.wait)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.01)
    assert steps == []
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["written", "stopped"]


async def test_a_thread_s_result_and_its_error_come_through() -> None:
    assert await to_its_end(int, "12", base=3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        await to_its_end(int, "x")
