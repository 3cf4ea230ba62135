"""Reviewers of one run share the unpacked code; nothing of it stays longer than it is of use."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zstandard

from app.checkouts import tar
from app.checkouts.unpacked import IDLE, Unpacked


@dataclass
class Snapshots:
    """Snapshots of one file each; says which were asked for."""

    asked: list[str] = field(default_factory=list[str])
    missing: set[str] = field(default_factory=set[str])
    size: int = 10

    async def load(self, key: str) -> bytes:
        self.asked.append(key)
        await asyncio.sleep(0)
        if key in self.missing:
            raise LookupError(key)
        text = key.encode() + b" " * self.size
        return zstandard.compress(tar.member(b"head/a.py", text) + tar.end())


async def read(code: Unpacked, key: str) -> str:
    async with code.of(key) as found:
        return (found.head_root / "a.py").read_text().strip()


async def test_readers_of_the_same_code_share_one_copy_at_once_and_one_after_the_other(tmp_path: Path):
    snapshots = Snapshots()
    code = Unpacked(tmp_path, snapshots.load)
    assert await asyncio.gather(read(code, "one"), read(code, "one"), read(code, "two")) == ["one", "one", "two"]
    assert await read(code, "one") == "one"
    assert sorted(snapshots.asked) == ["one", "two"]


async def test_what_nobody_reads_any_more_goes_when_newer_code_comes(tmp_path: Path):
    snapshots = Snapshots()
    code = Unpacked(tmp_path, snapshots.load)
    async with code.of("in use") as found:
        for number in range(IDLE + 3):
            await read(code, str(number))
        assert (found.head_root / "a.py").exists()
    assert len(list(tmp_path.iterdir())) == IDLE
    assert await read(code, "0") == "0"
    assert snapshots.asked.count("0") == 2


async def test_large_code_goes_with_its_last_reader(tmp_path: Path):
    code = Unpacked(tmp_path, Snapshots().load, idle_bytes=10)
    async with code.of("one"):
        assert await read(code, "one") == "one"
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_reader_that_is_stopped_does_not_take_the_code_from_the_others(tmp_path: Path):
    snapshots = Snapshots()
    code = Unpacked(tmp_path, snapshots.load)
    stopped = asyncio.create_task(read(code, "one"))
    other = asyncio.create_task(read(code, "one"))
    await asyncio.sleep(0)
    stopped.cancel()
    assert await other == "one"
    assert stopped.cancelled()
    assert snapshots.asked == ["one"]


async def test_code_that_could_not_be_had_is_asked_for_again(tmp_path: Path):
    snapshots = Snapshots(missing={"one"})
    code = Unpacked(tmp_path, snapshots.load)
    with pytest.raises(LookupError):
        await read(code, "one")
    assert list(tmp_path.iterdir()) == []
    snapshots.missing.clear()
    assert await read(code, "one") == "one"
