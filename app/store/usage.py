"""What reviews cost, for the budgets and for the people who pay."""

from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, func, select

from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef
from app.domain.review import ReviewerUsage
from app.store.addresses import address_of, asked, in_asked_repository
from app.store.database import Database
from app.store.tables import usage as rows

_COUNTED = [name for name in ReviewerUsage.model_fields if name != "role"]


def _dollars(which: ColumnElement[bool]) -> ColumnElement[float]:
    return func.coalesce(func.sum(case((which, rows.c.dollars))), 0.0)


# Built once, and one for both: it is asked before every call of a model.
_SPENT = select(
    _dollars(rows.c.pull_request_number == bindparam("of_pull_request_number")).label("pull_request"),
    _dollars(rows.c.at >= bindparam("since")).label("repository"),
).where(in_asked_repository(rows))
_SPENT_EVERYWHERE = select(func.coalesce(func.sum(rows.c.dollars), 0.0)).where(rows.c.at >= bindparam("since"))


class Spent(Frozen):
    """Dollars: on a pull request so far, and in its repository since a moment."""

    pull_request: float
    repository: float


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

    async def spent(self, ref: PullRequestRef, since: datetime) -> Spent:
        which = {**asked(ref), "since": since}
        row = await self._db.read(lambda sql: sql.execute(_SPENT, which).mappings().one())
        return Spent.model_validate(row)

    async def spent_everywhere(self, since: datetime) -> float:
        return await self._db.read(lambda sql: sql.execute(_SPENT_EVERYWHERE, {"since": since}).scalar_one())

    async def written(self, run_id: str) -> dict[str, ReviewerUsage]:
        """By model, what is written down of one run or agent."""
        query = select(rows).where(rows.c.run_id == run_id)
        found: dict[str, ReviewerUsage] = {}
        for row in await self._db.read(lambda sql: sql.execute(query).mappings().all()):
            one = ReviewerUsage.model_validate({name: row[name] for name in _COUNTED})
            found[one.model] = found[one.model].plus(one) if one.model in found else one
        return found
