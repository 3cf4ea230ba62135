"""How far something has read: the sweeper's place in a forge's delivery list."""

from datetime import datetime

from sqlalchemy import Connection, select

from app.store.database import Database
from app.store.tables import cursors


class Cursors:
    """Named points in time."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, name: str) -> datetime | None:
        query = select(cursors.c.at).where(cursors.c.name == name)
        return await self._db.read(lambda sql: sql.execute(query).scalar_one_or_none())

    async def set(self, name: str, at: datetime) -> None:
        await self._db.write(lambda sql: set_cursor(self._db, sql, name, at))


def set_cursor(db: Database, sql: Connection, name: str, at: datetime) -> None:
    """For works that move it together with other rows."""
    statement = db.insert(cursors).values(name=name, at=at)
    sql.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": at}))
