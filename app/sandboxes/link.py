"""The outside's end of a sandbox's protocol. Whatever comes from inside is taken for an attacker's, and measured."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Literal

from pydantic import ValidationError

from app.domain.model import Frozen
from app.sandboxes.base import Command, Ended, Ending, NotDone, Output, SandboxGone, TooLarge
from app.sandboxes.inside.frames import CHUNK, MAX_BODY, MAX_HEADER, SIZES, BadFrame, Frame, Header, pack, parse, sizes

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# How a backend reaches the supervisor: a new connection for each request. OSError when nobody is there.
Connect = Callable[[], Awaitable[Streams]]

# How long may the supervisor think about a simple request, and how long may a tar take?
QUICK = timedelta(seconds=20)
FILES = timedelta(minutes=10)
# How long after a command's own time may its end take to come? Its processes have to be hunted first.
_LATE = timedelta(seconds=30)
LOST = Ended(ending="lost", exit_code=None, output_bytes=0, seconds=0.0)
# What a tar may have besides the files: a small one has up to two kilobytes of header and padding.
_TAR_BESIDES = 16 * 1024**2


class Unanswered(SandboxGone):
    """The way to it is broken, or it is silent. What stands between may come back; a sandbox itself does not."""


class _Answer(Frozen):
    kind: Literal["done", "refused", "gone", "output", "ended", "data"]
    offset: int = 0
    reason: str = ""
    ending: Ending = "lost"
    exit_code: int | None = None
    output_bytes: int = 0
    seconds: float = 0.0

    @property
    def ended(self) -> Ended:
        return Ended(ending=self.ending, exit_code=self.exit_code, output_bytes=self.output_bytes, seconds=self.seconds)


class Link:
    """Requests to one sandbox's supervisor."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def hello(self, within: timedelta = QUICK) -> None:
        """SandboxGone unless it answers."""
        await self._ask({"op": "hello"}, within)

    async def renew(self, lease: timedelta) -> None:
        await self._ask({"op": "lease", "seconds": lease.total_seconds()}, QUICK)

    async def kill(self, exec_id: str) -> None:
        await self._ask({"op": "kill", "exec_id": exec_id}, QUICK)

    async def leave(self) -> None:
        """PID 1 ends, and everything in the sandbox with it."""
        async with self._talk(QUICK) as talk:
            await talk.send({"op": "leave"})

    async def run(self, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        """As Backend.run."""
        heard = False
        try:
            async with aclosing(self.follow(command, offset)) as following:
                async for happening in following:
                    heard = True
                    yield happening
        except SandboxGone:
            if not heard:
                raise
            yield LOST

    async def follow(self, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        """The same over one connection: SandboxGone whenever that ends before the command does."""
        if len(command.stdin) > MAX_BODY:
            raise ValueError(f"stdin of {len(command.stdin)} bytes; what is over {MAX_BODY} goes in as a file")
        async with self._talk(command.within + _LATE) as talk:
            await talk.send(_request(command, offset), command.stdin)
            left = command.output_bytes + CHUNK
            while left >= 0:
                answer, body = await talk.receive("output", "ended")
                if answer.kind == "ended":
                    yield answer.ended
                    return
                left -= len(body)
                yield Output(offset=answer.offset, data=body)
            raise SandboxGone("the supervisor sent more than was asked for")

    async def put(self, tar: bytes, folder: str) -> None:
        """NotDone when it does not fit, or something is in the way."""
        async with self._talk(FILES) as talk:
            await talk.send({"op": "put", "folder": folder})
            for start in range(0, len(tar), CHUNK):
                await talk.send({"op": "data"}, tar[start : start + CHUNK])
            await talk.send({"op": "end"})
            await talk.receive("done")

    async def get(self, paths: Sequence[str], max_bytes: int) -> bytes:
        """TooLarge when they are."""
        tar = bytearray()
        async with self._talk(FILES) as talk:
            await talk.send({"op": "get", "paths": list(paths), "max_bytes": max_bytes})
            while len(tar) <= max_bytes + _TAR_BESIDES:
                try:
                    answer, body = await talk.receive("data", "done")
                except NotDone as error:
                    raise TooLarge(str(error)) from error
                if answer.kind == "done":
                    return bytes(tar)
                tar += body
        raise TooLarge(f"more than {max_bytes} bytes")

    async def _ask(self, request: Header, within: timedelta) -> None:
        async with self._talk(within) as talk:
            await talk.send(request)
            await talk.receive("done")

    @asynccontextmanager
    async def _talk(self, within: timedelta) -> AsyncGenerator["_Talk"]:
        """A connection; every way in which it can fail is SandboxGone."""
        due = asyncio.get_running_loop().time() + within.total_seconds()
        try:
            async with asyncio.timeout_at(due):
                reader, writer = await self._connect()
            try:
                yield _Talk(reader, writer, due)
            finally:
                writer.transport.abort()
        except (OSError, EOFError, TimeoutError) as error:
            raise Unanswered("the sandbox does not answer") from error
        except (BadFrame, ValidationError) as error:
            raise SandboxGone("the sandbox answers nonsense") from error


class _Talk:
    """One connection: a request and its answers, all of them until `due` of the loop's clock."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: float) -> None:
        self._reader, self._writer, self._due = reader, writer, due

    async def send(self, header: Header, body: bytes = b"") -> None:
        self._writer.write(pack(header, body))
        async with asyncio.timeout_at(self._due):
            await self._writer.drain()

    async def receive(self, *kinds: str) -> tuple[_Answer, bytes]:
        """The next answer, which must be one of these; NotDone when the supervisor says no."""
        # Not around the whole talk: what the caller does between two answers is not ours to interrupt.
        async with asyncio.timeout_at(self._due):
            header, data = await received(self._reader)
        answer = _Answer.model_validate(header)
        if answer.kind == "refused":
            raise NotDone(answer.reason[:200])
        if answer.kind == "gone":
            raise SandboxGone(answer.reason[:200])
        if answer.kind not in kinds:
            raise BadFrame(f"{answer.kind!r} was not to be expected")
        return answer, data


async def received(reader: asyncio.StreamReader, most_bytes: int = MAX_HEADER + MAX_BODY) -> Frame:
    """The next frame; BadFrame or EOFError when there is none."""
    header, body = sizes(await reader.readexactly(SIZES.size))
    if header + body > most_bytes:
        raise BadFrame("too large to be read")
    return parse(await reader.readexactly(header)), await reader.readexactly(body)


def _request(command: Command, offset: int) -> Header:
    return {
        "op": "exec",
        "exec_id": command.exec_id,
        "argv": list(command.argv),
        "cwd": command.cwd,
        "env": command.env,
        "within": command.within.total_seconds(),
        "output_bytes": command.output_bytes,
        "terminal": command.terminal,
        "offset": offset,
    }
