"""SQLite in one file: several readers and one writer, so that nothing has to be installed."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from app.store.group_commit import GroupCommit
from app.store.work import Work

T = TypeVar("T")

READERS = 4
# How long another process may hold the write lock before we give up.
BUSY_SECONDS = 30.0


class Sqlite:
    """Several readers and one writer, each in a thread: SQLite's calls block."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, address: URL) -> None:
        file = Path(str(address.database))
        file.parent.mkdir(parents=True, exist_ok=True)
        # Excerpts of private code are in it; SQLite gives its side files the same mode.
        file.touch(mode=0o600, exist_ok=True)
        self._reader = _reading_engine(address)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._writer = GroupCommit(_engine(address, "foreign_keys = ON", size=1, isolation_level="AUTOCOMMIT"))

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def _read(self, work: Work[T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    async def write(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    def following(self, _stream: str, /) -> AbstractContextManager[asyncio.Event]:
        # Nobody tells: to look costs a tenth of a millisecond here.
        return nullcontext(asyncio.Event())

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._reader.dispose()

    def insert(self, table: Table) -> sqlite.Insert:
        return sqlite.insert(table)


def migrating_engine(address: URL) -> Engine:
    """One connection, whose transactions take the write lock when they begin, so that none fails half-way."""
    engine = _engine(address, size=1)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _reading_engine(address: URL) -> Engine:
    return _engine(address, "query_only = ON", size=READERS, isolation_level="AUTOCOMMIT")


def _engine(address: URL, *pragmas: str, size: int, **options: object) -> Engine:
    engine = create_engine(
        address,
        pool_size=size,
        max_overflow=0,
        skip_autocommit_rollback=True,
        # Python's own BEGIN is off: it comes too late for a transaction that reads before it writes.
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
        **options,
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine
