"""What is wrong with a connection as a whole and only the operator can mend: said until it is over."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from app.domain.model import Frozen
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import connections


class Trouble(Frozen):
    """`text` is a sentence with the next step."""

    connection: str
    text: str
    since: datetime


class Troubles:
    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def say(self, connection: str, text: str) -> bool:
        """Empty when it is over; whether that is news."""
        return await self._db.write(lambda sql: self._say(sql, connection, text or None))

    def _say(self, sql: Connection, connection: str, text: str | None) -> bool:
        now = self._clock()
        new = self._db.insert(connections).values(connection=connection, first_seen_at=now)
        sql.execute(new.on_conflict_do_nothing())
        changed = update(connections).where(
            connections.c.connection == connection, connections.c.trouble.is_distinct_from(text)
        )
        return sql.execute(changed.values(trouble=text, trouble_at=now if text else None)).rowcount == 1

    async def all(self) -> list[Trouble]:
        columns = (
            connections.c.connection,
            connections.c.trouble.label("text"),
            connections.c.trouble_at.label("since"),
        )
        query = select(*columns).where(connections.c.trouble.is_not(None)).order_by(connections.c.connection)
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [Trouble.model_validate(dict(row)) for row in rows]

    async def of(self, connection: str) -> str:
        """Empty when nothing is wrong."""
        return next((one.text for one in await self.all() if one.connection == connection), "")
