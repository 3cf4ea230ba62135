"""PostgreSQL, for several processes and machines: a bounded pool, and a retry when the server was restarted."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Literal, TypeVar

from sqlalchemy import URL, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.store.listening import Listening
from app.store.work import Work

T = TypeVar("T")

# How many works run at once? They are few and short, and a small server allows 100 connections to all processes.
CONNECTIONS = 10


class Postgresql:
    """PostgreSQL groups commits by itself: every work has a transaction and a connection of its own."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, address: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            address,
            pool_size=CONNECTIONS,
            max_overflow=0,
            skip_autocommit_rollback=True,
            connect_args={"server_settings": {"application_name": "corrigent"}},
        )
        self._listening = Listening(address)
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Work[T]) -> T:
        return await _again_if_lost(lambda: self._read(work))

    async def _read(self, work: Work[T]) -> T:
        async with self._reader.connect() as sql:
            return await _until_lost(sql, work)

    async def write(self, work: Work[T]) -> T:
        return await _again_if_lost(lambda: self._write(work))

    async def _write(self, work: Work[T]) -> T:
        async with self._engine.connect() as sql:
            result = await _until_lost(sql, work)
            # Lost from here on is not tried again: nobody knows whether it was committed.
            await sql.commit()
            return result

    def following(self, stream: str, /) -> AbstractContextManager[asyncio.Event]:
        return self._listening.to(stream)

    async def close(self) -> None:
        await self._listening.close()
        await self._engine.dispose()

    def insert(self, table: Table) -> postgresql.Insert:
        return postgresql.insert(table)


class ConnectionLost(Exception):
    """The server went away before anything was committed."""


async def _until_lost(sql: AsyncConnection, work: Work[T]) -> T:
    try:
        return await sql.run_sync(work)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise ConnectionLost(str(error.orig)) from error
        raise


async def _again_if_lost(attempt: Callable[[], Awaitable[T]]) -> T:
    """A pool notices only in use that its server was restarted; asking before each use doubled the cost of a write."""
    try:
        return await attempt()
    except ConnectionLost:
        return await attempt()
