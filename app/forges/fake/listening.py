"""Listening on 127.0.0.1 inside the running event loop, with connections that a script can cut."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Protocol, cast

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.forges.fake.exchange import Answer, AnswerCut, ConnectionCut, Request

_TRANSPORT = "corrigent.transport"
# Closing with this linger time sends a reset instead of a friendly end.
_NO_LINGER = struct.pack("ii", 1, 0)


class Answers(Protocol):
    """A fake's server: any forge's."""

    async def answer(self, request: Request) -> Answer: ...


class Listener:
    """A fake's address while it is open; uvicorn's protocol without its server, which wants signals and a tick."""

    def __init__(self, server: Answers, *, port: int = 0) -> None:
        # asyncio switches Nagle off only where the protocol is named; with it every answer takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._server = server
        self._state = ServerState()
        self._config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._listening: asyncio.Server | None = None
        self._failures = Failures()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def open(self) -> None:
        self._config.load()
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: _CuttableProtocol(self._config, self._state, {}, loop), sock=self._socket, backlog=2048
        )

    async def close(self) -> None:
        """Stop at once; requests under way are given up. Raises what went wrong in the fake itself."""
        if self._listening is not None:
            self._listening.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        running = list(self._state.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._failures.found:
            raise ExceptionGroup("the fake forge failed", self._failures.found)

    async def _serve(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            raise TypeError(f"Only HTTP is spoken here, not {scope['type']!r}.")
        # The whole body first: answering early would leave the client writing into a closed connection.
        body = await _whole_body(receive)
        with self._failures:
            try:
                await _send(send, await self._server.answer(_request(scope, body)))
            except AnswerCut as cut:
                await _send(send, cut.answer, half=True)
                _transport(scope).close()
                await receive()
            except ConnectionCut:
                transport = _transport(scope)
                # A client that was killed meanwhile has cut it already.
                if not transport.is_closing():
                    cast("socket.socket", transport.get_extra_info("socket")).setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
                    )
                    transport.abort()
                await receive()


class Failures:
    """Keeps errors that are the fake's own, so that no test passes over them."""

    def __init__(self) -> None:
        self.found: list[Exception] = []

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.found.append(error)


async def _whole_body(receive: ASGIReceiveCallable) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(chunks)
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _request(scope: HTTPScope, body: bytes) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    # The raw path keeps escaped slashes apart from real ones.
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=path.split(b"?", 1)[0].decode("latin-1"),
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


async def _send(send: ASGISendCallable, answer: Answer, *, half: bool = False) -> None:
    status, headers, content = answer.rendered()
    if status not in (204, 304):
        headers["content-length"] = str(len(content))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw, "trailers": False})
    shown = content[: len(content) // 2] if half else content
    await send({"type": "http.response.body", "body": shown, "more_body": half})


def _transport(scope: HTTPScope) -> asyncio.Transport:
    return cast("asyncio.Transport", (scope.get("extensions") or {})[_TRANSPORT])


class _CuttableProtocol(H11Protocol):
    """Hands the connection to the application, so that it can be cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            if scope["type"] == "http":
                scope["extensions"] = {_TRANSPORT: cast("dict[object, object]", transport)}
            await inner(scope, receive, send)

        self.app = with_transport
