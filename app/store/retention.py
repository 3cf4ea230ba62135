"""What is kept for how long: old rows go in short transactions, and blobs that no row names follow them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from app.domain.model import Frozen
from app.store.addresses import ADDRESS
from app.store.agents import ENDED
from app.store.agents import stream_of as stream_of_agent
from app.store.blob_sweep import sweep_blobs
from app.store.blobs import Blobs
from app.store.database import Database
from app.store.feedback_tables import feedback
from app.store.measure_tables import escapes, fates, fix_looks, measures
from app.store.rule_tables import rule_evidence, rules
from app.store.runs import stream_of
from app.store.tables import (
    actions,
    agents,
    config_files,
    deliveries,
    effects,
    environment_problems,
    findings,
    installations,
    limit_buckets,
    pull_requests,
    repositories,
    runs,
    sightings,
    stream_events,
    uploads,
    usage,
)
from app.store.work import Work

# How many rows does one transaction touch? More would hold up the door's inserts.
SLICE = 200
# Runs bring their sightings, effects and events with them.
RUNS_SLICE = 20
# A blob is named by its row only when the step that made it is done, and by Temporal until then; a review that waits
# for its budget or for a forge takes days at most.
BLOB_GRACE = timedelta(days=7)

# What hangs on a repository besides its runs, those that others hang on last.
_OF_REPOSITORY = (
    feedback,
    findings,
    actions,
    uploads,
    usage,
    config_files,
    environment_problems,
    rule_evidence,
    rules,
    fates,
    measures,
    escapes,
    fix_looks,
    pull_requests,
)


class Keep(Frozen):
    """For how long; time begins when a thing ended."""

    runs: timedelta = timedelta(days=180)
    deliveries: timedelta = timedelta(days=90)
    bodies: timedelta = timedelta(days=3)
    failed_bodies: timedelta = timedelta(days=7)
    uninstalled: timedelta = timedelta(days=30)


class Removed(Frozen):
    """How many of each."""

    bodies: int = 0
    deliveries: int = 0
    runs: int = 0
    agents: int = 0
    findings: int = 0
    actions: int = 0
    repositories: int = 0
    blobs: int = 0


class Retention:
    """Safe to stop anywhere and to repeat: after every slice the database makes sense."""

    def __init__(self, db: Database, blobs: Blobs, keep: Keep) -> None:
        self._db = db
        self._blobs = blobs
        self._keep = keep

    async def remove_old(self, now: datetime) -> Removed:
        before = now - self._keep.runs
        return Removed(
            bodies=await self._empty_bodies(now),
            deliveries=await self._remove(deliveries, deliveries.c.settled_at < now - self._keep.deliveries),
            repositories=await self._repositories(now - self._keep.uninstalled),
            runs=await self._runs(_is_old(before)),
            agents=await self._agents(_has_ended(before)),
            findings=await self._remove(findings, _is_forgotten(before))
            + await self._remove(feedback, ~_has(findings, feedback, "finding_id"))
            + await self._remove(uploads, uploads.c.received_at < before),
            actions=await self._remove(actions, actions.c.received_at < before)
            + await self._remove(effects, (effects.c.run_id == "") & (effects.c.intent_at < before)),
            # Last: what those rows named is nobody's now.
            blobs=await sweep_blobs(self._db, self._blobs, before=now - BLOB_GRACE),
        )

    async def _empty_bodies(self, now: datetime) -> int:
        kept = case((deliveries.c.status == "failed", now - self._keep.failed_bodies), else_=now - self._keep.bodies)
        full = select(deliveries.c.row_id).where(deliveries.c.settled_at < kept, deliveries.c.body != b"")

        def empty(sql: Connection) -> int:
            chosen = sql.execute(full.limit(SLICE)).scalars().all()
            sql.execute(update(deliveries).where(deliveries.c.row_id.in_(chosen)).values(body=b""))
            return len(chosen)

        return await self._until_done(empty)

    async def _remove(self, table: Table, which: ColumnElement[bool]) -> int:
        """By primary key; nothing else may hang on these rows."""
        key = table.primary_key.columns.values()
        chosen = select(*key).where(which).limit(SLICE)

        def remove(sql: Connection) -> int:
            rows = [tuple(row) for row in sql.execute(chosen)]
            if rows:
                sql.execute(delete(table).where(tuple_(*key).in_(rows)))
            return len(rows)

        return await self._until_done(remove)

    async def _runs(self, which: ColumnElement[bool]) -> int:
        chosen = select(runs.c.run_id).where(which).limit(RUNS_SLICE)

        def remove(sql: Connection) -> int:
            ids = sql.execute(chosen).scalars().all()
            _remove_runs(sql, ids)
            return len(ids)

        return await self._until_done(remove)

    async def _agents(self, which: ColumnElement[bool]) -> int:
        chosen = select(agents.c.agent_id).where(which).limit(RUNS_SLICE)

        def remove(sql: Connection) -> int:
            ids = sql.execute(chosen).scalars().all()
            _remove_agents(sql, ids)
            return len(ids)

        return await self._until_done(remove)

    async def _until_done(self, change: Work[int]) -> int:
        """Slice by slice, each a transaction of its own, until one finds nothing more; how many in all."""
        total = 0
        while count := await self._db.write(change):
            total += count
        return total

    async def _repositories(self, removed_before: datetime) -> int:
        """Everything of those that left our care, and then of installations that have none."""
        left = repositories.c.removed_at < removed_before
        query = select(repositories.c.connection, repositories.c.repo_id).where(left)
        gone = await self._db.read(lambda sql: [(row.connection, row.repo_id) for row in sql.execute(query)])
        for connection, repo_id in gone:
            await self._empty(connection, repo_id)
        total = await self._remove(repositories, left & ~_has(pull_requests, repositories, "connection", "repo_id"))
        unused = (installations.c.removed_at < removed_before) & ~_has(repositories, installations, *_INSTALLATION)
        await self._remove(limit_buckets, _has(installations, limit_buckets, *_INSTALLATION, also=unused))
        await self._remove(installations, unused)
        return total

    async def _empty(self, connection: str, repo_id: str) -> None:
        await self._runs((runs.c.connection == connection) & (runs.c.repo_id == repo_id))
        await self._agents((agents.c.connection == connection) & (agents.c.repo_id == repo_id))
        for table in _OF_REPOSITORY:
            await self._remove(table, (table.c.connection == connection) & (table.c.repo_id == repo_id))
        of_it = deliveries.c.ref.startswith(f"{connection}/{repo_id}/", autoescape=True)
        await self._remove(deliveries, of_it & (deliveries.c.status != "waiting"))


_INSTALLATION = ("connection", "installation_id")


def _is_old(before: datetime) -> ColumnElement[bool]:
    """Runs that ended before then, without those that an open pull request still stands on.

    Its newest one says that its head was reviewed, and the newest with a result what the next one is compared with.
    """
    other = runs.alias()
    same = and_(*(other.c[name] == runs.c[name] for name in ADDRESS))
    newest = select(func.max(other.c.run_id)).where(same).scalar_subquery()
    newest_reviewed = select(func.max(other.c.run_id)).where(same, other.c.result_key != "").scalar_subquery()
    is_open = _has(pull_requests, runs, *ADDRESS, also=pull_requests.c.state == "open")
    carried_now = select(other.c.carried_from).where(other.c.outcome.is_(None), other.c.carried_from.is_not(None))
    needed = is_open & or_(runs.c.run_id == newest, runs.c.run_id == func.coalesce(newest_reviewed, ""))
    return (runs.c.finished_at < before) & ~needed & runs.c.run_id.not_in(carried_now)


def _is_forgotten(before: datetime) -> ColumnElement[bool]:
    """Findings that no run is left to show; while a pull request is open, what was dismissed there stays dismissed."""
    is_open = _has(pull_requests, findings, *ADDRESS, also=pull_requests.c.state == "open")
    return (findings.c.state_at < before) & ~is_open & ~_has(sightings, findings, "finding_id")


def _has_ended(before: datetime) -> ColumnElement[bool]:
    """Agents that ended before then; while a pull request is open, somebody may still say something to them."""
    is_open = _has(pull_requests, agents, *ADDRESS, also=pull_requests.c.state == "open")
    return agents.c.state.in_(ENDED) & (agents.c.finished_at < before) & ~is_open


def _has(table: Table, of: Table, *names: str, also: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Is there a row in `table` with the same values in these columns?"""
    same = [table.c[name] == of.c[name] for name in names]
    return exists().where(*same, *([] if also is None else [also])).correlate(of)


def _remove_runs(sql: Connection, ids: Sequence[str]) -> None:
    for table in (sightings, effects, usage):
        sql.execute(delete(table).where(table.c.run_id.in_(ids)))
    sql.execute(delete(stream_events).where(stream_events.c.stream.in_([stream_of(run_id) for run_id in ids])))
    sql.execute(delete(runs).where(runs.c.run_id.in_(ids)))


def _remove_agents(sql: Connection, ids: Sequence[str]) -> None:
    # What an agent wrote and what it cost stand under its own id.
    for table in (effects, usage):
        sql.execute(delete(table).where(table.c.run_id.in_(ids)))
    streams = [stream_of_agent(agent_id) for agent_id in ids]
    sql.execute(delete(stream_events).where(stream_events.c.stream.in_(streams)))
    sql.execute(delete(agents).where(agents.c.agent_id.in_(ids)))
