"""Findings of a pull request: an identity given once, a number people type, and where each was last seen."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Result, select, update

from app.domain.findings import Finding, FindingState, TrackedFinding
from app.domain.model import Frozen
from app.domain.past_verdicts import PastVerdict
from app.domain.pull_request import PullRequestRef
from app.store.addresses import address_of, asked, is_at, is_at_asked
from app.store.database import Database
from app.store.ids import new_id
from app.store.tables import findings, pull_requests, sightings

# What the reason of a dismissal begins with when the finding was no bug.
WRONG = "wrong"
_ALL = select(*(findings.c[name] for name in TrackedFinding.model_fields)).order_by(findings.c.number)
# Built once: building a statement costs more than running it.
_OF_PULL_REQUEST = _ALL.where(is_at_asked(findings))


class Seen(Frozen):
    """A finding as a run saw it; `known_id` is set when its keys or its place made it one we had."""

    finding: Finding
    keys: tuple[str, ...]
    known_id: str | None


class Findings:
    """What a finding says follows its last sighting; its id, number and first sighting never change."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, ref: PullRequestRef) -> list[TrackedFinding]:
        """All, by number."""
        return await self._db.read(lambda sql: _tracked(sql.execute(_OF_PULL_REQUEST, asked(ref))))

    async def by_number(self, ref: PullRequestRef, number: int) -> TrackedFinding | None:
        return await self._one(is_at(findings, ref) & (findings.c.number == number))

    async def by_comment(self, ref: PullRequestRef, root_comment_id: str) -> TrackedFinding | None:
        """The finding whose thread begins with this comment."""
        return await self._one(is_at(findings, ref) & (findings.c.comment_id == root_comment_id))

    async def last_seen(self, ref: PullRequestRef) -> dict[str, str]:
        """The head at which each finding was seen last, by its id: its place is a place there."""
        query = (
            select(sightings.c.finding_id, sightings.c.head_sha)
            .select_from(sightings.join(findings))
            .where(is_at(findings, ref))
            .order_by(sightings.c.seen_at)
        )
        return await self._db.read(lambda sql: {row.finding_id: row.head_sha for row in sql.execute(query)})

    async def verdicts(self, ref: PullRequestRef, *, limit: int) -> list[PastVerdict]:
        """What was dismissed as wrong on other pull requests of the repository, newest first.

        A dismissal takes the right to write. A withdrawal does not: no stranger may talk a kind of finding away.
        """
        elsewhere = (findings.c.connection == ref.connection) & (findings.c.repo_id == ref.repo_id)
        query = (
            select(findings.c.finding, findings.c.pull_request_number)
            .where(elsewhere, findings.c.pull_request_number != ref.number, called_wrong())
            .order_by(findings.c.state_at.desc())
            .limit(limit)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).all())
        return [
            PastVerdict(text=text_of_row(finding), verdict="rejected", pull_request_number=number)
            for finding, number in rows
        ]

    async def _one(self, which: ColumnElement[bool]) -> TrackedFinding | None:
        found = await self._db.read(lambda sql: _select(sql, which))
        return found[0] if found else None

    async def track(
        self, ref: PullRequestRef, run_id: str, head_sha: str, seen: Sequence[Seen], now: datetime
    ) -> list[TrackedFinding]:
        """Remember what a run saw, in its order. The same call again, after a crash, gives the same ids and numbers."""
        tracking = _Tracking(ref=ref, run_id=run_id, head_sha=head_sha, now=now)
        return await self._db.write(lambda sql: tracking.track(sql, seen))

    async def set_state(
        self, finding_id: str, state: FindingState, *, by: str = "", why: str = "", now: datetime
    ) -> None:
        """`by` and `why` are of a dismissal; any other state clears them."""
        dismissed = state == "dismissed"
        values = {
            "state": state,
            "state_at": now,
            "dismissed_by": by if dismissed else None,
            "dismissed_why": why if dismissed else "",
        }
        statement = update(findings).where(findings.c.finding_id == finding_id).values(values)
        await self._db.write(lambda sql: sql.execute(statement))

    async def set_comments(self, pairs: Sequence[tuple[str, str]]) -> None:
        """(finding id, comment id) of threads that were opened."""

        def work(sql: Connection) -> None:
            for finding_id, comment_id in pairs:
                sql.execute(update(findings).where(findings.c.finding_id == finding_id).values(comment_id=comment_id))

        await self._db.write(work)


