"""The gateway of a machine with sandboxes: who works in one from elsewhere comes through it, a request at a time.

It speaks the supervisor's own frames over TLS. A connection begins with the sandbox's name and token, then makes one
request; what is not among these is not done: nobody makes, ends or lists sandboxes here.
"""

import asyncio
import hmac
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from app.domain.model import Frozen
from app.sandboxes.base import Access, Command, Ended, NotDone, SandboxGone, SandboxRef, TooLarge
from app.sandboxes.inside.frames import CHUNK, MAX_BODY, BadFrame, Header, pack
from app.sandboxes.link import FILES, received

log = structlog.get_logger()

# How many requests are answered at once? An agent makes one at a time.
MOST_AT_ONCE = 128
# How long may a caller take to say what it wants, and to take what it is sent?
_ENTER = timedelta(seconds=15)
_SLOW = timedelta(seconds=60)
# Said to whoever was let in, before anything is asked.
GREETING: Header = {"kind": "done"}
GREETING_BYTES = _ENTER_BYTES = 4096
# The most that goes through in one piece; agents move files of their work, not whole trees.
_MOST_BYTES = 64 * 1024**2
_LONGEST = timedelta(days=1).total_seconds()
# Only the sandbox's own record knows.
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class _Enter(Frozen):
    op: Literal["enter"]
    backend: str
    sandbox_id: str
    generation: int
    token: str


class _Exec(Frozen):
    op: Literal["exec"]
    exec_id: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    within: float = Field(gt=0, le=_LONGEST)
    output_bytes: int = Field(ge=0, le=MAX_BODY)
    terminal: bool
    offset: int = Field(ge=0)

    def command(self, stdin: bytes) -> Command:
        asked = self.model_dump(exclude={"op", "offset", "within"})
        return Command(**asked, within=timedelta(seconds=self.within), stdin=stdin)


class _Kill(Frozen):
    op: Literal["kill"]
    exec_id: str


class _Put(Frozen):
    op: Literal["put"]
    folder: str


class _Get(Frozen):
    op: Literal["get"]
    paths: tuple[str, ...]
    max_bytes: int = Field(ge=0, le=_MOST_BYTES)


class _Lease(Frozen):
    op: Literal["lease"]
    seconds: float = Field(gt=0, le=_LONGEST)


_Asked = _Exec | _Kill | _Put | _Get | _Lease
_ASKED = TypeAdapter[_Asked](Annotated[_Asked, Field(discriminator="op")])


class Gateway:
    """`access` finds the backend of a name, SandboxGone when this machine has none; `token` is what opens one."""

    def __init__(
        self, *, access: Callable[[str], Access], token: Callable[[SandboxRef], str], tls: ssl.SSLContext
    ) -> None:
        self._access = access
        self._token = token
        self._tls = tls
        self._serving = set[asyncio.Task[None]]()

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncGenerator[int]:
        """Its port, answering while this is entered."""
        server = await asyncio.start_server(
            self._enter, host, port, ssl=self._tls, ssl_handshake_timeout=_ENTER.total_seconds()
        )
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._serving) >= MOST_AT_ONCE:
            # Whoever asks tries again.
            writer.write(pack({"kind": "refused", "reason": "busy"}))
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ENTER.total_seconds()):
                await _say(writer, GREETING)
                ref = self._known(await received(reader, _ENTER_BYTES))
                if ref is None:
                    await _say(writer, {"kind": "gone", "reason": "there is no such sandbox for you"})
                    return
                header, body = await received(reader)
            asked = _ASKED.validate_python(header)
            tar = await _tar(reader) if isinstance(asked, _Put) else b""
            await _while_there(reader, self._answer(writer, ref, asked, tar or body))
        except (OSError, EOFError, TimeoutError, BadFrame, ValidationError) as error:
            log.info("gateway.cut_off", cause=type(error).__name__)
        finally:
            writer.transport.abort()

    def _known(self, frame: tuple[Header, bytes]) -> SandboxRef | None:
        """The sandbox that was named, if its token was told as well."""
        said = _Enter.model_validate(frame[0])
        ref = SandboxRef.model_validate({**said.model_dump(exclude={"op", "token"}), "lease_until": _UNKNOWN})
        if hmac.compare_digest(self._token(ref).encode(), said.token.encode()):
            return ref
        log.warning("gateway.refused", sandbox_id=said.sandbox_id[:40])
        return None

    async def _answer(self, writer: asyncio.StreamWriter, ref: SandboxRef, asked: _Asked, body: bytes) -> None:
        try:
            await self._do(writer, self._access(ref.backend), ref, asked, body)
        except (NotDone, TooLarge) as error:
            await _say(writer, {"kind": "refused", "reason": str(error)[:200]})
        except SandboxGone as error:
            await _say(writer, {"kind": "gone", "reason": str(error)[:200]})

    async def _do(
        self, writer: asyncio.StreamWriter, access: Access, ref: SandboxRef, asked: _Asked, body: bytes
    ) -> None:
        match asked:
            case _Exec():
                await _follow(writer, access, ref, asked, body)
                return
            case _Kill():
                await access.kill(ref, asked.exec_id)
            case _Put():
                await access.put(ref, body, asked.folder)
            case _Get():
                tar = await access.get(ref, asked.paths, asked.max_bytes)
                for at in range(0, len(tar), CHUNK):
                    await _say(writer, {"kind": "data"}, tar[at : at + CHUNK])
            case _Lease():
                await access.renew(ref, timedelta(seconds=asked.seconds))
        await _say(writer, {"kind": "done"})


async def _follow(writer: asyncio.StreamWriter, access: Access, ref: SandboxRef, asked: _Exec, stdin: bytes) -> None:
    async with aclosing(access.run(ref, asked.command(stdin), asked.offset)) as following:
        async for happening in following:
            if isinstance(happening, Ended):
                await _say(writer, {"kind": "ended", **happening.model_dump()})
            else:
                await _say(writer, {"kind": "output", "offset": happening.offset}, happening.data)


async def _say(writer: asyncio.StreamWriter, header: Header, body: bytes = b"") -> None:
    writer.write(pack(header, body))
    async with asyncio.timeout(_SLOW.total_seconds()):
        await writer.drain()


async def _tar(reader: asyncio.StreamReader) -> bytes:
    """What is put, in as many frames as it comes."""
    tar = bytearray()
    async with asyncio.timeout(FILES.total_seconds()):
        while True:
            header, body = await received(reader)
            if header.get("op") == "end":
                return bytes(tar)
            tar += body
            if len(tar) > _MOST_BYTES:
                raise BadFrame("more than may be put at once")


async def _while_there(reader: asyncio.StreamReader, work: Coroutine[None, None, None]) -> None:
    """Until it is done, or whoever asked has gone: a command that nobody follows is only followed no more."""
    working, gone = asyncio.create_task(work), asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)
    if not working.cancelled():
        working.result()
