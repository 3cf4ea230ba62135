"""One connection through the proxy: its request is read, judged, and carried out or refused with a sentence."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from app.sandboxes.egress_dial import Dialler, NotPublic, Streams, Unreachable
from app.sandboxes.egress_gate import BudgetSpent, Denied, Gate, Spent
from app.sandboxes.egress_head import BadHead, RequestHead, forwarded, read_head
from app.sandboxes.egress_hello import MAX_HELLO, BadHello, server_name
from app.sandboxes.egress_records import Verdict
from app.sandboxes.egress_rules import EgressTimes, PrivateRegistry

_CHUNK = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
# What is answered, where something can still be answered, and what the record says.
_ENDINGS: Mapping[type[Exception], tuple[str, Verdict]] = {
    BadHead: ("400 Bad Request", "denied"),
    Denied: ("403 Forbidden", "denied"),
    NotPublic: ("403 Forbidden", "denied"),
    Unreachable: ("502 Bad Gateway", "failed"),
    BadHello: ("", "cut"),
    BudgetSpent: ("", "cut"),
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """What all connections of a sandbox have in common."""

    gate: Gate
    spent: Spent
    dialler: Dialler
    times: EgressTimes
    tls: ssl.SSLContext


@dataclass
class Passage:
    """One connection, from its request to its end; the counts are read while it runs."""

    way: Way
    client: Streams
    name: str = ""
    port: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    _far: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def pass_through(self) -> tuple[Verdict, str]:
        """How it ended, and why where it was not simply done."""
        try:
            async with asyncio.timeout(self.way.times.connection.total_seconds()):
                await self._carry_out(await self._head())
        except tuple(_ENDINGS) as reason:
            answer, verdict = _ENDINGS[type(reason)]
            if answer:
                await self._refuse(answer, str(reason))
            return verdict, str(reason)
        except TimeoutError:
            return "cut", "It took too long, or nothing came for too long."
        except (OSError, asyncio.IncompleteReadError):
            return "failed", "One side ended the connection early."
        finally:
            await _finish(self._far)
        return "allowed", ""

    async def _head(self) -> RequestHead:
        try:
            async with asyncio.timeout(self.way.times.request.total_seconds()):
                raw = await self.client[0].readuntil(_END_OF_HEAD)
        except TimeoutError:
            raise BadHead("No whole request came in time.") from None
        except asyncio.LimitOverrunError:
            raise BadHead("The request is too long.") from None
        head = read_head(raw)
        self.name, self.port = head.name, head.port
        return head

    async def _carry_out(self, head: RequestHead) -> None:
        registry = self.way.gate.judge(head)
        if registry:
            await self._ask_registry(registry, head)
        elif head.is_tunnel:
            await self._tunnel(head)
        else:
            await self._ask(head)

    async def _tunnel(self, head: RequestHead) -> None:
        far_reader, far_writer = await self._dial(head.name, head.port)
        reader, writer = self.client
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        hello = await self._hello(reader, head.name)
        async with asyncio.timeout(self._idle) as deadline:
            await self._send(far_writer, hello)
            await _both(
                self._pump(reader, lambda data: self._send(far_writer, data), far_writer, deadline),
                self._pump(far_reader, self._receive, writer, deadline),
            )

    async def _hello(self, reader: asyncio.StreamReader, name: str) -> bytes:
        data = b""
        async with asyncio.timeout(self.way.times.request.total_seconds()):
            while (asked := server_name(data)) is None:
                more = await reader.read(_CHUNK)
                data += more
                if not more or len(data) > MAX_HELLO + _CHUNK:
                    raise BadHello("No TLS greeting came.")
        if asked != name:
            raise BadHello("In the tunnel TLS asked for another name than the tunnel was opened for.")
        return data

    async def _ask(self, head: RequestHead) -> None:
        """A plain request: one per connection, so nothing the client sends after it reaches anybody."""
        reader, writer = await self._dial(head.name, head.port)
        async with asyncio.timeout(self._idle) as deadline:
            await self._send(writer, forwarded(head))
            await self._pump(reader, self._receive, self.client[1], deadline)

    async def _ask_registry(self, registry: PrivateRegistry, head: RequestHead) -> None:
        reader, writer = await self._dial(registry.name, registry.port, self.way.tls)
        credential = ("Authorization", registry.authorization.get_secret_value())
        host = registry.name if registry.port == 443 else f"{registry.name}:{registry.port}"
        async with asyncio.timeout(self._idle) as deadline:
            await self._send(writer, forwarded(head, added=(credential,), host=host, without=("cookie",)))
            await self._receive(_stays_plain(await reader.readuntil(_END_OF_HEAD), host, registry.name))
            await self._pump(reader, self._receive, self.client[1], deadline)

    async def _dial(self, name: str, port: int, tls: ssl.SSLContext | None = None) -> Streams:
        streams = await self.way.dialler.dial(name, port, tls)
        self._far.append(streams[1])
        return streams

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        put: Callable[[bytes], Awaitable[None]],
        writer: asyncio.StreamWriter,
        deadline: asyncio.Timeout,
    ) -> None:
        while data := await reader.read(_CHUNK):
            await put(data)
            deadline.reschedule(asyncio.get_running_loop().time() + self._idle)
        if writer.can_write_eof():
            writer.write_eof()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        self.way.spent.send(len(data))
        self.sent_bytes += len(data)
        writer.write(data)
        await writer.drain()

    async def _receive(self, data: bytes) -> None:
        self.way.spent.receive(len(data))
        self.received_bytes += len(data)
        self.client[1].write(data)
        await self.client[1].drain()

    async def _refuse(self, answer: str, reason: str) -> None:
        text = f"{reason}\n".encode()
        fields = f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close"
        with suppress(OSError):
            self.client[1].write(f"HTTP/1.1 {answer}\r\n{fields}\r\n\r\n".encode() + text)
            await self.client[1].drain()

    @property
    def _idle(self) -> float:
        return self.way.times.idle.total_seconds()


async def _both(first: Coroutine[None, None, None], second: Coroutine[None, None, None]) -> None:
    """Until both are done, or one failed and the other is stopped."""
    tasks = [asyncio.create_task(first), asyncio.create_task(second)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _finish(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        # Nothing of ours is left to be sent: without delay, whatever the other side does.
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


def _stays_plain(head: bytes, host: str, name: str) -> bytes:
    """The registry's answer with redirects within it made plain, as the sandbox speaks to it, and no cookies."""
    lines = head.removesuffix(_END_OF_HEAD).split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"set-cookie:")]
    return b"\r\n".join(_plain_location(line, host, name) for line in kept) + _END_OF_HEAD


def _plain_location(line: bytes, host: str, name: str) -> bytes:
    header, _, value = line.partition(b":")
    secure = f"https://{host}/".encode()
    if header.lower() != b"location" or not value.strip().lower().startswith(secure.lower()):
        return line
    return b"Location: " + f"http://{name}/".encode() + value.strip()[len(secure) :]
