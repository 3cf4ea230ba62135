"""Bodies that are too large, too slow or lie about themselves cost the door neither memory nor patience."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from app.web.body import LARGEST
from tests.harness.hooks import PING, signed
from tests.web.test_hooks import SECRET, Door, door_of

DEADLINE = timedelta(seconds=1)
MEBIBYTE = 1024 * 1024


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with door_of(tmp_path, deadline=DEADLINE) as opened:
        yield opened


async def talk(door: Door, head: str, *parts: bytes) -> tuple[int, bool]:
    """The status of the first answer, and whether the connection was closed after it; parts are written as they come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 15)
        rest = await asyncio.wait_for(reader.read(), 15)
        return int(line.split()[1]) if line else 0, b"connection: close" in rest.lower() or reader.at_eof()
    except (ConnectionResetError, BrokenPipeError):
        return 0, True
    finally:
        writer.close()


def post(*lines: str) -> str:
    return "\n".join(["POST /hooks/github HTTP/1.1", "Host: x", *lines])


def with_signature(body: bytes) -> list[str]:
    return [f"{name}: {value}" for name, value in signed(body, SECRET).items()]


async def test_more_than_26_mb_is_refused_before_it_is_read(door: Door) -> None:
    started = monotonic()
    status, closed = await talk(door, post(f"Content-Length: {LARGEST + 1}"))
    assert (status, closed) == (413, True)
    assert monotonic() - started < DEADLINE.total_seconds()


async def test_a_body_without_a_length_is_cut_at_the_limit(door: Door) -> None:
    chunk = b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n"
    status, closed = await talk(door, post("Transfer-Encoding: chunked"), *([chunk] * 40))
    # The answer may be lost on a sender that does not stop sending.
    assert status in {0, 413}
    assert closed


@pytest.mark.parametrize("sent", [b"", PING[:10]], ids=["nothing comes", "it stops in the middle"])
async def test_a_body_that_stalls_is_ended_at_the_deadline(door: Door, sent: bytes) -> None:
    started = monotonic()
    status, closed = await talk(door, post(*with_signature(PING), f"Content-Length: {len(PING)}"), sent)
    assert (status, closed) == (408, True)
    assert monotonic() - started < 3 * DEADLINE.total_seconds()
    assert await door.stored() == []


async def test_a_body_in_tiny_drops_is_ended_at_the_deadline(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(post("Content-Length: 1000").replace("\n", "\r\n").encode() + b"\r\n\r\n")
    started = monotonic()
    while not reader.at_eof() and monotonic() - started < 10:
        writer.write(b"x")
        try:
            await asyncio.wait_for(reader.read(65536), 0.1)
        except TimeoutError:
            continue
    assert monotonic() - started < 3 * DEADLINE.total_seconds()
    writer.close()


async def test_more_than_was_announced_is_no_part_of_the_body(door: Door) -> None:
    head = post(*with_signature(PING), f"Content-Length: {len(PING)}", "Connection: close")
    status, _ = await talk(door, head, PING + b"and more")
    assert status == 202


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 30, "7, 8"])
async def test_a_length_that_is_no_number_is_refused(door: Door, length: str) -> None:
    status, closed = await talk(door, post(f"Content-Length: {length}"))
    assert status in {400, 413}
    assert closed


async def test_twenty_large_unsigned_bodies_at_once_cost_little(tmp_path: Path) -> None:
    block = b"x" * MEBIBYTE
    async with door_of(tmp_path, deadline=timedelta(seconds=8)) as door:
        await talk(door, post(f"Content-Length: {MEBIBYTE}", "Connection: close"), block)
        before, most = memory(), 0
        head = post(f"Content-Length: {24 * MEBIBYTE}", "Connection: close")
        sending = asyncio.gather(*(talk(door, head, *([block] * 24)) for _ in range(20)))
        small: list[float] = []
        while not sending.done():
            started = monotonic()
            number = len(small) + 1
            assert await door.send(PING, signed(PING, SECRET, number=number)) == 202
            small.append(monotonic() - started)
            most = max(most, memory())
            await asyncio.sleep(0.05)
        answers = [status for status, _ in await sending]
    assert set(answers) <= {401, 408, 0}
    assert 401 in answers
    # Each side holds a few blocks in flight; twenty bodies would be 480 MB.
    assert (most - before) / MEBIBYTE < 200
    assert max(small) < 2


def memory() -> int:
    """Bytes of this process that are in memory now."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


async def test_who_never_finishes_a_request_s_head_is_cut_off(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.server.HEAD_WITHIN_SECONDS", 1)
    openings = [b"", b"POST /hooks/github HT", b"POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: "]

    async def dawdle(opening: bytes) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(opening)
        started = monotonic()
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return monotonic() - started

    waited = await asyncio.gather(*(dawdle(opening) for opening in openings * 50))
    assert max(waited) < 5
    assert await door.send(PING, signed(PING, SECRET)) == 202
