"""Runs: the claim that a head is reviewed once, how far each run is, and how it ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, update

from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef
from app.domain.runs import OpenedRun, Run, Stage
from app.store.addresses import ADDRESS, is_at
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.ids import new_id
from app.store.run_rows import EVERY, RunFilter, RunRow, select_run_rows, stages_to_json, to_row, to_run, to_run_row
from app.store.stages import close, enter
from app.store.streams import append_event
from app.store.tables import runs, sightings

# Everything was read: only from these may a result be carried over to an equal patch.
COMPLETE = (Outcome.CLEAN, Outcome.OPEN_FINDINGS, Outcome.BLOCKING_FINDINGS)

# Built once: building a statement costs more than running it. What is changed is said when it runs.
_ONE = select(runs).where(runs.c.run_id == bindparam("of_run"))
_LOCKED = _ONE.with_for_update()
_CHANGE = update(runs).where(runs.c.run_id == bindparam("of_run"))

_CLAIM = (*ADDRESS, "head_sha", "merge_base_sha", "request")


class Keys(TypedDict, total=False):
    """What the steps of a run make, each where it is found."""

    config_key: str
    diff_key: str
    snapshot_key: str
    result_key: str
    check_id: str
    review_id: str


class Runs:
    """The row, not the workflow, decides what happens once."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def open(
        self,
        *,
        ref: PullRequestRef,
        head_sha: str,
        merge_base_sha: str,
        base_ref: str,
        base_sha: str,
        request: str,
        patch_id: str,
        config_fingerprint: str,
        now: datetime,
    ) -> OpenedRun:
        """Claim this head for this request. Asked again, the answer is the same run: done, or still to be finished."""
        run = Run(
            run_id=new_id(now),
            ref=ref,
            head_sha=head_sha,
            merge_base_sha=merge_base_sha,
            base_ref=base_ref,
            base_sha=base_sha,
            request=request,
            patch_id=patch_id,
            config_fingerprint=config_fingerprint,
            started_at=now,
        )
        return await self._db.write(lambda sql: self._open(sql, run))

    def _open(self, sql: Connection, run: Run) -> OpenedRun:
        run = run.model_copy(update={"carried_from": _equal_run(sql, run)})
        row = to_row(run)
        claim = self._db.insert(runs).values(row).on_conflict_do_nothing(index_elements=_CLAIM)
        if sql.execute(claim).rowcount == 0:
            mine = and_(*(runs.c[name] == row[name] for name in _CLAIM))
            run = to_run(sql.execute(select(runs).where(mine)).mappings().one())
        if run.outcome is not None:
            return OpenedRun(status="done", run=run)
        return OpenedRun(status="started" if run.carried_from is None else "carried", run=run)

    async def get(self, run_id: str) -> Run | None:
        row = await self._db.read(lambda sql: sql.execute(_ONE, {"of_run": run_id}).mappings().one_or_none())
        return None if row is None else to_run(row)

    async def set_keys(self, run_id: str, **keys: Unpack[Keys]) -> None:
        """Remember what a step made; what is not named stays as it is."""
        if keys:
            await self._db.write(lambda sql: _change(sql, run_id, keys))

    async def add_report(self, run_id: str, reviewer: str, blob_key: str, dollars: float, model_calls: int) -> None:
        """The first report of a reviewer stays: a late second attempt changes neither result nor cost."""

        def work(sql: Connection) -> None:
            run = _locked(sql, run_id)
            if reviewer not in run.reports:
                values = {
                    "reports": {**run.reports, reviewer: blob_key},
                    "dollars": run.dollars + dollars,
                    "model_calls": run.model_calls + model_calls,
                }
                _change(sql, run_id, values)

        await self._db.write(work)

    async def set_stage(
        self, run_id: str, stage: Stage, *, attempt: int = 1, detail: str = "", now: datetime, **made: Unpack[Keys]
    ) -> None:
        """What is being done now, on the row and for those who watch; and what the stage before it made."""

        def work(sql: Connection) -> None:
            run = _locked(sql, run_id)
            if made:
                _change(sql, run_id, made)
            stages = enter(run.stages, stage, attempt=attempt, detail=detail, now=now)
            if run.outcome is None and stages != run.stages:
                _change(sql, run_id, {"stages": stages_to_json(stages)})
                data = stages[-1].model_dump_json()
                append_event(sql, stream_of(run_id), kind="stage", data=data, attempt=attempt, now=now)

        await self._db.write(work)

    async def set_waiting(self, run_id: str, until: datetime | None) -> None:
        await self._db.write(lambda sql: _change(sql, run_id, {"wait_until": until}))

    async def complete(self, run_id: str, *, outcome: Outcome, title: str, result_key: str, now: datetime) -> bool:
        """End the run and its stream; False when it had ended before, which stands."""

        def work(sql: Connection) -> bool:
            run = _locked(sql, run_id)
            if run.outcome is not None:
                return False
            values = {
                "outcome": outcome,
                "title": title,
                "result_key": result_key,
                "finished_at": now,
                "wait_until": None,
                "stages": stages_to_json(close(run.stages, now=now)),
            }
            _change(sql, run_id, values)
            append_event(sql, stream_of(run_id), kind="end", data=outcome, attempt=1, now=now)
            return True

        return await self._db.write(work)

    async def revise(self, run_id: str, *, outcome: Outcome, title: str, result_key: str) -> None:
        """A completed run over other findings: some were dismissed, or what was missing was accepted."""
        values = {"outcome": outcome, "title": title, "result_key": result_key}
        ended = (runs.c.run_id == run_id) & runs.c.outcome.is_not(None)
        await self._db.write(lambda sql: sql.execute(update(runs).where(ended).values(values)))

    async def running(self, ref: PullRequestRef) -> list[Run]:
        return await self._all(select(runs).where(is_at(runs, ref), runs.c.outcome.is_(None)).order_by(runs.c.run_id))

    async def latest(self, ref: PullRequestRef) -> Run | None:
        return await self._first(select(runs).where(is_at(runs, ref)).order_by(runs.c.run_id.desc()))

    async def of_head(self, connection: str, repo_id: str, head_sha: str) -> Run | None:
        """The newest run of this commit, whichever pull request it is the head of."""
        here = (runs.c.connection == connection) & (runs.c.repo_id == repo_id) & (runs.c.head_sha == head_sha)
        return await self._first(select(runs).where(here).order_by(runs.c.run_id.desc()))

    async def last_reviewed(self, ref: PullRequestRef) -> Run | None:
        """The newest that ended with a result."""
        reviewed = is_at(runs, ref) & runs.c.outcome.is_not(None) & (runs.c.result_key != "")
        return await self._first(select(runs).where(reviewed).order_by(runs.c.run_id.desc()))

    async def reviewed(self, ref: PullRequestRef) -> list[Run]:
        """All that ended with a result, oldest first."""
        ended = is_at(runs, ref) & runs.c.outcome.is_not(None) & (runs.c.result_key != "")
        return await self._all(select(runs).where(ended).order_by(runs.c.run_id))

    async def heads_with_findings(self, ref: PullRequestRef, *, besides: str = "") -> int:
        """On how many heads of this pull request did we see something, the head `besides` left out?"""
        query = (
            select(func.count(sightings.c.head_sha.distinct()))
            .select_from(sightings.join(runs))
            .where(is_at(runs, ref), sightings.c.head_sha != besides)
        )
        return await self._db.read(lambda sql: sql.execute(query).scalar_one())

    async def unfinished(self, started_before: datetime) -> list[Run]:
        """Those the janitor asks after; one that waits for a limit is not late."""
        not_waiting = or_(runs.c.wait_until.is_(None), runs.c.wait_until <= self._clock())
        late = (runs.c.started_at < started_before) & runs.c.outcome.is_(None) & not_waiting
        return await self._all(select(runs).where(late).order_by(runs.c.started_at))

    async def page(
        self,
        *,
        repos: Sequence[tuple[str, str]] | None,
        which: RunFilter = EVERY,
        limit: int = 50,
        before: str | None = None,
    ) -> list[RunRow]:
        """Newest first, from the run after `before`; only of repositories the viewer may see (None: all)."""
        query = select_run_rows(repos, which).order_by(runs.c.run_id.desc()).limit(limit)
        if before is not None:
            query = query.where(runs.c.run_id < before)
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [to_run_row(row) for row in rows]

    async def row(self, run_id: str, repos: Sequence[tuple[str, str]] | None) -> RunRow | None:
        query = select_run_rows(repos).where(runs.c.run_id == run_id)
        row = await self._db.read(lambda sql: sql.execute(query).mappings().one_or_none())
        return None if row is None else to_run_row(row)

    async def _first(self, query: Select[*tuple[object, ...]]) -> Run | None:
        row = await self._db.read(lambda sql: sql.execute(query.limit(1)).mappings().one_or_none())
        return None if row is None else to_run(row)

    async def _all(self, query: Select[*tuple[object, ...]]) -> list[Run]:
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [to_run(row) for row in rows]


def stream_of(run_id: str) -> str:
    return f"run/{run_id}"


def _equal_run(sql: Connection, run: Run) -> str | None:
    """The newest complete run over the same patch, when this one need not be made again."""
    if run.request != "auto" or not run.patch_id:
        return None
    same = (
        is_at(runs, run.ref)
        & (runs.c.patch_id == run.patch_id)
        & (runs.c.config_fingerprint == run.config_fingerprint)
        & runs.c.outcome.in_(COMPLETE)
    )
    return sql.execute(select(runs.c.run_id).where(same).order_by(runs.c.run_id.desc()).limit(1)).scalar_one_or_none()


def _locked(sql: Connection, run_id: str) -> Run:
    """The run as nobody else can change it before this work is committed."""
    return to_run(sql.execute(_LOCKED, {"of_run": run_id}).mappings().one())


def _change(sql: Connection, run_id: str, values: Mapping[str, object]) -> None:
    sql.execute(_CHANGE, {"of_run": run_id, **values})
