"""What reviews cost, for the budgets and for the people who pay."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from app.domain.pull_request import PullRequestRef
from app.domain.review import ReviewerUsage
from app.store.addresses import address_of, is_at
from app.store.database import Database
from app.store.tables import usage as rows

_COUNTED = [name for name in ReviewerUsage.model_fields if name != "role"]


class Usage:
    """One row per run, reviewer and model; where a price is not known its dollars are."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self,
        run_id: str,
        ref: PullRequestRef,
        installation_id: str,
        usage: ReviewerUsage,
        now: datetime,
        *,
        reviewer: str = "",
    ) -> None:
        """Counted once per run, reviewer and model; two reviewers with one model are told apart by `reviewer`."""
        row = {
            "run_id": run_id,
            "reviewer": reviewer,
            **address_of(ref),
            "installation_id": installation_id,
            **usage.model_dump(exclude={"role"}),
            "at": now,
        }
        statement = self._db.insert(rows).values(row).on_conflict_do_nothing()
        await self._db.write(lambda sql: sql.execute(statement))

    async def spent(self, ref: PullRequestRef) -> float:
        """Dollars, on this pull request so far."""
        return await self._sum(is_at(rows, ref))

    async def spent_since(self, connection: str, repo_id: str, since: datetime) -> float:
        return await self._sum((rows.c.connection == connection) & (rows.c.repo_id == repo_id) & (rows.c.at >= since))

    async def spent_everywhere_since(self, since: datetime) -> float:
        return await self._sum(rows.c.at >= since)

    async def written(self, run_id: str) -> dict[str, ReviewerUsage]:
        """By model, what is written down of one run or agent."""
        query = select(rows).where(rows.c.run_id == run_id)
        found: dict[str, ReviewerUsage] = {}
        for row in await self._db.read(lambda sql: sql.execute(query).mappings().all()):
            one = ReviewerUsage.model_validate({name: row[name] for name in _COUNTED})
            found[one.model] = found[one.model].plus(one) if one.model in found else one
        return found

    async def _sum(self, which: ColumnElement[bool]) -> float:
        query = select(func.coalesce(func.sum(rows.c.dollars), 0.0)).where(which)
        return await self._db.read(lambda sql: sql.execute(query).scalar_one())
