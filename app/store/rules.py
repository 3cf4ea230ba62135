"""Learned rules of each repository, from proposal to force to rest; none is ever forgotten without a trace."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, update

from app.domain.pull_request import PullRequestRef
from app.domain.rules import LearnedRule, RuleState
from app.store.database import Database
from app.store.rule_tables import rules as rows
from app.store.tables import repositories


class Rules:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def propose(
        self, ref: PullRequestRef, *, text: str, by: str, source: str, active: bool, now: datetime
    ) -> LearnedRule:
        """`source` is the event that it comes from: proposed again by the same event, it is the same rule."""

        def work(sql: Connection) -> LearnedRule:
            mine = _of(ref.connection, ref.repo_id)
            # The lock of the repository's row: numbers are given out one by one.
            own = (repositories.c.connection == ref.connection) & (repositories.c.repo_id == ref.repo_id)
            sql.execute(select(repositories.c.repo_id).where(own).with_for_update())
            same = mine & ((rows.c.source == source) | (rows.c.text == text))
            known = _select(sql, same)
            if known:
                return known[0]
            number = sql.execute(select(func.coalesce(func.max(rows.c.number), 0)).where(mine)).scalar_one() + 1
            row = {
                "connection": ref.connection,
                "repo_id": ref.repo_id,
                "number": number,
                "text": text,
                "state": "active" if active else "proposed",
                "source": source,
                "pull_request_number": ref.number,
                "proposed_by": by,
                "proposed_at": now,
                "decided_by": by if active else "",
                "decided_at": now if active else None,
            }
            sql.execute(rows.insert().values(row))
            return _select(sql, mine & (rows.c.number == number))[0]

        return await self._db.write(work)

    async def of(self, connection: str, repo_id: str) -> list[LearnedRule]:
        return await self._db.read(lambda sql: _select(sql, _of(connection, repo_id)))

    async def active(self, connection: str, repo_id: str) -> list[LearnedRule]:
        return await self._db.read(lambda sql: _select(sql, _of(connection, repo_id) & (rows.c.state == "active")))

    async def decide(
        self, connection: str, repo_id: str, number: int, state: RuleState, *, by: str, now: datetime
    ) -> None:
        which = _of(connection, repo_id) & (rows.c.number == number)
        statement = update(rows).where(which).values(state=state, decided_by=by, decided_at=now)
        await self._db.write(lambda sql: sql.execute(statement))


def _of(connection: str, repo_id: str) -> ColumnElement[bool]:
    return (rows.c.connection == connection) & (rows.c.repo_id == repo_id)


def _select(sql: Connection, which: ColumnElement[bool]) -> list[LearnedRule]:
    query = select(*(rows.c[name] for name in LearnedRule.model_fields)).where(which).order_by(rows.c.number)
    return [LearnedRule.model_validate(dict(row)) for row in sql.execute(query).mappings()]