class _Tracking:
    """One run's sightings, under the lock of their pull request: numbers are given out one by one."""

    def __init__(self, *, ref: PullRequestRef, run_id: str, head_sha: str, now: datetime) -> None:
        self._ref = ref
        self._run_id = run_id
        self._head_sha = head_sha
        self._now = now

    def track(self, sql: Connection, seen: Sequence[Seen]) -> list[TrackedFinding]:
        own = is_at(pull_requests, self._ref)
        last = select(pull_requests.c.last_finding_number).where(own).with_for_update()
        number = sql.execute(last).scalar_one()
        self._check(sql, seen)
        sighted = self._sighted(sql, seen)
        ids: list[str] = []
        for one in seen:
            same_keys = sighted[one.keys]
            finding_id = one.known_id or (same_keys.popleft() if same_keys else None)
            if finding_id is None:
                number += 1
                finding_id = self._add(sql, one, number)
            else:
                self._renew(sql, one, finding_id)
            ids.append(finding_id)
        sql.execute(update(pull_requests).where(own).values(last_finding_number=number))
        tracked = {finding.finding_id: finding for finding in _select(sql, findings.c.finding_id.in_(ids))}
        return [tracked[finding_id] for finding_id in ids]

    def _check(self, sql: Connection, seen: Sequence[Seen]) -> None:
        claimed = {one.known_id for one in seen if one.known_id is not None}
        ours = sql.execute(select(findings.c.finding_id).where(is_at(findings, self._ref))).scalars().all()
        if strangers := sorted(claimed - set(ours)):
            raise LookupError(f"{self._ref} has no finding {strangers[0]!r}")

    def _sighted(self, sql: Connection, seen: Sequence[Seen]) -> dict[tuple[str, ...], deque[str]]:
        """What an earlier call of this run gave ids to, by keys; equal keys (a line that is there twice) in order."""
        claimed = [one.known_id for one in seen if one.known_id is not None]
        query = (
            select(sightings.c["keys"], sightings.c.finding_id)
            .select_from(sightings.join(findings))
            .where(sightings.c.run_id == self._run_id, sightings.c.finding_id.not_in(claimed))
            .order_by(findings.c.number)
        )
        sighted: dict[tuple[str, ...], deque[str]] = defaultdict(deque)
        for keys, finding_id in sql.execute(query):
            sighted[tuple(keys)].append(finding_id)
        return sighted

    def _add(self, sql: Connection, one: Seen, number: int) -> str:
        finding_id = new_id(self._now)
        row = {
            **address_of(self._ref),
            **_content(one),
            "finding_id": finding_id,
            "number": number,
            "state": "open",
            "state_at": self._now,
            "first_seen_sha": self._head_sha,
            "first_seen_at": self._now,
            "dismissed_why": "",
        }
        sql.execute(findings.insert().values(row))
        self._sight(sql, one, finding_id)
        return finding_id

    def _renew(self, sql: Connection, one: Seen, finding_id: str) -> None:
        sql.execute(update(findings).where(findings.c.finding_id == finding_id).values(_content(one)))
        mine = (sightings.c.run_id == self._run_id) & (sightings.c.finding_id == finding_id)
        if sql.execute(select(sightings.c.finding_id).where(mine)).first() is None:
            self._sight(sql, one, finding_id)

    def _sight(self, sql: Connection, one: Seen, finding_id: str) -> None:
        row = {
            "run_id": self._run_id,
            "finding_id": finding_id,
            "head_sha": self._head_sha,
            "place": one.finding.place.model_dump(mode="json"),
            "keys": list(one.keys),
            "seen_at": self._now,
        }
        sql.execute(sightings.insert().values(row))


def called_wrong() -> ColumnElement[bool]:
    return (findings.c.state == "dismissed") & findings.c.dismissed_why.startswith(WRONG)


def text_of_row(finding: Mapping[str, str]) -> str:
    """Title and body of a finding as it is stored: by what it says it is compared."""
    return f"{finding['title']}\n{finding['body']}"


def _content(one: Seen) -> dict[str, object]:
    return {"finding": one.finding.model_dump(mode="json"), "keys": list(one.keys)}


def _select(sql: Connection, which: ColumnElement[bool]) -> list[TrackedFinding]:
    return _tracked(sql.execute(_ALL.where(which)))


def _tracked(rows: Result[*tuple[object, ...]]) -> list[TrackedFinding]:
    return [TrackedFinding.model_validate(dict(row)) for row in rows.mappings()]
