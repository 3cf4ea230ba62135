"""What is asked of a database: a piece of work, done on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    # Each dialect takes a tenth of a second to import, and a process uses one.
    from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
# Where PostgreSQL's NOTIFY says which stream got an event.
STREAMS_CHANNEL = "corrigent_streams"
# Plain functions: on SQLite a whole work is one visit to a thread (a visit per statement was ten times slower), on
# PostgreSQL SQLAlchemy awaits its statements underneath.
Work = Callable[[Connection], T]


class Backend(Protocol):
    """How one kind of database reads and commits."""

    dialect: Literal["sqlite", "postgresql"]

    async def read(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T: ...

    def following(self, stream: str, /) -> AbstractContextManager[asyncio.Event]:
        """An event that is set when the stream may have got something; where nobody tells, it never is."""
        ...

    async def close(self) -> None: ...

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert: ...
