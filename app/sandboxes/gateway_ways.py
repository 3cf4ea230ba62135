"""Working in sandboxes of other machines, through their gateways; one that starts anew is waited for."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import TypeVar

from app.domain.errors import UserError
from app.sandboxes.base import WORK, Command, Ended, Output, SandboxRef
from app.sandboxes.gateway import GREETING, GREETING_BYTES
from app.sandboxes.inside.frames import Header, pack
from app.sandboxes.leases import LEASE
from app.sandboxes.link import Link, Streams, Unanswered, received

# How long is a gateway waited for? After this the leases of its sandboxes are over as well.
PATIENCE = LEASE
_AGAIN = 0.25
_TURNED_AWAY_AT_MOST = 3
_CONNECT = timedelta(seconds=10)

T = TypeVar("T")


class GatewayWays:
    """Access to every sandbox that has a host. Nothing runs twice: what was asked for already is attached to."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], *, patience: timedelta = PATIENCE) -> None:
        """`tls` is asked for each connection, and may raise UserError."""
        self._tls = tls
        self._patience = patience.total_seconds()

    async def run(self, ref: SandboxRef, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        waiting = _Patience(self._patience)
        while True:
            try:
                async with aclosing(self._link(ref).follow(command, offset)) as following:
                    async for happening in following:
                        waiting = _Patience(self._patience)
                        if isinstance(happening, Output):
                            offset = happening.offset + len(happening.data)
                        yield happening
                return
            except Unanswered as error:
                await waiting.for_another_try(error, ref)

    async def kill(self, ref: SandboxRef, exec_id: str) -> None:
        await self._until_answered(ref, lambda link: link.kill(exec_id))

    async def put(self, ref: SandboxRef, tar: bytes, folder: str = WORK) -> None:
        await self._until_answered(ref, lambda link: link.put(tar, folder))

    async def get(self, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
        return await self._until_answered(ref, lambda link: link.get(paths, max_bytes))

    async def renew(self, ref: SandboxRef, lease: timedelta) -> SandboxRef:
        # Asked again soon by whoever keeps it.
        await self._link(ref).renew(lease)
        return ref

    async def _until_answered(self, ref: SandboxRef, ask: Callable[[Link], Awaitable[T]]) -> T:
        waiting = _Patience(self._patience)
        while True:
            try:
                return await ask(self._link(ref))
            except Unanswered as error:
                await waiting.for_another_try(error, ref)

    def _link(self, ref: SandboxRef) -> Link:
        return Link(partial(_connect, ref, self._tls()))


class _TurnedAway(OSError):
    """It knows who it is, and ended the connection before a word: this machine's certificate is not believed."""


class _Patience:
    """Until when it is worth trying again."""

    def __init__(self, seconds: float) -> None:
        self._until = asyncio.get_running_loop().time() + seconds
        self._turned_away = 0

    async def for_another_try(self, error: Unanswered, ref: SandboxRef) -> None:
        """UserError where trying again will not help; the error itself when it took too long."""
        if reason := self._disbelief(error.__cause__):
            raise UserError(
                f"The gateway {ref.host} and this machine do not believe each other ({reason}); "
                "renew their certificates with `corrigent setup gateway`."
            ) from error
        if asyncio.get_running_loop().time() >= self._until:
            raise error
        await asyncio.sleep(_AGAIN)

    def _disbelief(self, cause: BaseException | None) -> str:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        # Once may be a gateway that is killed just then.
        self._turned_away = self._turned_away + 1 if isinstance(cause, _TurnedAway) else 0
        return "it turns this machine away" if self._turned_away >= _TURNED_AWAY_AT_MOST else ""


async def _connect(ref: SandboxRef, tls: ssl.SSLContext) -> Streams:
    host, _, port = ref.host.rpartition(":")
    async with asyncio.timeout(_CONNECT.total_seconds()):
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=tls)
        try:
            await _be_greeted(reader)
        except BaseException:
            writer.transport.abort()
            raise
    named: Header = {name: getattr(ref, name) for name in ("backend", "sandbox_id", "generation", "token")}
    writer.write(pack({"op": "enter", **named}))
    return reader, writer


async def _be_greeted(reader: asyncio.StreamReader) -> None:
    """A gateway that does not believe a certificate says nothing at all, since the handshake's last word is ours."""
    try:
        greeting, _ = await received(reader, GREETING_BYTES)
    except (EOFError, ConnectionError, ssl.SSLError) as error:
        raise _TurnedAway("it said nothing") from error
    if greeting != GREETING:
        raise ConnectionError("it is busy")
