"""The database: SQLite or PostgreSQL, behind the same two verbs, read and write."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractContextManager, AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import URL, Table, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from app.domain.errors import UserError
from app.store.work import Backend, Work

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
# What SQLite says of a file that nothing will mend.
_NO_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Database:
    """Work does nothing but talk to the database: others wait for it, and it may have to be done again."""

    def __init__(self, url: URL, backend: Backend) -> None:
        self.url = url
        self.dialect = backend.dialect
        self._backend = backend

    @classmethod
    async def open(cls, url: str) -> Database:
        """`sqlite:////path/x.db` or `postgresql://…`; a UserError says what is wrong with the address."""
        address = parse_url(url)
        try:
            return await cls._connected(address)
        except (SQLAlchemyError, OSError) as error:
            at = address.render_as_string()
            raise UserError(f"Cannot open the database {at}: {_reason(error)}{_next_step(error)}") from error

    @classmethod
    async def _connected(cls, address: URL) -> Database:
        database = cls(address, _backend_at(address))
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

    def following(self, stream: str, /) -> AbstractContextManager[asyncio.Event]:
        """An event that is set when the stream may have got something; where nobody tells, it never is."""
        return self._backend.following(stream)

    async def close(self) -> None:
        await self._backend.close()

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows this database's ON CONFLICT."""
        return self._backend.insert(table)


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


def _backend_at(address: URL) -> Backend:
    if address.get_backend_name() == "sqlite":
        from app.store.on_sqlite import Sqlite

        return Sqlite(address)
    # 0.3 s to import, which a process on SQLite saves.
    from app.store.on_postgresql import Postgresql

    return Postgresql(address)


def is_away(error: Exception) -> bool:
    """Whether the database could not be asked, as against having refused what it was given."""
    if not isinstance(error, SQLAlchemyError) or isinstance(error, DataError | IntegrityError):
        return False
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return False
    # asyncpg's data errors keep their own class; PostgreSQL's classes 22 and 23 are about the values.
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return str(state)[:2] not in {"22", "23"}


def _reason(error: SQLAlchemyError | OSError) -> str:
    """The driver's own sentence, without the statement that SQLAlchemy adds."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).partition("\n")[0] or type(cause).__name__


def _next_step(error: SQLAlchemyError | OSError) -> str:
    """Where the reason alone does not tell."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if getattr(cause, "sqlite_errorcode", None) not in _NO_DATABASE:
        return ""
    return ". Put a backup in its place, or move it away: then a new one is made."
