"""Whatever a sandbox answers, those outside are neither hurt nor held up."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from app.sandboxes.base import Command, Ended, NotDone, SandboxGone, TooLarge
from app.sandboxes.inside.frames import MAX_BODY, SIZES, BadFrame, Frames, Header, pack
from app.sandboxes.link import Link

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
COMMAND = Command(exec_id="x", argv=("true",), output_bytes=1000)


@asynccontextmanager
async def answering(folder: Path, *answers: bytes, endless: bool = False) -> AsyncGenerator[Link]:
    """A supervisor that says this to every request, whatever was asked; then it goes, or says it for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(100)
            writer.write(b"".join(answers))
            while endless:
                writer.write(answers[-1])
                await writer.drain()
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with serving(folder / "s", serve) as link:
        yield link


@asynccontextmanager
async def serving(path: Path, serve: Serve) -> AsyncGenerator[Link]:
    """Every connection is served to its end before this ends."""
    serving = set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_unix_server(accept, path):
        yield Link(lambda: asyncio.open_unix_connection(path))
        await asyncio.wait_for(asyncio.gather(*serving), 30)


def said(header: object, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return SIZES.pack(len(text), len(body)) + text + body


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 8,
        b"HTTP/1.1 200 OK\r\n\r\n",
        SIZES.pack(2**31, 0),
        SIZES.pack(2, MAX_BODY + 1),
        said([1, 2]),
        said({"kind": "done", "extra": 1}),
        said({"kind": "output"}),
        said({"kind": "ended", "ending": "no such thing"}),
        said({"kind": "done"})[:-1],
        SIZES.pack(100_000, 0) + b"[" * 100_000,
    ],
)
async def test_nonsense_is_a_sandbox_that_is_gone(tmp_path: Path, answer: bytes) -> None:
    async with answering(tmp_path, answer) as link:
        with pytest.raises(SandboxGone):
            await link.hello()
        with pytest.raises(SandboxGone):
            await link.get(["x"], 100)


async def test_nobody_at_all_is_a_sandbox_that_is_gone(tmp_path: Path) -> None:
    link = Link(lambda: asyncio.open_unix_connection(tmp_path / "nobody"))
    for ask in (link.hello, lambda: link.put(b"", "/work"), lambda: link.kill("x")):
        with pytest.raises(SandboxGone, match="does not answer"):
            await ask()
    with pytest.raises(SandboxGone):
        [part async for part in link.run(COMMAND)]


async def test_one_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with serving(tmp_path / "s", serve) as link:
        with pytest.raises(SandboxGone):
            await link.hello(timedelta(seconds=0.1))


async def test_endless_output_is_cut(tmp_path: Path) -> None:
    async with answering(tmp_path, said({"kind": "output"}, b"x" * 100_000), endless=True) as link:
        parts = [part async for part in link.run(COMMAND)]
    assert isinstance(parts[-1], Ended)
    assert parts[-1].ending == "lost"
    assert len(parts) < 10


async def test_endless_files_are_cut(tmp_path: Path) -> None:
    async with answering(tmp_path, said({"kind": "data"}, b"x" * 1_000_000), endless=True) as link:
        with pytest.raises(TooLarge):
            await link.get(["x"], 1000)


async def test_a_refusal_is_told_shortly(tmp_path: Path) -> None:
    async with answering(tmp_path, said({"kind": "refused", "reason": "x" * 10_000})) as link:
        with pytest.raises(NotDone) as refused:
            await link.hello()
    assert len(str(refused.value)) == 200


@pytest.mark.parametrize("length", [1, 7, 1000])
def test_frames_arrive_in_any_pieces(length: int) -> None:
    sent: list[tuple[Header, bytes]] = [({"op": "one"}, b"body"), ({"op": "two"}, b""), ({}, b"\0" * 300)]
    whole, frames = b"".join(pack(*frame) for frame in sent), Frames()
    pieces = [whole[at : at + length] for at in range(0, len(whole), length)]
    assert [frame for piece in pieces for frame in frames.feed(piece)] == sent


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(BadFrame):
        pack({"op": "x" * 3_000_000})
    with pytest.raises(BadFrame):
        pack({}, b"x" * (MAX_BODY + 1))
