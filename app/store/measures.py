"""How reviews went, a row for each closed pull request: written once for each end, however often it is measured."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, delete, exists, select, tuple_

from app.domain.measure_summary import Measured
from app.domain.measures import Escape, Judged, Measure
from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef
from app.store.addresses import ADDRESS, address_of, is_at, ref_of, without_address
from app.store.database import Database
from app.store.measure_tables import escapes, fates, fix_looks, measures
from app.store.tables import pull_requests, runs

Repos = Sequence[tuple[str, str]]


class Closed(Frozen):
    """A pull request that was reviewed, is over, and was not measured at this end."""

    ref: PullRequestRef
    state: Literal["closed", "merged"]
    head_sha: str
    closed_at: datetime


class Measures:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def unmeasured(self, *, limit: int) -> list[Closed]:
        """Newest first. One that was opened again and closed anew is measured anew."""
        here = [pull_requests.c[name] for name in ADDRESS]
        reviewed = exists().where(*_same(runs), runs.c.result_key != "")
        done = exists().where(
            *_same(measures),
            measures.c.head_sha == pull_requests.c.head_sha,
            measures.c.state == pull_requests.c.state,
        )
        query = (
            select(*here, pull_requests.c.state, pull_requests.c.head_sha, pull_requests.c.seen_at)
            .where(pull_requests.c.state != "open", reviewed, ~done)
            .order_by(pull_requests.c.seen_at.desc())
            .limit(limit)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [
            Closed(ref=ref_of(row), state=row["state"], head_sha=row["head_sha"], closed_at=row["seen_at"])
            for row in rows
        ]

    async def put(self, measure: Measure, judged: Sequence[Judged]) -> None:
        """In place of what was said of an earlier end."""

        def work(sql: Connection) -> None:
            sql.execute(delete(fates).where(is_at(fates, measure.ref)))
            sql.execute(delete(measures).where(is_at(measures, measure.ref)))
            address = address_of(measure.ref)
            sql.execute(measures.insert().values({**address, **measure.model_dump(exclude={"ref"})}))
            rows = [{**address, **one.model_dump()} for one in judged]
            if rows:
                sql.execute(fates.insert(), rows)

        await self._db.write(work)

    async def since(self, begin: datetime, repos: Repos | None) -> list[Measured]:
        """Closed since then, newest first; of these repositories, None for all."""
        which = _within(measures.c.connection, measures.c.repo_id, repos, measures.c.closed_at >= begin)

        def work(sql: Connection) -> list[Measured]:
            judged: dict[PullRequestRef, list[Judged]] = defaultdict(list)
            of_them = select(fates).select_from(fates.join(measures)).where(which).order_by(fates.c.number)
            for row in sql.execute(of_them).mappings():
                judged[ref_of(row)].append(Judged.model_validate(without_address(row)))
            found = sql.execute(select(measures).where(which).order_by(measures.c.closed_at.desc())).mappings()
            return [(one, tuple(judged[one.ref])) for one in map(_measure, found)]

        return await self._db.read(work)

    async def commits_of(self, connection: str, repo_id: str, *, limit: int) -> dict[str, PullRequestRef]:
        """Commit -> the merged pull request that brought it, of the newest ones."""
        query = (
            select(measures)
            .where(measures.c.connection == connection, measures.c.repo_id == repo_id, measures.c.state == "merged")
            .order_by(measures.c.closed_at.desc())
            .limit(limit)
        )
        rows = await self._db.read(lambda sql: [_measure(row) for row in sql.execute(query).mappings()])
        return {commit: one.ref for one in reversed(rows) for commit in one.commits}

    async def looked_sha(self, connection: str, repo_id: str) -> str:
        """Up to where its default branch was searched for fixes; empty before the first time."""
        mine = (fix_looks.c.connection == connection) & (fix_looks.c.repo_id == repo_id)
        query = select(fix_looks.c.looked_sha).where(mine)
        return await self._db.read(lambda sql: sql.execute(query).scalar_one_or_none()) or ""

    async def put_escapes(self, connection: str, repo_id: str, escaped: Sequence[Escape], *, looked_sha: str) -> None:
        """What a search found, and up to where it went."""
        key = {"connection": connection, "repo_id": repo_id}
        look = self._db.insert(fix_looks).values({**key, "looked_sha": looked_sha})
        look = look.on_conflict_do_update(index_elements=list(key), set_={"looked_sha": looked_sha})

        def work(sql: Connection) -> None:
            for one in escaped:
                row = {**address_of(one.ref), **one.model_dump(exclude={"ref"})}
                sql.execute(self._db.insert(escapes).values(row).on_conflict_do_nothing())
            sql.execute(look)

        await self._db.write(work)

    async def escapes_since(self, begin: datetime, repos: Repos | None) -> list[Escape]:
        which = _within(escapes.c.connection, escapes.c.repo_id, repos, escapes.c.fixed_at >= begin)
        query = select(escapes).where(which).order_by(escapes.c.fixed_at.desc())
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [Escape.model_validate({"ref": ref_of(row), **without_address(row)}) for row in rows]


def _same(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name] == pull_requests.c[name] for name in ADDRESS]


def _measure(row: RowMapping) -> Measure:
    return Measure.model_validate({"ref": ref_of(row), **without_address(row)})


def _within(
    connection: ColumnElement[str], repo_id: ColumnElement[str], repos: Repos | None, also: ColumnElement[bool]
) -> ColumnElement[bool]:
    return also if repos is None else and_(also, tuple_(connection, repo_id).in_(repos))
