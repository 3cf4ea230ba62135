"""What is asked of a database: a piece of work, done on a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    # Each dialect takes a tenth of a second to import, and a process uses one.
    from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
# Plain functions: on SQLite a whole work is one visit to a thread (a visit per statement was ten times slower), on
# PostgreSQL SQLAlchemy awaits its statements underneath.
Work = Callable[[Connection], T]


class Backend(Protocol):
    """How one kind of database reads and commits."""

    dialect: Literal["sqlite", "postgresql"]

    async def read(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T: ...

    async def close(self) -> None: ...

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert: ...
