"""What people asked for, written down once however often its delivery arrives."""

from datetime import datetime

from sqlalchemy import RowMapping, select, update

from app.domain.actions import Action
from app.store.addresses import address_of, is_at
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import actions


class Actions:
    """The row keeps the words as they were received; a message carries only its key."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def record(self, action: Action) -> bool:
        """False when it is here already: then somebody else acts on it, or has."""
        row = {
            "action_key": action.action_key,
            **address_of(action.ref),
            "word": action.word,
            "action": action.model_dump(mode="json", exclude={"result"}),
            "received_at": action.received_at,
            "result": action.result,
        }
        statement = self._db.insert(actions).values(row).on_conflict_do_nothing()
        return await self._db.write(lambda sql: sql.execute(statement).rowcount == 1)

    async def get(self, action_key: str) -> Action | None:
        query = select(actions).where(actions.c.action_key == action_key)
        row = await self._db.read(lambda sql: sql.execute(query).mappings().one_or_none())
        return None if row is None else _action(row)

    async def settle(self, action_key: str, result: str) -> None:
        """What came of it; the first word stands."""
        unsettled = (actions.c.action_key == action_key) & actions.c.result.is_(None)
        statement = update(actions).where(unsettled).values(result=result, settled_at=self._clock())
        await self._db.write(lambda sql: sql.execute(statement))

    async def in_thread(self, action: Action) -> list[Action]:
        """Of the same word in the same thread, oldest first; the action itself is one of them."""
        query = (
            select(actions)
            .where(is_at(actions, action.ref), actions.c.word == action.word)
            .order_by(actions.c.received_at, actions.c.action_key)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [one for row in rows if (one := _action(row)).root_comment_id == action.root_comment_id]

    async def pending(self, older_than: datetime) -> list[Action]:
        """Received before then and still without a result, oldest first."""
        query = (
            select(actions)
            .where(actions.c.result.is_(None), actions.c.received_at < older_than)
            .order_by(actions.c.received_at)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [_action(row) for row in rows]


def _action(row: RowMapping) -> Action:
    return Action.model_validate({**row["action"], "result": row["result"]})
