"""Who follows a stream is woken by PostgreSQL's NOTIFY: one connection of the process hears for all its followers."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol, cast

import asyncpg
import structlog
from sqlalchemy import URL, NullPool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.work import STREAMS_CHANNEL

log = structlog.get_logger()

# How soon is a connection that went away made again? Followers look by themselves meanwhile.
AGAIN_SECONDS = 2.0


class _Driver(Protocol):
    """What is used of asyncpg's connection, which is not typed."""

    async def add_listener(self, channel: str, callback: Callable[[object, int, str, object], None]) -> None: ...

    def add_termination_listener(self, callback: Callable[[object], None]) -> None: ...


class Listening:
    """Opened when somebody follows for the first time: most processes serve no page."""

    def __init__(self, address: URL) -> None:
        # A connection of its own: one of the pool's would be missing there for as long as the process lives.
        self._engine: AsyncEngine = create_async_engine(
            address,
            poolclass=NullPool,
            connect_args={"server_settings": {"application_name": "corrigent listening"}},
        )
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def to(self, stream: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the stream may have got something; whoever waits for it clears it."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_listening())
        woken = asyncio.Event()
        self._followers[stream].add(woken)
        try:
            yield woken
        finally:
            self._followers[stream].discard(woken)
            if not self._followers[stream]:
                del self._followers[stream]

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._engine.dispose()

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.info("streams.not_listening", error=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        """Until the connection goes away."""
        async with self._engine.connect() as sql:
            # asyncpg's own, of which SQLAlchemy cannot know the type.
            connection = cast("_Driver", (await sql.get_raw_connection()).driver_connection)
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _connection: gone.set())
            await connection.add_listener(STREAMS_CHANNEL, self._heard)
            # What was said before we listened was said to nobody.
            for stream in list(self._followers):
                self._wake(stream)
            await gone.wait()

    def _heard(self, _connection: object, _process: int, _channel: str, stream: object) -> None:
        self._wake(str(stream))

    def _wake(self, stream: str) -> None:
        for woken in self._followers.get(stream, ()):
            woken.set()
