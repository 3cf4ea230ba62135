"""uvicorn inside our own event loop: bound before anything else, stopped by us, never by a signal."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.domain.errors import UserError

# A forge keeps its connections open; at uvicorn's 5 s one request in 500 met a closing one, at 75 s none in 6,000.
KEEP_ALIVE_SECONDS = 75
# Whoever has not sent a request's whole head by then is cut off: uvicorn itself would wait for ever.
HEAD_WITHIN_SECONDS = 10
# How long may open requests go on when we stop?
GRACE_SECONDS = 10


class _Punctual(H11Protocol):
    """Cuts connections whose sender does not come to the point."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        """From the first byte of a head to its last; between requests it is keep-alive's turn."""
        if self.conn.their_state is not h11.IDLE:
            self._rest()
        elif self._cut is None:
            self._cut = self.loop.call_later(HEAD_WITHIN_SECONDS, self.transport.close)

    def _rest(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the process's own business."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncGenerator[int]:
    """Answers requests while this is entered; the port, a free one when 0 was given. UserError when it is taken."""
    with _bound(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
            http=_Punctual,
        )
        server = _Server(config)
        task, ready = asyncio.create_task(server.serve(sockets=[listener])), asyncio.create_task(server.ready.wait())
        try:
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                raise RuntimeError("The server ended while it started.")
            yield listener.getsockname()[1]
        finally:
            ready.cancel()
            server.should_exit = True
            await task


@contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket]:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UserError(f"Port {port} on {host} is taken ({error.strerror}); choose another with --port.") from None
    listener.listen(2048)
    listener.setblocking(False)
    try:
        yield listener
    finally:
        listener.close()
