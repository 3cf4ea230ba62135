"""The database: SQLite in one file or PostgreSQL, behind the same two verbs, read and write."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.domain.errors import UserError
from app.store.group_commit import GroupCommit

T = TypeVar("T")
# Plain functions: on SQLite a whole work is one visit to a thread (a visit per statement made it seven times slower),
# on PostgreSQL SQLAlchemy awaits its statements underneath.
Work = Callable[[Connection], T]

# How many statements may run at once: a review makes few and short ones, and a small server allows 100 connections.
POSTGRESQL_CONNECTIONS = 10
SQLITE_READERS = 4
# How long another process may hold SQLite's write lock before we give up.
SQLITE_BUSY_SECONDS = 30.0


class Backend(Protocol):
    """How one kind of database reads and commits."""

    async def read(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T: ...

    async def close(self) -> None: ...


class Database:
    """Work is handed a connection and must do nothing but talk to the database: others wait for it."""

    def __init__(self, url: URL, backend: Backend) -> None:
        self.url = url
        self.dialect: Literal["sqlite", "postgresql"] = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
        self._backend = backend

    @classmethod
    async def open(cls, url: str) -> "Database":
        """`sqlite:////path/x.db` or `postgresql://…`; a UserError says what is wrong with the address."""
        address = parse_url(url)
        try:
            return await cls._connected(address)
        except (SQLAlchemyError, OSError) as error:
            raise UserError(f"Cannot open the database {address.render_as_string()}: {_reason(error)}") from error

    @classmethod
    async def _connected(cls, address: URL) -> "Database":
        database = cls(address, _Sqlite(address) if address.get_backend_name() == "sqlite" else _Postgresql(address))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(database.close)
            await database.read(lambda sql: sql.execute(text("SELECT 1")))
            undo.pop_all()
        return database

    async def read(self, work: Work[T]) -> T:
        """Each statement sees what was committed before it."""
        return await self._backend.read(work)

    async def write(self, work: Work[T]) -> T:
        """All or nothing, and durable when this returns."""
        return await self._backend.write(work)

    async def close(self) -> None:
        await self._backend.close()

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows this database's ON CONFLICT."""
        return sqlite.insert(table) if self.dialect == "sqlite" else postgresql.insert(table)


def parse_url(url: str) -> URL:
    """The address with its driver."""
    wish = "use sqlite:////path/x.db or postgresql://user@host/name"
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise UserError(f"The database address cannot be read; {wish}.") from error
    match address.get_backend_name():
        case "sqlite" if address.database:
            return address.set(drivername="sqlite")
        case "sqlite":
            raise UserError(f"The SQLite address names no file; {wish}.")
        case "postgresql":
            return _with_asyncpg(address)
        case name:
            raise UserError(f"Unknown database {name!r}; {wish}.")


def _with_asyncpg(address: URL) -> URL:
    # Addresses are written for libpq, whose word for encryption asyncpg takes under another name only.
    sslmode = address.query.get("sslmode")
    address = address.difference_update_query(["sslmode"])
    if sslmode is not None:
        address = address.update_query_dict({"ssl": sslmode})
    return address.set(drivername="postgresql+asyncpg")


class _Sqlite:
    """Several readers and one writer, each in a thread: SQLite's calls block."""

    def __init__(self, address: URL) -> None:
        file = Path(str(address.database))
        file.parent.mkdir(parents=True, exist_ok=True)
        # Excerpts of private code are in it; SQLite gives its side files the same mode.
        file.touch(mode=0o600, exist_ok=True)
        self._reader = sqlite_engine(address, "query_only = ON", size=SQLITE_READERS, autocommit=True)
        self._threads = ThreadPoolExecutor(SQLITE_READERS, thread_name_prefix="sqlite-reader")
        self._writer = GroupCommit(sqlite_engine(address, "foreign_keys = ON"))

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def _read(self, work: Work[T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    async def write(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._reader.dispose()


def sqlite_engine(address: URL, *pragmas: str, size: int = 1, autocommit: bool = False) -> Engine:
    """Connections whose transactions take the write lock when they begin, so that none fails half-way."""
    engine = create_engine(
        address,
        pool_size=size,
        max_overflow=0,
        skip_autocommit_rollback=True,
        # Python's own BEGIN is off: it comes too late for a transaction that reads before it writes.
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "isolation_level": None},
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    if autocommit:
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class _Postgresql:
    """PostgreSQL groups commits by itself: every work has a transaction and a connection of its own."""

    def __init__(self, address: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            address,
            pool_size=POSTGRESQL_CONNECTIONS,
            max_overflow=0,
            # A server that was restarted costs nobody an error.
            pool_pre_ping=True,
            skip_autocommit_rollback=True,
            connect_args={"server_settings": {"application_name": "corrigent"}},
        )
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Work[T]) -> T:
        async with self._reader.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _reason(error: SQLAlchemyError | OSError) -> str:
    """The driver's own sentence, without the statement that SQLAlchemy adds."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).partition("\n")[0] or type(cause).__name__
